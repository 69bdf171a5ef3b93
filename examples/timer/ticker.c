/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts ticks of the timer on the blackboard. */
#include <string.h>
#include <microkit.h>
#include <sddf/timer/client.h>
#include "ticker.system.h"
#include "blackboard.h"

static struct blackboard *blackboard = (struct blackboard *)REGION_BOARD_VADDR;

static void wait_for_tick(void)
{
    sddf_timer_set_timeout(CHANNEL_TIMER_DRIVER, (uint64_t)ticker_config.period_ms * NS_IN_MS);
}

void init(void)
{
    memcpy(blackboard->greeting, ticker_config.greeting, sizeof(blackboard->greeting));
    blackboard->count = ticker_config.count;
    wait_for_tick();
}

void notified(microkit_channel channel)
{
    if (channel != CHANNEL_TIMER_DRIVER) {
        return;
    }
    blackboard->ticks++;
    microkit_notify(CHANNEL_PRINTER);
    if (blackboard->ticks < blackboard->count) {
        wait_for_tick();
    }
}
