/* SPDX-License-Identifier: BSD-2-Clause */
/* The ordinary way of packets: splitting, back-pressure, fairness, and how few notifications and interrupts it takes.
 */
#include <string.h>

#include "guest.h"
#include "harness.h"

static struct packet packet;
static uint8_t data[VSOCK_PAYLOAD_SIZE_MAX];

static struct world *booted(unsigned num, uint64_t ring_size)
{
    struct world *world = world_new(num, ring_size);
    for (unsigned i = 0; i < num; i++) {
        guest_boot(world->guests[i]);
    }
    for (unsigned i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i % 251);
    }
    return world;
}

/* Receives one packet of `size` bytes as pieces in buffers of `buffer`, and checks every byte and flag. */
static void receive_split(struct world *world, struct guest *guest, uint32_t size, uint32_t buffer, uint32_t flags)
{
    uint32_t total = 0;
    do {
        guest_post(guest, 1, buffer);
        world_settle(world);
        guest_expect(guest, &packet, VSOCK_OP_RW);
        CHECK(total + packet.size <= size);
        CHECK(packet.size > 0 || size == 0);
        CHECK(memcmp(packet.payload, data + total, packet.size) == 0);
        total += packet.size;
        CHECK_EQUAL(packet.header.flags, total == size ? flags : flags & ~3u);
    } while (total < size);
    guest_post(guest, 1, buffer);
    world_settle(world);
    CHECK(!guest_receive(guest, &packet));
}

TEST(flow_split_to_the_receivers_buffers)
{
    static const uint32_t sizes[] = {0, 1, 3732, 3733, 10000, VSOCK_PAYLOAD_SIZE_MAX};
    static const uint32_t buffers[] = {3776, 45, 1000, 4096 + 44, 65580};
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (unsigned j = 0; j < sizeof buffers / sizeof buffers[0]; j++) {
            uint32_t size = buffers[j] == 45 && sizes[i] > 1000 ? 300 : sizes[i];
            struct world *world = booted(2, RING_SIZE);
            struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, size);
            guest_send(world->guests[0], &rw, data);
            receive_split(world, world->guests[1], size, buffers[j], 0);
            CHECK_EQUAL(guest_reap(world->guests[0]), 1);
            CHECK_EQUAL(world->guests[0]->device.counters[VSOCK_COUNT_TX_BYTES], size);
            CHECK_EQUAL(world->guests[1]->device.counters[VSOCK_COUNT_RX_BYTES], size);
        }
    }
}

TEST(flow_split_keeps_message_boundaries)
{
    for (uint32_t flags = 0; flags < 8; flags++) {
        for (uint64_t ring_size = 0x2000; ring_size <= RING_SIZE; ring_size = ring_size * 2 - 0x1000) {
            struct world *world = booted(2, ring_size);
            struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 30000);
            rw.type = VSOCK_TYPE_SEQPACKET;
            rw.flags = flags;
            guest_send(world->guests[0], &rw, data);
            receive_split(world, world->guests[1], 30000, 3776, flags);
        }
    }
}

TEST(flow_largest_packet_through_the_default_ring)
{
    struct world *world = booted(2, RING_SIZE);
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, VSOCK_PAYLOAD_SIZE_MAX);
    for (unsigned i = 0; i < 5; i++) {
        guest_send(world->guests[0], &rw, data);
        receive_split(world, world->guests[1], VSOCK_PAYLOAD_SIZE_MAX, 3776, 0);
        CHECK_EQUAL(guest_reap(world->guests[0]), 1);
    }
    CHECK(world->guests[0]->device.counters[VSOCK_COUNT_TX_RECORDS] <= 10);
}

TEST(flow_no_crumbs_in_a_ring_that_is_nearly_full)
{
    struct world *world = booted(2, RING_SIZE);
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, VSOCK_PAYLOAD_SIZE_MAX);
    for (unsigned i = 0; i < 4; i++) {
        guest_send(world->guests[0], &rw, data);
    }
    for (uint32_t total = 0; total < 4 * VSOCK_PAYLOAD_SIZE_MAX; total += packet.size) {
        guest_post(world->guests[1], 1, 3776);
        world_settle(world);
        CHECK(guest_receive(world->guests[1], &packet));
    }
    /* A record for each quarter of the ring at most. */
    CHECK(world->guests[0]->device.counters[VSOCK_COUNT_TX_RECORDS] <= 4 * 5);
}

TEST(flow_a_slow_peer_holds_up_only_itself)
{
    struct world *world = booted(3, 0x2000);
    struct guest *guest = world->guests[0];
    struct vsock_header slow = make_header(3, 4, VSOCK_OP_RW, 3000), quick = make_header(3, 5, VSOCK_OP_RW, 3000);
    for (unsigned i = 0; i < 20; i++) {
        guest_queue_packet(guest, &slow, data, 3000);
    }
    for (unsigned i = 0; i < 20; i++) {
        guest_queue_packet(guest, &quick, data, 3000);
    }
    guest_kick(guest, TX);
    guest_post(world->guests[2], 20, 3776);
    world_settle(world);
    for (unsigned i = 0; i < 20; i++) {
        guest_expect(world->guests[2], &packet, VSOCK_OP_RW);
    }
    unsigned back = 0;
    uint32_t head, length;
    while (guest_used(guest, TX, &head, &length)) {
        back++;
    }
    CHECK_EQUAL(back, 21); /* all of the quick one's, and the one in the slow one's ring */
    guest_post(world->guests[1], 20, 3776);
    world_settle(world);
    for (unsigned i = 0; i < 20; i++) {
        guest_expect(world->guests[1], &packet, VSOCK_OP_RW);
    }
    CHECK_EQUAL(guest_reap(guest), 19);
}

TEST(flow_order_within_a_peer)
{
    struct world *world = booted(2, 0x2000);
    for (unsigned i = 0; i < 50; i++) {
        struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 1000);
        rw.src_port = i;
        guest_queue_packet(world->guests[0], &rw, data, 1000);
    }
    guest_kick(world->guests[0], TX);
    guest_post(world->guests[1], 50, 3776);
    world_settle(world);
    for (unsigned i = 0; i < 50; i++) {
        guest_expect(world->guests[1], &packet, VSOCK_OP_RW);
        CHECK_EQUAL(packet.header.src_port, i);
    }
    CHECK_EQUAL(guest_reap(world->guests[0]), 50);
}

TEST(flow_one_interrupt_and_one_notification_for_a_batch)
{
    struct world *world = booted(2, RING_SIZE);
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 100);
    guest_post(world->guests[1], 60, 3776);
    world_settle(world);
    struct vsock_device *from = &world->guests[0]->device, *to = &world->guests[1]->device;
    uint64_t notifications = from->counters[VSOCK_COUNT_NOTIFICATIONS], back = to->counters[VSOCK_COUNT_NOTIFICATIONS];
    for (unsigned i = 0; i < 60; i++) {
        guest_queue_packet(world->guests[0], &rw, data, 100);
    }
    guest_kick(world->guests[0], TX);
    world_settle(world);
    CHECK_EQUAL(from->counters[VSOCK_COUNT_NOTIFICATIONS], notifications + 1);
    CHECK_EQUAL(to->counters[VSOCK_COUNT_NOTIFICATIONS], back); /* nobody waits for room */
    CHECK_EQUAL(world->guests[0]->irq_rises, 1);
    CHECK_EQUAL(world->guests[1]->irq_rises, 1);
    CHECK_EQUAL(from->counters[VSOCK_COUNT_INTERRUPTS], 1);
    CHECK_EQUAL(guest_reap(world->guests[0]), 60);
}

TEST(flow_an_idle_peer_that_waits_for_its_guest_is_left_alone)
{
    struct world *world = booted(2, RING_SIZE);
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 100);
    guest_send(world->guests[0], &rw, data);
    world_settle(world);
    uint64_t notifications = world->guests[0]->device.counters[VSOCK_COUNT_NOTIFICATIONS];
    for (unsigned i = 0; i < 20; i++) { /* it has no receive buffer, so waking it is in vain */
        guest_send(world->guests[0], &rw, data);
        world_settle(world);
    }
    CHECK_EQUAL(world->guests[0]->device.counters[VSOCK_COUNT_NOTIFICATIONS], notifications);
    guest_post(world->guests[1], 21, 3776);
    world_settle(world);
    for (unsigned i = 0; i < 21; i++) {
        guest_expect(world->guests[1], &packet, VSOCK_OP_RW);
    }
}

TEST(flow_work_per_call_is_bounded_and_goes_on)
{
    struct world *world = booted(2, 0x41000);
    struct guest *to = world->guests[1];
    for (unsigned round = 0; round < 10; round++) { /* the ring gets many more records than one call may move */
        for (unsigned i = 0; i < QUEUE_NUM; i++) {
            struct vsock_header update = make_header(3, 4, VSOCK_OP_CREDIT_UPDATE, 0);
            guest_queue_packet(world->guests[0], &update, NULL, 0);
        }
        guest_kick(world->guests[0], TX);
        CHECK_EQUAL(guest_reap(world->guests[0]), QUEUE_NUM);
    }
    vsock_device_guest_off(&to->device); /* all of them will be refused, which needs no buffers */
    uint64_t before = to->device.counters[VSOCK_COUNT_RX_RECORDS] + to->device.counters[VSOCK_COUNT_RX_STALE];
    CHECK(before <= VSOCK_BUDGET);
    CHECK(vsock_device_notified(&to->device, 0)); /* more */
    to->more = true;
    world_settle(world);
    uint64_t after = to->device.counters[VSOCK_COUNT_RX_RECORDS] + to->device.counters[VSOCK_COUNT_RX_STALE];
    CHECK_EQUAL(after, 10 * QUEUE_NUM);
}

TEST(flow_peers_take_turns)
{
    struct world *world = booted(3, RING_SIZE);
    for (unsigned from = 1; from < 3; from++) {
        for (unsigned i = 0; i < 60; i++) {
            struct vsock_header rw = make_header(3 + from, 3, VSOCK_OP_RW, 100);
            guest_queue_packet(world->guests[from], &rw, data, 100);
        }
        guest_kick(world->guests[from], TX);
    }
    guest_post(world->guests[0], 60, 3776);
    world_settle(world);
    unsigned of[2] = {0, 0};
    while (guest_receive(world->guests[0], &packet)) {
        of[packet.header.src_cid - 4]++;
    }
    CHECK_EQUAL(of[0] + of[1], 60);
    CHECK(of[0] >= 20 && of[1] >= 20);
}

TEST(flow_every_peer_is_listened_to)
{
    struct world *world = booted(3, RING_SIZE);
    for (unsigned n = 0; n < 4; n++) {
        for (unsigned from = 0; from < 3; from++) {
            unsigned to = (from + 1 + n % 2) % 3;
            struct vsock_header rw = make_header(3 + from, 3 + to, VSOCK_OP_RW, 5);
            guest_post(world->guests[to], 1, 3776);
            guest_send(world->guests[from], &rw, data);
            world_settle(world); /* nothing else wakes the receiver */
            guest_expect(world->guests[to], &packet, VSOCK_OP_RW);
            CHECK_EQUAL(packet.header.src_cid, 3 + from);
        }
    }
}

TEST(flow_short_receive_buffers_go_back_empty)
{
    struct world *world = booted(2, RING_SIZE);
    struct guest *to = world->guests[1];
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 10), update = make_header(3, 4, VSOCK_OP_CREDIT_UPDATE, 0);
    uint32_t head, length;
    guest_post(to, 1, 44); /* room for a header only */
    guest_send(world->guests[0], &rw, data);
    world_settle(world);
    CHECK(guest_used(to, RX, &head, &length));
    CHECK_EQUAL(length, 0);
    guest_post(to, 1, 43);
    guest_post(to, 1, 45);
    guest_post(to, 1, 100);
    CHECK(guest_used(to, RX, &head, &length));
    CHECK_EQUAL(length, 0);
    guest_expect(to, &packet, VSOCK_OP_RW);
    CHECK_EQUAL(packet.size, 1);
    guest_expect(to, &packet, VSOCK_OP_RW);
    CHECK_EQUAL(packet.size, 9);
    guest_post(to, 1, 44); /* enough for what has no payload */
    guest_send(world->guests[0], &update, NULL);
    world_settle(world);
    guest_expect(to, &packet, VSOCK_OP_CREDIT_UPDATE);
    CHECK_EQUAL(to->device.counters[VSOCK_COUNT_RX_SHORT], 2);
}

TEST(flow_a_guest_without_peers)
{
    struct world *world = booted(1, RING_SIZE);
    struct vsock_header request = make_header(3, 4, VSOCK_OP_REQUEST, 0);
    guest_post(world->guests[0], 1, 3776);
    guest_send(world->guests[0], &request, NULL);
    guest_expect(world->guests[0], &packet, VSOCK_OP_RST);
}

TEST(flow_every_counter_and_fault_has_a_name)
{
    for (unsigned i = 0; i < VSOCK_COUNTERS; i++) {
        CHECK(strcmp(vsock_counter_name((enum vsock_counter)i), "unknown") != 0);
        for (unsigned j = 0; j < i; j++) {
            CHECK(strcmp(vsock_counter_name((enum vsock_counter)i), vsock_counter_name((enum vsock_counter)j)) != 0);
        }
    }
    CHECK(strcmp(vsock_counter_name(VSOCK_COUNTERS), "unknown") == 0);
    for (unsigned i = 0; i <= VSOCK_SETUP_RING_SIZE; i++) {
        CHECK(strcmp(vsock_setup_fault_text((enum vsock_setup_fault)i), "unknown") != 0);
    }
}

TEST(flow_what_is_no_counter_and_no_fault_is_unknown)
{
    CHECK(strcmp(vsock_counter_name((enum vsock_counter)1000), "unknown") == 0);
    CHECK(strcmp(vsock_setup_fault_text((enum vsock_setup_fault)1000), "unknown") == 0);
}

TEST(flow_setup_is_judged)
{
    struct world *world = world_new(3, RING_SIZE);
    static struct vsock_device device;
    const struct vsock_device *from = &world->guests[0]->device;
    struct vsock_setup good = {.guest_cid = 3, .num_peers = 2, .ops = from->ops, .cookie = world->guests[0]}, setup;
    for (unsigned i = 0; i < 2; i++) {
        good.peers[i] = (struct vsock_peer_setup){4 + i, world->regions[0][1 + i], world->regions[1 + i][0], RING_SIZE};
    }
    CHECK_EQUAL(vsock_device_init(&device, &good), VSOCK_SETUP_GOOD);
    setup = good;
    setup.peers[1].cid = 4;
    CHECK_EQUAL(vsock_device_init(&device, &setup), VSOCK_SETUP_DUPLICATE_CID);
    setup.peers[1].cid = 3;
    CHECK_EQUAL(vsock_device_init(&device, &setup), VSOCK_SETUP_DUPLICATE_CID);
    setup = good;
    setup.num_peers = VSOCK_MAX_PEERS + 1;
    CHECK_EQUAL(vsock_device_init(&device, &setup), VSOCK_SETUP_TOO_MANY_PEERS);
    setup = good;
    setup.peers[1].own_ring = NULL;
    CHECK_EQUAL(vsock_device_init(&device, &setup), VSOCK_SETUP_RING_MISSING);
    setup = good;
    setup.peers[0].peer_ring = NULL;
    CHECK_EQUAL(vsock_device_init(&device, &setup), VSOCK_SETUP_RING_MISSING);
    setup = good;
    setup.peers[1].ring_size = 0x12000;
    CHECK_EQUAL(vsock_device_init(&device, &setup), VSOCK_SETUP_RING_SIZE);
}
