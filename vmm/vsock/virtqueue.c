/* SPDX-License-Identifier: BSD-2-Clause */
/* A split virtqueue: taking chains from the driver and giving them back. */
#include "virtqueue.h"
#include "memory.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "virtqueues are little endian, and so must be this machine"
#endif

/* virtio 2.7.5 */
enum {
    DESCRIPTOR_SIZE = 16,
    DESCRIPTOR_NEXT = 1,
    DESCRIPTOR_WRITE = 2,
};

/* virtio 2.7.6 and 2.7.8; each area ends in a 16-bit word for EVENT_IDX, which counts towards its size. */
enum {
    AVAILABLE_FLAGS = 0,
    AVAILABLE_INDEX = 2,
    AVAILABLE_RING = 4,
    AVAILABLE_NO_INTERRUPT = 1,
    USED_INDEX = 2,
    USED_RING = 4,
    USED_ELEMENT_SIZE = 8,
    EVENT_WORD_SIZE = 2,
};

/* virtio 2.7: alignment of the areas */
enum {
    DESCRIPTORS_ALIGN = 16,
    AVAILABLE_ALIGN = 2,
    USED_ALIGN = 4,
};

struct descriptor {
    uint64_t address;
    uint32_t size;
    uint16_t flags;
    uint16_t next;
};

/* Every word of guest memory is read by exactly one load, which the compiler cannot repeat. */
static uint16_t load16(const uint8_t *from, int order)
{
    const uint16_t *word = (const uint16_t *)(const void *)from;
    return order == __ATOMIC_ACQUIRE ? __atomic_load_n(word, __ATOMIC_ACQUIRE)
                                     : __atomic_load_n(word, __ATOMIC_RELAXED);
}

static struct descriptor load_descriptor(const struct vsock_queue *queue, uint16_t index)
{
    const uint64_t *words = (const uint64_t *)(const void *)(queue->descriptors + (size_t)index * DESCRIPTOR_SIZE);
    uint64_t address = __atomic_load_n(words, __ATOMIC_RELAXED);
    uint64_t rest = __atomic_load_n(words + 1, __ATOMIC_RELAXED);
    return (struct descriptor){
        .address = address,
        .size = (uint32_t)rest,
        .flags = (uint16_t)(rest >> 32),
        .next = (uint16_t)(rest >> 48),
    };
}

void vsock_queue_reset(struct vsock_queue *queue)
{
    memset(queue, 0, sizeof *queue);
}

static uint8_t *translate_area(vsock_translate *translate, void *cookie, uint64_t address, size_t size, unsigned align)
{
    if (address % align != 0 || address > UINT64_MAX - size) {
        return NULL;
    }
    uint8_t *area = translate(cookie, address, size);
    return (uintptr_t)area % align == 0 ? area : NULL;
}

bool vsock_queue_enable(struct vsock_queue *queue, vsock_translate *translate, void *cookie)
{
    uint32_t num = queue->num;
    if (num == 0 || num > VSOCK_QUEUE_SIZE_MAX || (num & (num - 1)) != 0) {
        return false;
    }
    queue->descriptors =
        translate_area(translate, cookie, queue->descriptor_address, num * DESCRIPTOR_SIZE, DESCRIPTORS_ALIGN);
    queue->available = translate_area(translate, cookie, queue->driver_address,
                                      AVAILABLE_RING + num * 2 + EVENT_WORD_SIZE, AVAILABLE_ALIGN);
    queue->used = translate_area(translate, cookie, queue->device_address,
                                 USED_RING + num * USED_ELEMENT_SIZE + EVENT_WORD_SIZE, USED_ALIGN);
    if (queue->descriptors == NULL || queue->available == NULL || queue->used == NULL) {
        return false;
    }
    queue->translate = translate;
    queue->cookie = cookie;
    queue->available_index = 0;
    queue->used_index = 0;
    queue->published_index = 0;
    queue->in_flight = 0;
    for (uint16_t i = 0; i < num; i++) {
        queue->segments[i].next = i + 1u < num ? (uint16_t)(i + 1u) : VSOCK_SEGMENT_NONE;
    }
    queue->free_segment = 0;
    queue->ready = true;
    return true;
}

void vsock_queue_disable(struct vsock_queue *queue)
{
    queue->ready = false;
    queue->descriptors = NULL;
    queue->available = NULL;
    queue->used = NULL;
}

static void free_chain(struct vsock_queue *queue, struct vsock_chain *chain)
{
    while (chain->first != VSOCK_SEGMENT_NONE) {
        struct vsock_segment *segment = &queue->segments[chain->first];
        uint16_t next = segment->next;
        segment->next = queue->free_segment;
        queue->free_segment = chain->first;
        chain->first = next;
    }
    chain->size = 0;
}

/* Appends a descriptor's memory to the chain; `*link` is where the index of the new segment belongs. */
static enum vsock_queue_result add_segment(struct vsock_queue *queue, const struct descriptor *descriptor,
                                           struct vsock_chain *chain, uint16_t **link)
{
    if (descriptor->size == 0) {
        return VSOCK_QUEUE_CHAIN;
    }
    if (descriptor->address > UINT64_MAX - descriptor->size) {
        return VSOCK_QUEUE_BAD_CHAIN;
    }
    uint8_t *data = queue->translate(queue->cookie, descriptor->address, descriptor->size);
    if (data == NULL) {
        return VSOCK_QUEUE_BAD_CHAIN;
    }
    uint16_t index = queue->free_segment;
    if (index == VSOCK_SEGMENT_NONE) {
        return VSOCK_QUEUE_BROKEN;
    }
    queue->free_segment = queue->segments[index].next;
    queue->segments[index] = (struct vsock_segment){.data = data, .size = descriptor->size, .next = VSOCK_SEGMENT_NONE};
    **link = index;
    *link = &queue->segments[index].next;
    chain->size += descriptor->size;
    return VSOCK_QUEUE_CHAIN;
}

static enum vsock_queue_result copy_chain(struct vsock_queue *queue, enum vsock_direction direction,
                                          struct vsock_chain *chain)
{
    uint16_t expected = direction == VSOCK_DEVICE_WRITES ? DESCRIPTOR_WRITE : 0;
    uint16_t *link = &chain->first;
    uint16_t index = chain->head;

    for (uint32_t count = 0; count < queue->num; count++) {
        if (index >= queue->num) {
            return VSOCK_QUEUE_BROKEN;
        }
        struct descriptor descriptor = load_descriptor(queue, index);
        if ((descriptor.flags & ~DESCRIPTOR_NEXT) != expected) {
            return VSOCK_QUEUE_BAD_CHAIN;
        }
        enum vsock_queue_result result = add_segment(queue, &descriptor, chain, &link);
        if (result != VSOCK_QUEUE_CHAIN || (descriptor.flags & DESCRIPTOR_NEXT) == 0) {
            return result;
        }
        index = descriptor.next;
    }
    return VSOCK_QUEUE_BROKEN;
}

enum vsock_queue_result vsock_queue_take(struct vsock_queue *queue, enum vsock_direction direction,
                                         struct vsock_chain *chain)
{
    uint16_t pending =
        (uint16_t)(load16(queue->available + AVAILABLE_INDEX, __ATOMIC_ACQUIRE) - queue->available_index);
    if (pending == 0) {
        return VSOCK_QUEUE_EMPTY;
    }
    /* The driver cannot have more chains out than there are descriptors; what we hold counts. */
    if (pending > queue->num - queue->in_flight) {
        return VSOCK_QUEUE_BROKEN;
    }
    size_t slot = queue->available_index & (queue->num - 1);
    *chain = (struct vsock_chain){
        .head = load16(queue->available + AVAILABLE_RING + slot * 2, __ATOMIC_RELAXED),
        .first = VSOCK_SEGMENT_NONE,
    };
    enum vsock_queue_result result = copy_chain(queue, direction, chain);
    if (result != VSOCK_QUEUE_BROKEN) {
        queue->available_index++;
        queue->in_flight++;
    }
    return result;
}

void vsock_chain_read(struct vsock_queue *queue, struct vsock_chain *chain, void *to, size_t size)
{
    uint8_t *bytes = to;
    while (size > 0) {
        size_t part;
        const uint8_t *front = vsock_chain_front(queue, chain, size, &part);
        memcpy(bytes, front, part);
        vsock_chain_skip(queue, chain, part);
        bytes += part;
        size -= part;
    }
    /* The compiler must not go back to guest memory for what was copied. */
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

void vsock_chain_write(struct vsock_queue *queue, struct vsock_chain *chain, const void *from, size_t size)
{
    const uint8_t *bytes = from;
    while (size > 0) {
        size_t part;
        uint8_t *front = vsock_chain_front(queue, chain, size, &part);
        memcpy(front, bytes, part);
        vsock_chain_skip(queue, chain, part);
        bytes += part;
        size -= part;
    }
}

uint8_t *vsock_chain_front(struct vsock_queue *queue, const struct vsock_chain *chain, size_t limit, size_t *size)
{
    const struct vsock_segment *segment = &queue->segments[chain->first];
    *size = segment->size < limit ? segment->size : limit;
    return segment->data;
}

void vsock_chain_skip(struct vsock_queue *queue, struct vsock_chain *chain, size_t size)
{
    struct vsock_segment *segment = &queue->segments[chain->first];
    segment->data += size;
    segment->size -= (uint32_t)size;
    chain->size -= size;
    if (segment->size == 0) {
        uint16_t done = chain->first;
        chain->first = segment->next;
        segment->next = queue->free_segment;
        queue->free_segment = done;
    }
}

void vsock_queue_return(struct vsock_queue *queue, struct vsock_chain *chain, uint32_t written)
{
    free_chain(queue, chain);
    size_t slot = queue->used_index & (queue->num - 1);
    uint32_t *element = (uint32_t *)(void *)(queue->used + USED_RING + slot * USED_ELEMENT_SIZE);
    __atomic_store_n(element, chain->head, __ATOMIC_RELAXED);
    __atomic_store_n(element + 1, written, __ATOMIC_RELAXED);
    queue->used_index++;
    queue->in_flight--;
}

uint16_t vsock_queue_unpublished(const struct vsock_queue *queue)
{
    return (uint16_t)(queue->used_index - queue->published_index);
}

bool vsock_queue_interrupts(const struct vsock_queue *queue)
{
    return (load16(queue->available + AVAILABLE_FLAGS, __ATOMIC_RELAXED) & AVAILABLE_NO_INTERRUPT) == 0;
}

bool vsock_queue_publish(struct vsock_queue *queue)
{
    if (queue->used_index == queue->published_index) {
        return false;
    }
    __atomic_store_n((uint16_t *)(void *)(queue->used + USED_INDEX), queue->used_index, __ATOMIC_RELEASE);
    queue->published_index = queue->used_index;
    /* The driver turns interrupts on, then looks at used.idx; we do it the other way around. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return (load16(queue->available + AVAILABLE_FLAGS, __ATOMIC_RELAXED) & AVAILABLE_NO_INTERRUPT) == 0;
}
