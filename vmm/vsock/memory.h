/* SPDX-License-Identifier: BSD-2-Clause */
/* The two functions of the C library that the device needs, for places without a <string.h>; and a quicker one for payload. */
#pragma once

#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memset(void *to, int byte, size_t size);

/* Also where the compiler was told that there is no library (-ffreestanding), a few bytes need no call. */
#if !defined(memcpy)
#define memcpy(to, from, size) __builtin_memcpy(to, from, size)
#endif

/*
 * memcpy() between RAM and RAM of any alignment. sDDF's memcpy() moves 64 bytes in ten instructions, this moves 128 in as
 * many, by way of the vector registers; compilers do not make it of C where alignment counts (-mstrict-align).
 */
static inline void copy_payload(void *restrict to, const void *restrict from, size_t size)
{
#if defined(__aarch64__)
    size_t blocks = size / 128;
    if (blocks > 0) {
        size -= blocks * 128;
        __asm__ volatile("1:\n"
                         "    ldp q1, q2, [%1, #32]\n"
                         "    ldp q3, q4, [%1, #64]\n"
                         "    ldp q5, q6, [%1, #96]\n"
                         "    ldp q0, q7, [%1], #128\n"
                         "    stp q1, q2, [%0, #32]\n"
                         "    stp q3, q4, [%0, #64]\n"
                         "    stp q5, q6, [%0, #96]\n"
                         "    stp q0, q7, [%0], #128\n"
                         "    subs %2, %2, #1\n"
                         "    b.ne 1b\n"
                         : "+r"(to), "+r"(from), "+r"(blocks)
                         :
                         : "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7");
    }
#endif
    memcpy(to, from, size);
}
