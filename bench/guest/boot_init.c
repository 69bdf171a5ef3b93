// SPDX-License-Identifier: BSD-2-Clause
// PID 1 of `npm run bench boot`: loads the modules /modules/0, /modules/1, … and says when it began and when it was
// done, in ticks of the generic timer, which counts from QEMU's start and which programs may read. With QEMU's icount
// they are instructions. Then it waits to be ended.

#include "../../linux/programs/line.h"

/* As many as one digit can name. */
enum { MODULE_LIMIT = 10 };

static uint64_t timer_ticks(void)
{
    uint64_t ticks;
    __asm__ volatile("isb\n mrs %0, cntvct_el0" : "=r"(ticks) : : "memory");
    return ticks;
}

static uint64_t timer_hz(void)
{
    uint64_t hz;
    __asm__("mrs %0, cntfrq_el0" : "=r"(hz));
    return hz;
}

/* Returns how many were loaded; the first that is refused ends it. */
static uint64_t load_modules(void)
{
    char path[] = "/modules/0";
    for (uint64_t i = 0; i < MODULE_LIMIT; i += 1) {
        path[sizeof(path) - 2] = (char)('0' + i);
        long fd = open_file(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return i;
        long error = system_call(SYS_finit_module, fd, (long)"", 0, 0, 0);
        close_file((int)fd);
        if (error < 0)
            return i;
    }
    return MODULE_LIMIT;
}

static int run(char **arguments, char **environment)
{
    (void)arguments;
    (void)environment;
    uint64_t begun = timer_ticks();
    uint64_t modules = load_modules();
    uint64_t loaded = timer_ticks();

    struct line line = begin_line("bench boot:", "");
    add_field(&line, " hz=", timer_hz());
    add_field(&line, " pid1=", begun);
    add_field(&line, " loaded=", loaded);
    add_field(&line, " modules=", modules);
    write_line(&line, STDOUT);
    /* PID 1 must not end. */
    for (;;)
        sleep_ms(1000);
}
