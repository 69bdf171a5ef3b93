/* SPDX-License-Identifier: BSD-2-Clause */
/* Looks into the guests' memory twice a second, until it has found the banner of each one's kernel. */
#include <stdbool.h>
#include <string.h>
#include <microkit.h>
#include <sddf/serial/queue.h>
#include <sddf/timer/client.h>
#include <sddf/util/printf.h>
#include "inspector.system.h"

#define PACE_NS (500 * NS_IN_MS)

/* Linux begins its banner so; the digit behind it tells it from the format of /proc/version. */
static const char banner[] = "Linux version ";
#define BANNER_LENGTH (sizeof(banner) - 1)
#define SHOWN_MAX 40

static serial_queue_handle_t queue;
static bool is_known[2];

static const char *find_banner(const char *ram, uint64_t size)
{
    for (uint64_t at = 0; at + BANNER_LENGTH + SHOWN_MAX < size; at++) {
        if (ram[at] == banner[0] && memcmp(ram + at, banner, BANNER_LENGTH) == 0 && ram[at + BANNER_LENGTH] >= '0'
            && ram[at + BANNER_LENGTH] <= '9') {
            return ram + at;
        }
    }
    return NULL;
}

/* The guest may write there while we read: what is shown was copied and judged before. */
static void show(const char *name, const char *found)
{
    char text[SHOWN_MAX + 1];
    unsigned length = 0;
    unsigned words = 0;
    for (; length < SHOWN_MAX; length++) {
        char c = found[length];
        words += c == ' ';
        if (c < ' ' || c > '~' || words == 3) {
            break;
        }
        text[length] = c;
    }
    text[length] = '\0';
    sddf_printf("inspector: %s runs %s\n", name, text);
}

void init(void)
{
    serial_queue_init(&queue, serial_config.tx.queue.vaddr, serial_config.tx.data.size,
                      serial_config.tx.data.vaddr);
    serial_putchar_init(serial_config.tx.id, &queue);
    sddf_timer_set_timeout(CHANNEL_TIMER_DRIVER, PACE_NS);
}

void notified(microkit_channel channel)
{
    if (channel != CHANNEL_TIMER_DRIVER) {
        return;
    }
    bool is_done = true;
    for (unsigned i = 0; i < inspector_config.num_guests; i++) {
        if (is_known[i]) {
            continue;
        }
        const char *found = find_banner((const char *)inspector_config.guests[i].ram,
                                        inspector_config.guests[i].ram_size);
        is_known[i] = found != NULL;
        is_done &= is_known[i];
        if (found != NULL) {
            show(inspector_config.guests[i].name, found);
        }
    }
    if (!is_done) {
        sddf_timer_set_timeout(CHANNEL_TIMER_DRIVER, PACE_NS);
    }
}
