/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pair of rings of RING_DATA_SIZE bytes whose peer writes what it likes: every access stays within the two regions, and a record
 * that is handed out has all of its payload.
 *
 * The ring is in any state that `legal` allows; one step is taken, and `legal` holds again. So what is proved of one
 * step is proved of any number of them.
 */
#include "ring.h"

static bool legal(const struct vsock_ring *ring)
{
    return ring->data_size == RING_DATA_SIZE && ring->readable == 0 && ring->tail % 8 == 0;
}

static void send(struct vsock_ring *ring)
{
    struct vsock_header header;
    uint32_t room, tail = ring->tail;
    bool answer = nondet_bool();
    if (!vsock_ring_room(ring, answer, &room)) {
        REACHED("no room");
        return;
    }
    PROVE(room <= ring->data_size - VSOCK_RECORD_SIZE - (answer ? 0 : VSOCK_RING_RESERVE_SIZE), "room is in the ring");
    ASSUME(header.len <= room);
    uint32_t first = nondet_u32();
    ASSUME(first <= header.len);
    const uint8_t *payload = proof_memory(header.len);
    vsock_ring_begin(ring, &header, false);
    vsock_ring_write(ring, payload, first);
    vsock_ring_write(ring, payload + first, header.len - first);
    struct vsock_bytes parts[2];
    vsock_ring_written(ring, header.len, parts);
    PROVE(parts[0].size + parts[1].size == header.len, "what was written is all shown");
    PROVE(__CPROVER_r_ok(parts[0].data, parts[0].size) && __CPROVER_r_ok(parts[1].data, parts[1].size),
          "what is shown is in the ring");
    vsock_ring_end(ring, true);
    PROVE(ring->tail - tail <= VSOCK_RECORD_SIZE + room, "a record takes no more than the room there was");
    REACHED("a record was sent");
}

static void receive(struct vsock_ring *ring)
{
    struct vsock_record record;
    switch (vsock_ring_next(ring, &record)) {
    case VSOCK_RING_EMPTY:
        (void)vsock_ring_epoch_passed(ring);
        REACHED("an empty ring");
        return;
    case VSOCK_RING_BROKEN:
        vsock_ring_resynchronise(ring);
        REACHED("a broken ring");
        return;
    case VSOCK_RING_RECORD:
        break;
    }
    PROVE(record.header.len <= VSOCK_PAYLOAD_SIZE_MAX && record.header.len <= ring->data_size, "a length that can be");
    PROVE(ring->readable >= record.header.len && ring->readable < record.header.len + 8, "a record has its payload");
    uint32_t size = nondet_u32();
    ASSUME(size <= record.header.len);
    vsock_ring_read(ring, proof_memory(size), size);
    vsock_ring_finish(ring);
    REACHED("a record was received");
}

void prove(void)
{
    struct vsock_ring ring;
    ASSUME(legal(&ring));
    PROVE(vsock_ring_size_valid(VSOCK_RING_HEADER_SIZE + RING_DATA_SIZE), "the ring may have this size");
    ring.own = malloc(VSOCK_RING_HEADER_SIZE + RING_DATA_SIZE);
    ring.peer = malloc(VSOCK_RING_HEADER_SIZE + RING_DATA_SIZE);
    ASSUME(ring.own != NULL && ring.peer != NULL);

    switch (nondet_u32()) {
    case 0:
        ASSUME(ring.own->tail % 8 == 0); /* nobody but us has written there */
        vsock_ring_init(&ring, ring.own, ring.peer, VSOCK_RING_HEADER_SIZE + (uint64_t)ring.data_size);
        break;
    case 1:
        send(&ring);
        break;
    case 2:
        receive(&ring);
        break;
    case 3:
        vsock_ring_publish(&ring);
        (void)vsock_ring_peer_waits(&ring);
        break;
    case 4:
        (void)vsock_ring_sleep(&ring);
        break;
    case 5:
        vsock_ring_want_room(&ring, nondet_bool());
        break;
    default:
        vsock_ring_raise_epoch(&ring);
        break;
    }
    PROVE(legal(&ring), "the next step finds a legal ring");
}
