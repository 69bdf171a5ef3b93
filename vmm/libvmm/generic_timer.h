/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's counter, which seL4 lets every protection domain read (KernelArmExportPCNTUser). All virtual timers
 * count it, each with an offset (Arm ARM, D11.2, "The AArch64 view of the Generic Timer"). */
#pragma once

#include <stdint.h>

/* CNTPCT_EL0. */
uint64_t generic_timer_count(void);

/* CNTFRQ_EL0: counts a second. */
uint64_t generic_timer_frequency(void);
