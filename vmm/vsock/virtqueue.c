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
    DESCRIPTOR_INDIRECT = 4,
};

/* virtio 2.7.6 and 2.7.8; each area ends in a 16-bit word for EVENT_IDX, which counts towards its size also without. */
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

_Static_assert(VSOCK_SEGMENTS > VSOCK_QUEUE_SIZE_MAX, "the longest chain fits, and a loop does not");

/* Where descriptors are: in the queue's own table, or in the one that one of those refers to. */
struct table {
    const uint8_t *descriptors;
    uint32_t num;
    bool is_indirect;
};

struct descriptor {
    uint64_t address;
    uint32_t size;
    uint16_t flags;
    uint16_t next;
};
_Static_assert(sizeof(struct descriptor) == DESCRIPTOR_SIZE, "virtio 2.7.5");

/* Every word of guest memory is read once, and in a way that the compiler cannot repeat. */
static uint16_t load16(const uint8_t *from, int order)
{
    const uint16_t *word = (const uint16_t *)(const void *)from;
    return order == __ATOMIC_ACQUIRE ? __atomic_load_n(word, __ATOMIC_ACQUIRE)
                                     : __atomic_load_n(word, __ATOMIC_RELAXED);
}

/* An indirect table may have any alignment. */
static struct descriptor load_descriptor(const struct table *table, uint16_t index)
{
    struct descriptor descriptor;
    memcpy(&descriptor, table->descriptors + (size_t)index * DESCRIPTOR_SIZE, DESCRIPTOR_SIZE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return descriptor;
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

bool vsock_queue_enable(struct vsock_queue *queue, unsigned options, vsock_translate *translate, void *cookie)
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
    queue->options = options;
    queue->translate = translate;
    queue->cookie = cookie;
    queue->available_index = 0;
    queue->used_index = 0;
    queue->published_index = 0;
    queue->in_flight = 0;
    uint32_t segments = (options & VSOCK_QUEUE_INDIRECT) != 0 ? VSOCK_SEGMENTS : num;
    for (uint16_t i = 0; i < segments; i++) {
        queue->segments[i].next = i + 1u < segments ? (uint16_t)(i + 1u) : VSOCK_SEGMENT_NONE;
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
        return (queue->options & VSOCK_QUEUE_INDIRECT) != 0 ? VSOCK_QUEUE_EMPTY : VSOCK_QUEUE_BROKEN;
    }
    queue->free_segment = queue->segments[index].next;
    queue->segments[index] = (struct vsock_segment){.data = data, .size = descriptor->size, .next = VSOCK_SEGMENT_NONE};
    **link = index;
    *link = &queue->segments[index].next;
    chain->size += descriptor->size;
    return VSOCK_QUEUE_CHAIN;
}

/* Goes on in the table that a descriptor refers to, whose WRITE flag says nothing (virtio 2.7.5.3.2). False if it may
 * not: never negotiated, a table within a table or in the middle of a chain, not of whole descriptors, not in guest
 * memory. */
static bool enter_table(const struct vsock_queue *queue, const struct descriptor *descriptor, struct table *table)
{
    if ((queue->options & VSOCK_QUEUE_INDIRECT) == 0 || table->is_indirect
        || (descriptor->flags & ~DESCRIPTOR_WRITE) != DESCRIPTOR_INDIRECT || descriptor->size == 0
        || descriptor->size % DESCRIPTOR_SIZE != 0) {
        return false;
    }
    *table = (struct table){
        .descriptors = translate_area(queue->translate, queue->cookie, descriptor->address, descriptor->size, 1),
        .num = descriptor->size / DESCRIPTOR_SIZE,
        .is_indirect = true,
    };
    return table->descriptors != NULL;
}

static enum vsock_queue_result copy_chain(struct vsock_queue *queue, enum vsock_direction direction,
                                          struct vsock_chain *chain)
{
    uint16_t expected = direction == VSOCK_DEVICE_WRITES ? DESCRIPTOR_WRITE : 0;
    struct table table = {.descriptors = queue->descriptors, .num = queue->num};
    uint16_t *link = &chain->first;
    uint16_t index = chain->head;

    /* The longest chain has as many descriptors as the queue, besides the one that refers to a table of them. */
    for (uint32_t count = 0; count <= queue->num && index < table.num; count++) {
        struct descriptor descriptor = load_descriptor(&table, index);
        index = descriptor.next;
        chain->slots += table.is_indirect ? 0 : 1;
        if ((descriptor.flags & DESCRIPTOR_INDIRECT) != 0) {
            if (!enter_table(queue, &descriptor, &table)) {
                return VSOCK_QUEUE_BAD_CHAIN;
            }
            index = 0;
            continue;
        }
        if ((descriptor.flags & ~DESCRIPTOR_NEXT) != expected) {
            return VSOCK_QUEUE_BAD_CHAIN;
        }
        enum vsock_queue_result result = add_segment(queue, &descriptor, chain, &link);
        if (result != VSOCK_QUEUE_CHAIN || (descriptor.flags & DESCRIPTOR_NEXT) == 0) {
            return result;
        }
    }
    return table.is_indirect ? VSOCK_QUEUE_BAD_CHAIN : VSOCK_QUEUE_BROKEN;
}

/* Chains that the driver has made available and that were not taken. */
static uint16_t count_pending(const struct vsock_queue *queue)
{
    return (uint16_t)(load16(queue->available + AVAILABLE_INDEX, __ATOMIC_ACQUIRE) - queue->available_index);
}

/* Asks for a kick at the next chain, and looks once more: the driver moves avail.idx, then looks what we asked for. */
static uint16_t await_chain(const struct vsock_queue *queue)
{
    uint16_t *available_event = (uint16_t *)(void *)(queue->used + USED_RING + queue->num * USED_ELEMENT_SIZE);
    __atomic_store_n(available_event, queue->available_index, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return count_pending(queue);
}

enum vsock_queue_result vsock_queue_take(struct vsock_queue *queue, enum vsock_direction direction,
                                         struct vsock_chain *chain)
{
    uint16_t pending = count_pending(queue);
    if (pending == 0 && (queue->options & VSOCK_QUEUE_EVENT_IDX) != 0) {
        pending = await_chain(queue);
    }
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
    if (result == VSOCK_QUEUE_EMPTY) {
        free_chain(queue, chain);
    } else if (result != VSOCK_QUEUE_BROKEN) {
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

/* Of what was returned, the last `published` are shown, or would be: does the driver want an interrupt for it? */
static bool wants_interrupt(const struct vsock_queue *queue, uint16_t published)
{
    if ((queue->options & VSOCK_QUEUE_EVENT_IDX) == 0) {
        return (load16(queue->available + AVAILABLE_FLAGS, __ATOMIC_RELAXED) & AVAILABLE_NO_INTERRUPT) == 0;
    }
    /* Is used_event one of the entries that were published now? */
    uint16_t used_event = load16(queue->available + AVAILABLE_RING + queue->num * 2, __ATOMIC_RELAXED);
    return (uint16_t)(queue->used_index - used_event - 1) < published;
}

bool vsock_queue_would_interrupt(const struct vsock_queue *queue)
{
    return wants_interrupt(queue, vsock_queue_unpublished(queue));
}

bool vsock_queue_publish(struct vsock_queue *queue)
{
    if (queue->used_index == queue->published_index) {
        return false;
    }
    uint16_t published = vsock_queue_unpublished(queue);
    __atomic_store_n((uint16_t *)(void *)(queue->used + USED_INDEX), queue->used_index, __ATOMIC_RELEASE);
    queue->published_index = queue->used_index;
    /* The driver turns interrupts on, then looks at used.idx; we do it the other way around. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return wants_interrupt(queue, published);
}
