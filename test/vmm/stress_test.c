/* SPDX-License-Identifier: BSD-2-Clause */
/* Random back-to-back runs of two and three guests, seeded and bounded: every byte is checked, also across resets. */
#include "harness.h"
#include "streams.h"

#define STEPS 4000

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
        streams_send(world, who, (who + 1 + random_below(&seed, world->num - 1)) % world->num);
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
            streams_receive(world, i);
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
            streams_receive(world, i);
        }
    }
}

TEST(stress_streams_arrive_complete)
{
    static const uint64_t ring_sizes[] = {0x2000, 0x5000, RING_SIZE};
    for (unsigned num = 2; num <= 3; num++) {
        for (unsigned i = 0; i < 3; i++) {
            struct world *world = streams_start(num, ring_sizes[i], 100 + i);
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
        struct world *world = streams_start(2 + i % 2, i < 3 ? 0x2000 : RING_SIZE, 200 + i);
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
