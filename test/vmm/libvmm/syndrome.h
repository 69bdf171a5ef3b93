/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes syndromes of data aborts (Arm ARM, ESR_EL2, "ISS encoding for an exception from a Data Abort"). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SYNDROME_VALID (1UL << 24)
#define SYNDROME_CACHE_MAINTENANCE (1UL << 8)
#define SYNDROME_STAGE_1_WALK (1UL << 7)

struct syndrome_fields {
    unsigned width_log2;
    unsigned rt;
    bool is_write;
    bool sign_extends;
    bool is_64_bit;
};

static inline uint64_t syndrome_make(struct syndrome_fields fields)
{
    return 0x24UL << 26 | SYNDROME_VALID | (uint64_t)fields.width_log2 << 22 | (uint64_t)fields.sign_extends << 21
           | (uint64_t)fields.rt << 16 | (uint64_t)fields.is_64_bit << 15 | (uint64_t)fields.is_write << 6;
}

#define data_abort(...) syndrome_make((struct syndrome_fields) { __VA_ARGS__ })
