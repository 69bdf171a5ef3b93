/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From our guest to the peers' rings.
 *
 * Each packet is taken from the tx queue, judged, and appended to the FIFO of the peer it is for; from there it goes
 * into that peer's ring as soon as there is room, in pieces if it must. Its chain is returned when all of it is in the
 * ring. So a peer that does not read holds up its own packets only, until its guest's credit or our guest's descriptors
 * are used up.
 */
#include "device.h"
#include "memory.h"

/* A packet is split for the ring only if a piece of at least this part of the ring fits: no dribbling of crumbs. */
#define LEAST_PIECE(ring) ((ring)->data_size / 4)

static bool take_packet(struct vsock_device *device);
static void send_waiting(struct vsock_device *device, struct vsock_peer *peer, uint32_t *budget);

void vsock_tx_run(struct vsock_device *device, uint32_t *budget)
{
    if (!vsock_device_up(device)) {
        return;
    }
    /* Each packet may need a reply; without a place for it the queue waits. */
    while (*budget > 0 && device->replies_count < VSOCK_MAX_REPLIES && take_packet(device)) {
        --*budget;
    }
    for (unsigned i = 0; i < device->num_peers; i++) {
        send_waiting(device, &device->peers[i], budget);
    }
}

static void count(struct vsock_device *device, enum vsock_counter counter)
{
    device->counters[counter]++;
}

/* --- taking --- */

static struct vsock_peer *find_peer(struct vsock_device *device, uint64_t cid)
{
    for (unsigned i = 0; i < device->num_peers; i++) {
        if (device->peers[i].cid == cid) {
            return &device->peers[i];
        }
    }
    return NULL;
}

/* Counts a packet that goes nowhere and, unless it is an RST itself, answers it with one. */
static struct vsock_peer *refuse(struct vsock_device *device, const struct vsock_header *header, enum vsock_counter why)
{
    count(device, why);
    if (header->op != VSOCK_OP_RST) {
        vsock_rx_reply(device, header);
    }
    return NULL;
}

/* The peer that a packet is for, or NULL if it was dropped. `payload_size`: bytes in the chain after the header. */
static struct vsock_peer *route(struct vsock_device *device, const struct vsock_header *header, uint64_t payload_size)
{
    if (header->src_cid != device->guest_cid) {
        count(device, VSOCK_COUNT_TX_SPOOFED);
        return NULL;
    }
    if (!vsock_device_speaks(device, header->type)) {
        return refuse(device, header, VSOCK_COUNT_TX_UNKNOWN_TYPE);
    }
    switch (vsock_header_judge(header)) {
    case VSOCK_HEADER_UNKNOWN_OP:
        return refuse(device, header, VSOCK_COUNT_TX_UNKNOWN_OP);
    case VSOCK_HEADER_TOO_LONG:
    case VSOCK_HEADER_UNEXPECTED_PAYLOAD:
        count(device, VSOCK_COUNT_TX_BAD_LENGTH);
        return NULL;
    case VSOCK_HEADER_GOOD:
        break;
    }
    if (header->len > payload_size) {
        count(device, VSOCK_COUNT_TX_BAD_LENGTH);
        return NULL;
    }
    struct vsock_peer *peer = find_peer(device, header->dst_cid);
    if (peer == NULL) {
        return refuse(device, header, VSOCK_COUNT_TX_UNKNOWN_PEER);
    }
    struct vsock_connection connection = {
        .local_port = header->src_port, .peer_port = header->dst_port, .type = header->type};
    if (header->op == VSOCK_OP_REQUEST && !vsock_connections_add(&peer->connections, connection)) {
        return refuse(device, header, VSOCK_COUNT_TX_REFUSED);
    }
    if (header->op == VSOCK_OP_RST) {
        vsock_connections_remove(&peer->connections, connection);
    }
    return peer;
}

static void append(struct vsock_device *device, struct vsock_peer *peer, const struct vsock_chain *chain,
                   const struct vsock_header *header)
{
    /* There is one for each chain that the queue lets us hold. */
    uint16_t index = device->waiting_free;
    device->waiting_free = device->waiting[index].next;
    device->waiting[index] =
        (struct vsock_waiting){.chain = *chain, .header = *header, .left = header->len, .next = VSOCK_WAITING_NONE};
    if (peer->waiting_first == VSOCK_WAITING_NONE) {
        peer->waiting_first = index;
    } else {
        device->waiting[peer->waiting_last].next = index;
    }
    peer->waiting_last = index;
    peer->held += chain->slots;
}

/* Takes one packet from the tx queue. False if there is none. */
static bool take_packet(struct vsock_device *device)
{
    struct vsock_queue *queue = &device->queues[QUEUE_TX];
    struct vsock_chain chain;
    switch (vsock_queue_take(queue, VSOCK_DEVICE_READS, &chain)) {
    case VSOCK_QUEUE_EMPTY:
        return false;
    case VSOCK_QUEUE_BROKEN:
        vsock_device_fail(device);
        return false;
    case VSOCK_QUEUE_BAD_CHAIN:
        count(device, VSOCK_COUNT_TX_BAD_CHAIN);
        vsock_queue_return(queue, &chain, 0);
        return true;
    case VSOCK_QUEUE_CHAIN:
        break;
    }
    if (chain.size < VSOCK_HEADER_SIZE) {
        count(device, VSOCK_COUNT_TX_SHORT);
        vsock_queue_return(queue, &chain, 0);
        return true;
    }
    uint8_t wire[VSOCK_HEADER_SIZE];
    vsock_chain_read(queue, &chain, wire, sizeof wire);
    struct vsock_header header = vsock_header_parse(wire);
    struct vsock_peer *peer = route(device, &header, chain.size);
    if (peer == NULL) {
        vsock_queue_return(queue, &chain, 0);
        return true;
    }
    count(device, VSOCK_COUNT_TX_PACKETS);
    append(device, peer, &chain, &header);
    return true;
}

/* --- sending --- */

/* Bytes of payload that the next record for a packet may carry; false if it has to wait. */
static bool next_piece(const struct vsock_peer *peer, const struct vsock_waiting *packet, uint32_t *size)
{
    uint32_t room;
    if (!vsock_ring_room(&peer->ring, false, &room)) {
        return false;
    }
    *size = packet->left < room ? packet->left : room;
    return *size == packet->left || *size >= LEAST_PIECE(&peer->ring);
}

static void send_piece(struct vsock_device *device, struct vsock_peer *peer, struct vsock_waiting *packet,
                       uint32_t size)
{
    struct vsock_queue *queue = &device->queues[QUEUE_TX];
    struct vsock_header header = vsock_header_piece(&packet->header, size, size == packet->left);
    vsock_ring_begin(&peer->ring, &header, packet->left < packet->header.len);
    for (uint32_t left = size; left > 0;) {
        size_t part;
        const uint8_t *front = vsock_chain_front(queue, &packet->chain, left, &part);
        vsock_ring_write(&peer->ring, front, part);
        vsock_chain_skip(queue, &packet->chain, part);
        left -= (uint32_t)part;
    }
    vsock_device_observe(device, &header, &peer->ring);
    vsock_ring_end(&peer->ring, vsock_credit_send(device, peer, &header));
    packet->left -= size;
    device->counters[VSOCK_COUNT_TX_BYTES] += size;
    count(device, VSOCK_COUNT_TX_RECORDS);
}

/* Returns the chain of the first packet in a peer's FIFO. */
static void return_first(struct vsock_device *device, struct vsock_peer *peer)
{
    uint16_t index = peer->waiting_first;
    struct vsock_waiting *packet = &device->waiting[index];
    peer->held -= packet->chain.slots;
    peer->given_back += packet->chain.slots;
    vsock_queue_return(&device->queues[QUEUE_TX], &packet->chain, 0);
    peer->waiting_first = packet->next;
    packet->next = device->waiting_free;
    device->waiting_free = index;
}

static void send_waiting(struct vsock_device *device, struct vsock_peer *peer, uint32_t *budget)
{
    uint32_t size;
    while (*budget > 0 && peer->waiting_first != VSOCK_WAITING_NONE
           && next_piece(peer, &device->waiting[peer->waiting_first], &size)) {
        struct vsock_waiting *packet = &device->waiting[peer->waiting_first];
        send_piece(device, peer, packet, size);
        if (packet->left == 0) {
            return_first(device, peer);
        }
        --*budget;
    }
}

bool vsock_tx_settled(const struct vsock_device *device, const struct vsock_peer *peer)
{
    uint32_t size;
    return peer->waiting_first == VSOCK_WAITING_NONE || !next_piece(peer, &device->waiting[peer->waiting_first], &size);
}

void vsock_tx_abandon(struct vsock_device *device, struct vsock_peer *peer)
{
    while (peer->waiting_first != VSOCK_WAITING_NONE) {
        count(device, VSOCK_COUNT_TX_PEER_DIED);
        return_first(device, peer);
    }
}

void vsock_tx_reset(struct vsock_device *device)
{
    for (uint16_t i = 0; i < VSOCK_QUEUE_SIZE_MAX; i++) {
        device->waiting[i].next = i + 1u < VSOCK_QUEUE_SIZE_MAX ? (uint16_t)(i + 1u) : VSOCK_WAITING_NONE;
    }
    device->waiting_free = 0;
    memset(device->credits, 0, sizeof device->credits);
    for (unsigned i = 0; i < device->num_peers; i++) {
        device->peers[i].waiting_first = VSOCK_WAITING_NONE;
        device->peers[i].held = 0;
        device->peers[i].given_back = 0;
        device->peers[i].slow_ticks = 0;
    }
}
