// SPDX-License-Identifier: BSD-2-Clause
// The guest that measures: PID 1 runs it in place of vsock_send. Boot words say what:
//
//     bench_writes=3600,16384   a stream for each of these sizes of a write; multiples of 8
//     bench_bytes=67108864      bytes of a stream, a multiple of 8
//     bench_pings=1000          one-byte messages there and back, in one connection; 0: none
//     bench_connects=50         connections, one after the other; 0, or no such word: none
//     bench_counters=1441792    where the VMM's counters are (counters.h), if they are to be printed
//
// Each test goes over the guest's own loopback first, to a server process in this guest, and then over the device to
// the other guest. It prints a line `begin` before each and a line with the figures after it, and pauses after every
// line: whoever reads them looks at what the back end has used until then, and must not be late.

#include "vsock_tests.h"

enum {
    PAUSE_MS = 150,
    REST_MS = 1500, /* what a kernel still does by itself after its boot */
};

static void announce(struct line *line)
{
    write_line(line, STDOUT);
    sleep_ms(PAUSE_MS);
}

/* `stream via=device write=3600`, `ping via=loopback` */
static void add_test(struct line *line, const struct test *test, const struct route *route)
{
    add_text(line, test->kind == TEST_STREAM ? "stream via=" : test->kind == TEST_PING ? "ping via=" : "connect via=");
    add_text(line, route->name);
    if (test->kind == TEST_STREAM)
        add_field(line, " write=", test->write_size);
}

/* Returns 0 after saying what failed. */
static int measure(const struct test *test, const struct route *route)
{
    struct line line = bench_line("begin ");
    add_test(&line, test, route);
    announce(&line);

    line = bench_line("");
    add_test(&line, test, route);
    struct fault fault = run_test(test, route, &line);
    if (fault.call != NULL) {
        line = bench_line("FAILED ");
        add_test(&line, test, route);
        add_text(&line, ": ");
        add_text(&line, fault.call);
        add_text(&line, " ");
        add_error(&line, fault.error);
    } else {
        add_text(&line, " verified");
    }
    announce(&line);
    if (fault.call == NULL && test->kind != TEST_CONNECT)
        print_counters();
    return fault.call == NULL;
}

/* The multiple of `unit` that a boot word gives; -1 after saying that it does not. */
static int64_t number_word(char **environment, const char *name, uint32_t unit, uint32_t max)
{
    uint32_t number = 0;
    char *text = boot_word(environment, name);
    /* A decimal of 32 bits, as CIDs are. */
    if (text != NULL && parse_cid(text, &number) && number % unit == 0 && number <= max)
        return number;
    struct line line = bench_line("FAILED ");
    add_text(&line, name);
    add_text(&line, " is '");
    add_text(&line, text == NULL ? "" : text);
    add_text(&line, "', expected a multiple of ");
    add_number(&line, unit);
    add_text(&line, ", at most ");
    add_number(&line, max);
    write_line(&line, STDOUT);
    return -1;
}

/* Takes the first size off a list with commas; 0 at its end. Whatever is no size of a write ends the list. */
static uint32_t next_size(char **list)
{
    uint32_t size = 0;
    char *word = *list;
    for (; **list != '\0' && **list != ','; *list += 1)
        continue;
    if (**list == ',') {
        **list = '\0';
        *list += 1;
    }
    return parse_cid(word, &size) && size % 8 == 0 && size <= WRITE_SIZE_MAX ? size : 0;
}

/* Before anything is measured, the other guest is there, and at rest. */
static struct fault greet(const struct route *route)
{
    int fd = -1;
    struct test greeting = { TEST_PING, 0, 0, 0 };
    struct fault fault = open_test(&greeting, route, &fd);
    if (fd >= 0)
        close_file(fd);
    sleep_ms(REST_MS);
    return fault;
}

static int measure_all(char **environment, const struct route routes[2], uint64_t nonce)
{
    int64_t bytes = number_word(environment, "bench_bytes", 8, UINT32_MAX);
    int64_t pings = number_word(environment, "bench_pings", 1, PINGS_MAX);
    int64_t connects =
        boot_word(environment, "bench_connects") == NULL ? 0 : number_word(environment, "bench_connects", 1, PINGS_MAX);
    char *sizes = boot_word(environment, "bench_writes");
    if (bytes < 0 || pings < 0 || connects < 0)
        return 0;
    struct test test = { TEST_STREAM, 0, (uint64_t)bytes, nonce };
    while (sizes != NULL && (test.write_size = next_size(&sizes)) != 0) {
        for (int i = 0; i < 2; i += 1, test.nonce += 1) {
            if (!measure(&test, &routes[i]))
                return 0;
        }
    }
    const struct test timed[] = {
        { TEST_PING, 0, (uint64_t)pings, test.nonce },
        { TEST_CONNECT, 0, (uint64_t)connects, test.nonce + 1 },
    };
    for (int i = 0; i < 4; i += 1) {
        if (timed[i / 2].count > 0 && !measure(&timed[i / 2], &routes[i % 2]))
            return 0;
    }
    return 1;
}

/* Says goodbye, so that the server ends and its guest powers off. */
static void quit(const struct route *route)
{
    int fd = -1;
    struct test test = { TEST_QUIT, 0, 0, 0 };
    (void)open_test(&test, route, &fd);
    if (fd >= 0)
        close_file(fd);
}

static int run(char **arguments, char **environment)
{
    (void)arguments;
    struct endpoint client = { "vsock bench: ", "vsock bench: ", "vsock_send", 0, 0, VMADDR_CID_ANY };
    if (!read_orders(&client, environment))
        return EXIT_USAGE;
    const struct route routes[2] = {
        { "loopback", VMADDR_CID_LOCAL, LOOPBACK_PORT },
        { "device", client.peer, PORT },
    };
    long listener = listen_vsock(SOCK_STREAM, LOOPBACK_PORT, 1);
    if (listener < 0)
        return fail_call(&client, "listen", listener);
    long pid = system_call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        return serve((int)listener) < 0 ? EXIT_FAILED : EXIT_VERIFIED;
    if (pid < 0)
        return fail_call(&client, "clone", pid);
    close_file((int)listener);
    long error = open_counters(environment);
    if (error < 0)
        return fail_call(&client, "map the counters", error);

    struct fault fault = greet(&routes[1]);
    if (fault.call != NULL)
        return fail_call(&client, fault.call, fault.error);
    int is_good = measure_all(environment, routes, client.nonce);
    if (is_good) {
        /* Before the other guest powers off, which would be an early end. */
        struct line line = bench_line("done");
        write_line(&line, STDOUT);
    }
    quit(&routes[0]);
    quit(&routes[1]);
    return is_good ? EXIT_VERIFIED : EXIT_FAILED;
}
