// SPDX-License-Identifier: BSD-2-Clause
// A measurement's tests, as the client runs them against a server (vsock_bench.h): over which route, and what each takes.
#pragma once

#include "vsock_bench.h"

enum {
    WRITE_SIZE_MAX = 1024 * 1024,
    PINGS_MAX = 10 * 1000,
    CONNECT_ATTEMPTS = 100,
};

struct route {
    const char *name;
    uint32_t cid;
    uint32_t port;
};

enum test_kind { TEST_STREAM = ORDER_STREAM, TEST_PING = ORDER_PING, TEST_QUIT = ORDER_QUIT, TEST_CONNECT };

struct test {
    enum test_kind kind; /* what the server is ordered, or TEST_CONNECT */
    uint32_t write_size; /* of a stream */
    uint64_t count; /* bytes of a stream, or pings */
    uint64_t nonce;
};

/* What went wrong where, if anything did. */
struct fault {
    const char *call; /* NULL: nothing */
    long error;
};

static uint32_t times_us[PINGS_MAX];
static uint32_t connect_us; /* what the last connect() took */

/* The other guest listens before this one is started; but its driver may be slow to answer. */
static inline long connect_to(const struct route *route)
{
    struct sockaddr_vm address = { AF_VSOCK, 0, route->port, route->cid, 0, { 0 } };
    for (int attempt = 1;; attempt += 1) {
        long fd = vsock_socket(SOCK_STREAM);
        if (fd < 0)
            return fd;
        int64_t start_us = clock_us();
        fd = connect_or_close(fd, &address, sizeof(address));
        connect_us = (uint32_t)(clock_us() - start_us);
        if (fd >= 0 || attempt == CONNECT_ATTEMPTS)
            return fd;
        sleep_ms(CONNECT_PAUSE_MS);
    }
}

/* Connected, and the server is ready for the test. */
static inline struct fault open_test(const struct test *test, const struct route *route, int *fd)
{
    long connected = connect_to(route);
    if (connected < 0)
        return (struct fault){ "connect", connected };
    *fd = (int)connected;
    limit_silence(*fd, BENCH_IDLE_LIMIT_S * 1000);
    struct order order = { test->kind, test->count, test->nonce };
    uint64_t answer = 0;
    long error = send_all(*fd, &order, sizeof(order));
    if (error < 0)
        return (struct fault){ "write the order", error };
    error = receive_all(*fd, &answer, sizeof(answer));
    if (error < 0)
        return (struct fault){ "read the server's readiness", error };
    if (answer != test->nonce)
        return (struct fault){ "read the server's readiness", -EINVAL };
    return (struct fault){ NULL, 0 };
}

/* From before the first write until the server has said that it has it all. */
static inline struct fault run_stream(int fd, const struct test *test, struct line *line)
{
    static uint64_t words[WRITE_SIZE_MAX / 8];
    uint64_t word = test->nonce;
    int64_t start_us = clock_us();
    for (uint64_t left = test->count; left > 0;) {
        size_t size = left < test->write_size ? (size_t)left : test->write_size;
        for (size_t i = 0; i < size / 8; i += 1, word += STREAM_STEP)
            words[i] = word;
        long error = send_all(fd, words, size);
        if (error < 0)
            return (struct fault){ "write", error };
        left -= size;
    }
    uint64_t right = 0;
    long error = receive_all(fd, &right, sizeof(right));
    int64_t duration_us = clock_us() - start_us;
    if (error < 0)
        return (struct fault){ "read how much was right", error };
    if (right != test->count)
        return (struct fault){ "compare: the server did not get what was sent", -EIO };
    add_field(line, " bytes=", test->count);
    add_field(line, " us=", (uint64_t)duration_us);
    return (struct fault){ NULL, 0 };
}

/* Shell sort: the least first. */
static inline void sort(uint32_t *values, size_t count)
{
    for (size_t gap = count / 2; gap > 0; gap /= 2) {
        for (size_t i = gap; i < count; i += 1) {
            uint32_t value = values[i];
            size_t at = i;
            for (; at >= gap && values[at - gap] > value; at -= gap)
                values[at] = values[at - gap];
            values[at] = value;
        }
    }
}

static inline void add_times(struct line *line, uint64_t count, uint64_t mean_us)
{
    sort(times_us, count);
    add_field(line, " count=", count);
    add_field(line, " mean_us=", mean_us);
    add_field(line, " least_us=", times_us[0]);
    add_field(line, " p50_us=", times_us[(count * 50 + 99) / 100 - 1]);
    add_field(line, " p99_us=", times_us[(count * 99 + 99) / 100 - 1]);
}

static inline struct fault run_pings(int fd, const struct test *test, struct line *line)
{
    int64_t start_us = clock_us();
    int64_t before_us = start_us;
    for (uint64_t i = 0; i < test->count; i += 1) {
        uint8_t sent = (uint8_t)(test->nonce + i);
        uint8_t got = 0;
        long error = send_all(fd, &sent, 1);
        if (error == 0)
            error = receive_all(fd, &got, 1);
        if (error < 0)
            return (struct fault){ "write or read a ping", error };
        if (got != sent)
            return (struct fault){ "compare a ping: another byte came back", -EIO };
        int64_t now_us = clock_us();
        times_us[i] = (uint32_t)(now_us - before_us);
        before_us = now_us;
    }
    add_times(line, test->count, (uint64_t)(before_us - start_us) / test->count);
    return (struct fault){ NULL, 0 };
}

/* From the call until it returns, each time with a server that waits in accept(). */
static inline struct fault run_connects(const struct test *test, const struct route *route, struct line *line)
{
    uint64_t sum_us = 0;
    struct test greeting = *test;
    greeting.kind = TEST_PING;
    greeting.count = 0;
    for (uint64_t i = 0; i < test->count; i += 1) {
        int fd = -1;
        uint8_t byte;
        struct fault fault = open_test(&greeting, route, &fd);
        /* It closes when it is done with us. */
        long error = fault.call == NULL ? receive_all(fd, &byte, 1) : 0;
        if (fd >= 0)
            close_file(fd);
        if (fault.call != NULL)
            return fault;
        if (error != -EPIPE)
            return (struct fault){ "wait for the server's close", error };
        times_us[i] = connect_us;
        sum_us += connect_us;
    }
    add_times(line, test->count, sum_us / test->count);
    return (struct fault){ NULL, 0 };
}

static inline struct fault run_test(const struct test *test, const struct route *route, struct line *line)
{
    if (test->kind == TEST_CONNECT)
        return run_connects(test, route, line);
    int fd = -1;
    struct fault fault = open_test(test, route, &fd);
    if (fault.call == NULL) {
        begin_counting();
        fault = test->kind == TEST_STREAM ? run_stream(fd, test, line) : run_pings(fd, test, line);
        end_counting();
    }
    if (fd >= 0)
        close_file(fd);
    return fault;
}
