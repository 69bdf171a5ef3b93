// SPDX-License-Identifier: BSD-2-Clause
// The guest that has nothing to do: PID 1 runs it in place of vsock_recv.

#include "idle_line.h"

enum { FOREVER_MS = 1000 * 1000 * 1000 };

static int run(char **arguments, char **environment)
{
    (void)arguments;
    (void)environment;
    struct line line = idle_line("waiting");
    write_line(&line, STDOUT);
    sleep_ms(FOREVER_MS);
    return 0;
}
