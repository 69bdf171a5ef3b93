/* SPDX-License-Identifier: BSD-2-Clause */
/* Starts a child again when it has faulted. */
#include <microkit.h>
#include "console.h"
#include SYSTEM_HEADER

/* Where Microkit's linker script puts every program's first instruction. */
#define ENTRY 0x200000

static uint32_t restarts[8];

void init(void)
{
    console_init();
    sddf_printf("supervising %u workers\n", supervisor_config.worker_count);
}

void notified(microkit_channel channel)
{
    (void)channel;
}

seL4_Bool fault(microkit_child child, microkit_msginfo message, microkit_msginfo *reply)
{
    (void)message;
    (void)reply;
    if (child >= supervisor_config.worker_count) {
        microkit_pd_stop(child);
        return seL4_False;
    }
    microkit_pd_restart(child, ENTRY);
    restarts[child]++;
    sddf_printf("started %s again for the %u. time\n", supervisor_config.names[child], restarts[child]);
    /* The child goes on by its restart, not by an answer to its fault. */
    return seL4_False;
}
