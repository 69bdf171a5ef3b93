/* SPDX-License-Identifier: BSD-2-Clause */
/* Worlds of several guests, their connections, and a peer played by hand. */
#include "guest.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

static void *translate(void *cookie, uint64_t address, size_t size)
{
    struct guest *guest = cookie;
    guest->translations++;
    if (guest->meddle != NULL) {
        guest->meddle(guest);
    }
    CHECK(size > 0);
    CHECK(address <= UINT64_MAX - size); /* the seat's translation is spared ranges that wrap */
    if (address < RAM_BASE || size > RAM_SIZE || address - RAM_BASE > RAM_SIZE - size) {
        return NULL;
    }
    return guest->ram + (address - RAM_BASE);
}

static void set_irq(void *cookie, bool level)
{
    struct guest *guest = cookie;
    CHECK(guest->irq != level);
    guest->irq = level;
    guest->irq_rises += level;
    guest->irq_falls += !level;
}

static void notify_peer(void *cookie, unsigned peer)
{
    struct guest *guest = cookie;
    CHECK(peer < guest->device.num_peers);
    guest->notified[peer]++;
}

static void observe(void *cookie, const struct vsock_header *header, const struct vsock_bytes payload[2])
{
    struct guest *guest = cookie;
    struct packet *packet = &guest->observed;
    guest->num_observed++;
    packet->header = *header;
    packet->size = (uint32_t)(payload[0].size + payload[1].size);
    CHECK(packet->size <= sizeof packet->payload);
    for (unsigned i = 0, at = 0; i < 2; at += (unsigned)payload[i].size, i++) {
        if (payload[i].size > 0) {
            memcpy(packet->payload + at, payload[i].data, payload[i].size);
        }
    }
    if (guest->on_observed != NULL) {
        guest->on_observed(guest);
    }
}

static const struct vsock_ops ops = {
    .translate = translate, .set_irq = set_irq, .notify_peer = notify_peer, .observe = observe};

static struct world *last_world;

static void world_free(struct world *world)
{
    rings_free(world->regions, world->num);
    for (unsigned i = 0; i < world->num; i++) {
        free(world->guests[i]->ram);
        free(world->guests[i]);
    }
    free(world);
}

static void guest_setup(struct world *world, unsigned i, bool defers)
{
    struct guest *guest = world->guests[i];
    struct vsock_setup setup = {.guest_cid = guest->cid, .ops = &ops, .cookie = guest, .defers = defers};
    rings_join(&setup, i, world->regions, world->num, world->ring_size);
    CHECK_EQUAL(vsock_device_init(&guest->device, &setup), VSOCK_SETUP_GOOD);
}

static struct world *world_make(unsigned num, uint64_t ring_size, bool defers)
{
    if (last_world != NULL) {
        world_free(last_world);
    }
    struct world *world = calloc(1, sizeof *world);
    last_world = world;
    world->num = num;
    world->ring_size = ring_size;
    for (unsigned i = 0; i < num; i++) {
        world->guests[i] = calloc(1, sizeof *world->guests[i]);
        world->guests[i]->ram = calloc(1, RAM_SIZE);
        world->guests[i]->cid = 3 + i;
    }
    rings_make(world->regions, num, ring_size);
    for (unsigned i = 0; i < num; i++) {
        guest_setup(world, i, defers && i == 0);
    }
    return world;
}

struct world *world_new(unsigned num, uint64_t ring_size)
{
    return world_make(num, ring_size, false);
}

struct world *world_new_deferring(unsigned num, uint64_t ring_size)
{
    return world_make(num, ring_size, true);
}

struct world *world_pair(uint64_t ring_size, unsigned buffers)
{
    struct world *world = world_new(2, ring_size);
    guest_boot(world->guests[0]);
    guest_boot(world->guests[1]);
    guest_post(world->guests[0], buffers, 3776);
    guest_post(world->guests[1], buffers, 3776);
    return world;
}

void world_settle(struct world *world)
{
    for (unsigned round = 0;; round++) {
        bool quiet = true;
        CHECK(round < 100000);
        for (unsigned i = 0; i < world->num; i++) {
            struct guest *guest = world->guests[i];
            if (guest->more) {
                quiet = false;
                guest->more = vsock_device_run(&guest->device);
            }
            for (unsigned j = 0; j < world->num; j++) {
                if (j == i || guest->notified[peer_index(i, j)] == 0) {
                    continue;
                }
                quiet = false;
                guest->notified[peer_index(i, j)] = 0;
                bool more = vsock_device_notified(&world->guests[j]->device, peer_index(j, i));
                world->guests[j]->more = world->guests[j]->more || more;
            }
        }
        if (quiet) {
            return;
        }
    }
}

struct vsock_header make_header(uint64_t from, uint64_t to, unsigned op, uint32_t len)
{
    return (struct vsock_header){.src_cid = from,
                                 .dst_cid = to,
                                 .src_port = from < to ? 1000 : 9999,
                                 .dst_port = from < to ? 9999 : 1000,
                                 .len = len,
                                 .type = VSOCK_TYPE_STREAM,
                                 .op = (uint16_t)op,
                                 .buf_alloc = 262144};
}

void world_connect(struct world *world, unsigned a, unsigned b)
{
    static struct packet packet;
    struct vsock_header request = make_header(3 + a, 3 + b, VSOCK_OP_REQUEST, 0);
    struct vsock_header response = make_header(3 + b, 3 + a, VSOCK_OP_RESPONSE, 0);
    guest_post(world->guests[a], 1, 3776);
    guest_post(world->guests[b], 1, 3776);
    guest_send(world->guests[a], &request, NULL);
    world_settle(world);
    guest_expect(world->guests[b], &packet, VSOCK_OP_REQUEST);
    guest_send(world->guests[b], &response, NULL);
    world_settle(world);
    guest_expect(world->guests[a], &packet, VSOCK_OP_RESPONSE);
    CHECK_EQUAL(guest_reap(world->guests[a]), 1);
    CHECK_EQUAL(guest_reap(world->guests[b]), 1);
}

void puppet_init(struct world *world, struct vsock_ring *ring)
{
    vsock_ring_init(ring, world->regions[1][0], world->regions[0][1], world->ring_size);
}

void puppet_send(struct world *world, struct vsock_ring *ring, const struct vsock_header *header, const void *payload)
{
    uint32_t room = 0;
    CHECK(vsock_ring_room(ring, true, &room) && room >= header->len);
    vsock_ring_begin(ring, header, false);
    if (header->len > 0) {
        vsock_ring_write(ring, payload, header->len);
    }
    vsock_ring_end(ring, true);
    vsock_ring_publish(ring);
    struct guest *guest = world->guests[0];
    guest->more = vsock_device_notified(&guest->device, 0) || guest->more;
}

bool puppet_receive(struct vsock_ring *ring, struct vsock_record *record, void *payload)
{
    switch (vsock_ring_next(ring, record)) {
    case VSOCK_RING_EMPTY:
        return false;
    case VSOCK_RING_BROKEN:
        CHECK(false);
        return false;
    case VSOCK_RING_RECORD:
        break;
    }
    if (payload != NULL && record->header.len > 0) {
        vsock_ring_read(ring, payload, record->header.len);
    }
    vsock_ring_finish(ring);
    vsock_ring_publish(ring);
    return true;
}

/* After whatever was done to it, the device still works: at once, or after the reset that it asked for. */
void world_check_alive(struct world *world)
{
    struct guest *guest = world->guests[0];
    bool asked = (reg_read(guest, R_STATUS) & S_NEEDS_RESET) != 0;
    CHECK(!asked || (reg_read(guest, R_INTERRUPT_STATUS) & 2) != 0);
    guest_boot(guest);
    guest_boot(world->guests[1]);
    world_settle(world);
    world_connect(world, 0, 1);
    world_connect(world, 1, 0);
}

bool features_accepted(uint64_t features)
{
    struct world *world = world_new(2, RING_SIZE);
    guest_negotiate(world->guests[0], features);
    return (reg_read(world->guests[0], R_STATUS) & S_FEATURES_OK) != 0;
}
