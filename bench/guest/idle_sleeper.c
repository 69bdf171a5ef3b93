// SPDX-License-Identifier: BSD-2-Clause
// The guest that measures how late it wakes up, while the other one waits; then it waits, too, between two lines by
// which the host sees what both cost. PID 1 runs it in place of vsock_send.

#include "idle_line.h"

enum {
    SETTLE_MS = 10 * 1000, /* for the other guest to be up */
    SLEEPS = 200,
    SLEEP_MS = 10,
    IDLE_MS = 30 * 1000,
};

static void sort(uint64_t *values, size_t count)
{
    for (size_t i = 1; i < count; i += 1) {
        uint64_t value = values[i];
        size_t at = i;
        for (; at > 0 && values[at - 1] > value; at -= 1)
            values[at] = values[at - 1];
        values[at] = value;
    }
}

static int run(char **arguments, char **environment)
{
    (void)arguments;
    (void)environment;
    static uint64_t late_us[SLEEPS];
    uint64_t sum_us = 0;
    sleep_ms(SETTLE_MS);
    for (size_t i = 0; i < SLEEPS; i += 1) {
        int64_t start_us = clock_us();
        sleep_ms(SLEEP_MS);
        late_us[i] = (uint64_t)(clock_us() - start_us - SLEEP_MS * 1000);
        sum_us += late_us[i];
    }
    sort(late_us, SLEEPS);
    struct line line = idle_line("late");
    add_field(&line, " sleeps=", SLEEPS);
    add_field(&line, " mean_us=", sum_us / SLEEPS);
    add_field(&line, " p50_us=", late_us[SLEEPS / 2]);
    add_field(&line, " p99_us=", late_us[SLEEPS * 99 / 100]);
    write_line(&line, STDOUT);
    line = idle_line("begin");
    write_line(&line, STDOUT);
    sleep_ms(IDLE_MS);
    line = idle_line("done");
    write_line(&line, STDOUT);
    return 0;
}
