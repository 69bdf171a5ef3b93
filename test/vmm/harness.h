/* SPDX-License-Identifier: BSD-2-Clause */
/* A small test harness: TEST(name) registers itself, CHECK leaves the test at the first thing that is wrong. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef void test_function(void);

void test_register(const char *name, test_function *function);
_Noreturn void test_fail(const char *file, int line, const char *what, uint64_t have, uint64_t want);

#define TEST(name)                                                                                                     \
    static void name(void);                                                                                            \
    __attribute__((constructor)) static void register_##name(void)                                                     \
    {                                                                                                                  \
        test_register(#name, name);                                                                                    \
    }                                                                                                                  \
    static void name(void)

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            test_fail(__FILE__, __LINE__, #condition, 0, 1);                                                           \
        }                                                                                                              \
    } while (0)

#define CHECK_EQUAL(have, want)                                                                                        \
    do {                                                                                                               \
        uint64_t have_ = (uint64_t)(have), want_ = (uint64_t)(want);                                                   \
        if (have_ != want_) {                                                                                          \
            test_fail(__FILE__, __LINE__, #have " == " #want, have_, want_);                                           \
        }                                                                                                              \
    } while (0)

/* A deterministic sequence of random numbers. */
static inline uint32_t random_next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

static inline uint32_t random_below(uint64_t *state, uint32_t bound)
{
    return random_next(state) % bound;
}
