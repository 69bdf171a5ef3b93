// SPDX-License-Identifier: BSD-2-Clause
// Carries the control connection of Linux's vsock_test, which is TCP, over the socket under test: guests have no network
// between them. One connection, in a process of its own, until both ends have closed or somebody ends it.
#pragma once

#include "processes.h"

enum {
    AF_INET = 2,
    SO_REUSEADDR = 2,
    /* TCP, on 127.0.0.1: where the suite's server listens, and where its client finds the relay. */
    SERVER_TCP_PORT = 1230,
    CLIENT_TCP_PORT = 1231,
    /* Where the client's relay finds the server's. The suite itself takes 1234 and 1235. */
    RELAY_PORT = 9998,
    RELAY_LIMIT_MS = 30 * 1000,
    RELAY_SIZE = 4096,
};

struct sockaddr_in {
    uint16_t family;
    uint16_t port; /* big endian, as the address */
    uint32_t address;
    uint8_t zero[8];
};

static inline struct sockaddr_in loopback_address(uint16_t port)
{
    return (struct sockaddr_in){ AF_INET, (uint16_t)(port >> 8 | port << 8), 0x0100007f, { 0 } };
}

static inline long tcp_socket(void)
{
    return system_call(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0);
}

/* 127.0.0.1 is there when the interface is up. */
static inline long raise_loopback(void)
{
    enum { SIOCSIFFLAGS = 0x8914, IFF_UP = 1 };
    struct {
        char name[16];
        uint16_t flags;
        uint8_t rest[22];
    } request = { "lo", IFF_UP, { 0 } };
    long fd = tcp_socket();
    if (fd < 0)
        return fd;
    long error = system_call(SYS_ioctl, fd, SIOCSIFFLAGS, (long)&request, 0, 0);
    close_file((int)fd);
    return error;
}

static inline long listen_tcp(uint16_t port)
{
    long fd = tcp_socket();
    if (fd < 0)
        return fd;
    int on = 1;
    (void)system_call(SYS_setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, (long)&on, sizeof(on));
    struct sockaddr_in own = loopback_address(port);
    return listen_or_close(fd, &own, sizeof(own), 1);
}

static inline long reach_tcp(uint16_t port, int64_t deadline_ms)
{
    struct sockaddr_in address = loopback_address(port);
    for (;;) {
        long fd = tcp_socket();
        if (fd < 0)
            return fd;
        fd = connect_or_close(fd, &address, sizeof(address));
        if (fd >= 0 || clock_ms() >= deadline_ms)
            return fd;
        sleep_ms(CONNECT_PAUSE_MS);
    }
}

/* What can be read from `from` goes to `to`. Returns 0 at the end, which is handed on; below 0: nothing more can go. */
static inline long carry(int from, int to)
{
    static uint8_t bytes[RELAY_SIZE];
    long got = read_file(from, bytes, sizeof(bytes));
    if (got == -EINTR || got == -EAGAIN)
        return 1;
    if (got <= 0) {
        (void)system_call(SYS_shutdown, to, SHUT_WR, 0, 0, 0);
        return got;
    }
    return send_all(to, bytes, (size_t)got) < 0 ? -EPIPE : 1;
}

static inline void carry_both(int a, int b)
{
    struct pollfd polls[2] = { { a, POLLIN, 0 }, { b, POLLIN, 0 } };
    while (polls[0].fd >= 0 || polls[1].fd >= 0) {
        if (system_call(SYS_ppoll, (long)polls, 2, 0, 0, 8) < 0)
            continue;
        for (int i = 0; i < 2; i += 1) {
            if (polls[i].fd < 0 || polls[i].revents == 0)
                continue;
            long result = carry(i == 0 ? a : b, i == 0 ? b : a);
            if (result < 0)
                return;
            if (result == 0)
                polls[i].fd = -1; /* poll passes over it */
        }
    }
}

/* Takes one connection of `listener` to the suite's server here, or to the other guest's relay: its pid. */
static inline long start_relay(int listener, int is_server, uint32_t peer)
{
    long pid = fork_process();
    if (pid != 0)
        return pid;
    long inner = accept_until(listener, NULL, clock_ms() + RELAY_LIMIT_MS);
    int64_t deadline_ms = clock_ms() + RELAY_LIMIT_MS;
    long outer = inner < 0   ? inner
                 : is_server ? reach_tcp(SERVER_TCP_PORT, deadline_ms)
                             : reach_vsock(SOCK_STREAM, peer, RELAY_PORT, deadline_ms);
    close_file(listener);
    if (outer >= 0)
        carry_both((int)inner, (int)outer);
    end_process(outer < 0);
}
