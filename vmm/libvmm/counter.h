/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's counter (Arm ARM, D11.1.2), which the kernel lets every protection domain read. */
#pragma once

#include <stdint.h>

uint64_t counter_ticks(void);
uint64_t counter_ticks_per_second(void);
