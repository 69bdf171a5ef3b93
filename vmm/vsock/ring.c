/* SPDX-License-Identifier: BSD-2-Clause */
/* A pair of shared rings: sending and receiving records, sleeping and waking. The protocol is told in ring.h. */
#include "ring.h"
#include "memory.h"

#define RECORD_EPOCH      0
#define RECORD_PEER_EPOCH 4
#define RECORD_HEADER     8
#define RECORD_CONTINUES  52
#define RECORD_ALIGN      8u

_Static_assert(sizeof(struct vsock_ring_region) == VSOCK_RING_HEADER_SIZE, "the data starts on the second page");
_Static_assert(RECORD_CONTINUES == RECORD_HEADER + VSOCK_HEADER_SIZE && VSOCK_RECORD_SIZE > RECORD_CONTINUES && VSOCK_RECORD_SIZE % RECORD_ALIGN == 0,
               "record layout");

static uint32_t align_up(uint32_t size)
{
    return (size + RECORD_ALIGN - 1) & ~(RECORD_ALIGN - 1);
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

bool vsock_ring_size_valid(uint64_t region_size)
{
    uint64_t data_size = region_size - VSOCK_RING_HEADER_SIZE;
    return region_size > VSOCK_RING_HEADER_SIZE && data_size >= VSOCK_RING_DATA_SIZE_MIN
           && data_size <= VSOCK_RING_DATA_SIZE_MAX && (data_size & (data_size - 1)) == 0;
}

void vsock_ring_init(struct vsock_ring *ring, void *own, const void *peer, uint64_t region_size)
{
    memset(ring, 0, sizeof *ring);
    ring->own = own;
    ring->peer = peer;
    ring->data_size = (uint32_t)(region_size - VSOCK_RING_HEADER_SIZE);
    ring->tail = ring->published_tail = ring->own->tail;
    ring->head = ring->published_head = ring->own->head;
    ring->epoch = ring->own->epoch;
    __atomic_store_n(&ring->own->sleeping, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&ring->own->want_room, 0, __ATOMIC_RELAXED);
    if (ring->tail != 0 || ring->head != 0 || ring->epoch != 0) {
        vsock_ring_raise_epoch(ring);
    }
}

/* --- what we send --- */

bool vsock_ring_room(const struct vsock_ring *ring, bool answer, uint32_t *payload_size)
{
    uint32_t used = ring->tail - __atomic_load_n(&ring->peer->head, __ATOMIC_ACQUIRE);
    if (used > ring->data_size) {
        return false;
    }
    uint32_t needed = VSOCK_RECORD_SIZE + (answer ? 0 : VSOCK_RING_RESERVE_SIZE);
    uint32_t room = ring->data_size - used;
    if (room < needed) {
        return false;
    }
    *payload_size = (room - needed) & ~(RECORD_ALIGN - 1);
    return true;
}

void vsock_ring_begin(struct vsock_ring *ring, const struct vsock_header *header, bool continues)
{
    uint8_t record[VSOCK_RECORD_SIZE] = {0};
    memcpy(record + RECORD_EPOCH, &ring->epoch, sizeof ring->epoch);
    memcpy(record + RECORD_PEER_EPOCH, &ring->peer_epoch, sizeof ring->peer_epoch);
    vsock_header_render(header, record + RECORD_HEADER);
    record[RECORD_CONTINUES] = continues ? 1 : 0;
    vsock_ring_write(ring, record, sizeof record);
}

void vsock_ring_write(struct vsock_ring *ring, const void *from, size_t size)
{
    uint32_t position = ring->tail & (ring->data_size - 1);
    uint32_t part = least((uint32_t)size, ring->data_size - position);
    copy_payload(ring->own->data + position, from, part);
    if (size > part) {
        copy_payload(ring->own->data, (const uint8_t *)from + part, size - part);
    }
    ring->tail += (uint32_t)size;
}

void vsock_ring_written(const struct vsock_ring *ring, uint32_t size, struct vsock_bytes parts[2])
{
    uint32_t position = (ring->tail - size) & (ring->data_size - 1);
    uint32_t part = least(size, ring->data_size - position);
    parts[0] = (struct vsock_bytes){.data = ring->own->data + position, .size = part};
    parts[1] = (struct vsock_bytes){.data = ring->own->data, .size = size - part};
}

void vsock_ring_end(struct vsock_ring *ring, bool is_urgent)
{
    ring->tail = align_up(ring->tail);
    ring->is_urgent = ring->is_urgent || is_urgent;
}

void vsock_ring_hurry(struct vsock_ring *ring)
{
    if (ring->is_urgent) {
        return;
    }
    if (ring->tail == __atomic_load_n(&ring->peer->head, __ATOMIC_RELAXED)) {
        ring->tail_moved = false;
    } else {
        ring->is_urgent = ring->tail_moved || ring->tail != ring->published_tail;
    }
}

bool vsock_ring_puts_off(const struct vsock_ring *ring)
{
    return ring->tail_moved;
}

void vsock_ring_raise_epoch(struct vsock_ring *ring)
{
    /* Records of the last life are visible before the epoch that ends it. */
    vsock_ring_publish(ring);
    ring->epoch++;
    __atomic_store_n(&ring->own->epoch, ring->epoch, __ATOMIC_RELEASE);
    ring->tail_moved = true;
    ring->is_urgent = true;
}

/* --- what we receive --- */

static void copy_out(struct vsock_ring *ring, void *to, uint32_t size)
{
    uint32_t position = ring->head & (ring->data_size - 1);
    uint32_t part = least(size, ring->data_size - position);
    copy_payload(to, ring->peer->data + position, part);
    if (size > part) {
        copy_payload((uint8_t *)to + part, ring->peer->data, size - part);
    }
    ring->head += size;
}

enum vsock_ring_result vsock_ring_next(struct vsock_ring *ring, struct vsock_record *record)
{
    uint32_t filled = __atomic_load_n(&ring->peer->tail, __ATOMIC_ACQUIRE) - ring->head;
    if (filled == 0) {
        return VSOCK_RING_EMPTY;
    }
    if (filled > ring->data_size || filled < VSOCK_RECORD_SIZE || filled % RECORD_ALIGN != 0) {
        return VSOCK_RING_BROKEN;
    }
    uint8_t bytes[VSOCK_RECORD_SIZE];
    copy_out(ring, bytes, sizeof bytes);
    /* The compiler must not go back to shared memory for what was copied. */
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    memcpy(&record->epoch, bytes + RECORD_EPOCH, sizeof record->epoch);
    memcpy(&record->peer_epoch, bytes + RECORD_PEER_EPOCH, sizeof record->peer_epoch);
    record->header = vsock_header_parse(bytes + RECORD_HEADER);
    record->continues = bytes[RECORD_CONTINUES] != 0;
    uint32_t len = record->header.len;
    if (len > VSOCK_PAYLOAD_SIZE_MAX || align_up(len) > filled - VSOCK_RECORD_SIZE) {
        return VSOCK_RING_BROKEN;
    }
    ring->readable = align_up(len);
    return VSOCK_RING_RECORD;
}

void vsock_ring_read(struct vsock_ring *ring, void *to, size_t size)
{
    copy_out(ring, to, (uint32_t)size);
    ring->readable -= (uint32_t)size;
}

void vsock_ring_finish(struct vsock_ring *ring)
{
    ring->head += ring->readable;
    ring->readable = 0;
}

bool vsock_ring_epoch_passed(struct vsock_ring *ring)
{
    uint32_t epoch = __atomic_load_n(&ring->peer->epoch, __ATOMIC_ACQUIRE);
    if (epoch == ring->peer_epoch) {
        return false;
    }
    /* Only now does an equal tail say that there is nothing left of the life that ended. */
    if (__atomic_load_n(&ring->peer->tail, __ATOMIC_ACQUIRE) != ring->head) {
        return false;
    }
    ring->peer_epoch = epoch;
    return true;
}

void vsock_ring_resynchronise(struct vsock_ring *ring)
{
    ring->peer_epoch = __atomic_load_n(&ring->peer->epoch, __ATOMIC_ACQUIRE);
    ring->head = __atomic_load_n(&ring->peer->tail, __ATOMIC_ACQUIRE);
    ring->readable = 0;
}

/* --- both --- */

void vsock_ring_publish(struct vsock_ring *ring)
{
    if (ring->tail != ring->published_tail) {
        __atomic_store_n(&ring->own->tail, ring->tail, __ATOMIC_RELEASE);
        ring->published_tail = ring->tail;
        ring->tail_moved = true;
    }
    if (ring->head != ring->published_head) {
        __atomic_store_n(&ring->own->head, ring->head, __ATOMIC_RELEASE);
        ring->published_head = ring->head;
        ring->head_moved = true;
    }
}

bool vsock_ring_peer_waits(struct vsock_ring *ring)
{
    bool tail_moved = ring->tail_moved & ring->is_urgent;
    if (!(tail_moved | ring->head_moved)) {
        return false;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    bool waits = (tail_moved && __atomic_load_n(&ring->peer->sleeping, __ATOMIC_RELAXED) != 0)
                 || (ring->head_moved && __atomic_load_n(&ring->peer->want_room, __ATOMIC_RELAXED) != 0);
    if (tail_moved) {
        ring->tail_moved = false;
        ring->is_urgent = false;
    }
    ring->head_moved = false;
    return waits;
}

bool vsock_ring_sleep(struct vsock_ring *ring)
{
    __atomic_store_n(&ring->own->sleeping, 1, __ATOMIC_RELAXED);
    ring->sleeping = true;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&ring->peer->tail, __ATOMIC_RELAXED) == ring->head
        && __atomic_load_n(&ring->peer->epoch, __ATOMIC_RELAXED) == ring->peer_epoch) {
        return true;
    }
    vsock_ring_wake(ring);
    return false;
}

void vsock_ring_wake(struct vsock_ring *ring)
{
    if (ring->sleeping) {
        __atomic_store_n(&ring->own->sleeping, 0, __ATOMIC_RELAXED);
        ring->sleeping = false;
    }
}

void vsock_ring_want_room(struct vsock_ring *ring, bool want)
{
    if (ring->want_room != want) {
        __atomic_store_n(&ring->own->want_room, want ? 1 : 0, __ATOMIC_RELAXED);
        ring->want_room = want;
    }
    if (want) {
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    }
}
