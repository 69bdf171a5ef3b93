/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints past all drivers, by the kernel's debug call, which release configurations do not have. */
#include <microkit.h>

void init(void)
{
    microkit_dbg_puts("hello from seL4\n");
}

/* Nobody has a channel to here. */
void notified(microkit_channel channel)
{
    (void)channel;
}
