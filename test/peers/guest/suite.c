// SPDX-License-Identifier: BSD-2-Clause
// Runs Linux's vsock_test (/root/vsock_test) between two guests, and in one over its own loopback. PID 1 starts this in
// both, in place of vsock_recv. Boot words:
//
//     vsock_recv=4                        the other guest
//     suite_leader=3                      CID of the guest that runs its end for each way and orders the other one's
//     suite_ways=loopback,serve,connect   the ways, as the leader sees them
//     suite_skip=0123456789abcdef         tests not to run, a bit for each; 16 hexadecimal digits
//     suite_silence_s=60                  how long the suite may say nothing before it is ended
//
// The suite ends with its first failure. It is then started again behind that test, at both ends, so that each test has
// its verdict: one hexadecimal mask for those that passed, skipped themselves, and failed.

#include "suite_process.h"

enum {
    ORDER_PORT = 9997,
    ORDER_LIMIT_MS = 180 * 1000, /* for the other guest to boot */
    PEER_MS = 120 * 1000, /* longer than the other end is silent, see peer_limit_ms */
    LISTEN_LIMIT_MS = 20 * 1000,
    ROUNDS_MAX = 24,
};

enum mode { QUIT = 0, SERVE = 1, CONNECT = 2 };

struct order {
    uint64_t mode;
    uint64_t skip;
};

struct answer {
    uint64_t is_well;
    int64_t reached;
    uint64_t passed;
    uint64_t skipped;
};

struct suite {
    uint32_t peer;
    uint64_t skip;
    int64_t silence_ms;
    int orders; /* the connection to the other guest */
};

static struct line new_line(const char *text)
{
    return begin_line("vsock suite: ", text);
}

static int fail(const char *what, long error)
{
    struct line line = new_line("FAILED ");
    add_text(&line, what);
    add_text(&line, " ");
    add_error(&line, error);
    write_line(&line, STDOUT);
    return EXIT_FAILED;
}

static void add_skips(struct arguments *arguments, uint64_t skip)
{
    for (int test = 0; test < TESTS_MAX; test += 1) {
        if (skip & test_bit(test))
            add_option(arguments, "--skip", (uint64_t)test);
    }
}

static long start_server(struct side *side, uint32_t peer, uint64_t skip)
{
    static struct arguments arguments;
    arguments.count = arguments.used = 0;
    add_word(&arguments, "/root/vsock_test");
    add_word(&arguments, "--mode=server");
    add_option(&arguments, "--control-port", SERVER_TCP_PORT);
    add_option(&arguments, "--peer-cid", peer);
    add_skips(&arguments, skip);
    return start_suite(side, &arguments);
}

static long start_client(struct side *side, uint32_t peer, uint16_t port, uint64_t skip)
{
    static struct arguments arguments;
    arguments.count = arguments.used = 0;
    add_word(&arguments, "/root/vsock_test");
    add_word(&arguments, "--mode=client");
    add_word(&arguments, "--control-host=127.0.0.1");
    add_option(&arguments, "--control-port", port);
    add_option(&arguments, "--peer-cid", peer);
    add_skips(&arguments, skip);
    return start_suite(side, &arguments);
}

static struct answer answer_of(const struct side *side)
{
    return (struct answer){ side->status == 0, side->reached, side->passed, side->skipped };
}

/* One end, towards the other guest: until it is over. */
static struct answer run_end(const struct suite *suite, const char *way, enum mode mode, uint64_t skip)
{
    struct side side = { .way = way, .name = mode == SERVE ? "server" : "client", .output = -1, .status = 0xff00, .reached = -1 };
    long listener = mode == SERVE ? listen_vsock(SOCK_STREAM, RELAY_PORT, 1) : listen_tcp(CLIENT_TCP_PORT);
    if (listener < 0) {
        (void)fail("listen for the control connection", listener);
        return answer_of(&side);
    }
    long relay = start_relay((int)listener, mode == SERVE, suite->peer);
    close_file((int)listener);
    if (mode == SERVE)
        (void)start_server(&side, suite->peer, skip);
    else
        (void)start_client(&side, suite->peer, CLIENT_TCP_PORT, skip);
    attend(&side, 1, suite->silence_ms);
    if (relay > 0)
        (void)end_child(relay);
    return answer_of(&side);
}

/* Both ends in this guest. */
static void run_loopback(const struct suite *suite, uint64_t skip, struct answer answers[2])
{
    struct side sides[2] = {
        { .way = "loopback", .name = "server", .output = -1, .status = 0xff00, .reached = -1 },
        { .way = "loopback", .name = "client", .output = -1, .status = 0xff00, .reached = -1 },
    };
    (void)start_server(&sides[0], 1, skip);
    int64_t deadline_ms = clock_ms() + LISTEN_LIMIT_MS;
    while (sides[0].output >= 0 && !sides[0].is_listening && wait_until(sides[0].output, POLLIN, deadline_ms) > 0)
        read_side(&sides[0]);
    (void)start_client(&sides[1], 1, SERVER_TCP_PORT, skip);
    attend(sides, 2, suite->silence_ms);
    answers[0] = answer_of(&sides[0]);
    answers[1] = answer_of(&sides[1]);
}

/* The leader's end and the follower's. Returns 0 if the other guest does not answer. */
static int run_between(const struct suite *suite, const char *way, enum mode mode, uint64_t skip, struct answer answers[2])
{
    struct order order = { mode == SERVE ? CONNECT : SERVE, skip };
    if (send_all(suite->orders, &order, sizeof(order)) < 0)
        return 0;
    answers[0] = run_end(suite, way, mode, skip);
    return receive_all(suite->orders, &answers[1], sizeof(answers[1])) == 0;
}

/* Its verdict on each test, in as many rounds as it takes. */
static int run_way(const struct suite *suite, const char *way)
{
    enum mode mode = same_text(way, "serve") ? SERVE : same_text(way, "connect") ? CONNECT : QUIT;
    uint64_t skip = suite->skip;
    uint64_t passed = 0, skipped = 0, failed = 0;
    int is_over = 0, silent_rounds = 0, rounds = 0;
    for (; !is_over && rounds < ROUNDS_MAX && silent_rounds < 2; rounds += 1) {
        struct answer answers[2];
        if (mode == QUIT)
            run_loopback(suite, skip, answers);
        else if (!run_between(suite, way, mode, skip, answers))
            return fail("hear from the other guest", -ETIMEDOUT);
        skipped |= (answers[0].skipped | answers[1].skipped) & ~skip;
        passed |= answers[0].passed & answers[1].passed;
        is_over = answers[0].is_well && answers[1].is_well;
        if (is_over)
            break;
        /* The one that is behind is where it failed: the other one waits for it at the next test's barrier. */
        int64_t at = answers[0].reached < answers[1].reached ? answers[0].reached : answers[1].reached;
        silent_rounds += at < 0;
        failed |= test_bit((int)at);
        for (int test = 0; test <= at; test += 1)
            skip |= test_bit(test);
    }
    struct line line = new_line("result way=");
    add_text(&line, way);
    add_text(&line, " passed=");
    /* The suite's last words, "...ok", are no verdict on a test that was skipped. */
    add_hex(&line, passed & ~skipped & ~failed & ~suite->skip);
    add_text(&line, " skipped=");
    add_hex(&line, skipped | suite->skip);
    add_text(&line, " failed=");
    add_hex(&line, failed);
    add_text(&line, is_over ? " complete" : " incomplete");
    write_line(&line, STDOUT);
    return EXIT_VERIFIED;
}

/* `0<TAB>SOCK_STREAM connection reset`, and so on, for the reader. Returns the last one's number. */
static int list_tests(const struct suite *suite)
{
    struct side side = { .way = "list", .name = "tests", .output = -1, .reached = -1 };
    static struct arguments arguments;
    arguments.count = arguments.used = 0;
    add_word(&arguments, "/root/vsock_test");
    add_word(&arguments, "--list");
    (void)start_suite(&side, &arguments);
    attend(&side, 1, suite->silence_ms);
    return side.reached;
}

static int lead(struct suite *suite, char *ways)
{
    long orders = reach_vsock(SOCK_STREAM, suite->peer, ORDER_PORT, clock_ms() + ORDER_LIMIT_MS);
    if (orders < 0)
        return fail("reach the other guest", orders);
    suite->orders = (int)orders;
    limit_silence(suite->orders, suite->silence_ms + PEER_MS);
    /* It will not hear of skipping a test that it has not. */
    int last = list_tests(suite);
    for (int test = last + 1; test < TESTS_MAX; test += 1)
        suite->skip &= ~test_bit(test);
    for (char *way = ways; *way != '\0';) {
        char *end = way;
        while (*end != '\0' && *end != ',')
            end += 1;
        int is_last = *end == '\0';
        *end = '\0';
        int code = run_way(suite, way);
        if (code != EXIT_VERIFIED)
            return code;
        way = is_last ? end : end + 1;
    }
    struct order order = { QUIT, 0 };
    (void)send_all(suite->orders, &order, sizeof(order));
    struct line line = new_line("done");
    write_line(&line, STDOUT);
    return EXIT_VERIFIED;
}

static int follow(struct suite *suite)
{
    long listener = listen_vsock(SOCK_STREAM, ORDER_PORT, 1);
    if (listener < 0)
        return fail("listen for orders", listener);
    long orders = accept_until((int)listener, NULL, clock_ms() + ORDER_LIMIT_MS);
    if (orders < 0)
        return fail("wait for orders", orders);
    for (;;) {
        struct order order;
        long error = receive_all((int)orders, &order, sizeof(order));
        if (error < 0)
            return fail("read an order", error);
        if (order.mode == QUIT)
            return EXIT_VERIFIED;
        const char *way = order.mode == SERVE ? "connect" : "serve"; /* as the leader calls it */
        struct answer answer = run_end(suite, way, (enum mode)order.mode, order.skip);
        error = send_all((int)orders, &answer, sizeof(answer));
        if (error < 0)
            return fail("answer an order", error);
    }
}

static int run(char **arguments, char **environment)
{
    (void)arguments;
    struct suite suite = { 0, 0, 0, -1 };
    uint32_t silence_s = 60;
    char *word = boot_word(environment, "vsock_recv");
    if (word == NULL || !parse_cid(word, &suite.peer))
        return fail("read vsock_recv", -EINVAL);
    word = boot_word(environment, "suite_skip");
    if (word != NULL && !parse_nonce(word, &suite.skip))
        return fail("read suite_skip", -EINVAL);
    word = boot_word(environment, "suite_silence_s");
    if (word != NULL && !parse_cid(word, &silence_s))
        return fail("read suite_silence_s", -EINVAL);
    suite.silence_ms = (int64_t)silence_s * 1000;
    long error = raise_loopback();
    if (error < 0)
        return fail("raise the interface lo", error);
    uint32_t leader = 0;
    word = boot_word(environment, "suite_leader");
    if (word == NULL || !parse_cid(word, &leader))
        return fail("read suite_leader", -EINVAL);
    char *ways = boot_word(environment, "suite_ways");
    if (suite.peer == leader)
        return follow(&suite);
    return ways == NULL ? fail("read suite_ways", -EINVAL) : lead(&suite, ways);
}
