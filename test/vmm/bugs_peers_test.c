/* SPDX-License-Identifier: BSD-2-Clause */
/* Eighteen classes of bugs that other virtio-socket devices have had, by the project's numbers. Part two: connections and peers. */
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

TEST(bug_08_reset_in_mid_transfer)
{
    static uint8_t data[VSOCK_PAYLOAD_SIZE_MAX];
    for (unsigned who = 0; who < 2; who++) {
        for (unsigned buffers = 0; buffers < 4; buffers++) {
            struct world *world = booted(2);
            world_connect(world, 0, 1);
            struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, sizeof data);
            guest_queue_packet(world->guests[0], &rw, data, sizeof data);
            guest_send(world->guests[0], &rw, data); /* one in the ring and half delivered, one waiting for room */
            guest_post(world->guests[1], buffers, 3776);
            world_settle(world);
            guest_boot(world->guests[who]);
            guest_post(world->guests[1 - who], who == 0 ? 60 : 1, 3776);
            world_settle(world);
            struct guest *survivor = world->guests[1 - who];
            uint32_t total = 0;
            while (guest_receive(survivor, &packet) && packet.header.op == VSOCK_OP_RW) {
                total += packet.size;
            }
            CHECK_EQUAL(packet.header.op, VSOCK_OP_RST); /* after the data that was on its way */
            CHECK_EQUAL(packet.header.dst_port, who == 0 ? 9999 : 1000);
            CHECK(!guest_receive(survivor, &packet));
            CHECK(who == 1 || total >= 60000);
            CHECK(who == 0 || guest_reap(survivor) == 2);
            CHECK_EQUAL(survivor->device.peers[0].connections.count, 0);
            guest_boot(survivor); /* a clean table of buffers */
            world_settle(world);
            world_connect(world, 1, 0);
        }
    }
}

TEST(bug_09_credit_is_the_guests_business)
{
    /* Wrapped, shrunk and impossible credit passes; the device does not count with it, so it cannot miscount. */
    struct world *world = booted(2);
    static const uint32_t values[][2] = {{262144, 4294967295u}, {0, 0}, {16, 1000000}, {4294967295u, 2147483648u}};
    for (unsigned i = 0; i < 4; i++) {
        struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 3);
        rw.buf_alloc = values[i][0];
        rw.fwd_cnt = values[i][1];
        guest_post(world->guests[1], 1, 3776);
        guest_send(world->guests[0], &rw, "abc");
        world_settle(world);
        guest_expect(world->guests[1], &packet, VSOCK_OP_RW);
        CHECK_EQUAL(packet.header.buf_alloc, values[i][0]);
        CHECK_EQUAL(packet.header.fwd_cnt, values[i][1]);
    }
}

TEST(bug_10_floods)
{
    struct world *world = booted(3);
    struct guest *flooder = world->guests[0];
    for (unsigned round = 0; round < 60; round++) {
        static const uint16_t ops[] = {VSOCK_OP_REQUEST, VSOCK_OP_CREDIT_REQUEST, VSOCK_OP_RW, VSOCK_OP_RST};
        for (unsigned i = 0; i < QUEUE_NUM; i++) {
            struct vsock_header header = make_header(3, 4, ops[round % 4], 0);
            header.src_port = round * 1000 + i;
            guest_queue_packet(flooder, &header, NULL, 0);
        }
        guest_kick(flooder, TX);
        world_settle(world);
        while (flooder->queues[TX].num_free < QUEUE_NUM) { /* the refused ones wait for places for their RSTs */
            for (unsigned i = 0; i < 2; i++) {
                guest_post(world->guests[i], world->guests[i]->queues[RX].num_free, 3776);
                world_settle(world);
                while (guest_receive(world->guests[i], &packet)) {
                }
            }
            uint32_t head, length;
            while (guest_used(flooder, TX, &head, &length)) {
            }
        }
    }
    struct vsock_device *victim = &world->guests[1]->device;
    CHECK_EQUAL(flooder->device.peers[0].connections.quota, VSOCK_MAX_CONNECTIONS / 2);
    CHECK(flooder->device.peers[0].connections.count <= VSOCK_MAX_CONNECTIONS / 2);
    CHECK(flooder->device.counters[VSOCK_COUNT_TX_REFUSED] > 0);
    CHECK_EQUAL(victim->counters[VSOCK_COUNT_RX_REFUSED], 0); /* refused at the source */
    CHECK(victim->peers[0].connections.count <= VSOCK_MAX_CONNECTIONS / 2);
    world_connect(world, 2, 1); /* the third guest does not notice */
    world_connect(world, 1, 2);
}

TEST(bug_11_both_sides_full)
{
    struct world *world = world_new(2, 0x2000);
    static uint8_t data[2][VSOCK_PAYLOAD_SIZE_MAX];
    uint32_t received[2] = {0, 0};
    memset(data[1], 1, sizeof data[1]);
    for (unsigned i = 0; i < 2; i++) {
        guest_boot(world->guests[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        struct vsock_header rw = make_header(3 + i, 4 - i, VSOCK_OP_RW, VSOCK_PAYLOAD_SIZE_MAX);
        for (unsigned n = 0; n < 20; n++) {
            guest_queue_packet(world->guests[i], &rw, data[i], sizeof data[i]);
        }
        guest_kick(world->guests[i], TX);
    }
    world_settle(world); /* nobody has receive buffers: everything is full, and quiet */
    for (unsigned round = 0; round < 2000; round++) {
        for (unsigned i = 0; i < 2; i++) {
            guest_post(world->guests[i], 1 + round % 8, 3776);
            world_settle(world);
            while (guest_receive(world->guests[i], &packet)) {
                received[i] += packet.size;
                CHECK_EQUAL(packet.payload[packet.size - 1], 1 - i);
            }
        }
        if (received[0] == 20 * VSOCK_PAYLOAD_SIZE_MAX && received[1] == received[0]) {
            break;
        }
    }
    CHECK_EQUAL(received[0], 20 * VSOCK_PAYLOAD_SIZE_MAX);
    CHECK_EQUAL(received[1], 20 * VSOCK_PAYLOAD_SIZE_MAX);
    CHECK_EQUAL(guest_reap(world->guests[0]), 20);
    CHECK_EQUAL(guest_reap(world->guests[1]), 20);
}

TEST(bug_11_both_rings_full_of_packets_to_be_refused)
{
    /* Each guest sends what the other has not negotiated: every packet must be answered, while no ring has room for answers
     * and more packets wait for any room that there is. */
    static const uint64_t features[] = {F_SEQPACKET | F_NO_IMPLIED_STREAM, F_STREAM};
    struct world *world = world_new(2, 0x2000);
    for (unsigned i = 0; i < 2; i++) {
        struct guest *guest = world->guests[i];
        guest_negotiate(guest, F_VERSION_1 | features[i]);
        guest_set_queue(guest, RX, QUEUE_NUM);
        guest_set_queue(guest, TX, QUEUE_NUM);
        guest_driver_ok(guest);
    }
    for (unsigned i = 0; i < 2; i++) {
        struct guest *guest = world->guests[i];
        struct vsock_header request = make_header(3 + i, 4 - i, VSOCK_OP_CREDIT_UPDATE, 0);
        request.type = i == 0 ? VSOCK_TYPE_SEQPACKET : VSOCK_TYPE_STREAM;
        for (unsigned round = 0; round < 2; round++) {
            for (unsigned n = 0; n < QUEUE_NUM; n++) {
                guest_queue_packet(guest, &request, NULL, 0);
            }
            guest_kick(guest, TX);
            CHECK(round == 1 || guest_reap(guest) == QUEUE_NUM);
        }
        CHECK(guest->device.peers[0].waiting_first != VSOCK_WAITING_NONE);
    }
    unsigned resets[2] = {0, 0};
    for (unsigned round = 0; round < 5; round++) {
        world_settle(world);
        for (unsigned i = 0; i < 2; i++) {
            guest_post(world->guests[i], world->guests[i]->queues[RX].num_free, 3776);
            while (guest_receive(world->guests[i], &packet)) {
                CHECK_EQUAL(packet.header.op, VSOCK_OP_RST);
                resets[i]++;
            }
        }
    }
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQUAL(resets[i], 2 * QUEUE_NUM);
        CHECK_EQUAL(guest_reap(world->guests[i]), QUEUE_NUM);
    }
}

TEST(bug_12_lost_wake_up)
{
    /* The peer drains only when it is notified, and is notified only when it sleeps. */
    struct world *world = world_new(2, 0x2000);
    struct guest *from = world->guests[0], *to = world->guests[1];
    static uint8_t data[3000];
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, sizeof data);
    guest_boot(from);
    guest_boot(to);
    unsigned received = 0;
    for (unsigned i = 0; i < 300; i++) {
        if (from->queues[TX].num_free > 0) {
            guest_send(from, &rw, data);
        }
        if (i % 3 == 0) {
            guest_post(to, i % 5, 3776);
        }
        world_settle(world);
        while (guest_receive(to, &packet)) {
            received++;
        }
        uint32_t head, length;
        while (guest_used(from, TX, &head, &length)) {
        }
    }
    while (from->queues[TX].num_free < QUEUE_NUM || from->device.peers[0].waiting_first != VSOCK_WAITING_NONE) {
        unsigned before = received;
        guest_post(to, 1, 3776);
        world_settle(world);
        while (guest_receive(to, &packet)) {
            received++;
        }
        uint32_t head, length;
        while (guest_used(from, TX, &head, &length)) {
        }
        CHECK(received == before + 1);
    }
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
                                    make_header(3, 4, VSOCK_OP_REQUEST, 0), make_header(0x100000004, 3, VSOCK_OP_REQUEST, 0),
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
    struct vsock_setup setup = {.guest_cid = 4, .num_peers = 1, .ops = world->guests[1]->device.ops, .cookie = world->guests[1]};
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
    guest_add(guest, TX, &(struct segment){slot_address(TX, 0), 8, 0}, 1);
    guest_kick(guest, TX);
    CHECK_EQUAL(guest_ack(guest), 1);
}

TEST(bug_18_peer_rewrites_the_ring)
{
    static const uint32_t tails[] = {1, 7, 8, 48, 55, 57, 0x10001, 0x10008, 0x20000, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff};
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
        CHECK_EQUAL(((struct vsock_ring_region *)world->regions[0][1])->epoch, epoch + 1); /* the other end of it, too */
        CHECK_EQUAL(guest->notified[0], 1);
        region->tail += 3; /* and again */
        vsock_device_notified(&guest->device, 0);
        CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_RX_RING_BROKEN], 2);
        CHECK((reg_read(guest, R_STATUS) & S_NEEDS_RESET) == 0);
    }
}
