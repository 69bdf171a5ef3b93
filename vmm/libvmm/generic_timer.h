/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's counter. All virtual timers count it, each with an offset (Arm ARM, D11.2, "The AArch64 view of the
 * Generic Timer").
 *
 * seL4 16.0.0 opens it to user space on all our boards (KernelArmExportPCNTUser sets CNTHCTL_EL2.EL1PCTEN). But QEMU 7.2
 * looks at EL1PCEN instead, the bit beside it, when it is read in EL0: there the access traps unless the kernel opens the
 * physical timer as well (KernelArmExportPTMRUser, among our boards that of QEMU's `virt`). A VMM cannot ask first, and
 * would die of the trap. So it reads the counter only where no QEMU traps.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Whether the counter can be read here at all. */
bool generic_timer_is_readable(void);

/* CNTPCT_EL0; 0 where it cannot be read. */
uint64_t generic_timer_count(void);

/* CNTFRQ_EL0: counts a second. */
uint64_t generic_timer_frequency(void);
