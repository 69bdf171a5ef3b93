// SPDX-License-Identifier: BSD-2-Clause
// What a guest of a soak may be ordered to do, and the calls by which a guest orders it. A connection begins with an order;
// the guest that leads gives most of them, to the others and (by the loopback) to itself, so that whatever a guest does
// towards another is one order.
#pragma once

#include "exchange.h"

enum {
    SERVICE_PORT = 7000, /* stream */
    SERVICE_SEQPACKET_PORT = 7001,
    CALLS_MAX = 256,
    REACH_MS = 60 * 1000,
    GATE_MS = 180 * 1000,
    SELF = 1, /* VMADDR_CID_LOCAL */
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
