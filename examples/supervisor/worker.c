/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints at its pace, and faults after so many lines if its config says so. */
#include <microkit.h>
#include <sddf/timer/client.h>
#include "console.h"
#include SYSTEM_HEADER

static uint32_t lines;

static void wait_for_turn(void)
{
    sddf_timer_set_timeout(CHANNEL_TIMER_DRIVER, (uint64_t)worker_config.period_ms * NS_IN_MS);
}

/* Runs again after each fault, with all variables as they were. */
void init(void)
{
    lines = 0;
    console_init();
    wait_for_turn();
}

void notified(microkit_channel channel)
{
    if (channel != CHANNEL_TIMER_DRIVER) {
        return;
    }
    if (worker_config.faults_after != 0 && lines == worker_config.faults_after) {
        *(volatile uint32_t *)4 = 0;
    }
    lines++;
    sddf_printf("%s: line %u\n", worker_config.name, lines);
    wait_for_turn();
}
