/* SPDX-License-Identifier: BSD-2-Clause */
/* Random runs against a peer that rewrites its rings and a guest that fills its queues with noise. */
#include <string.h>

#include "harness.h"
#include "streams.h"

#define STEPS 4000

static struct packet packet;

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
            vsock_header_render(
                &(struct vsock_header){
                    .src_cid = 4, .dst_cid = 3, .len = value % 300, .type = 1 + value % 2, .op = value % 9},
                region->data + (value % 0x800 & ~7u) + 8);
            break;
        }
    }
}

TEST(stress_a_peer_that_rewrites_its_rings)
{
    for (uint64_t i = 0; i < 8; i++) {
        struct world *world = streams_start(3, i % 2 == 0 ? 0x2000 : RING_SIZE, 300 + i);
        for (unsigned n = 0; n < STEPS; n++) {
            /* Guest 1 is the vandal; nothing that comes from it is checked, and it may do itself any harm. */
            unsigned who = random_below(&seed, 2) * 2;
            vandalise(world->regions[1][0], world->ring_size);
            vandalise(world->regions[1][2], world->ring_size);
            streams_step_beside_vandal(world, who);
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
        struct world *world = streams_start(2, 0x2000, 400 + i);
        struct guest *guest = world->guests[0];
        for (unsigned n = 0; n < 30; n++) {
            for (unsigned queue = RX; queue <= TX; queue++) {
                uint8_t *table = guest_memory(guest, guest->queues[queue].descriptors);
                uint16_t *available = guest_memory(guest, guest->queues[queue].available);
                for (unsigned d = 0; d < QUEUE_NUM; d++) {
                    uint64_t address = RAM_BASE + random_below(&seed, RAM_SIZE + 1000);
                    uint32_t size = random_below(&seed, 8) == 0 ? random_next(&seed) : random_below(&seed, 2000);
                    uint16_t flags =
                        (uint16_t)((queue == RX ? 2 : 0) ^ (random_below(&seed, 30) == 0 ? random_next(&seed) & 7 : 0));
                    flags |= random_below(&seed, 4) == 0 ? D_NEXT : 0;
                    uint16_t next = (uint16_t)random_below(&seed, QUEUE_NUM + (random_below(&seed, 200) == 0));
                    if (address + 44 < RAM_BASE + RAM_SIZE && queue == TX) {
                        struct vsock_header noise =
                            make_header(3, 4, random_below(&seed, 9), random_below(&seed, 3) == 0 ? size : 0);
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
