/* SPDX-License-Identifier: BSD-2-Clause */
/* Capitalises what lies in the shared memory, up to the first NUL or the end of the memory: the client is not trusted. */
#include <microkit.h>
#include "server.system.h"

void init(void)
{
}

microkit_msginfo protected(microkit_channel channel, microkit_msginfo message)
{
    (void)message;
    if (channel != CHANNEL_CLIENT) {
        return microkit_msginfo_new(1, 0);
    }
    char *text = (char *)REGION_TEXT_VADDR;
    for (unsigned i = 0; i < REGION_TEXT_SIZE && text[i] != '\0'; i++) {
        if (text[i] >= 'a' && text[i] <= 'z') {
            text[i] -= 'a' - 'A';
        }
    }
    return microkit_msginfo_new(0, 0);
}

void notified(microkit_channel channel)
{
    (void)channel;
}
