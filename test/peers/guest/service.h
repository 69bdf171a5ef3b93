// SPDX-License-Identifier: BSD-2-Clause
// What every guest of a soak serves: a process for each connection, which begins with an order.
#pragma once

#include "orders.h"

enum {
    CLOSED_PORT = 20000, /* nobody listens there or above */
    BACKLOG = 256,
    STILL_MS = 300,
    MSG_DONTWAIT = 0x40,
    CROWD_WRITE = 1024, /* of a packet each: a sender's queue is full of them before its credit is used up */
};

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
