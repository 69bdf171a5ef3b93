// SPDX-License-Identifier: BSD-2-Clause
// A soak of the sockets between two or three guests. PID 1 starts this in all of them, in place of vsock_recv. All serve
// (service.h); the one whose CID is `soak_leader` plays the scenes that `soak_scenes` names, and prints a line for each.
//
//     soak_leader=3 soak_guests=3 soak_scenes=many,slow,full,flood,reboot,starve
//     soak_connections=64   at the same time
//     soak_bytes=262144     of an exchange each way, a multiple of 8

#include "service.h"

struct soak {
    uint32_t own;
    uint32_t guests; /* CIDs own .. own + guests - 1 */
    uint32_t connections;
    uint32_t bytes;
    uint64_t nonce;
};

enum {
    SCENE_MS = 300 * 1000,
    LOST_MS = 30 * 1000, /* for all to hear of a reboot; what it took is printed */
    BOOT_MS = 240 * 1000,
    HELD = 6,
    FULL_BYTES = 2 * 1024 * 1024, /* more than two sockets and all between hold */
    FLOODERS = 16,
    FLOOD_ATTEMPTS = 64,
    STREAMS = 8, /* each way, when a guest reboots */
    CROWD_SIZE = 24, /* each with 256 KiB of credit, in packets of CROWD_WRITE: more than all queues on the way hold */
};

/* What a scene found. `what` is NULL, or what went wrong. */
struct finding {
    const char *what;
    uint64_t of;
    uint64_t good;
    const char *unit;
    uint64_t value;
};

static uint32_t other(const struct soak *soak, uint32_t index)
{
    return soak->own + 1 + index % (soak->guests - 1);
}

static struct order exchange_order(struct soak *soak, enum job job, uint32_t index, uint64_t size)
{
    soak->nonce += 1;
    return (struct order){ job, index % 2, size, soak->nonce << 16, 0, 0 };
}

/* `number` exchanges with all others, or with `cid` if it is not 0. */
static unsigned run_exchanges(struct soak *soak, uint32_t cid, uint32_t number, uint64_t size)
{
    struct calls calls = { .count = 0 };
    for (uint32_t i = 0; i < number; i += 1) {
        struct order order = exchange_order(soak, EXCHANGE, i / 2, size);
        start_call(&calls, cid == 0 ? other(soak, i) : cid, order);
    }
    return end_calls(&calls, SCENE_MS);
}

/* Orders with a report, all at the same time: the sum of what is good. */
static uint64_t run_commands(const uint32_t *cids, const struct order *orders, unsigned number)
{
    int fds[2 * FLOODERS + 2];
    uint64_t good = 0;
    for (unsigned i = 0; i < number; i += 1)
        fds[i] = (int)begin(cids[i], &orders[i]);
    for (unsigned i = 0; i < number; i += 1) {
        struct report report = { 0, 0, 0 };
        if (fds[i] < 0)
            continue;
        limit_silence(fds[i], SCENE_MS);
        if (receive_all(fds[i], &report, sizeof(report)) == 0)
            good += report.good;
        close_file(fds[i]);
    }
    return good;
}

/* From the leader to all others and from each of them to the leader and the next one, at the same time. */
static struct finding scene_many(struct soak *soak)
{
    struct calls calls = { .count = 0 };
    uint32_t half = soak->connections / 2;
    for (uint32_t i = 0; i < half; i += 1)
        start_call(&calls, other(soak, i), exchange_order(soak, EXCHANGE, i / 2, soak->bytes));
    uint32_t cids[4], callers = 0;
    struct order orders[4];
    for (uint32_t i = 0; i + 1 < soak->guests && callers < 4; i += 1, callers += 1) {
        uint32_t target = soak->guests > 2 && i == 0 ? other(soak, 1) : soak->own;
        cids[callers] = other(soak, i);
        orders[callers] = (struct order){ CALL, 0, soak->bytes, (soak->nonce + 1000 + i) << 24, half / (soak->guests - 1), target };
    }
    uint64_t good = run_commands(cids, orders, callers);
    good += end_calls(&calls, SCENE_MS);
    return (struct finding){ NULL, half + callers * (half / (soak->guests - 1)), good, " bytes each way ", soak->bytes };
}

/* The other end of some sleeps until others that came later are through. */
static struct finding scene_slow(struct soak *soak)
{
    struct calls held = { .count = 0 };
    uint32_t cid = other(soak, 0);
    shared->full = 0;
    for (uint32_t i = 0; i < HELD; i += 1)
        start_call(&held, cid, exchange_order(soak, HOLD, i, FULL_BYTES));
    const char *what = await_count(&shared->full, HELD, SCENE_MS) ? NULL : "not all senders were held up by a reader that sleeps";
    unsigned passed = run_exchanges(soak, 0, 16, soak->bytes);
    if (passed != 16)
        what = "others did not get past a reader that sleeps";
    struct order gate = { OPEN_GATE, 0, 0, 0, 0, 0 };
    struct report report;
    if (command(cid, &gate, &report) < 0)
        what = "the sleeper could not be woken";
    return (struct finding){ what, HELD + 16, end_calls(&held, SCENE_MS) + passed, " held ", HELD };
}

/* Both ends send until nothing goes any more, and only then read. */
static struct finding scene_full(struct soak *soak)
{
    struct calls calls = { .count = 0 };
    shared->full = 0;
    for (uint32_t i = 0; i < STREAMS; i += 1)
        start_call(&calls, other(soak, i / 2), exchange_order(soak, FILL_FIRST, i, FULL_BYTES));
    unsigned good = end_calls(&calls, SCENE_MS);
    const char *what = shared->full == STREAMS ? NULL : "not all were full";
    return (struct finding){ what, STREAMS, good, " full ", shared->full };
}

/* Connections to closed ports from many processes, both ways, and exchanges between them. */
static struct finding scene_flood(struct soak *soak)
{
    uint32_t cids[2 * FLOODERS];
    struct order orders[2 * FLOODERS];
    struct calls calls = { .count = 0 };
    for (uint32_t i = 0; i < 8; i += 1)
        start_call(&calls, other(soak, i), exchange_order(soak, EXCHANGE, i / 2, soak->bytes));
    for (uint32_t i = 0; i < 2 * FLOODERS; i += 1) {
        int is_own = i % 2 == 0;
        cids[i] = is_own ? SELF : other(soak, i / 2);
        orders[i] = (struct order){ FLOOD, 0, 0, 0, FLOOD_ATTEMPTS, is_own ? other(soak, i / 2) : soak->own };
    }
    uint64_t refused = run_commands(cids, orders, 2 * FLOODERS);
    uint64_t good = end_calls(&calls, SCENE_MS);
    const char *what = refused == 2 * FLOODERS * FLOOD_ATTEMPTS ? NULL : "not every attempt was refused at once";
    return (struct finding){ what, 8, good, " refused ", refused };
}

/* In the middle of transfers both ways: all of them end at once, and when the guest is back all is as before. */
static struct finding reboot_once(struct soak *soak, int is_orderly)
{
    uint32_t cid = other(soak, 0);
    struct calls calls = { .count = 0 };
    shared->sinking = shared->sunk = 0;
    for (uint32_t i = 0; i < STREAMS; i += 1)
        start_call(&calls, cid, (struct order){ PUMP, 0, 0, 0, 0, 0 });
    struct order pump = { PUMP, 0, 0, 0, STREAMS, soak->own };
    struct report report = { 0, 0, 0 };
    if (command(cid, &pump, &report) < 0 || !await_count(&shared->sinking, STREAMS, REACH_MS))
        return (struct finding){ "transfers did not begin", STREAMS, report.good, NULL, 0 };
    sleep_ms(500);
    int64_t begun_ms = clock_ms();
    struct order reboot = { REBOOT, 0, 0, 0, !is_orderly, 0 };
    (void)command(cid, &reboot, NULL);
    int is_heard = await_count(&shared->sunk, 2 * STREAMS, LOST_MS);
    uint64_t lost_ms = (uint64_t)(shared->last_lost_ms - begun_ms);
    (void)end_calls(&calls, 0);
    if (!is_heard)
        return (struct finding){ "the survivor was not told of all", 2 * STREAMS, shared->sunk, NULL, 0 };
    long fd = reach_vsock(SOCK_STREAM, cid, SERVICE_PORT, clock_ms() + BOOT_MS);
    if (fd < 0)
        return (struct finding){ "the guest did not come back", 1, 0, NULL, 0 };
    close_file((int)fd);
    unsigned good = run_exchanges(soak, cid, 16, soak->bytes);
    return (struct finding){ NULL, 16, good, is_orderly ? " orderly, lost after ms " : " at once, lost after ms ", lost_ms };
}

static struct finding scene_reboot(struct soak *soak)
{
    return reboot_once(soak, 1);
}

static struct finding scene_reset(struct soak *soak)
{
    return reboot_once(soak, 0);
}

/* The last guest's kernel stops with connections of both others open, which they fill: these two must not notice. */
static struct finding scene_starve(struct soak *soak)
{
    if (soak->guests < 3)
        return (struct finding){ "three guests are needed", 1, 0, NULL, 0 };
    uint32_t still = soak->own + soak->guests - 1;
    uint32_t cids[2] = { SELF, other(soak, 0) };
    int crowds[2];
    uint64_t bytes = 0;
    struct order crowd = { CROWD, 0, 0, 0, CROWD_SIZE, still };
    struct report report;
    for (int i = 0; i < 2; i += 1) {
        crowds[i] = (int)begin(cids[i], &crowd);
        if (crowds[i] < 0 || receive_all(crowds[i], &report, sizeof(report)) < 0 || report.good != CROWD_SIZE)
            return (struct finding){ "connections to the guest could not be opened", CROWD_SIZE, report.good, NULL, 0 };
        limit_silence(crowds[i], SCENE_MS);
    }
    struct order stand_still = { STAND_STILL, 0, 0, 0, 0, 0 };
    if (command(still, &stand_still, &report) < 0)
        return (struct finding){ "the guest could not be stopped", 1, 0, NULL, 0 };
    /* It does when it does not even refuse any more. */
    int64_t still_ms = clock_ms() + REACH_MS;
    long error = 0;
    while (error != -ETIMEDOUT && clock_ms() < still_ms) {
        error = connect_vsock(SOCK_STREAM, still, CLOSED_PORT);
        sleep_ms(CONNECT_PAUSE_MS);
    }
    if (error != -ETIMEDOUT)
        return (struct finding){ "the guest does not stand still", 1, 0, NULL, 0 };
    int64_t begun_ms = clock_ms();
    for (int i = 0; i < 2; i += 1)
        (void)send_all(crowds[i], "", 1);
    struct order call = { CALL, 0, soak->bytes, UINT64_C(77) << 24, 8, soak->own };
    unsigned good = run_exchanges(soak, other(soak, 0), 16, soak->bytes);
    if (command(other(soak, 0), &call, &report) == 0)
        good += (unsigned)report.good;
    uint64_t took_ms = (uint64_t)(clock_ms() - begun_ms);
    for (int i = 0; i < 2; i += 1) {
        if (receive_all(crowds[i], &report, sizeof(report)) == 0)
            bytes += report.bytes;
        close_file(crowds[i]);
    }
    struct line line = soak_line("bytes sent to the guest that stands still ");
    add_number(&line, bytes);
    write_line(&line, STDOUT);
    return (struct finding){ NULL, 16 + 8, good, " beside a guest that stands still, ms ", took_ms };
}

static const struct {
    const char *name;
    struct finding (*play)(struct soak *soak);
} scenes[] = {
    { "many", scene_many },   { "slow", scene_slow },     { "full", scene_full },   { "flood", scene_flood },
    { "reboot", scene_reboot }, { "reset", scene_reset }, { "starve", scene_starve },
};

static void play(struct soak *soak, const char *name)
{
    struct finding finding = { "no such scene", 0, 0, NULL, 0 };
    int64_t begun_ms = clock_ms();
    for (size_t i = 0; i < sizeof(scenes) / sizeof(*scenes); i += 1) {
        if (same_text(name, scenes[i].name))
            finding = scenes[i].play(soak);
    }
    if (finding.what == NULL && finding.good != finding.of)
        finding.what = "not all exchanges were right";
    struct line line = soak_line(finding.what == NULL ? "passed " : "missed ");
    add_text(&line, name);
    add_field(&line, ": good ", finding.good);
    add_field(&line, " of ", finding.of);
    if (finding.unit != NULL)
        add_field(&line, finding.unit, finding.value);
    add_field(&line, ", took ms ", (uint64_t)(clock_ms() - begun_ms));
    if (finding.what != NULL) {
        add_text(&line, ": ");
        add_text(&line, finding.what);
    }
    write_line(&line, STDOUT);
}

static void lead(struct soak *soak, char *names)
{
    for (char *name = names; *name != '\0';) {
        char *end = name;
        while (*end != '\0' && *end != ',')
            end += 1;
        int is_last = *end == '\0';
        *end = '\0';
        play(soak, name);
        name = is_last ? end : end + 1;
    }
    struct line line = soak_line("done");
    write_line(&line, STDOUT);
}

static int fail(const char *what, long error)
{
    struct line line = soak_line("FAILED ");
    add_text(&line, what);
    add_text(&line, " ");
    add_error(&line, error);
    write_line(&line, STDOUT);
    return EXIT_FAILED;
}

static uint32_t own_cid(void)
{
    uint32_t cid = 0;
    long fd = open_file("/dev/vsock", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)system_call(SYS_ioctl, fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, (long)&cid, 0, 0);
        close_file((int)fd);
    }
    return cid;
}

static int run(char **arguments, char **environment)
{
    (void)arguments;
    struct soak soak = { own_cid(), 0, 0, 0, 1 };
    uint32_t leader = 0;
    struct {
        const char *name;
        uint32_t *value;
    } words[] = { { "soak_leader", &leader },
                  { "soak_guests", &soak.guests },
                  { "soak_connections", &soak.connections },
                  { "soak_bytes", &soak.bytes } };
    for (int i = 0; i < 4; i += 1) {
        char *text = boot_word(environment, words[i].name);
        if (text == NULL || !parse_cid(text, words[i].value))
            return fail(words[i].name, -EINVAL);
    }
    shared = share_memory(sizeof(*shared));
    if (shared == NULL)
        return fail("share memory", -ENOMEM);
    char *names = boot_word(environment, "soak_scenes");
    if (soak.own == leader && names != NULL && fork_process() == 0) {
        lead(&soak, names);
        end_process(0);
    }
    long error = serve_all();
    return error < 0 ? fail("serve", error) : EXIT_VERIFIED;
}
