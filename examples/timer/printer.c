/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints what the ticker has counted, over the serial port. */
#include <microkit.h>
#include <sddf/serial/queue.h>
#include <sddf/util/printf.h>
#include "printer.system.h"
#include "blackboard.h"

static const volatile struct blackboard *blackboard = (struct blackboard *)REGION_BOARD_VADDR;
static serial_queue_handle_t queue;

void init(void)
{
    serial_queue_init(&queue, serial_config.tx.queue.vaddr, serial_config.tx.data.size,
                      serial_config.tx.data.vaddr);
    serial_putchar_init(serial_config.tx.id, &queue);
    sddf_printf("the printer is ready\n");
}

void notified(microkit_channel channel)
{
    if (channel == CHANNEL_TICKER) {
        sddf_printf("%s %u of %u\n", (const char *)blackboard->greeting, blackboard->ticks, blackboard->count);
    }
}
