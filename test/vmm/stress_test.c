/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random back-to-back runs of three guests, seeded and bounded: streams whose every byte is checked, cut into random
 * descriptors and received in random buffers, while guests reset, and lastly while one peer rewrites its rings.
 *
 * Byte i of the stream from guest a to guest b in connection c is byte_at(a, b, c, i). A connection is a pair of ports that is
 * never used again. Data may be missing at a connection's end if a guest was reset, but never in the middle or wrong.
 */
#include <string.h>

#include "guest.h"
#include "harness.h"

#define STEPS 4000

static struct packet packet;
static uint64_t seed;

static struct stream {
    uint32_t port;     /* of both ends; 0: not begun */
    uint32_t sent;
    uint32_t received;
    bool accepted;     /* the receiver has seen the request */
    bool ended;        /* one of the two has seen a reset */
    bool orphaned;     /* data has come without a request */
} streams[3][3];

static uint32_t last_port;

static uint8_t byte_at(unsigned from, unsigned to, uint32_t port, uint32_t at)
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

static void send_something(struct world *world, unsigned from, unsigned to)
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
            payload[i] = byte_at(from, to, stream->port, stream->sent + i);
        }
        struct vsock_header rw = stream_header(from, to, VSOCK_OP_RW, len);
        queue_in_pieces(guest, &rw, payload);
        stream->sent += len;
    }
    if (random_below(&seed, 4) != 0) {
        guest_kick(guest, TX);
    }
}

static void receive_all(struct world *world, unsigned to)
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
            CHECK_EQUAL(packet.payload[i], byte_at(from, to, stream->port, stream->received + i));
        }
        stream->received += packet.size;
    }
    uint32_t head, length;
    while (guest_used(world->guests[to], TX, &head, &length)) {
        CHECK_EQUAL(length, 0);
    }
}

static void end_streams_of(unsigned guest)
{
    for (unsigned i = 0; i < 3; i++) {
        streams[guest][i].ended = true;
        streams[i][guest].ended = true;
    }
}

static void step(struct world *world, unsigned resets_in)
{
    unsigned who = random_below(&seed, world->num);
    struct guest *guest = world->guests[who];
    switch (random_below(&seed, 6)) {
    case 0:
    case 1:
        send_something(world, who, (who + 1 + random_below(&seed, world->num - 1)) % world->num);
        break;
    case 2:
    case 3:
        if (guest->queues[RX].num_free > 0) {
            uint32_t num = 1 + random_below(&seed, guest->queues[RX].num_free);
            guest_post(guest, num, random_below(&seed, 3) == 0 ? 45 + random_below(&seed, 5000) : 3776);
        }
        break;
    case 4:
        world_settle(world);
        break;
    case 5:
        for (unsigned i = 0; i < world->num; i++) {
            receive_all(world, i);
        }
        break;
    }
    if (resets_in != 0 && random_below(&seed, resets_in) == 0) {
        if (random_below(&seed, 2) == 0) {
            vsock_device_guest_reset(&guest->device);
        }
        guest_boot(guest);
        end_streams_of(who);
    }
}

static struct world *start(unsigned num, uint64_t ring_size, uint64_t from_seed)
{
    struct world *world = world_new(num, ring_size);
    memset(streams, 0, sizeof streams);
    seed = from_seed;
    for (unsigned i = 0; i < num; i++) {
        guest_boot(world->guests[i]);
    }
    return world;
}

/* Takes everything out that is still on its way. */
static void drain(struct world *world)
{
    for (unsigned round = 0; round < 1500; round++) {
        for (unsigned i = 0; i < world->num; i++) {
            guest_kick(world->guests[i], TX);
            guest_post(world->guests[i], world->guests[i]->queues[RX].num_free, 3776);
        }
        world_settle(world);
        for (unsigned i = 0; i < world->num; i++) {
            receive_all(world, i);
        }
    }
}

TEST(stress_streams_arrive_complete)
{
    static const uint64_t ring_sizes[] = {0x2000, 0x5000, RING_SIZE};
    for (unsigned num = 2; num <= 3; num++) {
        for (unsigned i = 0; i < 3; i++) {
            struct world *world = start(num, ring_sizes[i], 100 + i);
            for (unsigned n = 0; n < STEPS / 2; n++) {
                step(world, 0);
            }
            drain(world);
            for (unsigned a = 0; a < num; a++) {
                for (unsigned b = 0; b < num; b++) {
                    CHECK(!streams[a][b].ended);
                    CHECK_EQUAL(streams[a][b].received, streams[a][b].sent);
                }
                CHECK_EQUAL(guest_reap(world->guests[a]), 0);
            }
        }
    }
}

TEST(stress_resets_in_mid_transfer)
{
    for (uint64_t i = 0; i < 6; i++) {
        struct world *world = start(2 + i % 2, i < 3 ? 0x2000 : RING_SIZE, 200 + i);
        for (unsigned n = 0; n < STEPS; n++) {
            step(world, 40);
        }
        drain(world);
        for (unsigned a = 0; a < world->num; a++) {
            CHECK_EQUAL(reg_read(world->guests[a], R_STATUS), 15);
            CHECK_EQUAL(world->guests[a]->device.counters[VSOCK_COUNT_QUEUE_BROKEN], 0);
            CHECK_EQUAL(world->guests[a]->device.counters[VSOCK_COUNT_RX_RING_BROKEN], 0);
            CHECK_EQUAL(world->guests[a]->device.counters[VSOCK_COUNT_RX_SPOOFED], 0);
            for (unsigned b = 0; b < world->num; b++) {
                CHECK(streams[a][b].ended || streams[a][b].received == streams[a][b].sent);
                CHECK(streams[a][b].ended || !streams[a][b].orphaned);
            }
        }
    }
}

/* Rewrites a few words or bytes of a region, mostly the indices. */
static void vandalise(struct vsock_ring_region *region, uint64_t ring_size)
{
    for (unsigned i = random_below(&seed, 4); i > 0; i--) {
        uint32_t value = random_below(&seed, 2) == 0 ? random_next(&seed) : random_below(&seed, 0x10000);
        switch (random_below(&seed, 8)) {
        case 0:
            region->tail = value;
            break;
        case 1:
            region->tail += 8 * random_below(&seed, 64);
            break;
        case 2:
            region->head = value;
            break;
        case 3:
            region->epoch += value & 1;
            break;
        case 4:
            region->sleeping = value;
            break;
        case 5:
            region->want_room = value;
            break;
        case 6:
            region->data[value % (ring_size - 0x1000)] = (uint8_t)value;
            break;
        case 7: /* plausible records */
            vsock_header_render(&(struct vsock_header){.src_cid = 4, .dst_cid = 3, .len = value % 300, .type = 1 + value % 2, .op = value % 9},
                                region->data + (value % 0x800 & ~7u) + 8);
            break;
        }
    }
}

TEST(stress_a_peer_that_rewrites_its_rings)
{
    for (uint64_t i = 0; i < 8; i++) {
        struct world *world = start(3, i % 2 == 0 ? 0x2000 : RING_SIZE, 300 + i);
        for (unsigned n = 0; n < STEPS; n++) {
            /* Guest 1 is the vandal; nothing that comes from it is checked, and it may do itself any harm. */
            unsigned who = random_below(&seed, 2) * 2, other = 2 - who;
            struct guest *guest = world->guests[who];
            vandalise(world->regions[1][0], world->ring_size);
            vandalise(world->regions[1][2], world->ring_size);
            guest->more = vsock_device_notified(&guest->device, peer_index(who, 1));
            if (guest->queues[TX].num_free > QUEUE_NUM / 2) {
                struct vsock_header to_vandal = make_header(guest->cid, 4, 1 + random_below(&seed, 7), 0);
                guest_queue_packet(guest, &to_vandal, NULL, 0);
                send_something(world, who, other);
            }
            guest_kick(guest, TX);
            guest_post(guest, guest->queues[RX].num_free, 3776);
            for (unsigned run = 0; run < 20 && guest->more; run++) {
                guest->more = vsock_device_run(&guest->device);
            }
            guest_kick(world->guests[other], TX);
            while (guest_receive(guest, &packet)) {
                if (packet.header.src_cid == 4) {
                    continue;
                }
                struct stream *stream = &streams[other][who];
                CHECK_EQUAL(packet.header.src_cid, 3 + other);
                CHECK(packet.header.op == VSOCK_OP_REQUEST || packet.header.op == VSOCK_OP_RW);
                for (uint32_t at = 0; at < packet.size; at++) {
                    CHECK_EQUAL(packet.payload[at], byte_at(other, who, stream->port, stream->received + at));
                }
                stream->received += packet.size;
            }
            uint32_t head, length;
            while (guest_used(guest, TX, &head, &length)) {
                CHECK_EQUAL(length, 0);
            }
            CHECK_EQUAL(reg_read(guest, R_STATUS), 15);
        }
        CHECK(streams[0][2].received > 100000); /* the honest two were not disturbed */
        CHECK(streams[2][0].received > 100000);
        CHECK(world->guests[0]->device.counters[VSOCK_COUNT_RX_RING_BROKEN] > 10);
    }
}

TEST(stress_random_descriptors)
{
    /* A guest that fills its queues with noise; its neighbour goes on, and after a reset so does it. */
    for (uint64_t i = 0; i < 60; i++) {
        struct world *world = start(2, 0x2000, 400 + i);
        struct guest *guest = world->guests[0];
        for (unsigned n = 0; n < 30; n++) {
            for (unsigned queue = RX; queue <= TX; queue++) {
                uint8_t *table = guest_memory(guest, guest->queues[queue].descriptors);
                uint16_t *available = guest_memory(guest, guest->queues[queue].available);
                for (unsigned d = 0; d < QUEUE_NUM; d++) {
                    uint64_t address = RAM_BASE + random_below(&seed, RAM_SIZE + 1000);
                    uint32_t size = random_below(&seed, 8) == 0 ? random_next(&seed) : random_below(&seed, 2000);
                    uint16_t flags = (uint16_t)((queue == RX ? 2 : 0) ^ (random_below(&seed, 30) == 0 ? random_next(&seed) & 7 : 0));
                    flags |= random_below(&seed, 4) == 0 ? D_NEXT : 0;
                    uint16_t next = (uint16_t)random_below(&seed, QUEUE_NUM + (random_below(&seed, 200) == 0));
                    if (address + 44 < RAM_BASE + RAM_SIZE && queue == TX) {
                        struct vsock_header noise = make_header(3, 4, random_below(&seed, 9), random_below(&seed, 3) == 0 ? size : 0);
                        vsock_header_render(&noise, guest_memory(guest, address & ~UINT64_C(7) & UINT64_MAX));
                        address &= ~UINT64_C(7);
                    }
                    if (address < RAM_BASE + 0x10000) { /* the noise is not to fall into the queues themselves */
                        address += 0x10000;
                    }
                    memcpy(table + 16 * d, &address, 8);
                    memcpy(table + 16 * d + 8, &size, 4);
                    memcpy(table + 16 * d + 12, &flags, 2);
                    memcpy(table + 16 * d + 14, &next, 2);
                    available[2 + d] = (uint16_t)random_below(&seed, QUEUE_NUM);
                }
                available[1] += (uint16_t)random_below(&seed, 6);
                guest_kick(guest, queue);
            }
            guest_post(world->guests[1], world->guests[1]->queues[RX].num_free, 3776);
            world_settle(world);
            while (guest_receive(world->guests[1], &packet)) {
                CHECK_EQUAL(packet.header.src_cid, 3);
            }
            if ((reg_read(guest, R_STATUS) & S_NEEDS_RESET) != 0) {
                guest_boot(guest);
            }
        }
        guest_boot(guest);
        guest_boot(world->guests[1]);
        world_settle(world);
        world_connect(world, 0, 1);
    }
}
