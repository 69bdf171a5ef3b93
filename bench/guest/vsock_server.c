// SPDX-License-Identifier: BSD-2-Clause
// The guest at the other end: PID 1 runs it in place of vsock_recv. It serves the tests that the client orders.

#include "vsock_bench.h"

static int run(char **arguments, char **environment)
{
    (void)arguments;
    struct line line = bench_line("FAILED map the counters ");
    long error = open_counters(environment);
    if (error < 0) {
        add_error(&line, error);
        write_line(&line, STDOUT);
        return EXIT_FAILED;
    }
    long listener = listen_vsock(SOCK_STREAM, PORT, 1);
    line = bench_line(listener < 0 ? "FAILED listen " : "listening");
    if (listener < 0)
        add_error(&line, listener);
    write_line(&line, STDOUT);
    if (listener < 0)
        return EXIT_FAILED;

    error = serve((int)listener);
    if (error < 0) {
        line = bench_line("FAILED accept ");
        add_error(&line, error);
        write_line(&line, STDOUT);
    }
    return error < 0 ? EXIT_FAILED : EXIT_VERIFIED;
}
