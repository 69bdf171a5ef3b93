/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's counter. All virtual timers count it, each with an offset (Arm ARM, D11.2, "The AArch64 view of the
 * Generic Timer").
 *
 * seL4 16.0.0 lets user space read it only where it gives it the physical timer as well (KernelArmExportPTMRUser, among
 * our boards that of QEMU's `virt`): elsewhere CNTHCTL_EL2 keeps trapping, whatever KernelArmExportPCNTUser says.
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
