/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads CNTPCT_EL0 and CNTFRQ_EL0. */
#include "counter.h"

uint64_t counter_ticks(void)
{
    uint64_t ticks;
    /* The barrier keeps the read from being done ahead of what came before. */
    __asm__ volatile("isb\n\tmrs %0, cntpct_el0" : "=r"(ticks) : : "memory");
    return ticks;
}

uint64_t counter_ticks_per_second(void)
{
    uint64_t frequency_hz;
    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(frequency_hz));
    return frequency_hz;
}
