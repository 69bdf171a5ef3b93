// SPDX-License-Identifier: BSD-2-Clause
// A measurement's two ends: what they agree on, and the end that serves. The guest that only serves and the loopback
// server in the other guest run the same code.
//
// A connection is one test. The client sends an order of three numbers, the server answers with the order's nonce when
// it is ready, and from then on the clock of the client runs:
//
//     ORDER_STREAM  the client sends `count` bytes, the server checks each and answers how many were right;
//     ORDER_PING    the client sends a byte, the server sends it back, `count` times; 0: only to connect;
//     ORDER_QUIT    the server ends.
//
// The stream is 64-bit words, word i = nonce + i * STREAM_STEP, so that a byte that is lost, doubled, moved or of
// another test is found, at the price of an addition and a comparison for 8 bytes at each end. Both guests are little endian.
#pragma once

#include "counters.h"
#include "sockets.h"

/* Longest silence of the other end: then the call fails with EAGAIN. */
#ifndef BENCH_IDLE_LIMIT_S
#define BENCH_IDLE_LIMIT_S 60
#endif

enum {
    LOOPBACK_PORT = PORT - 1,
    READ_SIZE = 256 * 1024,
};

/* The guest itself, whatever its CID. */
#define VMADDR_CID_LOCAL 1

#define STREAM_STEP UINT64_C(0x9e3779b97f4a7c15)

enum order_kind { ORDER_STREAM = 1, ORDER_PING = 2, ORDER_QUIT = 3 };

struct order {
    uint64_t kind;
    uint64_t count;
    uint64_t nonce;
};

/* How many bytes of the stream came and were right, up to the read in which the first wrong one is. */
static inline uint64_t check_stream(int fd, const struct order *order)
{
    static uint64_t words[READ_SIZE / 8];
    uint8_t *bytes = (uint8_t *)words;
    uint64_t expected = order->nonce;
    uint64_t right = 0;
    uint64_t difference = 0;
    size_t held = 0; /* of a word whose rest has not come */
    for (uint64_t left = order->count; left > 0;) {
        size_t room = READ_SIZE - held;
        long got = read_file(fd, bytes + held, left < room ? (size_t)left : room);
        if (got == -EINTR)
            continue;
        if (got <= 0)
            return right;
        left -= (uint64_t)got;
        size_t size = held + (size_t)got;
        for (size_t i = 0; i < size / 8; i += 1, expected += STREAM_STEP)
            difference |= words[i] ^ expected;
        held = size % 8;
        if (difference == 0)
            right += size - held;
        for (size_t i = 0; i < held; i += 1)
            bytes[i] = bytes[size - held + i];
    }
    return right;
}

static inline void echo_pings(int fd, uint64_t count)
{
    uint8_t byte;
    for (uint64_t i = 0; i < count; i += 1) {
        if (receive_all(fd, &byte, 1) < 0 || send_all(fd, &byte, 1) < 0)
            return;
    }
}

/* One test. Whatever goes wrong closes the connection, and the client says so. Returns 0 after ORDER_QUIT. */
static inline int serve_order(int fd)
{
    struct order order;
    limit_silence(fd, BENCH_IDLE_LIMIT_S * 1000);
    if (receive_all(fd, &order, sizeof(order)) < 0)
        return 1;
    begin_counting();
    if (send_all(fd, &order.nonce, sizeof(order.nonce)) < 0)
        return 1;
    if (order.kind == ORDER_STREAM) {
        uint64_t right = check_stream(fd, &order);
        (void)send_all(fd, &right, sizeof(right));
    } else if (order.kind == ORDER_PING) {
        echo_pings(fd, order.count);
    }
    end_counting();
    if (order.count != 0)
        print_counters();
    return order.kind != ORDER_QUIT;
}

/* Tests, one after the other, until ORDER_QUIT: 0, or -errno if no more can come. */
static inline long serve(int listener)
{
    for (int is_open = 1; is_open;) {
        long fd = system_call(SYS_accept4, listener, 0, 0, SOCK_CLOEXEC, 0);
        if (fd == -EINTR)
            continue;
        if (fd < 0)
            return fd;
        is_open = serve_order((int)fd);
        close_file((int)fd);
    }
    return 0;
}

static inline struct line bench_line(const char *text)
{
    return begin_line("vsock bench: ", text);
}
