// SPDX-License-Identifier: BSD-2-Clause
// The attacker's honest hours: a virtio console driver, just enough to print a line.
#pragma once

#include "machine.h"

#define CONSOLE_RINGS (RAM + 0x1800000UL)

static inline void write_number(char *text, size_t *length, uint64_t number)
{
    char digits[20];
    unsigned count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    while (count > 0)
        text[(*length)++] = digits[--count];
}

// Both queues at CONSOLE_RINGS, a page for each ring.
static inline void set_up_queue(uint64_t device, uint32_t queue, uint64_t rings, uint32_t size)
{
    store(device + 0x30, queue);
    store(device + 0x38, size);
    for (unsigned i = 0; i < 3; i += 1) {
        store(device + 0x80 + 0x10 * i, (uint32_t)(rings + 0x1000 * i));
        store(device + 0x84 + 0x10 * i, (uint32_t)((rings + 0x1000 * i) >> 32));
    }
    store(device + 0x44, 1);
}

static inline void set_up_device(uint64_t device)
{
    store(device + 0x70, 0);
    store(device + 0x70, 1);
    store(device + 0x70, 3);
    store(device + 0x24, 1);
    store(device + 0x20, 1); // VERSION_1
    store(device + 0x70, 11);
}

// The kick must come with QueueSel at the transmit queue: libvmm's console looks at that.
static inline void say(const char *text, uint64_t first, uint64_t second)
{
    static char line[256];
    size_t length = 0;
    for (unsigned placed = 0; *text != '\0' && length < 200; text += 1) {
        if (*text == '#')
            write_number(line, &length, placed++ == 0 ? first : second);
        else
            line[length++] = *text;
    }
    line[length++] = '\n';

    for (uint64_t address = CONSOLE_RINGS; address < CONSOLE_RINGS + 0x6000; address += 4)
        store(address, 0);
    set_up_device(CONSOLE);
    set_up_queue(CONSOLE, 0, CONSOLE_RINGS, 2);
    set_up_queue(CONSOLE, 1, CONSOLE_RINGS + 0x3000, 2);
    store(CONSOLE + 0x70, 15);
    uint64_t descriptor = CONSOLE_RINGS + 0x3000;
    store(descriptor, (uint32_t)(uint64_t)line);
    store(descriptor + 8, (uint32_t)length);
    store(descriptor + 0x1000, 0x10000); // flags 0, idx 1
    uint64_t until = ticks() + ticks_of_ms(2000);
    do {
        store(CONSOLE + 0x50, 1);
    } while (load(descriptor + 0x2000) >> 16 == 0 && ticks() < until);
}
