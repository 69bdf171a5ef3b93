/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registers of a GICv3's CPU interface that trap: ICC_SGI1R_EL1, by which a CPU interrupts others or itself, and
 * ICC_SRE_EL1. With GICv2 nothing of it traps.
 *
 * libvmm asserts that an interrupt sent so is enabled and the distributor on, both of which the guest decides; and a
 * read into the zero register changes what libvmm takes for zero from then on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <microkit.h>

/* Does what the trapped MRS or MSR wants, if libvmm must not; `syndrome` is ESR_EL2. False: it is libvmm's. */
bool cpu_interface_does(size_t vcpu, seL4_Word syndrome, seL4_UserContext *registers);
