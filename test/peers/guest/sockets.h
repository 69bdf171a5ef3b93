// SPDX-License-Identifier: BSD-2-Clause
// What the programs for two and three guests need beside linux/programs: more system calls, sockets with a limit on every
// wait, and child processes. All guests are arm64. Results below 0 are -errno.
#pragma once

#include "../../../linux/programs/vsock.h"

/* Linux include/uapi/asm-generic/unistd.h */
enum {
    SYS_pipe2 = 59,
    SYS_kill = 129,
    SYS_mmap = 222,
};

enum {
    AF_INET = 2,
    SOCK_SEQPACKET = 5,
    MSG_DONTWAIT = 0x40,
    SOL_SOCKET = 1,
    SO_REUSEADDR = 2,
    SO_RCVTIMEO = 20,
    SO_SNDTIMEO = 21,
    SIGKILL = 9,
    WNOHANG = 1,
    CONNECT_PAUSE_MS = 50,
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

/* 0 when all of it is there; EPIPE stands for the end of the stream. */
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

/* The listening socket. */
static inline long listen_vsock(int type, uint32_t port, int backlog)
{
    long fd = system_call(SYS_socket, AF_VSOCK, type | SOCK_CLOEXEC, 0, 0, 0);
    if (fd < 0)
        return fd;
    struct sockaddr_vm own = { AF_VSOCK, 0, port, VMADDR_CID_ANY, 0, { 0 } };
    long error = system_call(SYS_bind, fd, (long)&own, sizeof(own), 0, 0);
    if (error == 0)
        error = system_call(SYS_listen, fd, backlog, 0, 0, 0);
    if (error == 0)
        return fd;
    close_file((int)fd);
    return error;
}

/* One attempt. */
static inline long connect_vsock(int type, uint32_t cid, uint32_t port)
{
    long fd = system_call(SYS_socket, AF_VSOCK, type | SOCK_CLOEXEC, 0, 0, 0);
    if (fd < 0)
        return fd;
    struct sockaddr_vm address = { AF_VSOCK, 0, port, cid, 0, { 0 } };
    long error = system_call(SYS_connect, fd, (long)&address, sizeof(address), 0, 0);
    if (error == 0)
        return fd;
    close_file((int)fd);
    return error;
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

/* Zeroed memory that this process and its children share; NULL if there is none. */
static inline void *share_memory(size_t size)
{
    enum { PROT_READ_WRITE = 3, MAP_SHARED_ANONYMOUS = 0x21 };
    register long x8 __asm__("x8") = SYS_mmap;
    register long x0 __asm__("x0") = 0;
    register long x1 __asm__("x1") = (long)size;
    register long x2 __asm__("x2") = PROT_READ_WRITE;
    register long x3 __asm__("x3") = MAP_SHARED_ANONYMOUS;
    register long x4 __asm__("x4") = -1;
    register long x5 __asm__("x5") = 0;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory", "cc");
    return x0 < 0 && x0 > -4096 ? NULL : (void *)x0;
}

/* As fork(2). */
static inline long fork_process(void)
{
    return system_call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static inline void __attribute__((noreturn)) end_process(int code)
{
    for (;;)
        (void)system_call(SYS_exit_group, code, 0, 0, 0, 0);
}

/* Its wait status, once it has ended; that is the caller's to be sure of. */
static inline int bury(long pid)
{
    int status = 0;
    while (system_call(SYS_wait4, pid, (long)&status, 0, 0, 0) == -EINTR) {
    }
    return status;
}

static inline int end_child(long pid)
{
    (void)system_call(SYS_kill, pid, SIGKILL, 0, 0, 0);
    return bury(pid);
}
