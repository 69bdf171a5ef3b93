// SPDX-License-Identifier: BSD-2-Clause
// Bytes both ways over one connection at the same time, each judged. Either end sends the words that follow from its own
// seed and knows the other one's: a byte that is lost, doubled, changed, or of another connection is found where it is. At
// the end each tells the hash of what it got, and compares what the other one tells with the hash of what it sent.
// A seqpacket connection carries the same bytes in messages of sizes that follow from the seed as well.
#pragma once

#include "processes.h"

enum {
    CHUNK = 32 * 1024, /* of a read or write, and the largest message */
    EXCHANGE_SILENCE_MS = 90 * 1000,
    FULL_MS = 300, /* so long not writable: the other end, and all between, is full */
};

enum exchange_fault { EXCHANGE_GOOD, EXCHANGE_FAILED, EXCHANGE_CLOSED, EXCHANGE_SILENT, EXCHANGE_WRONG, EXCHANGE_BOUNDS, EXCHANGE_HASH };

/* One direction. That of the sender lies in memory which its process shares with the one that reads. */
struct flow {
    uint64_t seed;
    uint64_t done; /* bytes */
    uint64_t hash;
    uint64_t messages;
    size_t held; /* bytes of a word whose rest has not come */
    long error; /* -errno of the sender */
    uint8_t bytes[CHUNK];
};

struct exchange {
    int fd;
    int is_seqpacket;
    uint64_t size; /* bytes each way, a multiple of 8 */
    struct flow *out, *in;
    long sender; /* pid */
    enum exchange_fault fault;
    long error; /* -errno of EXCHANGE_FAILED */
    uint64_t full_at; /* bytes sent when nothing more went, see await_full() */
};

static inline uint64_t mixed(uint64_t seed, uint64_t number)
{
    uint64_t word = (seed + number) * UINT64_C(0x9e3779b97f4a7c15);
    return word ^ word >> 29;
}

static inline void fill_words(struct flow *flow, size_t size)
{
    uint64_t *words = (uint64_t *)(void *)flow->bytes;
    for (size_t i = 0; i < size / 8; i += 1)
        words[i] = mixed(flow->seed, flow->done / 8 + i);
}

static inline void hash_words(struct flow *flow, size_t size)
{
    const uint64_t *words = (const uint64_t *)(const void *)flow->bytes;
    for (size_t i = 0; i < size / 8; i += 1)
        flow->hash = (flow->hash ^ words[i]) * UINT64_C(0x100000001b3);
}

/* Of the next write, or the next message: what is left, up to a chunk. */
static inline size_t next_size(const struct exchange *exchange, const struct flow *flow)
{
    uint64_t left = exchange->size - flow->done;
    uint64_t wanted = exchange->is_seqpacket ? 8 * (1 + mixed(~flow->seed, flow->messages) % (CHUNK / 8)) : CHUNK;
    return (size_t)(left < wanted ? left : wanted);
}

/*
 * The sending process. It waits where it has to: a message that Linux (7.3) is to send without waiting may go out in part,
 * and still be called EAGAIN.
 */
static inline void send_flow(const struct exchange *exchange)
{
    struct flow *out = exchange->out;
    while (out->done < exchange->size && out->error == 0) {
        size_t size = next_size(exchange, out);
        fill_words(out, size);
        out->error = send_all(exchange->fd, out->bytes, size);
        if (out->error < 0)
            break;
        hash_words(out, size);
        out->messages += 1;
        __atomic_store_n(&out->done, out->done + size, __ATOMIC_RELEASE);
    }
    end_process(out->error < 0);
}

static inline void start_sender(struct exchange *exchange)
{
    limit_silence(exchange->fd, EXCHANGE_SILENCE_MS);
    exchange->sender = fork_process();
    if (exchange->sender == 0)
        send_flow(exchange);
    if (exchange->sender < 0) {
        exchange->fault = EXCHANGE_FAILED;
        exchange->error = exchange->sender;
    }
}

/* Until the sender has not got on for FULL_MS, or is through. */
static inline void await_full(struct exchange *exchange)
{
    int64_t deadline_ms = clock_ms() + FULL_MS;
    while (clock_ms() < deadline_ms && exchange->full_at < exchange->size) {
        uint64_t done = __atomic_load_n(&exchange->out->done, __ATOMIC_ACQUIRE);
        if (done != exchange->full_at)
            deadline_ms = clock_ms() + FULL_MS;
        exchange->full_at = done;
        sleep_ms(10);
    }
}

static inline int same_words(const struct flow *in, size_t size)
{
    const uint64_t *words = (const uint64_t *)(const void *)in->bytes;
    uint64_t difference = 0;
    for (size_t i = 0; i < size / 8; i += 1)
        difference |= words[i] ^ mixed(in->seed, in->done / 8 + i);
    return difference == 0;
}

/* Reads once. A stream may end in the middle of a word: its begin waits in bytes[0 .. held). */
static inline void receive_some(struct exchange *exchange)
{
    struct flow *in = exchange->in;
    size_t room = CHUNK - in->held;
    uint64_t left = exchange->size - in->done - in->held;
    size_t wanted = exchange->is_seqpacket ? CHUNK : (size_t)(left < room ? left : room);
    long got = read_file(exchange->fd, in->bytes + in->held, wanted);
    if (got == -EINTR)
        return;
    if (got <= 0) {
        exchange->fault = got == 0 ? EXCHANGE_CLOSED : got == -EAGAIN ? EXCHANGE_SILENT : EXCHANGE_FAILED;
        exchange->error = got;
        return;
    }
    if (exchange->is_seqpacket && (size_t)got != next_size(exchange, in)) {
        exchange->fault = EXCHANGE_BOUNDS;
        exchange->error = got;
        return;
    }
    size_t held = in->held + (size_t)got;
    size_t whole = held - held % 8;
    if (!same_words(in, whole)) {
        exchange->fault = EXCHANGE_WRONG;
        return;
    }
    hash_words(in, whole);
    in->done += whole;
    in->messages += 1;
    in->held = held - whole;
    for (size_t i = 0; i < in->held; i += 1)
        in->bytes[i] = in->bytes[whole + i];
}

/* The sender is through, or is ended. */
static inline void end_sender(struct exchange *exchange)
{
    if (exchange->sender <= 0)
        return;
    int status = exchange->fault == EXCHANGE_GOOD ? bury(exchange->sender) : end_child(exchange->sender);
    if (exchange->fault == EXCHANGE_GOOD && status != 0) {
        exchange->fault = exchange->out->error == -EAGAIN ? EXCHANGE_SILENT : EXCHANGE_FAILED;
        exchange->error = exchange->out->error;
    }
}

/* Each tells what it got. */
static inline void compare_hashes(struct exchange *exchange)
{
    uint64_t theirs = 0;
    long error = send_all(exchange->fd, &exchange->in->hash, sizeof(uint64_t));
    if (error == 0)
        error = receive_all(exchange->fd, &theirs, sizeof(theirs));
    if (error < 0) {
        exchange->fault = error == -EPIPE ? EXCHANGE_CLOSED : EXCHANGE_FAILED;
        exchange->error = error;
    } else if (theirs != exchange->out->hash) {
        exchange->fault = EXCHANGE_HASH;
    }
}

/* Whoever has said all waits for the other end's close, so that its own last words are not lost. */
static inline void part(int fd)
{
    uint8_t byte;
    (void)system_call(SYS_shutdown, fd, SHUT_WR, 0, 0, 0);
    (void)read_file(fd, &byte, 1);
    close_file(fd);
}

/* One in each process. `nonce` is what both ends know. */
static inline struct exchange new_exchange(int fd, int is_seqpacket, uint64_t size, uint64_t nonce, int is_caller)
{
    static struct flow in __attribute__((aligned(8)));
    struct flow *out = share_memory(sizeof(*out));
    struct exchange exchange = { .fd = fd, .is_seqpacket = is_seqpacket, .size = size, .out = out, .in = &in };
    if (out == NULL) {
        exchange.fault = EXCHANGE_FAILED;
        exchange.error = -ENOMEM;
        exchange.out = &in;
        return exchange;
    }
    out->seed = mixed(nonce, (uint64_t)is_caller);
    in.seed = mixed(nonce, (uint64_t)!is_caller);
    out->hash = in.hash = UINT64_C(0xcbf29ce484222325);
    return exchange;
}

/* After start_sender(). */
static inline enum exchange_fault finish_exchange(struct exchange *exchange)
{
    while (exchange->fault == EXCHANGE_GOOD && exchange->in->done < exchange->size)
        receive_some(exchange);
    end_sender(exchange);
    if (exchange->fault == EXCHANGE_GOOD)
        compare_hashes(exchange);
    part(exchange->fd);
    return exchange->fault;
}

static inline void add_exchange(struct line *line, const struct exchange *exchange)
{
    static const char *const faults[] = { "good",   "call failed",          "closed early", "silent",
                                          "wrong",  "message of wrong size", "other hash" };
    add_text(line, faults[exchange->fault]);
    if (exchange->fault == EXCHANGE_FAILED) {
        add_text(line, " ");
        add_error(line, exchange->error);
    }
    if (exchange->fault == EXCHANGE_BOUNDS) {
        add_field(line, " ", (uint64_t)exchange->error);
        add_field(line, " instead of ", next_size(exchange, exchange->in));
    }
    add_field(line, " sent ", exchange->out->done);
    add_field(line, " received ", exchange->in->done);
    add_field(line, " of ", exchange->size);
}
