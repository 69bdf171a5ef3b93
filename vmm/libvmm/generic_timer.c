/* SPDX-License-Identifier: BSD-2-Clause */
/* Two system registers. */
#include <microkit.h>
#include "generic_timer.h"

#if defined(CONFIG_EXPORT_PTMR_USER)

bool generic_timer_is_readable(void)
{
    return true;
}

uint64_t generic_timer_count(void)
{
    uint64_t count;
    /* The barrier keeps it from being read earlier than it stands here. */
    __asm__ volatile("isb\n\tmrs %0, cntpct_el0" : "=r"(count) : : "memory");
    return count;
}

#else

bool generic_timer_is_readable(void)
{
    return false;
}

uint64_t generic_timer_count(void)
{
    return 0;
}

#endif

uint64_t generic_timer_frequency(void)
{
    uint64_t frequency;
    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
    return frequency;
}
