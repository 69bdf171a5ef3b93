/* SPDX-License-Identifier: BSD-2-Clause */
/* Random streams between the guests of a world. */
#include "streams.h"

#include <string.h>

#include "harness.h"

struct stream streams[MAX_GUESTS][MAX_GUESTS];
uint64_t seed;

static struct packet packet;
static uint32_t last_port;

struct world *streams_start(unsigned num, uint64_t ring_size, uint64_t from_seed)
{
    struct world *world = world_new(num, ring_size);
    memset(streams, 0, sizeof streams);
    seed = from_seed;
    for (unsigned i = 0; i < num; i++) {
        guest_boot(world->guests[i]);
    }
    return world;
}

uint8_t stream_byte(unsigned from, unsigned to, uint32_t port, uint32_t at)
{
    return (uint8_t)((at * 31 + port * 7 + from * 3 + to) ^ at >> 8);
}

static struct vsock_header stream_header(unsigned from, unsigned to, unsigned op, uint32_t len)
{
    struct vsock_header header = make_header(3 + from, 3 + to, op, len);
    header.src_port = header.dst_port = streams[from][to].port;
    header.buf_alloc = from * 1000 + to;
    header.fwd_cnt = streams[from][to].port;
    return header;
}

/* Queues a packet as a chain of one to six descriptors. */
static void queue_in_pieces(struct guest *guest, const struct vsock_header *header, const uint8_t *payload)
{
    struct driver_queue *queue = &guest->queues[TX];
    uint32_t size = VSOCK_HEADER_SIZE + header->len;
    uint64_t address = slot_address(TX, queue->free[queue->num_free - 1]);
    struct segment segments[6];
    unsigned num = 0;
    vsock_header_render(header, guest_memory(guest, address));
    memcpy(guest_memory(guest, address + VSOCK_HEADER_SIZE), payload, header->len);
    unsigned want = 1 + random_below(&seed, 6);
    for (uint32_t at = 0; at < size;) {
        bool last = num + 1 == want || num + 1 == queue->num_free;
        uint32_t part = last ? size - at : random_below(&seed, size - at + 1);
        segments[num++] = (struct segment){address + at, part, 0};
        at += part;
    }
    guest_add(guest, TX, segments, num);
}

void streams_send(struct world *world, unsigned from, unsigned to)
{
    static uint8_t payload[VSOCK_PAYLOAD_SIZE_MAX];
    struct guest *guest = world->guests[from];
    struct stream *stream = &streams[from][to];
    if (guest->queues[TX].num_free == 0) {
        return;
    }
    if (stream->port == 0 || stream->ended) {
        *stream = (struct stream){.port = ++last_port};
        struct vsock_header request = stream_header(from, to, VSOCK_OP_REQUEST, 0);
        guest_queue_packet(guest, &request, NULL, 0);
    } else {
        uint32_t len = random_below(&seed, 5) == 0 ? VSOCK_PAYLOAD_SIZE_MAX : random_below(&seed, 5000);
        for (uint32_t i = 0; i < len; i++) {
            payload[i] = stream_byte(from, to, stream->port, stream->sent + i);
        }
        struct vsock_header rw = stream_header(from, to, VSOCK_OP_RW, len);
        queue_in_pieces(guest, &rw, payload);
        stream->sent += len;
    }
    if (random_below(&seed, 4) != 0) {
        guest_kick(guest, TX);
    }
}

void streams_receive(struct world *world, unsigned to)
{
    while (guest_receive(world->guests[to], &packet)) {
        const struct vsock_header *header = &packet.header;
        unsigned from = (unsigned)header->src_cid - 3;
        CHECK(from < 3 && from != to);
        struct stream *stream = &streams[from][to];
        if (header->op == VSOCK_OP_RST) { /* of a stream in either direction */
            stream->ended = stream->ended || header->src_port == stream->port;
            streams[to][from].ended = streams[to][from].ended || header->src_port == streams[to][from].port;
            continue;
        }
        if (header->src_port != stream->port || stream->ended) {
            continue; /* left from a stream that a reset has ended */
        }
        CHECK_EQUAL(header->buf_alloc, from * 1000 + to);
        CHECK_EQUAL(header->fwd_cnt, stream->port);
        if (header->op == VSOCK_OP_REQUEST) {
            CHECK(!stream->accepted);
            stream->accepted = true;
            continue;
        }
        CHECK_EQUAL(header->op, VSOCK_OP_RW);
        if (!stream->accepted) {
            stream->orphaned = true; /* its request fell into the gap between two lives: the sender is told by an RST */
            continue;
        }
        CHECK(stream->received + packet.size <= stream->sent);
        for (uint32_t i = 0; i < packet.size; i++) {
            CHECK_EQUAL(packet.payload[i], stream_byte(from, to, stream->port, stream->received + i));
        }
        stream->received += packet.size;
    }
    uint32_t head, length;
    while (guest_used(world->guests[to], TX, &head, &length)) {
        CHECK_EQUAL(length, 0);
    }
}

/* What has come to an honest guest: of the other one every byte is right; of the vandal's, nothing is expected. */
static void receive_beside_vandal(struct world *world, unsigned who, unsigned other)
{
    struct guest *guest = world->guests[who];
    uint32_t head, length;
    while (guest_receive(guest, &packet)) {
        if (packet.header.src_cid == 4) {
            continue;
        }
        struct stream *stream = &streams[other][who];
        CHECK_EQUAL(packet.header.src_cid, 3 + other);
        CHECK(packet.header.op == VSOCK_OP_REQUEST || packet.header.op == VSOCK_OP_RW);
        for (uint32_t at = 0; at < packet.size; at++) {
            CHECK_EQUAL(packet.payload[at], stream_byte(other, who, stream->port, stream->received + at));
        }
        stream->received += packet.size;
    }
    while (guest_used(guest, TX, &head, &length)) {
        CHECK_EQUAL(length, 0);
    }
    CHECK_EQUAL(reg_read(guest, R_STATUS), 15);
}

void streams_step_beside_vandal(struct world *world, unsigned who)
{
    unsigned other = 2 - who;
    struct guest *guest = world->guests[who];
    guest->more = vsock_device_notified(&guest->device, peer_index(who, 1));
    if (guest->queues[TX].num_free > QUEUE_NUM / 2) {
        struct vsock_header to_vandal = make_header(guest->cid, 4, 1 + random_below(&seed, 7), 0);
        guest_queue_packet(guest, &to_vandal, NULL, 0);
        streams_send(world, who, other);
    }
    guest_kick(guest, TX);
    guest_post(guest, guest->queues[RX].num_free, 3776);
    for (unsigned run = 0; run < 20 && guest->more; run++) {
        guest->more = vsock_device_run(&guest->device);
    }
    guest_kick(world->guests[other], TX);
    receive_beside_vandal(world, who, other);
}
