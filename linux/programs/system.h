// SPDX-License-Identifier: BSD-2-Clause
// The guest programs' whole footing: entry point, system calls, the memory functions that the compiler may call.
// The programs are freestanding, so that the clang that builds the VMM builds them too and no libc is needed.
// System calls return a negative errno, as the kernel gives it. arm64 is what guests run; x86_64 is there so that
// the tests can run the same code on the build machine. Numbers: Linux include/uapi/asm-generic/unistd.h and
// arch/x86/entry/syscalls/syscall_64.tbl.
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(__aarch64__)
enum syscall_number {
    SYS_dup3 = 24, SYS_ioctl = 29, SYS_mkdirat = 34, SYS_mount = 40, SYS_openat = 56, SYS_close = 57,
    SYS_read = 63, SYS_write = 64, SYS_ppoll = 73, SYS_sync = 81, SYS_exit_group = 94, SYS_nanosleep = 101,
    SYS_clock_gettime = 113, SYS_syslog = 116, SYS_reboot = 142, SYS_setsid = 157, SYS_socket = 198,
    SYS_socketpair = 199, SYS_bind = 200, SYS_listen = 201, SYS_connect = 203, SYS_getpeername = 205,
    SYS_sendto = 206, SYS_setsockopt = 208, SYS_shutdown = 210, SYS_clone = 220, SYS_execve = 221, SYS_accept4 = 242, SYS_wait4 = 260, SYS_finit_module = 273,
};

static inline long system_call(enum syscall_number number, long a, long b, long c, long d, long e)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory", "cc");
    return x0;
}

__asm__(".globl _start\n.type _start, %function\n_start:\n mov x29, #0\n mov x30, #0\n mov x0, sp\n bl start\n brk #1\n");
#elif defined(__x86_64__)
enum syscall_number {
    SYS_read = 0, SYS_write = 1, SYS_close = 3, SYS_ioctl = 16, SYS_nanosleep = 35, SYS_socket = 41,
    SYS_connect = 42, SYS_sendto = 44, SYS_shutdown = 48, SYS_bind = 49, SYS_listen = 50, SYS_getpeername = 52,
    SYS_socketpair = 53, SYS_setsockopt = 54, SYS_clone = 56, SYS_execve = 59, SYS_wait4 = 61, SYS_syslog = 103, SYS_setsid = 112, SYS_sync = 162, SYS_mount = 165,
    SYS_reboot = 169, SYS_clock_gettime = 228, SYS_exit_group = 231, SYS_openat = 257, SYS_mkdirat = 258,
    SYS_ppoll = 271, SYS_accept4 = 288, SYS_dup3 = 292, SYS_finit_module = 313,
};

static inline long system_call(enum syscall_number number, long a, long b, long c, long d, long e)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    long result = number;
    __asm__ volatile("syscall" : "+a"(result) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
    return result;
}

__asm__(".globl _start\n.type _start, @function\n_start:\n xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call start\n ud2\n");
#else
#error "the guest programs know the system calls of arm64 and x86_64 only"
#endif

/* Each program has one; its result is the exit code. `environment` ends with NULL. */
static int run(char **arguments, char **environment);

enum {
    STDIN = 0, STDOUT = 1, STDERR = 2,
    AT_FDCWD = -100,
    O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_NOCTTY = 0400, O_NONBLOCK = 04000, O_CLOEXEC = 02000000,
    POLLIN = 1, POLLOUT = 4,
    SIGCHLD = 17,
    MSG_NOSIGNAL = 0x4000,
};

/* The errors that a guest program names; the others come out as their number. */
enum {
    ENOENT = 2, EINTR = 4, EIO = 5, ENXIO = 6, EAGAIN = 11, ENOMEM = 12, EACCES = 13, EBUSY = 16, EEXIST = 17,
    ENODEV = 19, EINVAL = 22, EPIPE = 32, ENOSYS = 38, EAFNOSUPPORT = 97, EADDRINUSE = 98, EADDRNOTAVAIL = 99,
    ENETUNREACH = 101, ECONNRESET = 104, ENOBUFS = 105, ENOTCONN = 107, ETIMEDOUT = 110, ECONNREFUSED = 111,
    EHOSTUNREACH = 113,
};

struct timespec {
    int64_t seconds;
    int64_t nanoseconds;
};

struct pollfd {
    int fd;
    short events;
    short revents;
};

static inline long open_file(const char *path, int flags)
{
    return system_call(SYS_openat, AT_FDCWD, (long)path, flags, 0, 0);
}

static inline long read_file(int fd, void *bytes, size_t size)
{
    return system_call(SYS_read, fd, (long)bytes, (long)size, 0, 0);
}

static inline long write_file(int fd, const void *bytes, size_t size)
{
    return system_call(SYS_write, fd, (long)bytes, (long)size, 0, 0);
}

/* As write_file, but a peer that has gone is an error (EPIPE), not the signal that would end the program unheard. */
static inline long send_bytes(int socket, const void *bytes, size_t size)
{
    return system_call(SYS_sendto, socket, (long)bytes, (long)size, MSG_NOSIGNAL, 0);
}

static inline void close_file(int fd)
{
    (void)system_call(SYS_close, fd, 0, 0, 0, 0);
}

/* Microseconds of CLOCK_MONOTONIC. */
static inline int64_t clock_us(void)
{
    struct timespec now = { 0, 0 };
    (void)system_call(SYS_clock_gettime, 1, (long)&now, 0, 0, 0);
    return now.seconds * 1000000 + now.nanoseconds / 1000;
}

static inline int64_t clock_ms(void)
{
    return clock_us() / 1000;
}

static inline void sleep_ms(int64_t ms)
{
    struct timespec time = { ms / 1000, ms % 1000 * 1000000 };
    (void)system_call(SYS_nanosleep, (long)&time, 0, 0, 0, 0);
}

/* Waits until `fd` is ready for `events` or CLOCK_MONOTONIC passes `deadline_ms`: 1 ready, 0 too late, else -errno. */
static inline long wait_until(int fd, short events, int64_t deadline_ms)
{
    for (;;) {
        int64_t left_ms = deadline_ms - clock_ms();
        if (left_ms < 0)
            left_ms = 0;
        struct timespec timeout = { left_ms / 1000, left_ms % 1000 * 1000000 };
        struct pollfd poll = { fd, events, 0 };
        long ready = system_call(SYS_ppoll, (long)&poll, 1, (long)&timeout, 0, 8);
        if (ready != -EINTR)
            return ready;
    }
}

/* The compiler may turn loops and assignments into calls of these. */
__attribute__((used)) void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    for (size_t i = 0; i < size; i += 1)
        t[i] = f[i];
    return to;
}

__attribute__((used)) void *memset(void *to, int value, size_t size)
{
    uint8_t *t = to;
    for (size_t i = 0; i < size; i += 1)
        t[i] = (uint8_t)value;
    return to;
}

/* The initial stack: argc, argv, NULL, environment, NULL. */
__attribute__((used, noreturn)) void start(long *stack)
{
    char **arguments = (char **)(stack + 1);
    int code = run(arguments, arguments + stack[0] + 1);
    for (;;)
        (void)system_call(SYS_exit_group, code, 0, 0, 0, 0);
}
