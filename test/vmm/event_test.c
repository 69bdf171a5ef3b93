/* SPDX-License-Identifier: BSD-2-Clause */
/* TRANSPORT_RESET (virtio 5.10.6.7): when it is sent, in which buffers, and what is done where it cannot be. */
#include <string.h>

#include "guest.h"
#include "harness.h"

#define EVENT_BUFFER (RAM_BASE + 0xc000)

static struct packet packet;

static struct world *booted(unsigned num)
{
    struct world *world = world_new(num, RING_SIZE);
    for (unsigned i = 0; i < num; i++) {
        guest_boot(world->guests[i]);
    }
    world_connect(world, 0, 1);
    return world;
}

static void post_event_buffer(struct guest *guest, uint64_t address, uint32_t size, uint16_t flags)
{
    guest_add(guest, EVENT, &(struct segment){address, size, flags}, 1);
    guest_kick(guest, EVENT);
}

/* The peer's VMM writes nonsense: bytes of connections are lost. */
static void break_ring(struct world *world)
{
    ((struct vsock_ring_region *)world->regions[1][0])->tail += 3;
    world->guests[0]->more = vsock_device_notified(&world->guests[0]->device, 0);
}

static void expect_resets_instead(struct world *world)
{
    struct guest *guest = world->guests[0];
    guest_post(guest, 1, 3776);
    break_ring(world);
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TRANSPORT_RESETS], 0);
    guest_expect(guest, &packet, VSOCK_OP_RST);
    CHECK_EQUAL(packet.header.dst_port, 1000);
}

TEST(event_transport_reset_when_the_only_ring_breaks)
{
    struct world *world = booted(2);
    struct guest *guest = world->guests[0];
    memset(guest_memory(guest, EVENT_BUFFER), 0xee, 16);
    post_event_buffer(guest, EVENT_BUFFER, 8, D_WRITE);
    guest_post(guest, 2, 3776);
    guest_ack(guest);
    unsigned rises = guest->irq_rises;
    uint32_t epoch = ((struct vsock_ring_region *)world->regions[0][1])->epoch;
    break_ring(world);
    uint32_t head, length;
    CHECK(guest_used(guest, EVENT, &head, &length));
    CHECK_EQUAL(length, 4);
    static const uint8_t want[] = {0, 0, 0, 0, 0xee, 0xee, 0xee, 0xee};
    CHECK(memcmp(guest_memory(guest, EVENT_BUFFER), want, sizeof want) == 0);
    CHECK_EQUAL(guest->irq_rises, rises + 1);
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TRANSPORT_RESETS], 1);
    CHECK(!guest_receive(guest, &packet)); /* no RSTs as well */
    CHECK_EQUAL(guest->device.peers[0].connections.count, 0);
    /* The other end of the connections is told by the new epoch. */
    CHECK_EQUAL(((struct vsock_ring_region *)world->regions[0][1])->epoch, epoch + 1);
}

TEST(event_not_sent_while_other_peers_live)
{
    struct world *world = booted(3);
    post_event_buffer(world->guests[0], EVENT_BUFFER, 8, D_WRITE);
    expect_resets_instead(world);
}

TEST(event_not_sent_when_a_peer_dies_in_good_order)
{
    struct world *world = booted(2);
    post_event_buffer(world->guests[0], EVENT_BUFFER, 8, D_WRITE);
    guest_post(world->guests[0], 1, 3776);
    vsock_device_guest_off(&world->guests[1]->device);
    world_settle(world);
    guest_expect(world->guests[0], &packet, VSOCK_OP_RST);
    CHECK_EQUAL(world->guests[0]->device.counters[VSOCK_COUNT_TRANSPORT_RESETS], 0);
}

TEST(event_without_a_buffer_for_it)
{
    expect_resets_instead(booted(2));
}

TEST(event_without_the_queue_for_it)
{
    struct world *world = booted(2);
    reg_write(world->guests[0], R_QUEUE_SEL, EVENT);
    reg_write(world->guests[0], R_QUEUE_READY, 0);
    expect_resets_instead(world);
}

TEST(event_without_a_driver)
{
    struct world *world = booted(2);
    guest_negotiate(world->guests[0], F_LINUX);
    guest_set_queue(world->guests[0], EVENT, QUEUE_NUM);
    post_event_buffer(world->guests[0], EVENT_BUFFER, 8, D_WRITE);
    break_ring(world);
    CHECK_EQUAL(world->guests[0]->device.counters[VSOCK_COUNT_TRANSPORT_RESETS], 0);
}

TEST(event_buffers_that_are_good_for_nothing)
{
    static const struct segment bad[] = {
        {EVENT_BUFFER, 3, D_WRITE}, {EVENT_BUFFER, 8, 0}, {0, 8, D_WRITE}, {EVENT_BUFFER, 0, D_WRITE}};
    for (unsigned i = 0; i < 4; i++) {
        struct world *world = booted(2);
        struct guest *guest = world->guests[0];
        memset(guest_memory(guest, EVENT_BUFFER), 0xee, 8);
        post_event_buffer(guest, bad[i].address, bad[i].size, bad[i].flags);
        expect_resets_instead(world);
        uint32_t head, length;
        CHECK(guest_used(guest, EVENT, &head, &length));
        CHECK_EQUAL(length, 0);
        CHECK_EQUAL(*(uint8_t *)guest_memory(guest, EVENT_BUFFER), 0xee);
        CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_RX_SHORT], i == 0 || i == 3);
        CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_RX_BAD_CHAIN], i == 1 || i == 2);
    }
}

TEST(event_in_the_next_buffer_after_a_bad_one)
{
    struct world *world = booted(2);
    struct guest *guest = world->guests[0];
    post_event_buffer(guest, EVENT_BUFFER, 3, D_WRITE);
    post_event_buffer(guest, EVENT_BUFFER + 8, 8, D_WRITE);
    break_ring(world);
    uint32_t head, length;
    CHECK(guest_used(guest, EVENT, &head, &length));
    CHECK_EQUAL(length, 0);
    CHECK(guest_used(guest, EVENT, &head, &length));
    CHECK_EQUAL(length, 4);
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TRANSPORT_RESETS], 1);
}

TEST(event_queue_that_is_broken)
{
    struct world *world = booted(2);
    struct guest *guest = world->guests[0];
    *(uint16_t *)guest_memory(guest, guest->queues[EVENT].available + 2) = 1000;
    break_ring(world);
    CHECK((reg_read(guest, R_STATUS) & S_NEEDS_RESET) != 0);
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TRANSPORT_RESETS], 0);
    world_settle(world);
    guest_boot(guest);
    world_settle(world);
    guest_reap(guest);
}
