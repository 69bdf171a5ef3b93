/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system registers of a vCPU, as the kernel made them.
 *
 * They are read before the guest's first instruction and written back when it is reset, so that a second life begins
 * as the first did: MMU and caches off, no vectors, the virtual timer off. libvmm's vcpu_reset() writes zeros instead,
 * also to SCTLR, whose reserved ones the kernel had set.
 */
#pragma once

#include <stddef.h>

/* To be called once, before the vCPU has run. */
void vcpu_registers_remember(size_t vcpu);

/* The vCPU must be stopped. General registers are guest_start()'s. */
void vcpu_registers_restore(size_t vcpu);
