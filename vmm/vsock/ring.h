/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way between two devices: two shared regions, each written by one side only.
 *
 *     region of A (A writes, B reads)             region of B (B writes, A reads)
 *     +0x00  tail       how far A has written     +0x00  tail       how far B has written
 *     +0x04  epoch      how often A's guest died  +0x04  epoch
 *     +0x08  want_room  A waits for B's head      +0x08  want_room
 *     +0x40  head       how far A has read B      +0x40  head       how far B has read A
 *     +0x44  sleeping   wake A when B.tail moves  +0x44  sleeping
 *     +0x1000  data     A's records for B         +0x1000  data     B's records for A
 *
 * All zero is a valid, empty ring whose consumer is awake: a side that has not started yet needs no notification,
 * because it looks at the ring when it starts. Positions count bytes modulo 2^32 and are taken modulo the size of the
 * data, a power of two. A record is 56 bytes (the writer's epoch, the reader's epoch as the writer knows it, the packet
 * header, whether its packet began in the record before), then the payload, padded to 8 bytes. Records may wrap around
 * the end of the data.
 *
 * Nothing that the peer writes is trusted: its words are read once, judged, and kept privately; our own positions are
 * never read back. A tail or a length that cannot be is VSOCK_RING_BROKEN, and a head that cannot be leaves no room.
 *
 * Notifications are hints. A consumer that finds nothing sets `sleeping`, and only then looks once more; a producer
 * publishes its tail, and only then looks at `sleeping`. With a full fence between the two steps on both sides, one of
 * the two sees the other. `want_room` does the same in the other direction.
 *
 * Epochs. When a guest goes (reset, power-off), its device raises its epoch. The peer first delivers the records that
 * were written before, then resets its own guest's surviving connections. Records of later lives carry the later epoch,
 * so the order is exact even when the peer sleeps through it; records addressed to an earlier life of ours are dropped.
 *
 * The reserve. A device must answer some records with an RST, for which it needs room in its own ring. If guests'
 * packets took all room there is, two full rings of records to be answered would stand still. So they leave a reserve
 * free, which only answers may fill: each answer frees at least as much of the other ring as it takes of this one,
 * hence one side can always proceed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet.h"

struct vsock_ring_region {
    uint32_t tail;
    uint32_t epoch;
    uint32_t want_room;
    uint32_t unused_tail[13];
    uint32_t head;
    uint32_t sleeping;
    uint32_t unused_head[14];
    uint32_t unused[(VSOCK_RING_HEADER_SIZE - 128) / 4];
    uint8_t data[];
};

/* Bytes of a record before its payload. */
#define VSOCK_RECORD_SIZE 56u

struct vsock_record {
    struct vsock_header header;
    uint32_t epoch;      /* the writer's, when it was written */
    uint32_t peer_epoch; /* the reader's, as the writer knew it */
    bool continues;      /* the packet of the record before */
};

struct vsock_bytes {
    const uint8_t *data;
    size_t size;
};

/* Both directions between us and one peer. */
struct vsock_ring {
    struct vsock_ring_region *own;
    const struct vsock_ring_region *peer;
    uint32_t data_size;

    uint32_t tail;       /* end of what we wrote; beyond the published one until vsock_ring_publish() */
    uint32_t head;       /* end of what we read */
    uint32_t epoch;      /* of our guest */
    uint32_t peer_epoch; /* of the peer's guest, as far as we have read */
    uint32_t readable;   /* bytes of the record at hand not read yet, padding included */

    uint32_t published_tail; /* what own->tail says, and so on */
    uint32_t published_head;
    bool sleeping;
    bool want_room;
    bool is_urgent;  /* of what the peer was not yet considered for a notification for, something is */
    bool tail_moved; /* published, and the peer not considered for a notification since */
    bool head_moved;
};

enum vsock_ring_result {
    VSOCK_RING_EMPTY,
    VSOCK_RING_RECORD,
    VSOCK_RING_BROKEN,
};

/* True if a region of `region_size` bytes can be a ring. */
bool vsock_ring_size_valid(uint64_t region_size);

/* Joins the two regions. If ours has been in use before, goes on from there with a new epoch. */
void vsock_ring_init(struct vsock_ring *ring, void *own, const void *peer, uint64_t region_size);

/* --- what we send --- */

/* Largest payload that fits in one record now; false if not even an empty one does. An answer may use the reserve. */
bool vsock_ring_room(const struct vsock_ring *ring, bool answer, uint32_t *payload_size);

/* Writes a record's header, for which there must be room; vsock_ring_write() appends its header->len bytes; then end. A
 * record that is not urgent does not wake the peer, until one does that is. */
void vsock_ring_begin(struct vsock_ring *ring, const struct vsock_header *header, bool continues);
void vsock_ring_write(struct vsock_ring *ring, const void *from, size_t size);
void vsock_ring_end(struct vsock_ring *ring, bool is_urgent);

/* What was written and not read yet is urgent after all. */
void vsock_ring_hurry(struct vsock_ring *ring);

/* The peer has not been considered for a notification, because nothing of what was published was urgent. */
bool vsock_ring_puts_off(const struct vsock_ring *ring);

/* The last `size` bytes that were written, before vsock_ring_end(): one part, or two if they wrap. */
void vsock_ring_written(const struct vsock_ring *ring, uint32_t size, struct vsock_bytes parts[2]);

/* A new life of our guest: everything written before belongs to the last one. */
void vsock_ring_raise_epoch(struct vsock_ring *ring);

/* --- what we receive --- */

/* The next record. It is read (or skipped) completely before the next call. */
enum vsock_ring_result vsock_ring_next(struct vsock_ring *ring, struct vsock_record *record);
void vsock_ring_read(struct vsock_ring *ring, void *to, size_t size);
void vsock_ring_finish(struct vsock_ring *ring);

/* True if the ring is empty and the peer's guest has died since the last record: peer_epoch is then the new one. */
bool vsock_ring_epoch_passed(struct vsock_ring *ring);

/* Throws away all that the peer has written, after it turned out to be nonsense. */
void vsock_ring_resynchronise(struct vsock_ring *ring);

/* --- both --- */

/* Shows the peer what we have written and read. */
void vsock_ring_publish(struct vsock_ring *ring);

/* After vsock_ring_publish(): must the peer be notified of it? */
bool vsock_ring_peer_waits(struct vsock_ring *ring);

/* Goes to sleep, or wakes up. False: there is something to read after all, and we stay awake. */
bool vsock_ring_sleep(struct vsock_ring *ring);
void vsock_ring_wake(struct vsock_ring *ring);

/* Asks to be notified when the peer has read on, or not any longer. */
void vsock_ring_want_room(struct vsock_ring *ring, bool want);
