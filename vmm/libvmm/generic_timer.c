/* SPDX-License-Identifier: BSD-2-Clause */
/* Two system registers. */
#include "generic_timer.h"

uint64_t generic_timer_count(void)
{
    uint64_t count;
    /* The barrier keeps it from being read earlier than it stands here. */
    __asm__ volatile("isb\n\tmrs %0, cntpct_el0" : "=r"(count) : : "memory");
    return count;
}

uint64_t generic_timer_frequency(void)
{
    uint64_t frequency;
    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
    return frequency;
}
