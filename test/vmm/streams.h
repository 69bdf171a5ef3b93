/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random streams between the guests of a world, for the stress tests. Byte i of the stream from guest a to guest b on a
 * port is stream_byte(a, b, port, i). A port is never used again, so nothing of an earlier stream can be taken for a
 * later one. Data may be missing at a stream's end if one of the two was reset, but never in the middle, and never
 * wrong.
 */
#pragma once

#include "guest.h"

struct stream {
    uint32_t port; /* of both ends; 0: not begun */
    uint32_t sent;
    uint32_t received;
    bool accepted; /* the receiver has seen the request */
    bool ended;    /* one of the two has seen a reset */
    bool orphaned; /* data has come without a request */
};

extern struct stream streams[MAX_GUESTS][MAX_GUESTS]; /* [from][to] */
extern uint64_t seed;

/* Booted guests without streams, and the seed of all that follows. */
struct world *streams_start(unsigned num, uint64_t ring_size, uint64_t from_seed);

uint8_t stream_byte(unsigned from, unsigned to, uint32_t port, uint32_t at);

/* Begins or continues a stream with a packet of random size in random descriptors, if the queue takes one. */
void streams_send(struct world *world, unsigned from, unsigned to);

/* Takes all that a guest has received, and checks every byte. */
void streams_receive(struct world *world, unsigned to);

/* Of three guests number 1 is a vandal. One of the others, 0 or 2, hears of it, sends to both, and takes all that it has
 * received; every byte of the other honest one is checked, and nothing of the vandal's. */
void streams_step_beside_vandal(struct world *world, unsigned who);
