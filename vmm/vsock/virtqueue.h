/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One split virtqueue as its device sees it (virtio 2.7).
 *
 * The three areas lie in guest memory, so the guest may rewrite any byte at any time. Therefore each word is read once,
 * a chain is copied into private segments with translated addresses before anything is done with it, and all positions
 * are kept here, never read back. What a chain's descriptors say is judged while they are copied:
 *
 *  - what only a broken driver can produce (a jump of avail.idx, a descriptor index outside the table, a loop, a
 * descriptor in two chains at once) is VSOCK_QUEUE_BROKEN: the device must stop and ask for a reset;
 *  - what is wrong with one chain (an address outside guest memory, a wrong direction, an indirect table that was never
 *    negotiated or leads out of itself) leaves the queue usable: VSOCK_QUEUE_BAD_CHAIN, to be returned to the driver with length 0.
 *
 * Every descriptor of the table belongs to at most one chain at a time, so without indirect tables `num` private
 * segments are enough for any honest driver, and to run out of them is to be broken. With them, a chain that finds too
 * few segments stays where it is until others have been returned.
 *
 * Who hears of what. Without VSOCK_QUEUE_EVENT_IDX the driver kicks for all that it adds, and a flag of its decides
 * whether it is interrupted. With it, each side names the index of the other at which it wants to hear of it: a queue
 * that is found empty asks to be kicked for the next chain, and looks once more; one that nobody looks into is not kicked.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"

#define VSOCK_SEGMENT_NONE 0xffffu

/* Guest memory [address, address + size) as this program may access it, or NULL unless all of it is guest RAM. */
typedef void *vsock_translate(void *cookie, uint64_t guest_physical, size_t size);

struct vsock_segment {
    uint8_t *data;
    uint32_t size;
    uint16_t next; /* in the chain or the free list, VSOCK_SEGMENT_NONE at the end */
};

/* A chain taken from the queue: what is left of it to read or write. */
struct vsock_chain {
    uint64_t size;  /* bytes left in its segments */
    uint16_t head;  /* names it to the driver */
    uint16_t first; /* segment, or VSOCK_SEGMENT_NONE */
    uint16_t slots; /* descriptors of the queue's own table that it takes up */
};

struct vsock_queue {
    /* What the driver programs through the registers. */
    uint64_t descriptor_address;
    uint64_t driver_address;
    uint64_t device_address;
    uint32_t num;
    bool ready;
    unsigned options; /* of enum vsock_queue_option, while ready */

    /* Valid while ready: the areas, translated once. */
    const uint8_t *descriptors;
    const uint8_t *available;
    uint8_t *used;
    vsock_translate *translate;
    void *cookie;

    uint16_t available_index; /* next entry to take */
    uint16_t used_index;      /* next entry to fill */
    uint16_t published_index; /* used.idx as the driver sees it */
    uint16_t in_flight;       /* chains taken and not yet returned */

    struct vsock_segment segments[VSOCK_SEGMENTS];
    uint16_t free_segment;
};

enum vsock_queue_result {
    VSOCK_QUEUE_EMPTY,
    VSOCK_QUEUE_CHAIN,
    VSOCK_QUEUE_BAD_CHAIN,
    VSOCK_QUEUE_BROKEN,
};

/* The direction that every descriptor of a queue must have. */
enum vsock_direction {
    VSOCK_DEVICE_READS,
    VSOCK_DEVICE_WRITES,
};

/* What the driver has negotiated for its queues (virtio 6). */
enum vsock_queue_option {
    VSOCK_QUEUE_INDIRECT = 1,
    VSOCK_QUEUE_EVENT_IDX = 2,
};

/* Forgets everything, registers included. */
void vsock_queue_reset(struct vsock_queue *queue);

/* Tries to make the queue ready with what its registers say. False: a bad size, alignment or address; it stays off. */
bool vsock_queue_enable(struct vsock_queue *queue, unsigned options, vsock_translate *translate, void *cookie);

/* Stops the queue: guest memory is not touched again, chains in flight are forgotten. The registers keep their values.
 */
void vsock_queue_disable(struct vsock_queue *queue);

/* Takes the next chain. With VSOCK_QUEUE_EMPTY there is none, and the driver will kick when there is one; or there are
 * too few segments for it, and chains must be returned first. With VSOCK_QUEUE_BAD_CHAIN it is good for nothing but
 * vsock_queue_return(), which it needs as well. */
enum vsock_queue_result vsock_queue_take(struct vsock_queue *queue, enum vsock_direction direction,
                                         struct vsock_chain *chain);

/* Copies the next `size` bytes out of a chain and moves past them. `size` must not exceed chain->size. */
void vsock_chain_read(struct vsock_queue *queue, struct vsock_chain *chain, void *to, size_t size);

/* Copies `size` bytes into a chain and moves past them. `size` must not exceed chain->size. */
void vsock_chain_write(struct vsock_queue *queue, struct vsock_chain *chain, const void *from, size_t size);

/* The contiguous memory at the front of a chain, `*size` bytes of at most `limit`; then vsock_chain_skip() past them.
 */
uint8_t *vsock_chain_front(struct vsock_queue *queue, const struct vsock_chain *chain, size_t limit, size_t *size);
void vsock_chain_skip(struct vsock_queue *queue, struct vsock_chain *chain, size_t size);

/* Returns a chain to the driver, of whose bytes the first `written` were written. Visible after vsock_queue_publish().
 */
void vsock_queue_return(struct vsock_queue *queue, struct vsock_chain *chain, uint32_t written);

/* How many chains vsock_queue_publish() would show the driver. */
uint16_t vsock_queue_unpublished(const struct vsock_queue *queue);

/* It would return true, as far as can be said before. */
bool vsock_queue_would_interrupt(const struct vsock_queue *queue);

/* Shows the driver what was returned. True if it wants an interrupt for it. */
bool vsock_queue_publish(struct vsock_queue *queue);
