/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtqueue whose driver writes what it likes, while we read: every access stays within guest memory as it was
 * translated, every walk of a chain ends, and no more than was taken is returned.
 *
 * Bounds: a queue of VSOCK_QUEUE_SIZE_MAX entries with any registers and options, any positions, one chain on its way
 * from being taken to being returned.
 */
#include "virtqueue.h"

static uint8_t *ram;
static size_t ram_size;

/* Any answer that the seat may give: nothing, or any place in guest memory; so also one that ends where that ends. */
static void *translate(void *cookie, uint64_t address, size_t size)
{
    size_t offset = nondet_size();
    (void)cookie;
    PROVE(size > 0 && address <= UINT64_MAX - size, "no empty range and none that wraps is translated");
    ASSUME(size <= ram_size && offset <= ram_size - size);
    return nondet_bool() ? ram + offset : NULL;
}

static bool is_in_ram(const uint8_t *data, uint64_t size)
{
    return __CPROVER_same_object(data, ram) && size <= ram_size && __CPROVER_POINTER_OFFSET(data) <= ram_size - size;
}

static void any_ram(void)
{
    ram_size = nondet_size();
    ASSUME(ram_size > UINT32_MAX && ram_size < UINT64_C(1) << 40); /* every descriptor may fit */
    ram = malloc(ram_size);
    ASSUME(ram != NULL);
}

/* A queue as its registers made it, anywhere in its life; no chain is in flight. False if it was refused. */
static bool any_queue(struct vsock_queue *queue)
{
    any_ram();
    if (!vsock_queue_enable(queue, nondet_u32(), translate, NULL)) {
        return false;
    }
    PROVE(queue->num > 0 && queue->num <= VSOCK_QUEUE_SIZE_MAX, "a queue has a legal size");
    PROVE(is_in_ram(queue->descriptors, queue->num * 16) && is_in_ram(queue->available, 6 + queue->num * 2)
              && is_in_ram(queue->used, 6 + queue->num * 8),
          "a queue's areas are in guest memory");
    queue->available_index = queue->used_index = queue->published_index = nondet_u16();
    REACHED("a queue was enabled");
    return true;
}

static bool take(struct vsock_queue *queue, struct vsock_chain *chain)
{
    switch (vsock_queue_take(queue, nondet_bool() ? VSOCK_DEVICE_READS : VSOCK_DEVICE_WRITES, chain)) {
    case VSOCK_QUEUE_EMPTY:
        PROVE(queue->in_flight == 0, "what was not taken is not in flight");
        return false;
    case VSOCK_QUEUE_BROKEN:
        REACHED("a broken queue");
        return false;
    case VSOCK_QUEUE_BAD_CHAIN:
        REACHED("a bad chain");
        break;
    case VSOCK_QUEUE_CHAIN:
        REACHED("a good chain");
        break;
    }
    PROVE(queue->in_flight == 1, "what was taken is in flight");
    return true;
}

void prove_take(void)
{
    struct vsock_queue queue;
    struct vsock_chain chain;
    if (!any_queue(&queue) || !take(&queue, &chain)) {
        return;
    }
    uint64_t size = 0;
    for (uint16_t index = chain.first; index != VSOCK_SEGMENT_NONE; index = queue.segments[index].next) {
        PROVE(index < VSOCK_SEGMENTS, "a chain has segments of its queue");
        PROVE(queue.segments[index].size > 0 && is_in_ram(queue.segments[index].data, queue.segments[index].size),
              "a chain is in guest memory");
        size += queue.segments[index].size;
    }
    PROVE(size == chain.size, "a chain is as long as its segments together");
    vsock_queue_return(&queue, &chain, nondet_u32());
    (void)vsock_queue_publish(&queue);
    PROVE(queue.in_flight == 0 && queue.used_index == queue.available_index, "as many are returned as were taken");
}
