// SPDX-License-Identifier: BSD-2-Clause
// What goes over the socket, and how each end judges it. Both guests know the nonce of this run; from it follow 16384
// numbers of 16 bits. The sender writes them, the receiver compares each with its own and answers the FNV-1a 64 of
// the bytes that it got, the sender compares that with the hash of what it wrote and shuts down; the receiver waits
// for that. So a stale image, a wrong peer, a lost or a flipped byte cannot end in `verified`.
//
//     x0 = nonce, x(i+1) = x(i) * 6364136223846793005 + 1442695040888963407 mod 2^64, number i = x(i+1) >> 48
//     (Knuth's MMIX generator); numbers and the 8 bytes of the answer are little endian.
//
// Works on any stream socket, so that the tests can put a liar at the other end of a socket pair.
#pragma once

#include "line.h"

/* Longest silence of the other end before this one gives up. The tests are less patient. */
#ifndef IDLE_LIMIT_MS
#define IDLE_LIMIT_MS (120 * 1000)
#endif

enum {
    NUMBERS = 16384,
    PAYLOAD_SIZE = NUMBERS * 2,
    /* How long the sender waits for the receiver's close after all is judged, so that its own is not lost. */
    LINGER_MS = 5 * 1000,
};

enum outcome {
    VERIFIED,
    READ_FAILED,   /* detail: -errno */
    WRITE_FAILED,  /* detail: -errno */
    TIMED_OUT,
    CLOSED_EARLY,
    WRONG_NUMBER,  /* offset: of the number; detail: got; expected */
    WRONG_HASH,    /* detail: got; expected */
    EXTRA_BYTES,
};

struct transfer {
    enum outcome outcome;
    uint32_t offset; /* payload bytes done */
    int64_t detail;
    uint64_t expected;
    uint64_t hash; /* of the bytes sent or received */
    int64_t duration_us; /* of what was verified; see send_payload and receive_payload */
};

static inline void fill_payload(uint8_t *payload, uint64_t nonce)
{
    uint64_t x = nonce;
    for (uint32_t i = 0; i < NUMBERS; i += 1) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        payload[2 * i] = (uint8_t)(x >> 48);
        payload[2 * i + 1] = (uint8_t)(x >> 56);
    }
}

static inline uint64_t hash_bytes(const uint8_t *bytes, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i += 1)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* Reads until `size` bytes are there. VERIFIED means that they are; *done counts them in any case. */
static inline enum outcome read_exactly(int fd, uint8_t *bytes, uint32_t size, uint32_t *done, int64_t *detail)
{
    for (*done = 0; *done < size;) {
        long ready = wait_until(fd, POLLIN, clock_ms() + IDLE_LIMIT_MS);
        if (ready == 0)
            return TIMED_OUT;
        long got = ready < 0 ? ready : read_file(fd, bytes + *done, size - *done);
        if (got == 0)
            return CLOSED_EARLY;
        if (got < 0 && got != -EINTR && got != -EAGAIN) {
            *detail = got;
            return READ_FAILED;
        }
        if (got > 0)
            *done += (uint32_t)got;
    }
    return VERIFIED;
}

static inline enum outcome write_exactly(int fd, const uint8_t *bytes, uint32_t size, uint32_t *done, int64_t *detail)
{
    for (*done = 0; *done < size;) {
        long ready = wait_until(fd, POLLOUT, clock_ms() + IDLE_LIMIT_MS);
        if (ready == 0)
            return TIMED_OUT;
        long put = ready < 0 ? ready : send_bytes(fd, bytes + *done, size - *done);
        if (put < 0 && put != -EINTR && put != -EAGAIN) {
            *detail = put;
            return WRITE_FAILED;
        }
        if (put > 0)
            *done += (uint32_t)put;
    }
    return VERIFIED;
}

static inline void put_u64(uint8_t *bytes, uint64_t value)
{
    for (int i = 0; i < 8; i += 1)
        bytes[i] = (uint8_t)(value >> (8 * i));
}

static inline uint64_t get_u64(const uint8_t *bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i += 1)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

/* Its duration: from before the first byte is written until the answer is there. */
static inline struct transfer send_payload(int fd, uint64_t nonce)
{
    static uint8_t payload[PAYLOAD_SIZE];
    struct transfer transfer = { VERIFIED, 0, 0, 0, 0, 0 };
    fill_payload(payload, nonce);
    transfer.hash = hash_bytes(payload, PAYLOAD_SIZE);

    int64_t start_us = clock_us();
    transfer.outcome = write_exactly(fd, payload, PAYLOAD_SIZE, &transfer.offset, &transfer.detail);
    if (transfer.outcome != VERIFIED)
        return transfer;

    uint8_t answer[8];
    uint32_t answered;
    transfer.outcome = read_exactly(fd, answer, sizeof(answer), &answered, &transfer.detail);
    transfer.duration_us = clock_us() - start_us;
    if (transfer.outcome != VERIFIED)
        return transfer;
    if (get_u64(answer) != transfer.hash) {
        transfer.outcome = WRONG_HASH;
        transfer.detail = (int64_t)get_u64(answer);
        transfer.expected = transfer.hash;
    }
    return transfer;
}

/* Its duration: from `accepted_us`, when the connection was there, until the last byte of the payload is. */
static inline struct transfer receive_payload(int fd, uint64_t nonce, int64_t accepted_us)
{
    static uint8_t wanted[PAYLOAD_SIZE];
    static uint8_t payload[PAYLOAD_SIZE];
    struct transfer transfer = { VERIFIED, 0, 0, 0, 0, 0 };
    fill_payload(wanted, nonce);

    transfer.outcome = read_exactly(fd, payload, PAYLOAD_SIZE, &transfer.offset, &transfer.detail);
    transfer.duration_us = clock_us() - accepted_us;
    if (transfer.outcome != VERIFIED)
        return transfer;
    for (uint32_t i = 0; i < PAYLOAD_SIZE; i += 2) {
        uint32_t got = (uint32_t)(payload[i] | payload[i + 1] << 8);
        uint32_t expected = (uint32_t)(wanted[i] | wanted[i + 1] << 8);
        if (got != expected) {
            transfer.outcome = WRONG_NUMBER;
            transfer.offset = i;
            transfer.detail = got;
            transfer.expected = expected;
            return transfer;
        }
    }
    transfer.hash = hash_bytes(payload, PAYLOAD_SIZE);

    uint8_t answer[8];
    uint32_t answered;
    put_u64(answer, transfer.hash);
    transfer.outcome = write_exactly(fd, answer, sizeof(answer), &answered, &transfer.detail);
    if (transfer.outcome != VERIFIED)
        return transfer;

    uint8_t byte;
    transfer.outcome = read_exactly(fd, &byte, 1, &answered, &transfer.detail);
    if (transfer.outcome == VERIFIED)
        transfer.outcome = EXTRA_BYTES;
    else if (transfer.outcome == CLOSED_EARLY)
        transfer.outcome = VERIFIED;
    return transfer;
}

/* The reason of a failure, with its numbers. */
static inline void add_outcome(struct line *line, const struct transfer *transfer)
{
    switch (transfer->outcome) {
    case VERIFIED:
        add_text(line, "verified");
        return;
    case READ_FAILED:
    case WRITE_FAILED:
        add_text(line, transfer->outcome == READ_FAILED ? "read " : "write ");
        add_error(line, transfer->detail);
        break;
    case TIMED_OUT:
        add_text(line, "no progress for ");
        add_number(line, IDLE_LIMIT_MS / 1000);
        add_text(line, " s");
        break;
    case CLOSED_EARLY:
        add_text(line, "the peer closed early");
        break;
    case WRONG_NUMBER:
        add_text(line, "number ");
        add_number(line, transfer->offset / 2);
        add_text(line, " is ");
        add_number(line, (uint64_t)transfer->detail);
        add_text(line, ", expected ");
        add_number(line, transfer->expected);
        return;
    case WRONG_HASH:
        add_text(line, "the receiver answered hash ");
        add_hex(line, (uint64_t)transfer->detail);
        add_text(line, ", expected ");
        add_hex(line, transfer->expected);
        return;
    case EXTRA_BYTES:
        add_text(line, "more than ");
        add_number(line, PAYLOAD_SIZE);
        add_text(line, " bytes came");
        return;
    }
    add_text(line, " after ");
    add_number(line, transfer->offset);
    add_text(line, " of ");
    add_number(line, PAYLOAD_SIZE);
    add_text(line, " payload bytes");
}
