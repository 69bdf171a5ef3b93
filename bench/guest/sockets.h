// SPDX-License-Identifier: BSD-2-Clause
// Sockets of AF_VSOCK as the guest programs of the benchmarks and of test/peers use them, with a limit on every wait.
// Results below 0 are -errno.
#pragma once

#include "../../linux/programs/vsock.h"

enum {
    SOCK_SEQPACKET = 5,
    SOL_SOCKET = 1,
    SO_RCVTIMEO = 20,
    SO_SNDTIMEO = 21,
};

struct timeval {
    int64_t seconds;
    int64_t microseconds;
};

/* Reads and writes of `fd` fail with EAGAIN when the other end has been silent for so long. */
static inline void limit_silence(int fd, int64_t limit_ms)
{
    struct timeval limit = { limit_ms / 1000, limit_ms % 1000 * 1000 };
    (void)system_call(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, (long)&limit, sizeof(limit));
    (void)system_call(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, (long)&limit, sizeof(limit));
}

/* 0 when all of it is there; EPIPE stands for the end of the stream. One call where it can be: a benchmark's clock runs. */
static inline long receive_all(int fd, void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        long got = read_file(fd, (uint8_t *)bytes + done, size - done);
        if (got == 0)
            return -EPIPE;
        if (got < 0 && got != -EINTR)
            return got;
        if (got > 0)
            done += (size_t)got;
    }
    return 0;
}

static inline long send_all(int fd, const void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        long put = send_bytes(fd, (const uint8_t *)bytes + done, size - done);
        if (put < 0 && put != -EINTR)
            return put;
        if (put > 0)
            done += (size_t)put;
    }
    return 0;
}

/* `fd`, which listens now; or -errno, and it is closed. */
static inline long listen_or_close(long fd, const void *own, size_t size, int backlog)
{
    long error = system_call(SYS_bind, fd, (long)own, (long)size, 0, 0);
    if (error == 0)
        error = system_call(SYS_listen, fd, backlog, 0, 0, 0);
    if (error == 0)
        return fd;
    close_file((int)fd);
    return error;
}

/* The listening socket. */
static inline long listen_vsock(int type, uint32_t port, int backlog)
{
    long fd = vsock_socket(type);
    struct sockaddr_vm own = { AF_VSOCK, 0, port, VMADDR_CID_ANY, 0, { 0 } };
    return fd < 0 ? fd : listen_or_close(fd, &own, sizeof(own), backlog);
}

/* One attempt. */
static inline long connect_vsock(int type, uint32_t cid, uint32_t port)
{
    long fd = vsock_socket(type);
    struct sockaddr_vm address = { AF_VSOCK, 0, port, cid, 0, { 0 } };
    return fd < 0 ? fd : connect_or_close(fd, &address, sizeof(address));
}

/* Until somebody listens there, or the time is over. */
static inline long reach_vsock(int type, uint32_t cid, uint32_t port, int64_t deadline_ms)
{
    for (;;) {
        long fd = connect_vsock(type, cid, port);
        if (fd >= 0 || clock_ms() >= deadline_ms)
            return fd;
        sleep_ms(CONNECT_PAUSE_MS);
    }
}

static inline long accept_until(int listener, struct sockaddr_vm *peer, int64_t deadline_ms)
{
    long ready = wait_until(listener, POLLIN, deadline_ms);
    if (ready <= 0)
        return ready == 0 ? -ETIMEDOUT : ready;
    uint32_t size = sizeof(*peer);
    return system_call(SYS_accept4, listener, (long)peer, (long)(peer == NULL ? NULL : &size), SOCK_CLOEXEC, 0);
}
