/* SPDX-License-Identifier: BSD-2-Clause */
/* Every protection domain that prints is linked with this; the header that it is compiled with is its own. */
#include <sddf/serial/queue.h>
#include "console.h"
#include SYSTEM_HEADER

static serial_queue_handle_t queue;

void console_init(void)
{
    serial_queue_init(&queue, serial_config.tx.queue.vaddr, serial_config.tx.data.size,
                      serial_config.tx.data.vaddr);
    serial_putchar_init(serial_config.tx.id, &queue);
}
