/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks the server to capitalise a text that both see. */
#include <string.h>
#include <microkit.h>
#include "client.system.h"

static const char question[] = "the answer";

void init(void)
{
    char *text = (char *)REGION_TEXT_VADDR;
    _Static_assert(sizeof(question) <= REGION_TEXT_SIZE, "the text fits");
    memcpy(text, question, sizeof(question));

    microkit_msginfo reply = microkit_ppcall(CHANNEL_SERVER, microkit_msginfo_new(0, 0));
    if (microkit_msginfo_get_label(reply) != 0) {
        microkit_dbg_puts("CLIENT: the server refused\n");
        return;
    }
    microkit_dbg_puts("CLIENT: ");
    microkit_dbg_puts(text);
    microkit_dbg_puts("\n");
}

void notified(microkit_channel channel)
{
    (void)channel;
}
