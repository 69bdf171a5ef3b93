/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the peers' rings to our guest.
 *
 * Three kinds of packets want its receive buffers: our own RSTs that answer its packets (replies), our own RSTs for
 * connections whose peer died (survivors), and the peers' records, which are split to the size of the buffers. Replies
 * come first, then the peers take turns. A record that cannot be delivered to this guest is answered with an RST to the
 * peer.
 */
#include "device.h"

static bool deliver_reply(struct vsock_device *device);
static bool step(struct vsock_device *device, struct vsock_peer *peer);

void vsock_rx_run(struct vsock_device *device, uint32_t *budget)
{
    while (*budget > 0 && deliver_reply(device)) {
        --*budget;
    }
    for (unsigned i = 0; i < device->num_peers; i++) {
        struct vsock_peer *peer = &device->peers[(device->turn + i) % device->num_peers];
        for (unsigned steps = 0; *budget > 0 && steps < VSOCK_TURN && step(device, peer); steps++) {
            --*budget;
        }
    }
    if (device->num_peers > 0) {
        device->turn = (device->turn + 1) % device->num_peers;
    }
}

static void count(struct vsock_device *device, enum vsock_counter counter)
{
    device->counters[counter]++;
}

/* --- the guest's buffers --- */

bool vsock_rx_take_buffer(struct vsock_device *device, struct vsock_queue *queue, uint32_t size_min,
                          struct vsock_chain *buffer)
{
    for (uint32_t tries = 0; tries < queue->num; tries++) {
        switch (vsock_queue_take(queue, VSOCK_DEVICE_WRITES, buffer)) {
        case VSOCK_QUEUE_EMPTY:
            return false;
        case VSOCK_QUEUE_BROKEN:
            vsock_device_fail(device);
            return false;
        case VSOCK_QUEUE_BAD_CHAIN:
            count(device, VSOCK_COUNT_RX_BAD_CHAIN);
            vsock_queue_return(queue, buffer, 0);
            break;
        case VSOCK_QUEUE_CHAIN:
            if (buffer->size >= size_min) {
                return true;
            }
            count(device, VSOCK_COUNT_RX_SHORT);
            vsock_queue_return(queue, buffer, 0);
            break;
        }
    }
    return false;
}

static void write_header(struct vsock_device *device, struct vsock_chain *buffer, const struct vsock_header *header)
{
    uint8_t wire[VSOCK_HEADER_SIZE];
    vsock_header_render(header, wire);
    vsock_chain_write(&device->queues[QUEUE_RX], buffer, wire, sizeof wire);
    count(device, VSOCK_COUNT_RX_PACKETS);
}

/* Delivers a packet without payload that we made ourselves. */
static bool deliver_header(struct vsock_device *device, const struct vsock_header *header)
{
    struct vsock_chain buffer;
    if (!vsock_rx_take_buffer(device, &device->queues[QUEUE_RX], VSOCK_HEADER_SIZE, &buffer)) {
        return false;
    }
    write_header(device, &buffer, header);
    vsock_queue_return(&device->queues[QUEUE_RX], &buffer, VSOCK_HEADER_SIZE);
    vsock_device_observe(device, header, NULL);
    count(device, VSOCK_COUNT_RESETS_TO_GUEST);
    return true;
}

/* --- replies --- */

void vsock_rx_reply(struct vsock_device *device, const struct vsock_header *header)
{
    uint32_t last = (device->replies_first + device->replies_count) % VSOCK_MAX_REPLIES;
    device->replies[last] = vsock_header_reset(header);
    device->replies_count++;
}

static bool deliver_reply(struct vsock_device *device)
{
    if (device->replies_count == 0 || !deliver_header(device, &device->replies[device->replies_first])) {
        return false;
    }
    device->replies_first = (device->replies_first + 1) % VSOCK_MAX_REPLIES;
    device->replies_count--;
    return true;
}

/* --- records --- */

static bool take_record(struct vsock_device *device, struct vsock_peer *peer);
static bool reset_survivor(struct vsock_device *device, struct vsock_peer *peer,
                           const struct vsock_connection *connection);
static bool deliver_piece(struct vsock_device *device, struct vsock_peer *peer);
static bool answer(struct vsock_device *device, struct vsock_peer *peer, enum vsock_counter why);
static void finish(struct vsock_peer *peer);

static struct vsock_connection connection_of(const struct vsock_header *header)
{
    return (struct vsock_connection){
        .local_port = header->dst_port, .peer_port = header->src_port, .type = header->type};
}

/* Can the record at hand be delivered? Else `why` not. It depends on our guest, so it may change while the record
 * waits. */
static bool deliverable(const struct vsock_device *device, const struct vsock_peer *peer, enum vsock_counter *why)
{
    const struct vsock_header *header = &peer->record.header;
    if (!vsock_device_up(device)) {
        *why = VSOCK_COUNT_RX_NOT_READY;
        return false;
    }
    if (!vsock_device_speaks(device, header->type)) {
        *why = VSOCK_COUNT_RX_UNKNOWN_TYPE;
        return false;
    }
    *why = VSOCK_COUNT_RX_REFUSED;
    return header->op != VSOCK_OP_REQUEST || vsock_connections_fit(&peer->connections, connection_of(header));
}

/* Moves one thing on its way from a peer to our guest. False if there is nothing, or it has to wait. */
static bool step(struct vsock_device *device, struct vsock_peer *peer)
{
    const struct vsock_connection *survivor = vsock_connections_survivor(&peer->connections);
    if (survivor != NULL) {
        return reset_survivor(device, peer, survivor);
    }
    if (!peer->holding) {
        return take_record(device, peer);
    }
    enum vsock_counter why;
    return deliverable(device, peer, &why) ? deliver_piece(device, peer) : answer(device, peer, why);
}

/* The peer's guest has died, and all that it sent before was delivered. */
static void bury(struct vsock_device *device, struct vsock_peer *peer)
{
    vsock_tx_abandon(device, peer);
    vsock_connections_orphan(&peer->connections);
}

void vsock_rx_give_up(struct vsock_device *device, struct vsock_peer *peer)
{
    if (peer->holding) {
        finish(peer);
    }
    vsock_ring_raise_epoch(&peer->ring);
    bury(device, peer);
}

static bool judge_record(struct vsock_device *device, const struct vsock_peer *peer)
{
    const struct vsock_header *header = &peer->record.header;
    if (peer->record.peer_epoch != peer->ring.epoch) {
        count(device, VSOCK_COUNT_RX_STALE);
        return false;
    }
    if (header->src_cid != peer->cid || header->dst_cid != device->guest_cid) {
        count(device, VSOCK_COUNT_RX_SPOOFED);
        return false;
    }
    if (vsock_header_judge(header) != VSOCK_HEADER_GOOD) {
        count(device, VSOCK_COUNT_RX_MALFORMED);
        return false;
    }
    return true;
}

/* The rest of a packet that was refused is neither refused again, nor delivered should our guest be up by now. Between its
 * records may be an RST, with which the peer's device answers something of ours. */
static bool is_rest_of_refused(struct vsock_peer *peer)
{
    if (!peer->record.continues && peer->record.header.op != VSOCK_OP_RST) {
        peer->refusing = false;
    }
    return peer->refusing && peer->record.continues;
}

static bool take_record(struct vsock_device *device, struct vsock_peer *peer)
{
    switch (vsock_ring_next(&peer->ring, &peer->record)) {
    case VSOCK_RING_EMPTY:
        if (!vsock_ring_epoch_passed(&peer->ring)) {
            return false;
        }
        bury(device, peer);
        return true;
    case VSOCK_RING_BROKEN:
        /* Bytes are lost, in streams that promise to lose none: every connection ends, on both sides. */
        count(device, VSOCK_COUNT_RX_RING_BROKEN);
        vsock_ring_resynchronise(&peer->ring);
        if (vsock_event_transport_reset(device)) {
            vsock_connections_clear(&peer->connections);
        }
        vsock_rx_give_up(device, peer);
        return true;
    case VSOCK_RING_RECORD:
        break;
    }
    if (peer->record.epoch != peer->ring.peer_epoch) {
        peer->ring.peer_epoch = peer->record.epoch;
        bury(device, peer);
    }
    peer->holding = true;
    peer->left = peer->record.header.len;
    if (!is_rest_of_refused(peer) && judge_record(device, peer)) {
        count(device, VSOCK_COUNT_RX_RECORDS);
    } else {
        finish(peer);
    }
    return true;
}

static bool reset_survivor(struct vsock_device *device, struct vsock_peer *peer,
                           const struct vsock_connection *connection)
{
    struct vsock_header header = {
        .src_cid = peer->cid,
        .dst_cid = device->guest_cid,
        .src_port = connection->peer_port,
        .dst_port = connection->local_port,
        .type = connection->type,
        .op = VSOCK_OP_RST,
    };
    if (!deliver_header(device, &header)) {
        return false;
    }
    count(device, VSOCK_COUNT_RX_SURVIVORS);
    vsock_connections_remove(&peer->connections, *connection);
    return true;
}

/* Puts as much of the record at hand into one buffer as fits there. */
static bool deliver_piece(struct vsock_device *device, struct vsock_peer *peer)
{
    struct vsock_queue *queue = &device->queues[QUEUE_RX];
    const struct vsock_header *whole = &peer->record.header;
    struct vsock_chain buffer;
    if (!vsock_rx_take_buffer(device, queue, VSOCK_HEADER_SIZE + (peer->left > 0 ? 1 : 0), &buffer)) {
        return false;
    }
    uint64_t room = buffer.size - VSOCK_HEADER_SIZE;
    uint32_t size = peer->left < room ? peer->left : (uint32_t)room;
    struct vsock_header header = vsock_header_piece(whole, size, size == peer->left);
    write_header(device, &buffer, &header);
    for (uint32_t left = size; left > 0;) {
        size_t part;
        uint8_t *front = vsock_chain_front(queue, &buffer, left, &part);
        vsock_ring_read(&peer->ring, front, part);
        vsock_chain_skip(queue, &buffer, part);
        left -= (uint32_t)part;
    }
    vsock_queue_return(queue, &buffer, VSOCK_HEADER_SIZE + size);
    device->counters[VSOCK_COUNT_RX_BYTES] += size;
    peer->left -= size;
    if (peer->left > 0) {
        return true;
    }
    vsock_credit_receive(device, peer, whole);
    if (whole->op == VSOCK_OP_REQUEST) {
        (void)vsock_connections_add(&peer->connections, connection_of(whole)); /* deliverable() saw that it fits */
    } else if (whole->op == VSOCK_OP_RST) {
        vsock_connections_remove(&peer->connections, connection_of(whole));
    }
    finish(peer);
    return true;
}

bool vsock_rx_must_answer(const struct vsock_device *device, const struct vsock_peer *peer)
{
    enum vsock_counter unused;
    /* Survivors come first, and leave places for connections. */
    return peer->holding && vsock_connections_survivor(&peer->connections) == NULL
           && peer->record.header.op != VSOCK_OP_RST && !deliverable(device, peer, &unused);
}

/* The record at hand cannot be delivered: tells the peer, unless it is an RST, which is never answered. */
static bool answer(struct vsock_device *device, struct vsock_peer *peer, enum vsock_counter why)
{
    uint32_t unused;
    if (peer->record.header.op != VSOCK_OP_RST) {
        if (!vsock_ring_room(&peer->ring, true, &unused)) {
            return false;
        }
        struct vsock_header header = vsock_header_reset(&peer->record.header);
        vsock_ring_begin(&peer->ring, &header, false);
        vsock_ring_end(&peer->ring, true);
        vsock_device_observe(device, &header, NULL);
        count(device, VSOCK_COUNT_RESETS_TO_PEER);
    }
    count(device, why);
    peer->refusing = true;
    finish(peer);
    return true;
}

static void finish(struct vsock_peer *peer)
{
    vsock_ring_finish(&peer->ring);
    peer->holding = false;
}

void vsock_rx_reset(struct vsock_device *device)
{
    device->replies_count = 0;
    for (unsigned i = 0; i < device->num_peers; i++) {
        struct vsock_peer *peer = &device->peers[i];
        if (peer->holding) {
            finish(peer);
        }
        vsock_connections_clear(&peer->connections);
    }
}
