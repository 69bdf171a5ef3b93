// SPDX-License-Identifier: BSD-2-Clause
// Child processes of the programs for two and three guests, and the memory that they share. All guests are arm64. Results
// below 0 are -errno.
#pragma once

#include "../../../bench/guest/sockets.h"

/* Linux include/uapi/asm-generic/unistd.h */
enum {
    SYS_pipe2 = 59,
    SYS_kill = 129,
    SYS_mmap = 222,
};

enum {
    SIGKILL = 9,
    WNOHANG = 1,
};

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
