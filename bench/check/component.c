// SPDX-License-Identifier: BSD-2-Clause
// A program for the Microkit tool to put into a protection domain.
#include <microkit.h>

void init(void)
{
}

void notified(microkit_channel channel)
{
    (void)channel;
}
