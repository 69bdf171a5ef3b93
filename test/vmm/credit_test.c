/* SPDX-License-Identifier: BSD-2-Clause */
/* Credit updates of a device that defers what nobody waits for (credit.c): when they wake the peer, and that they do. */
#include "guest.h"
#include "harness.h"

#define ALLOWED 262144u /* of make_header() */

/* Ports that differ in this share a place in the table. */
#define SAME_HASH (1u << 20)

static uint8_t payload[65536];

/* What guest 0 says to guest 1 on the one stream between them. */
static struct vsock_header words(unsigned op, uint32_t fwd_cnt)
{
    struct vsock_header header = make_header(3, 4, op, 0);
    header.fwd_cnt = fwd_cnt;
    return header;
}

static unsigned num_wakeups(const struct world *world)
{
    return (unsigned)world->guests[0]->device.counters[VSOCK_COUNT_NOTIFICATIONS];
}

/* A stream that guest 0 has opened; both guests have buffers. */
static struct world *connected(void)
{
    struct world *world = world_new_deferring(2, 0x41000);
    guest_boot(world->guests[0]);
    guest_boot(world->guests[1]);
    world_connect(world, 0, 1);
    guest_post(world->guests[0], 8, sizeof payload + VSOCK_HEADER_SIZE);
    guest_post(world->guests[1], 8, 3776);
    return world;
}

static unsigned wakeups_for(struct world *world, struct vsock_header header)
{
    unsigned before = num_wakeups(world);
    guest_send(world->guests[0], &header, NULL);
    world_settle(world);
    vsock_device_complete(&world->guests[0]->device);
    guest_ack(world->guests[0]);
    guest_reap(world->guests[0]);
    return num_wakeups(world) - before;
}

/* Guest 1 sends `size` bytes, and guest 0 has them. */
static void receive(struct world *world, uint32_t size)
{
    struct vsock_header rw = make_header(4, 3, VSOCK_OP_RW, size);
    guest_send(world->guests[1], &rw, payload);
    world_settle(world);
}

static void expect(struct world *world, unsigned op)
{
    static struct packet packet;
    guest_expect(world->guests[1], &packet, op);
}

static bool peer_has_something(struct world *world)
{
    uint32_t head, length;
    return guest_used(world->guests[1], RX, &head, &length);
}

TEST(credit_update_that_nobody_waits_for_wakes_nobody)
{
    struct world *world = connected();
    receive(world, 1);
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_CREDIT_UPDATE, 1)), 0);
    CHECK(!peer_has_something(world));
}

TEST(credit_update_comes_in_order_with_the_next_packet)
{
    struct world *world = connected();
    receive(world, 1);
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_CREDIT_UPDATE, 1)), 0);
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_SHUTDOWN, 1)), 1);
    expect(world, VSOCK_OP_CREDIT_UPDATE);
    expect(world, VSOCK_OP_SHUTDOWN);
}

TEST(credit_update_comes_when_the_seat_says_so)
{
    struct world *world = connected();
    receive(world, 1);
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_CREDIT_UPDATE, 1)), 0);
    unsigned before = num_wakeups(world);
    CHECK(vsock_device_is_behind(&world->guests[0]->device));
    vsock_device_catch_up(&world->guests[0]->device);
    CHECK(!vsock_device_is_behind(&world->guests[0]->device));
    vsock_device_catch_up(&world->guests[0]->device);
    CHECK_EQUAL(num_wakeups(world) - before, 1);
    world_settle(world);
    expect(world, VSOCK_OP_CREDIT_UPDATE);
    /* What is read wakes nobody, and the next one waits again. */
    vsock_device_catch_up(&world->guests[0]->device);
    CHECK_EQUAL(num_wakeups(world) - before, 1);
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_CREDIT_UPDATE, 1)), 0);
}

TEST(credit_update_that_the_peer_found_by_itself_wakes_it_no_more)
{
    struct world *world = connected();
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_CREDIT_UPDATE, 0)), 0);
    receive(world, 1); /* guest 1 sends, and its device looks into the ring on the occasion */
    expect(world, VSOCK_OP_CREDIT_UPDATE);
    unsigned before = num_wakeups(world);
    CHECK(vsock_device_is_behind(&world->guests[0]->device));
    vsock_device_catch_up(&world->guests[0]->device);
    CHECK_EQUAL(num_wakeups(world), before);
    CHECK(!vsock_device_is_behind(&world->guests[0]->device));
}

TEST(credit_update_wakes_who_has_used_more_than_half)
{
    struct world *world = connected();
    receive(world, sizeof payload);
    receive(world, sizeof payload);
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_CREDIT_UPDATE, ALLOWED / 2)), 0);
    receive(world, 1);
    expect(world, VSOCK_OP_CREDIT_UPDATE);
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_CREDIT_UPDATE, ALLOWED / 2)), 1);
    expect(world, VSOCK_OP_CREDIT_UPDATE);
    /* It knows of all but a byte now. */
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_CREDIT_UPDATE, ALLOWED / 2 + 1)), 0);
}

TEST(credit_update_wakes_after_all_when_data_comes_that_nobody_told_us_of_yet)
{
    struct world *world = connected();
    receive(world, sizeof payload);
    receive(world, sizeof payload);
    struct vsock_header rw = make_header(4, 3, VSOCK_OP_RW, 1);
    guest_send(world->guests[1], &rw, payload); /* its notification is on its way */
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_CREDIT_UPDATE, ALLOWED / 2)), 1);
    expect(world, VSOCK_OP_CREDIT_UPDATE);
    receive(world, sizeof payload);
    receive(world, sizeof payload);
    guest_send(world->guests[1], &rw, payload);
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_SHUTDOWN, ALLOWED / 2)), 1);
}

TEST(credit_of_another_size_is_told_at_once)
{
    struct world *world = connected();
    struct vsock_header header = words(VSOCK_OP_CREDIT_UPDATE, 0);
    header.buf_alloc *= 2;
    CHECK_EQUAL(wakeups_for(world, header), 1);
    CHECK_EQUAL(wakeups_for(world, header), 0);
}

TEST(credit_that_was_asked_for_is_told_at_once)
{
    struct world *world = connected();
    struct vsock_header request = make_header(4, 3, VSOCK_OP_CREDIT_REQUEST, 0);
    guest_send(world->guests[1], &request, NULL);
    guest_send(world->guests[1], &request, NULL);
    world_settle(world);
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_CREDIT_UPDATE, 0)), 1);
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_CREDIT_UPDATE, 0)), 0);
}

TEST(credit_of_other_connections_is_told_at_once)
{
    struct world *world = connected();
    struct vsock_header header = words(VSOCK_OP_CREDIT_UPDATE, 0);
    header.src_port ^= SAME_HASH;
    CHECK_EQUAL(wakeups_for(world, header), 1);
    header = words(VSOCK_OP_CREDIT_UPDATE, 0);
    header.dst_port ^= SAME_HASH;
    CHECK_EQUAL(wakeups_for(world, header), 1);
    header = words(VSOCK_OP_CREDIT_UPDATE, 0);
    header.dst_port++;
    CHECK_EQUAL(wakeups_for(world, header), 1);
    header = words(VSOCK_OP_CREDIT_UPDATE, 0);
    header.type = VSOCK_TYPE_SEQPACKET;
    CHECK_EQUAL(wakeups_for(world, header), 1);
}

TEST(credit_of_a_stream_that_lost_its_place_is_told_at_once)
{
    struct world *world = connected();
    struct vsock_header other = words(VSOCK_OP_REQUEST, 0);
    other.src_port ^= SAME_HASH;
    CHECK_EQUAL(wakeups_for(world, other), 1);
    other.op = VSOCK_OP_CREDIT_UPDATE;
    CHECK_EQUAL(wakeups_for(world, other), 0);
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_CREDIT_UPDATE, 0)), 1);
    /* Data of the one does not count for the other. */
    receive(world, sizeof payload);
    receive(world, sizeof payload);
    receive(world, 1);
    CHECK_EQUAL(wakeups_for(world, other), 0);
}

TEST(credit_of_the_same_ports_of_another_peer_is_told_at_once)
{
    struct world *world = world_new_deferring(3, RING_SIZE);
    for (unsigned i = 0; i < 3; i++) {
        guest_boot(world->guests[i]);
    }
    world_connect(world, 0, 1);
    struct vsock_header header = words(VSOCK_OP_CREDIT_UPDATE, 0);
    header.dst_cid = 5;
    CHECK_EQUAL(wakeups_for(world, header), 1);
}

TEST(credit_of_the_last_life_is_forgotten)
{
    struct world *world = connected();
    guest_boot(world->guests[0]);
    world_settle(world);
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_CREDIT_UPDATE, 0)), 1);
}

TEST(credit_of_a_stream_that_the_peer_opened_is_counted)
{
    struct world *world = connected();
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_RESPONSE, 0)), 1);
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_CREDIT_UPDATE, 0)), 0);
    struct vsock_header message = make_header(4, 3, VSOCK_OP_RW, sizeof payload);
    message.type = VSOCK_TYPE_SEQPACKET;
    for (unsigned i = 0; i < 3; i++) {
        guest_send(world->guests[1], &message, payload);
        world_settle(world);
    }
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_CREDIT_UPDATE, 0)), 0);
}

/* fwd_cnt runs modulo 2^32, from wherever the driver begins. */
TEST(credit_wraps_around)
{
    struct world *world = connected();
    uint32_t start = 0u - 140000;
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_REQUEST, start)), 1);
    receive(world, 2);
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_CREDIT_UPDATE, start + 2)), 0);
    receive(world, sizeof payload);
    receive(world, sizeof payload);
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_CREDIT_UPDATE, start + 2 + ALLOWED / 2)), 1);
    receive(world, sizeof payload);
    receive(world, sizeof payload);
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_CREDIT_UPDATE, start + 2 + ALLOWED)), 0);
    receive(world, 1);
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_CREDIT_UPDATE, start + 2 + ALLOWED)), 1);
}

TEST(credit_of_a_device_that_does_not_defer_is_told_at_once)
{
    struct world *world = world_pair(RING_SIZE, 4);
    world_connect(world, 0, 1);
    CHECK_EQUAL(wakeups_for(world, words(VSOCK_OP_CREDIT_UPDATE, 0)), 1);
}
