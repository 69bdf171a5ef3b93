// SPDX-License-Identifier: BSD-2-Clause
// What every guest of a soak serves: a process for each connection, which begins with an order. The guest that leads gives
// most of them, to the others and (by the loopback) to itself, so that whatever a guest does towards another is one order.
#pragma once

#include "exchange.h"

enum {
    SERVICE_PORT = 7000, /* stream */
    SERVICE_SEQPACKET_PORT = 7001,
    CLOSED_PORT = 20000, /* nobody listens there or above */
    BACKLOG = 256,
    CALLS_MAX = 256,
    REACH_MS = 60 * 1000,
    GATE_MS = 180 * 1000,
    STILL_MS = 300,
    SELF = 1, /* VMADDR_CID_LOCAL */
    MSG_DONTWAIT = 0x40,
    CROWD_WRITE = 1024, /* of a packet each: a sender's queue is full of them before its credit is used up */
};

enum job {
    EXCHANGE = 1, /* `size` bytes each way */
    FILL_FIRST,   /* the same, but both ends send only, until gate `count` is opened */
    HOLD,         /* the same, but this end neither reads nor writes until then */
    OPEN_GATE,    /* number `count`, and all below */
    SINK,         /* read until the connection ends */
    FLOOD,        /* `count` attempts to connect to closed ports of `target`, one after the other */
    CALL,         /* `count` exchanges with `target` at the same time */
    PUMP,         /* `count` connections to `target` that send without an end */
    CROWD,        /* `count` connections to `target`, which holds them; after one more byte, as much as goes into each */
    REBOOT,       /* `count` 0: as an orderly system does; else at once */
    STAND_STILL,  /* the kernel stops, and with it all drivers */
    END,
};

struct order {
    uint32_t job;
    uint32_t is_seqpacket;
    uint64_t size;
    uint64_t nonce;
    uint32_t count;
    uint32_t target;
};

struct report {
    uint64_t good;
    uint64_t bad;
    uint64_t bytes;
};

/* Of all processes of a guest. */
struct shared {
    uint32_t gate; /* the last one that is open */
    uint32_t is_over;
    uint32_t sinking; /* connections that sink now */
    uint32_t sunk;    /* that have ended */
    uint32_t full;
    int64_t last_lost_ms; /* when the last connection ended that was to send or read for ever */
};

static struct shared *shared;

static inline struct line soak_line(const char *text)
{
    return begin_line("vsock soak: ", text);
}

static inline void count(uint32_t *counter)
{
    /* The compiler's own would call a library for it. */
    uint32_t value, is_taken;
    __asm__ volatile("1: ldaxr %w0, [%2]\n add %w0, %w0, #1\n stlxr %w1, %w0, [%2]\n cbnz %w1, 1b"
                     : "=&r"(value), "=&r"(is_taken)
                     : "r"(counter)
                     : "memory");
}

/* Waits until `counter` is `wanted`. Returns 0 if it does not come to that. */
static inline int await_count(uint32_t *counter, uint32_t wanted, int64_t limit_ms)
{
    int64_t deadline_ms = clock_ms() + limit_ms;
    while (__atomic_load_n(counter, __ATOMIC_SEQ_CST) < wanted) {
        if (clock_ms() >= deadline_ms)
            return 0;
        sleep_ms(10);
    }
    return 1;
}

static inline void open_gate(uint32_t number)
{
    __atomic_store_n(&shared->gate, number, __ATOMIC_SEQ_CST);
}

static inline void note_lost(void)
{
    __atomic_store_n(&shared->last_lost_ms, clock_ms(), __ATOMIC_SEQ_CST);
}

/* A connection that has begun with `order`. */
static inline long begin(uint32_t cid, const struct order *order)
{
    long fd = reach_vsock(order->is_seqpacket ? SOCK_SEQPACKET : SOCK_STREAM, cid,
                          order->is_seqpacket ? SERVICE_SEQPACKET_PORT : SERVICE_PORT, clock_ms() + REACH_MS);
    if (fd < 0)
        return fd;
    limit_silence((int)fd, EXCHANGE_SILENCE_MS);
    long error = send_all((int)fd, order, sizeof(*order));
    if (error == 0)
        return fd;
    close_file((int)fd);
    return error;
}

/* What the guest answers; an error is -errno. */
static inline long command(uint32_t cid, const struct order *order, struct report *report)
{
    long fd = begin(cid, order);
    if (fd < 0)
        return fd;
    limit_silence((int)fd, GATE_MS);
    long error = report == NULL ? 0 : receive_all((int)fd, report, sizeof(*report));
    close_file((int)fd);
    return error;
}

/* The calling end of an exchange, in a process of its own. */
static inline int call_exchange(uint32_t cid, const struct order *order)
{
    long fd = begin(cid, order);
    struct line line = soak_line("exchange with ");
    add_number(&line, cid);
    add_field(&line, " job ", order->job);
    add_text(&line, order->is_seqpacket ? " seqpacket: " : " stream: ");
    if (fd < 0) {
        add_text(&line, "connect ");
        add_error(&line, fd);
        write_line(&line, STDOUT);
        return 1;
    }
    struct exchange exchange = new_exchange((int)fd, (int)order->is_seqpacket, order->size, order->nonce, 1);
    start_sender(&exchange);
    if (order->job == FILL_FIRST || order->job == HOLD) {
        await_full(&exchange);
        if (exchange.full_at < exchange.size)
            count(&shared->full);
    }
    if (order->job == FILL_FIRST)
        (void)await_count(&shared->gate, order->count, GATE_MS);
    if (finish_exchange(&exchange) == EXCHANGE_GOOD)
        return 0;
    add_exchange(&line, &exchange);
    write_line(&line, STDOUT);
    return 1;
}

/* Until the connection ends: that is what it is for. */
static inline void call_pump(uint32_t cid, const struct order *order)
{
    static uint8_t bytes[CHUNK];
    struct order sink = *order;
    sink.job = SINK;
    long fd = begin(cid, &sink);
    while (fd >= 0 && send_all((int)fd, bytes, sizeof(bytes)) == 0) {
    }
    note_lost();
    count(&shared->sunk);
}

struct calls {
    unsigned count;
    long pids[CALLS_MAX];
};

/* In a process of its own; that which makes it goes on. */
static inline void start_call(struct calls *calls, uint32_t cid, struct order order)
{
    if (calls->count == CALLS_MAX)
        return;
    long pid = fork_process();
    if (pid == 0) {
        int is_bad = 0;
        if (order.job == PUMP)
            call_pump(cid, &order);
        else
            is_bad = call_exchange(cid, &order);
        end_process(is_bad);
    }
    calls->pids[calls->count] = pid;
    calls->count += 1;
}

/* How many ended well, all of them having ended or been ended. */
static inline unsigned end_calls(struct calls *calls, int64_t limit_ms)
{
    int64_t deadline_ms = clock_ms() + limit_ms;
    unsigned good = 0;
    for (unsigned i = 0; i < calls->count; i += 1) {
        int status = 0xff00;
        long done = calls->pids[i] < 0 ? -1 : 0;
        while (done == 0) {
            done = system_call(SYS_wait4, calls->pids[i], (long)&status, WNOHANG, 0, 0);
            if (done == 0 && clock_ms() >= deadline_ms)
                done = -1;
            if (done == 0)
                sleep_ms(5);
        }
        if (done < 0 && calls->pids[i] > 0)
            (void)end_child(calls->pids[i]);
        good += done > 0 && status == 0;
    }
    calls->count = 0;
    return good;
}

static inline struct report serve_calls(const struct order *order)
{
    struct calls calls = { .count = 0 };
    for (uint32_t i = 0; i < order->count; i += 1) {
        struct order call = { EXCHANGE, i % 2, order->size, order->nonce + i, 0, 0 };
        start_call(&calls, order->target, call);
    }
    unsigned good = end_calls(&calls, GATE_MS);
    return (struct report){ good, order->count - good, order->size * good };
}

static inline struct report serve_flood(const struct order *order)
{
    struct report report = { 0, 0, 0 };
    for (uint32_t i = 0; i < order->count; i += 1) {
        long fd = connect_vsock(i % 2 ? SOCK_SEQPACKET : SOCK_STREAM, order->target, CLOSED_PORT + i);
        if (fd >= 0)
            close_file((int)fd);
        report.good += fd == -ECONNRESET;
        report.bad += fd != -ECONNRESET;
    }
    return report;
}

/* Connections that the target's program never reads from. The caller keeps them by keeping its own. */
static inline void serve_crowd(int fd, const struct order *order)
{
    static int crowd[CALLS_MAX];
    static uint8_t bytes[CHUNK];
    struct report report = { 0, 0, 0 };
    struct order hold = { HOLD, 0, UINT64_C(1) << 40, 0, UINT32_MAX, 0 };
    for (uint32_t i = 0; i < order->count && i < CALLS_MAX; i += 1) {
        long one = begin(order->target, &hold);
        if (one >= 0) {
            crowd[report.good] = (int)one;
            report.good += 1;
        }
    }
    report.bad = order->count - report.good;
    if (send_all(fd, &report, sizeof(report)) < 0 || receive_all(fd, bytes, 1) < 0)
        return;
    for (int64_t deadline_ms = clock_ms() + STILL_MS; clock_ms() < deadline_ms;) {
        for (uint64_t i = 0; i < report.good; i += 1) {
            long put = system_call(SYS_sendto, crowd[i], (long)bytes, CROWD_WRITE, MSG_NOSIGNAL | MSG_DONTWAIT, 0);
            if (put > 0) {
                report.bytes += (uint64_t)put;
                deadline_ms = clock_ms() + STILL_MS;
            }
        }
    }
    if (send_all(fd, &report, sizeof(report)) == 0)
        (void)receive_all(fd, bytes, 1);
}

/* REBOOT with `count` 0, and those that Linux offers to whoever may write to a file. */
static inline void press_sysrq(const char *key)
{
    long fd = open_file("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        (void)write_file((int)fd, key, 1);
}

static inline void stand_still(void)
{
    /* A panic that does not reset. */
    long fd = open_file("/proc/sys/kernel/panic", O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        (void)write_file((int)fd, "0", 1);
    press_sysrq("c");
}

static inline void restart(int is_orderly)
{
    if (is_orderly)
        (void)system_call(SYS_reboot, 0xfee1deadL, 672274793L, 0x01234567L, 0, 0);
    else
        press_sysrq("b");
}

static inline int serve_exchange(int fd, const struct order *order)
{
    if (order->job == HOLD && !await_count(&shared->gate, order->count, GATE_MS))
        return 1;
    struct exchange exchange = new_exchange(fd, (int)order->is_seqpacket, order->size, order->nonce, 0);
    start_sender(&exchange);
    if (order->job == FILL_FIRST)
        (void)await_count(&shared->gate, order->count, GATE_MS);
    if (finish_exchange(&exchange) == EXCHANGE_GOOD)
        return 0;
    struct line line = soak_line("exchange that was served, job ");
    add_number(&line, order->job);
    add_text(&line, order->is_seqpacket ? " seqpacket: " : " stream: ");
    add_exchange(&line, &exchange);
    write_line(&line, STDOUT);
    return 1;
}

static inline void serve_sink(int fd)
{
    static uint8_t bytes[CHUNK];
    count(&shared->sinking);
    while (receive_all(fd, bytes, sizeof(bytes)) == 0) {
    }
    note_lost();
    count(&shared->sunk);
}

static inline void answer(int fd, struct report report)
{
    (void)send_all(fd, &report, sizeof(report));
    part(fd);
}

/* One connection. */
static inline int serve_order(int fd)
{
    struct order order;
    limit_silence(fd, EXCHANGE_SILENCE_MS);
    if (receive_all(fd, &order, sizeof(order)) < 0)
        return 1;
    switch ((enum job)order.job) {
    case EXCHANGE:
    case FILL_FIRST:
    case HOLD:
        return serve_exchange(fd, &order);
    case OPEN_GATE:
        open_gate(order.count);
        answer(fd, (struct report){ 1, 0, 0 });
        return 0;
    case SINK:
        serve_sink(fd);
        return 0;
    case FLOOD:
        answer(fd, serve_flood(&order));
        return 0;
    case CALL:
        answer(fd, serve_calls(&order));
        return 0;
    case PUMP: {
        struct calls calls = { .count = 0 };
        for (uint32_t i = 0; i < order.count; i += 1)
            start_call(&calls, order.target, order);
        answer(fd, (struct report){ calls.count, 0, 0 });
        (void)end_calls(&calls, GATE_MS);
        return 0;
    }
    case CROWD:
        limit_silence(fd, GATE_MS);
        serve_crowd(fd, &order);
        return 0;
    case REBOOT:
        restart(order.count == 0);
        return 1;
    case STAND_STILL:
        answer(fd, (struct report){ 1, 0, 0 });
        stand_still();
        return 1;
    case END:
        count(&shared->is_over);
        answer(fd, (struct report){ 1, 0, 0 });
        return 0;
    }
    return 1;
}

static inline void bury_all(void)
{
    while (system_call(SYS_wait4, -1, 0, WNOHANG, 0, 0) > 0) {
    }
}

/* Until END. */
static inline long serve_all(void)
{
    long listeners[2] = { listen_vsock(SOCK_STREAM, SERVICE_PORT, BACKLOG),
                          listen_vsock(SOCK_SEQPACKET, SERVICE_SEQPACKET_PORT, BACKLOG) };
    if (listeners[0] < 0 || listeners[1] < 0)
        return listeners[0] < 0 ? listeners[0] : listeners[1];
    while (__atomic_load_n(&shared->is_over, __ATOMIC_SEQ_CST) == 0) {
        struct pollfd polls[2] = { { (int)listeners[0], POLLIN, 0 }, { (int)listeners[1], POLLIN, 0 } };
        struct timespec limit = { 0, 200 * 1000000 };
        long ready = system_call(SYS_ppoll, (long)polls, 2, (long)&limit, 0, 8);
        for (int i = 0; i < 2 && ready > 0; i += 1) {
            if (polls[i].revents == 0)
                continue;
            long fd = accept_until(polls[i].fd, NULL, clock_ms());
            if (fd < 0)
                continue;
            if (fork_process() == 0)
                end_process(serve_order((int)fd));
            close_file((int)fd);
        }
        bury_all();
    }
    return 0;
}
