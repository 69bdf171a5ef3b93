/* SPDX-License-Identifier: BSD-2-Clause */
/* Peers that stand still: how long they may, and what ends then. */
#include <string.h>

#include "guest.h"
#include "harness.h"

#define SMALL_RING 0x2000
#define PATIENCE   4

static struct packet packet;
static uint8_t data[1000];

/* Guests 0, 1 and perhaps 2, with a connection from guest 0 to each of the others. */
static struct world *connected(unsigned num)
{
    struct world *world = world_new(num, SMALL_RING);
    for (unsigned i = 0; i < num; i++) {
        guest_boot(world->guests[i]);
    }
    for (unsigned i = 1; i < num; i++) {
        world_connect(world, 0, i);
    }
    return world;
}

static unsigned reap_some(struct guest *guest)
{
    unsigned num = 0;
    for (uint32_t head, length; guest_used(guest, TX, &head, &length); num++) {
    }
    return num;
}

/* Sends to a guest that takes nothing, until `held` more packets wait for it. */
static void crowd(struct world *world, unsigned from, unsigned to, unsigned held)
{
    struct guest *guest = world->guests[from];
    struct vsock_header rw = make_header(3 + from, 3 + to, VSOCK_OP_RW, sizeof data);
    unsigned waiting = 0, sent = 0, free = guest->queues[TX].num_free;
    while (waiting < held) {
        CHECK(sent < 100);
        guest_send(guest, &rw, data);
        world_settle(world);
        sent++;
        waiting += 1 - reap_some(guest);
    }
    CHECK_EQUAL(guest->queues[TX].num_free, free - held);
}

/* Ticks of a second each, and whether anybody was given up. */
static bool given_up_after(struct world *world, unsigned ticks)
{
    struct guest *guest = world->guests[0];
    uint64_t before = guest->device.counters[VSOCK_COUNT_TX_GIVEN_UP];
    for (unsigned i = 0; i < ticks; i++) {
        guest->more = vsock_device_tick(&guest->device);
        world_settle(world);
    }
    return guest->device.counters[VSOCK_COUNT_TX_GIVEN_UP] > before;
}

TEST(patience_with_a_peer_that_takes_nothing_ends)
{
    struct world *world = connected(3);
    struct guest *guest = world->guests[0], *third = world->guests[2];
    guest_post(guest, 4, 3776);
    CHECK(!vsock_device_wants_ticks(&guest->device));
    crowd(world, 0, 1, QUEUE_NUM); /* not one descriptor is left for guest 2 */
    CHECK(vsock_device_wants_ticks(&guest->device));
    CHECK(!given_up_after(world, PATIENCE - 1));
    CHECK(given_up_after(world, 1));
    CHECK(!vsock_device_wants_ticks(&guest->device));
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_GIVEN_UP], 1);
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_PEER_DIED], QUEUE_NUM);
    CHECK_EQUAL(guest_reap(guest), QUEUE_NUM);
    guest_expect(guest, &packet, VSOCK_OP_RST);
    CHECK_EQUAL(packet.header.src_cid, 4);
    CHECK_EQUAL(packet.header.src_port, 9999);
    CHECK_EQUAL(packet.header.dst_port, 1000);
    CHECK(!guest_receive(guest, &packet));
    /* The others notice nothing. */
    struct vsock_header rw = make_header(3, 5, VSOCK_OP_RW, 4);
    guest_post(third, 1, 3776);
    guest_send(guest, &rw, "data");
    world_settle(world);
    guest_expect(third, &packet, VSOCK_OP_RW);
    /* The peer, should it wake up, gets what was on its way, then the end. */
    guest_post(world->guests[1], 20, 3776);
    world_settle(world);
    while (guest_receive(world->guests[1], &packet) && packet.header.op == VSOCK_OP_RW) {
    }
    CHECK_EQUAL(packet.header.op, VSOCK_OP_RST);
    guest_reap(guest);
    guest_boot(world->guests[1]);
    guest_boot(guest);
    world_settle(world);
    world_connect(world, 0, 1);
}

TEST(patience_lasts_while_a_peer_gives_back_an_eighth)
{
    struct world *world = connected(3);
    struct guest *guest = world->guests[0], *slow = world->guests[1];
    crowd(world, 0, 1, QUEUE_NUM);
    for (unsigned i = 0; i < 40; i++) { /* 9 of 64 each 4 ticks, whose places are taken at once */
        CHECK(!given_up_after(world, PATIENCE - 1));
        guest_post(slow, 9, 1044);
        world_settle(world);
        for (unsigned k = 0; k < 9; k++) {
            guest_expect(slow, &packet, VSOCK_OP_RW);
        }
        unsigned freed = reap_some(guest);
        CHECK(freed >= 8);
        crowd(world, 0, 1, freed);
        CHECK_EQUAL(guest->queues[TX].num_free, 0);
        CHECK(!given_up_after(world, 1));
    }
    CHECK(given_up_after(world, PATIENCE)); /* what was given back long ago counts no more */
}

TEST(patience_is_endless_with_who_holds_less_than_its_share)
{
    struct world *world = connected(3);
    crowd(world, 0, 1, 23); /* three quarters of a half of 64 are 24 */
    CHECK(!given_up_after(world, 10 * PATIENCE));
    CHECK_EQUAL(world->guests[0]->queues[TX].num_free, QUEUE_NUM - 23);
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, sizeof data);
    guest_send(world->guests[0], &rw, data);
    CHECK(given_up_after(world, PATIENCE));
}

TEST(patience_with_an_only_peer_ends_when_both_stand_still)
{
    struct world *world = connected(2);
    struct guest *guest = world->guests[0], *other = world->guests[1];
    crowd(world, 0, 1, QUEUE_NUM);
    CHECK(!given_up_after(world, 10 * PATIENCE)); /* whom would it harm? */
    crowd(world, 1, 0, QUEUE_NUM);
    CHECK(!given_up_after(world, PATIENCE - 1));
    CHECK(given_up_after(world, 1));
    CHECK_EQUAL(guest_reap(guest), QUEUE_NUM);
    guest_post(guest, 10, 3776);
    guest_post(other, 50, 3776);
    world_settle(world);
    guest_expect(guest, &packet, VSOCK_OP_RST);
    CHECK(!guest_receive(guest, &packet)); /* nothing of the connection that has ended */
    while (guest_receive(other, &packet) && packet.header.op == VSOCK_OP_RW) {
    }
    CHECK_EQUAL(packet.header.op, VSOCK_OP_RST);
    CHECK_EQUAL(guest_reap(other), QUEUE_NUM);
    guest_boot(other);
    guest_boot(guest);
    world_settle(world);
    world_connect(world, 0, 1);
}

TEST(patience_is_not_shared_between_peers_and_not_carried_over)
{
    struct world *world = connected(3);
    struct guest *guest = world->guests[0];
    crowd(world, 0, 1, 32);
    CHECK(!given_up_after(world, PATIENCE - 1));
    crowd(world, 0, 2, 32); /* starts at 0 with its own */
    CHECK(given_up_after(world, 1));
    CHECK_EQUAL(reap_some(guest), 32);
    CHECK(!given_up_after(world, PATIENCE - 2));
    CHECK(given_up_after(world, 1));
    CHECK_EQUAL(guest_reap(guest), 32);
    /* A reset forgets the ticks: the next life starts with all patience. */
    guest_boot(guest);
    world_settle(world);
    guest_boot(world->guests[1]);
    world_settle(world);
    crowd(world, 0, 1, 32);
    CHECK(!given_up_after(world, PATIENCE - 1));
    guest_boot(guest);
    world_settle(world);
    CHECK(!vsock_device_wants_ticks(&guest->device));
    crowd(world, 0, 1, 32);
    CHECK(!given_up_after(world, PATIENCE - 1));
    guest_boot(guest);
    world_settle(world);
    crowd(world, 0, 1, 20); /* what was held before the reset is held no more */
    CHECK(!given_up_after(world, 2 * PATIENCE));
    crowd(world, 0, 1, 12);
    CHECK(!given_up_after(world, PATIENCE - 1));
    CHECK(given_up_after(world, 1));
}

TEST(patience_is_no_matter_of_a_guest_alone_or_down)
{
    struct world *world = world_new(1, SMALL_RING);
    CHECK(!vsock_device_wants_ticks(&world->guests[0]->device));
    CHECK(!given_up_after(world, 2 * PATIENCE));
    world = world_new(3, SMALL_RING);
    CHECK(!vsock_device_wants_ticks(&world->guests[0]->device));
    CHECK(!given_up_after(world, 2 * PATIENCE));
}
