/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the device share; not for seats. */
#pragma once

#include "vsock.h"

/* virtio 2.1 */
enum {
    STATUS_ACKNOWLEDGE = 1,
    STATUS_DRIVER = 2,
    STATUS_DRIVER_OK = 4,
    STATUS_FEATURES_OK = 8,
    STATUS_NEEDS_RESET = 64,
    STATUS_FAILED = 128,
};

/* virtio 4.2.2 */
enum {
    INTERRUPT_USED = 1,
    INTERRUPT_CONFIG = 2,
};

/* virtio 5.10.2 */
enum {
    QUEUE_RX = 0,
    QUEUE_TX = 1,
    QUEUE_EVENT = 2,
};

/* virtio 5.10.3 (bit 2: 1.3) and 6 */
#define FEATURE_STREAM            (UINT64_C(1) << 0)
#define FEATURE_SEQPACKET         (UINT64_C(1) << 1)
#define FEATURE_NO_IMPLIED_STREAM (UINT64_C(1) << 2)
#define FEATURE_INDIRECT_DESC     (UINT64_C(1) << 28)
#define FEATURE_EVENT_IDX         (UINT64_C(1) << 29)
#define FEATURE_VERSION_1         (UINT64_C(1) << 32)
#define FEATURES_OFFERED                                                                                               \
    (FEATURE_STREAM | FEATURE_SEQPACKET | FEATURE_NO_IMPLIED_STREAM | FEATURE_INDIRECT_DESC | FEATURE_EVENT_IDX        \
     | FEATURE_VERSION_1)

/* --- device.c --- */

/* The guest's driver is up: packets may be taken from it and given to it. */
bool vsock_device_up(const struct vsock_device *device);

/* The guest has negotiated this type of socket. */
bool vsock_device_speaks(const struct vsock_device *device, uint16_t type);

/* The driver of a guest that is up has broken its promises: ask for a reset, and touch its queues no more. */
void vsock_device_fail(struct vsock_device *device);

/* Every register as after power-on, nothing remembered of the guest. */
void vsock_device_reset(struct vsock_device *device);

/* The guest's connections end: peers are told, everything on its way is forgotten. */
void vsock_device_disconnect(struct vsock_device *device);

/* InterruptStatus gains bits, or loses them. */
void vsock_device_raise(struct vsock_device *device, uint32_t bits);
void vsock_device_lower(struct vsock_device *device, uint32_t bits);

/* A packet has been sent; `ring` has its payload as the last thing that was written, or is NULL if it has none. */
void vsock_device_observe(const struct vsock_device *device, const struct vsock_header *header,
                          const struct vsock_ring *ring);

/* --- tx.c: from our guest to the peers' rings --- */

/* Takes packets from the tx queue and writes records, until it cannot go on or the budget is used up. */
void vsock_tx_run(struct vsock_device *device, uint32_t *budget);

/* Nothing waits for room in the peer's ring, or there is no room. */
bool vsock_tx_settled(const struct vsock_device *device, const struct vsock_peer *peer);

/* The peer's guest died: returns what waited for room. */
void vsock_tx_abandon(struct vsock_device *device, struct vsock_peer *peer);

/* Forgets all that waits. */
void vsock_tx_reset(struct vsock_device *device);

/* --- rx.c: from the peers' rings to our guest --- */

/* Delivers replies and records, until it cannot go on or the budget is used up. */
void vsock_rx_run(struct vsock_device *device, uint32_t *budget);

/*
 * Takes a buffer of at least `size_min` bytes from a queue for what the guest receives. Smaller and broken ones go back
 * empty; a guest that adds them as fast as we return them has to kick again. False if there is none.
 */
bool vsock_rx_take_buffer(struct vsock_device *device, struct vsock_queue *queue, uint32_t size_min,
                          struct vsock_chain *buffer);

/* The record at hand must be answered with an RST, for which there may be no room. */
bool vsock_rx_must_answer(const struct vsock_device *device, const struct vsock_peer *peer);

/* Queues an RST for our guest that answers `header`. There must be room: replies_count < VSOCK_MAX_REPLIES. */
void vsock_rx_reply(struct vsock_device *device, const struct vsock_header *header);

/* Our guest's connections with the peer end, on both sides; what waits for the peer is returned, what it has sent is
 * dropped. */
void vsock_rx_give_up(struct vsock_device *device, struct vsock_peer *peer);

/* Forgets what is on its way to our guest. */
void vsock_rx_reset(struct vsock_device *device);

/* --- credit.c: credit updates that can wait --- */

/* A packet of our guest goes into the peer's ring: must the peer be woken for it? */
bool vsock_credit_send(struct vsock_device *device, const struct vsock_peer *peer, const struct vsock_header *header);

/* All of a peer's packet has been delivered to our guest. */
void vsock_credit_receive(struct vsock_device *device, struct vsock_peer *peer, const struct vsock_header *header);

/* --- event.c --- */

/* Tells our guest that all of its connections have ended. False if that cannot be said: there are other peers as well,
 * or no buffer for it. */
bool vsock_event_transport_reset(struct vsock_device *device);
