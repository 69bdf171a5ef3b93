/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a proof puts in place of memory that others may write. It comes before every source file, so the sources are
 * proved as they are.
 *
 * A load of a word of guest memory or of the peer's ring gives any value, and another one the next time: such memory may
 * change between any two reads, and what we store there is soon forgotten. A copy gives any bytes. That each stays
 * within its object is what is proved of it.
 *
 * A property that begins with "reached:" must fail: it shows that the assumptions before it can be met.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASSUME(condition)       __CPROVER_assume(condition)
#define PROVE(condition, claim) __CPROVER_assert(condition, claim)
#define REACHED(what)           __CPROVER_assert(false, "reached: " what)

void *malloc(size_t size);

/* CBMC has no body for them: any value. */
bool nondet_bool(void);
uint16_t nondet_u16(void);
uint32_t nondet_u32(void);
uint64_t nondet_u64(void);
size_t nondet_size(void);

/* Memory of exactly `size` bytes, whose address has any alignment. */
void *proof_memory(size_t size);

/* memcpy with any bytes as result. */
void *proof_copy(void *restrict to, const void *restrict from, size_t size);

#define __atomic_load_n(from, order)                                                                                   \
    (PROVE(__CPROVER_r_ok(from, sizeof *(from)), "a word is loaded from where there is one"),                          \
     (void)(order), (__typeof__(*(from)))nondet_u64())
#define __atomic_store_n(to, value, order)                                                                             \
    (PROVE(__CPROVER_w_ok(to, sizeof *(to)), "a word is stored where there is one"), (void)(value), (void)(order))
#define __atomic_thread_fence(order) ((void)(order))
#define __atomic_signal_fence(order) ((void)(order))
#if defined(EXACT_COPIES) /* where what is copied matters; CBMC knows memcpy, not the compiler's own */
#define memcpy memcpy
#else
#define memcpy proof_copy
#endif
