/* SPDX-License-Identifier: BSD-2-Clause */
/* Eighteen classes of bugs that other virtio-socket devices have had, by the project's numbers. Part three: resets,
 * credit, floods and standstills. */
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
    /* Each guest sends what the other has not negotiated: every packet must be answered, while no ring has room for
     * answers and more packets wait for any room that there is. */
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
