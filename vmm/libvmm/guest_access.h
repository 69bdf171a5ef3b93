/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One load or store of the guest that trapped, taken apart once.
 *
 * The kernel reports a data abort from the guest as a VM fault whose FSR is ESR_EL2 (Arm ARM, D17.2.37, "ISS encoding
 * for an exception from a Data Abort"). Only with ISV = 1 does it say which register and how many bytes; LDP, STP,
 * SIMD and accesses with writeback come with ISV = 0, and libvmm asserts on those. So every VM fault is judged here
 * first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guest_access {
    uint64_t address;        /* guest physical */
    uint64_t pc;             /* guest virtual */
    uint32_t syndrome;       /* ESR_EL2 as the kernel gave it */
    uint8_t width_bytes;     /* 1, 2, 4 or 8 */
    uint8_t register_number; /* 31 is the zero register */
    bool is_write;
    bool sign_extends;       /* LDRSB, LDRSH, LDRSW */
    bool is_64_bit;          /* the register operand is Xt, not Wt */
};

/* What a syndrome alone says; ip, address and prefetch go into the answer unjudged. Returns NULL when the access can
 * be emulated, else why not, as a phrase for the log. */
const char *guest_access_decode(struct guest_access *access, uint64_t ip, uint64_t address, bool is_prefetch,
                                uint64_t syndrome);

/* The value that a load leaves in its register: `data` cut to the access's width, extended as the instruction says. */
uint64_t guest_access_loaded(const struct guest_access *access, uint64_t data);

/* The bytes that a store carries: the register's value cut to the access's width. */
uint64_t guest_access_stored(const struct guest_access *access, uint64_t register_value);
