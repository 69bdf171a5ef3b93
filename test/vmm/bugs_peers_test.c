/* SPDX-License-Identifier: BSD-2-Clause */
/* Eighteen classes of bugs that other virtio-socket devices have had, by the project's numbers. Part four: other guests
 * and their devices. */
#include <string.h>

#include "guest.h"
#include "harness.h"

static struct packet packet;

static struct world *booted(unsigned num)
{
    struct world *world = world_new(num, RING_SIZE);
    for (unsigned i = 0; i < num; i++) {
        guest_boot(world->guests[i]);
    }
    return world;
}

TEST(bug_13_spoofed_addresses)
{
    struct world *world = booted(3);
    struct guest *guest = world->guests[0];
    static const uint64_t sources[] = {0, 2, 4, 5, 99, 0x100000003, 0x500000003, UINT64_MAX};
    for (unsigned i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        struct vsock_header header = make_header(sources[i], 4, VSOCK_OP_REQUEST, 0);
        guest_post(guest, 1, 3776);
        guest_send(guest, &header, NULL);
        world_settle(world);
        CHECK(!guest_receive(guest, &packet));
        CHECK_EQUAL(guest_reap(guest), 1);
    }
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_SPOOFED], sizeof sources / sizeof sources[0]);
    CHECK_EQUAL(world->guests[1]->device.counters[VSOCK_COUNT_RX_RECORDS], 0);
    static const uint64_t destinations[] = {0, 1, 2, 3, 6, 77, 0xffffffff, 0x100000004, 0x500000003, UINT64_MAX};
    for (unsigned i = 0; i < sizeof destinations / sizeof destinations[0]; i++) {
        struct vsock_header header = make_header(3, destinations[i], VSOCK_OP_REQUEST, 0);
        guest_send(guest, &header, NULL);
        world_settle(world);
        guest_expect(guest, &packet, VSOCK_OP_RST);
        CHECK_EQUAL(packet.header.src_cid, destinations[i]);
        CHECK_EQUAL(packet.header.dst_cid, 3);
        CHECK_EQUAL(packet.header.src_port, header.dst_port);
        CHECK_EQUAL(packet.header.dst_port, header.src_port);
        guest_post(guest, 1, 3776);
        guest_reap(guest);
    }
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_UNKNOWN_PEER], sizeof destinations / sizeof destinations[0]);
}

TEST(bug_13_spoofed_records)
{
    struct world *world = world_new(2, RING_SIZE);
    struct vsock_ring puppet;
    guest_boot(world->guests[0]);
    puppet_init(world, &puppet);
    guest_post(world->guests[0], 8, 3776);
    struct vsock_header forged[] = {make_header(5, 3, VSOCK_OP_REQUEST, 0), make_header(4, 5, VSOCK_OP_REQUEST, 0),
                                    make_header(3, 4, VSOCK_OP_REQUEST, 0),
                                    make_header(0x100000004, 3, VSOCK_OP_REQUEST, 0),
                                    make_header(4, 0x100000003, VSOCK_OP_REQUEST, 0)};
    for (unsigned i = 0; i < 5; i++) {
        puppet_send(world, &puppet, &forged[i], NULL);
    }
    struct vsock_record record;
    CHECK(!guest_receive(world->guests[0], &packet));
    CHECK(!puppet_receive(&puppet, &record, NULL));
    CHECK_EQUAL(world->guests[0]->device.counters[VSOCK_COUNT_RX_SPOOFED], 5);
    struct vsock_header good = make_header(4, 3, VSOCK_OP_REQUEST, 0);
    puppet_send(world, &puppet, &good, NULL);
    guest_expect(world->guests[0], &packet, VSOCK_OP_REQUEST);
}

TEST(bug_14_reply_loops)
{
    struct world *world = world_new(2, RING_SIZE);
    guest_boot(world->guests[0]); /* guest 1 never comes up */
    struct guest *guest = world->guests[0];
    guest_post(guest, 20, 3776);
    for (unsigned op = VSOCK_OP_REQUEST; op <= VSOCK_OP_CREDIT_REQUEST; op++) {
        struct vsock_header header = make_header(3, 4, op, 0);
        guest_send(guest, &header, NULL);
        header.dst_cid = 77;
        guest_send(guest, &header, NULL);
        world_settle(world);
        for (unsigned i = 0; i < 2; i++) {
            CHECK(guest_receive(guest, &packet) == (op != VSOCK_OP_RST));
        }
        CHECK(packet.header.op == VSOCK_OP_RST);
        guest_reap(guest);
    }
    CHECK(!guest_receive(guest, &packet));
    CHECK_EQUAL(world->guests[1]->device.counters[VSOCK_COUNT_RX_NOT_READY], 7);
    CHECK_EQUAL(world->guests[1]->device.counters[VSOCK_COUNT_RESETS_TO_PEER], 6);
}

TEST(bug_15_peer_not_booted_dead_or_rebooted)
{
    struct world *world = booted(2);
    world_connect(world, 1, 0);
    guest_post(world->guests[0], 1, 3776);
    vsock_device_guest_off(&world->guests[1]->device);
    world_settle(world);
    guest_expect(world->guests[0], &packet, VSOCK_OP_RST);
    CHECK_EQUAL(packet.header.src_cid, 4);
    CHECK_EQUAL(packet.header.src_port, 9999);
    CHECK_EQUAL(packet.header.dst_port, 1000);
    /* Off: refused at once. On again: as new. */
    struct vsock_header request = make_header(3, 4, VSOCK_OP_REQUEST, 0);
    guest_post(world->guests[0], 1, 3776);
    guest_send(world->guests[0], &request, NULL);
    world_settle(world);
    guest_expect(world->guests[0], &packet, VSOCK_OP_RST);
    guest_reap(world->guests[0]);
    guest_boot(world->guests[1]);
    world_settle(world);
    world_connect(world, 0, 1);
}

TEST(bug_15_packets_before_the_peers_program_has_started)
{
    struct world *world = world_new(2, RING_SIZE);
    struct guest *guest = world->guests[0];
    guest_boot(guest);
    struct vsock_setup setup = {
        .guest_cid = 4, .num_peers = 1, .ops = world->guests[1]->device.ops, .cookie = world->guests[1]};
    setup.peers[0] = (struct vsock_peer_setup){
        .cid = 3, .own_ring = world->regions[1][0], .peer_ring = world->regions[0][1], .ring_size = RING_SIZE};
    memset(world->regions[1][0], 0, RING_SIZE); /* as if guest 1's device had never run */
    struct vsock_header request = make_header(3, 4, VSOCK_OP_REQUEST, 0);
    guest_post(guest, QUEUE_NUM, 3776);
    unsigned sent = 0;
    for (unsigned i = 0; i < 2 * VSOCK_BUDGET; i++, sent++) {
        request.src_port = i;
        guest_send(guest, &request, NULL);
        guest_reap(guest);
    }
    CHECK_EQUAL(guest->notified[0], 0); /* all zero is an awake consumer */
    CHECK_EQUAL(vsock_device_init(&world->guests[1]->device, &setup), VSOCK_SETUP_GOOD);
    unsigned refused = 0;
    for (unsigned round = 0; round < 20; round++) {
        world_settle(world);
        while (guest_receive(guest, &packet)) {
            CHECK_EQUAL(packet.header.op, VSOCK_OP_RST);
            CHECK_EQUAL(packet.header.dst_port, refused);
            refused++;
        }
        guest_post(guest, guest->queues[RX].num_free, 3776);
    }
    CHECK_EQUAL(refused, sent);
}

TEST(bug_16_used_length)
{
    struct world *world = booted(2);
    static uint8_t data[VSOCK_PAYLOAD_SIZE_MAX];
    for (unsigned op = VSOCK_OP_REQUEST; op <= VSOCK_OP_CREDIT_REQUEST; op++) {
        uint32_t sizes[] = {0, 1, 3731, 3732, 3733, 7464, 65224};
        for (unsigned i = 0; i < (op == VSOCK_OP_RW ? 7 : 1); i++) {
            struct vsock_header header = make_header(3, 4, op, sizes[i]);
            guest_post(world->guests[1], 20, 3776);
            guest_send(world->guests[0], &header, data);
            world_settle(world);
            guest_reap(world->guests[0]); /* length 0 */
            uint32_t left = sizes[i], head, length;
            do {
                uint32_t piece = left < 3732 ? left : 3732;
                CHECK(guest_used(world->guests[1], RX, &head, &length));
                CHECK_EQUAL(length, 44 + piece);
                left -= piece;
            } while (left > 0);
            guest_boot(world->guests[1]);
            world_settle(world);
            guest_boot(world->guests[0]);
            world_settle(world);
        }
    }
}

TEST(bug_17_missing_used_interrupt)
{
    /* Every packet that comes back, for whatever reason, comes with an interrupt. */
    struct world *world = booted(2);
    struct guest *guest = world->guests[0];
    struct vsock_header good = make_header(3, 4, VSOCK_OP_RW, 0), spoofed = make_header(9, 4, VSOCK_OP_RW, 0);
    struct vsock_header long_one = make_header(3, 4, VSOCK_OP_RW, 100), lost = make_header(3, 77, VSOCK_OP_RST, 0);
    const struct vsock_header *all[] = {&good, &spoofed, &long_one, &lost};
    for (unsigned i = 0; i < 4; i++) {
        guest_send(guest, all[i], NULL);
        CHECK_EQUAL(guest->irq_rises, i + 1);
        CHECK_EQUAL(guest_ack(guest), 1);
        CHECK_EQUAL(guest_reap(guest), 1);
    }
    guest_add(guest, TX, &(struct segment){0, 44, 0}, 1);
    guest_kick(guest, TX);
    CHECK_EQUAL(guest_ack(guest), 1);
    CHECK_EQUAL(guest_reap(guest), 1);
    guest_add(guest, TX, &(struct segment){slot_address(TX, 0), 8, 0}, 1);
    guest_kick(guest, TX);
    CHECK_EQUAL(guest_ack(guest), 1);
}

TEST(bug_18_peer_rewrites_the_ring)
{
    static const uint32_t tails[] = {1,       7,       8,          48,         55,         57,        0x10001,
                                     0x10008, 0x20000, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff};
    for (unsigned i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        struct world *world = booted(2);
        struct guest *guest = world->guests[0];
        world_connect(world, 0, 1);
        guest_post(guest, 4, 3776);
        struct vsock_ring_region *region = world->regions[1][0];
        uint32_t epoch = ((struct vsock_ring_region *)world->regions[0][1])->epoch;
        region->tail += tails[i];
        CHECK(!vsock_device_notified(&guest->device, 0));
        CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_RX_RING_BROKEN], 1);
        guest_expect(guest, &packet, VSOCK_OP_RST); /* bytes may be lost, so the connection is */
        CHECK_EQUAL(((struct vsock_ring_region *)world->regions[0][1])->epoch,
                    epoch + 1); /* the other end of it, too */
        CHECK_EQUAL(guest->notified[0], 1);
        region->tail += 3; /* and again */
        vsock_device_notified(&guest->device, 0);
        CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_RX_RING_BROKEN], 2);
        CHECK((reg_read(guest, R_STATUS) & S_NEEDS_RESET) == 0);
    }
}
