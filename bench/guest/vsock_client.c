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

#include "vsock_bench.h"

enum {
    WRITE_SIZE_MAX = 1024 * 1024,
    PINGS_MAX = 10 * 1000,
    PAUSE_MS = 150,
    REST_MS = 1500, /* what a kernel still does by itself after its boot */
    CONNECT_ATTEMPTS = 100,
};

struct route {
    const char *name;
    uint32_t cid;
    uint32_t port;
};

enum test_kind { TEST_STREAM = ORDER_STREAM, TEST_PING = ORDER_PING, TEST_QUIT = ORDER_QUIT, TEST_CONNECT };

struct test {
    enum test_kind kind; /* what the server is ordered, or TEST_CONNECT */
    uint32_t write_size; /* of a stream */
    uint64_t count; /* bytes of a stream, or pings */
    uint64_t nonce;
};

/* What went wrong where, if anything did. */
struct fault {
    const char *call; /* NULL: nothing */
    long error;
};

static uint32_t times_us[PINGS_MAX];

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

static uint32_t connect_us; /* what the last connect() took */

/* The other guest listens before this one is started; but its driver may be slow to answer. */
static long connect_to(const struct route *route)
{
    struct sockaddr_vm address = { AF_VSOCK, 0, route->port, route->cid, 0, { 0 } };
    for (int attempt = 1;; attempt += 1) {
        long fd = vsock_socket(SOCK_STREAM);
        if (fd < 0)
            return fd;
        int64_t start_us = clock_us();
        fd = connect_or_close(fd, &address, sizeof(address));
        connect_us = (uint32_t)(clock_us() - start_us);
        if (fd >= 0 || attempt == CONNECT_ATTEMPTS)
            return fd;
        sleep_ms(CONNECT_PAUSE_MS);
    }
}

/* Connected, and the server is ready for the test. */
static struct fault open_test(const struct test *test, const struct route *route, int *fd)
{
    long connected = connect_to(route);
    if (connected < 0)
        return (struct fault){ "connect", connected };
    *fd = (int)connected;
    limit_silence(*fd, BENCH_IDLE_LIMIT_S * 1000);
    struct order order = { test->kind, test->count, test->nonce };
    uint64_t answer = 0;
    long error = send_all(*fd, &order, sizeof(order));
    if (error < 0)
        return (struct fault){ "write the order", error };
    error = receive_all(*fd, &answer, sizeof(answer));
    if (error < 0)
        return (struct fault){ "read the server's readiness", error };
    if (answer != test->nonce)
        return (struct fault){ "read the server's readiness", -EINVAL };
    return (struct fault){ NULL, 0 };
}

/* From before the first write until the server has said that it has it all. */
static struct fault run_stream(int fd, const struct test *test, struct line *line)
{
    static uint64_t words[WRITE_SIZE_MAX / 8];
    uint64_t word = test->nonce;
    int64_t start_us = clock_us();
    for (uint64_t left = test->count; left > 0;) {
        size_t size = left < test->write_size ? (size_t)left : test->write_size;
        for (size_t i = 0; i < size / 8; i += 1, word += STREAM_STEP)
            words[i] = word;
        long error = send_all(fd, words, size);
        if (error < 0)
            return (struct fault){ "write", error };
        left -= size;
    }
    uint64_t right = 0;
    long error = receive_all(fd, &right, sizeof(right));
    int64_t duration_us = clock_us() - start_us;
    if (error < 0)
        return (struct fault){ "read how much was right", error };
    if (right != test->count)
        return (struct fault){ "compare: the server did not get what was sent", -EIO };
    add_field(line, " bytes=", test->count);
    add_field(line, " us=", (uint64_t)duration_us);
    return (struct fault){ NULL, 0 };
}

/* Shell sort: the least first. */
static void sort(uint32_t *values, size_t count)
{
    for (size_t gap = count / 2; gap > 0; gap /= 2) {
        for (size_t i = gap; i < count; i += 1) {
            uint32_t value = values[i];
            size_t at = i;
            for (; at >= gap && values[at - gap] > value; at -= gap)
                values[at] = values[at - gap];
            values[at] = value;
        }
    }
}

static void add_times(struct line *line, uint64_t count, uint64_t mean_us)
{
    sort(times_us, count);
    add_field(line, " count=", count);
    add_field(line, " mean_us=", mean_us);
    add_field(line, " least_us=", times_us[0]);
    add_field(line, " p50_us=", times_us[(count * 50 + 99) / 100 - 1]);
    add_field(line, " p99_us=", times_us[(count * 99 + 99) / 100 - 1]);
}

static struct fault run_pings(int fd, const struct test *test, struct line *line)
{
    int64_t start_us = clock_us();
    int64_t before_us = start_us;
    for (uint64_t i = 0; i < test->count; i += 1) {
        uint8_t sent = (uint8_t)(test->nonce + i);
        uint8_t got = 0;
        long error = send_all(fd, &sent, 1);
        if (error == 0)
            error = receive_all(fd, &got, 1);
        if (error < 0)
            return (struct fault){ "write or read a ping", error };
        if (got != sent)
            return (struct fault){ "compare a ping: another byte came back", -EIO };
        int64_t now_us = clock_us();
        times_us[i] = (uint32_t)(now_us - before_us);
        before_us = now_us;
    }
    add_times(line, test->count, (uint64_t)(before_us - start_us) / test->count);
    return (struct fault){ NULL, 0 };
}

/* From the call until it returns, each time with a server that waits in accept(). */
static struct fault run_connects(const struct test *test, const struct route *route, struct line *line)
{
    uint64_t sum_us = 0;
    struct test greeting = *test;
    greeting.kind = TEST_PING;
    greeting.count = 0;
    for (uint64_t i = 0; i < test->count; i += 1) {
        int fd = -1;
        uint8_t byte;
        struct fault fault = open_test(&greeting, route, &fd);
        /* It closes when it is done with us. */
        long error = fault.call == NULL ? receive_all(fd, &byte, 1) : 0;
        if (fd >= 0)
            close_file(fd);
        if (fault.call != NULL)
            return fault;
        if (error != -EPIPE)
            return (struct fault){ "wait for the server's close", error };
        times_us[i] = connect_us;
        sum_us += connect_us;
    }
    add_times(line, test->count, sum_us / test->count);
    return (struct fault){ NULL, 0 };
}

static struct fault run_test(const struct test *test, const struct route *route, struct line *line)
{
    if (test->kind == TEST_CONNECT)
        return run_connects(test, route, line);
    int fd = -1;
    struct fault fault = open_test(test, route, &fd);
    if (fault.call == NULL) {
        begin_counting();
        fault = test->kind == TEST_STREAM ? run_stream(fd, test, line) : run_pings(fd, test, line);
        end_counting();
    }
    if (fd >= 0)
        close_file(fd);
    return fault;
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
