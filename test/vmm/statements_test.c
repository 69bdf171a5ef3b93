/* SPDX-License-Identifier: BSD-2-Clause */
/* The normative statements of virtio 5.10 (socket device), by the ids S1 to S6 of the project's list. */
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

TEST(S1_tx_goes_on_while_rx_is_full)
{
    struct world *world = booted(2);
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 4);
    guest_post(world->guests[1], 40, 3776);
    for (unsigned i = 0; i < 40; i++) { /* guest 0 has not a single receive buffer */
        guest_send(world->guests[0], &rw, "data");
    }
    world_settle(world);
    CHECK_EQUAL(guest_reap(world->guests[0]), 40);
    for (unsigned i = 0; i < 40; i++) {
        guest_expect(world->guests[1], &packet, VSOCK_OP_RW);
    }
}

TEST(S1_replies_waiting_for_rx_are_the_resource_that_ends)
{
    struct world *world = booted(2);
    struct guest *guest = world->guests[0];
    struct vsock_header lost = make_header(3, 77, VSOCK_OP_REQUEST, 0);
    for (unsigned i = 0; i < VSOCK_MAX_REPLIES; i++) {
        guest_send(guest, &lost, NULL);
    }
    CHECK_EQUAL(guest_reap(guest), VSOCK_MAX_REPLIES);
    guest_send(guest, &lost, NULL);
    uint32_t head, length;
    CHECK(!guest_used(guest, TX, &head, &length)); /* waits, for its reply has no place */
    guest_post(guest, 1, 3776);
    guest_expect(guest, &packet, VSOCK_OP_RST);
    CHECK_EQUAL(guest_reap(guest), 1);
    guest_post(guest, VSOCK_MAX_REPLIES - 1, 3776);
    for (unsigned i = 0; i < VSOCK_MAX_REPLIES - 1; i++) {
        guest_expect(guest, &packet, VSOCK_OP_RST);
    }
    guest_post(guest, 2, 3776);
    guest_expect(guest, &packet, VSOCK_OP_RST);
    CHECK(!guest_receive(guest, &packet)); /* one RST each, no more */
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_RESETS_TO_GUEST], VSOCK_MAX_REPLIES + 1);
}

TEST(S2_the_device_adds_no_payload_of_its_own)
{
    struct world *world = booted(2);
    struct vsock_header request = make_header(3, 4, VSOCK_OP_CREDIT_REQUEST, 0);
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 100);
    static const uint8_t data[100] = {1, 2, 3};
    guest_post(world->guests[1], 8, 3776);
    guest_send(world->guests[0], &rw, data);
    guest_send(world->guests[0], &request, NULL);
    world_settle(world);
    guest_expect(world->guests[1], &packet, VSOCK_OP_RW);
    CHECK_EQUAL(packet.size, 100);
    CHECK(memcmp(packet.payload, data, sizeof data) == 0);
    guest_expect(world->guests[1], &packet, VSOCK_OP_CREDIT_REQUEST);
    CHECK_EQUAL(packet.size, 0);
    CHECK(!guest_receive(world->guests[1], &packet));
    /* What a chain has beyond the length that its header declares is no payload: no credit covers it. */
    rw.len = 60;
    guest_queue_packet(world->guests[0], &rw, data, sizeof data);
    guest_kick(world->guests[0], TX);
    world_settle(world);
    guest_expect(world->guests[1], &packet, VSOCK_OP_RW);
    CHECK_EQUAL(packet.size, 60);
    CHECK(!guest_receive(world->guests[1], &packet));
}

TEST(S3_credit_passes_through_untouched)
{
    static const struct {
        uint32_t buf_alloc, fwd_cnt;
    } credits[] = {{262144, 0}, {0, 0}, {1, UINT32_MAX}, {UINT32_MAX, 0x80000000}, {65536, 4294967290u}};
    struct world *world = booted(2);
    for (unsigned op = VSOCK_OP_REQUEST; op <= VSOCK_OP_CREDIT_REQUEST; op++) {
        for (unsigned i = 0; i < sizeof credits / sizeof credits[0]; i++) {
            static uint8_t data[8000];
            struct vsock_header header = make_header(3, 4, op, op == VSOCK_OP_RW ? sizeof data : 0);
            header.buf_alloc = credits[i].buf_alloc;
            header.fwd_cnt = credits[i].fwd_cnt;
            header.flags = op == VSOCK_OP_SHUTDOWN ? 3 : 0;
            unsigned pieces = op == VSOCK_OP_RW ? 3 : 1;
            guest_post(world->guests[1], pieces, 3776);
            guest_send(world->guests[0], &header, data);
            world_settle(world);
            for (unsigned piece = 0; piece < pieces; piece++) {
                guest_expect(world->guests[1], &packet, op);
                CHECK_EQUAL(packet.header.buf_alloc, credits[i].buf_alloc);
                CHECK_EQUAL(packet.header.fwd_cnt, credits[i].fwd_cnt);
                CHECK_EQUAL(packet.header.flags, header.flags);
                CHECK_EQUAL(packet.header.src_port, header.src_port);
                CHECK_EQUAL(packet.header.dst_port, header.dst_port);
                CHECK_EQUAL(packet.header.src_cid, 3);
                CHECK_EQUAL(packet.header.type, VSOCK_TYPE_STREAM);
            }
            guest_reap(world->guests[0]);
        }
    }
}

TEST(S4_the_cid_is_not_reserved)
{
    static const uint64_t reserved[] = {0, 1, 2, 0xffffffff, 0x100000003, UINT64_MAX};
    struct world *world = booted(2);
    static struct vsock_device device;
    struct vsock_setup setup = {.num_peers = 1, .ops = world->guests[0]->device.ops, .cookie = world->guests[0]};
    setup.peers[0] = (struct vsock_peer_setup){
        .cid = 4, .own_ring = world->regions[0][1], .peer_ring = world->regions[1][0], .ring_size = RING_SIZE};
    for (unsigned i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        setup.guest_cid = reserved[i];
        CHECK_EQUAL(vsock_device_init(&device, &setup), VSOCK_SETUP_RESERVED_CID);
        setup.guest_cid = 3;
        setup.peers[0].cid = (uint32_t)reserved[i];
        CHECK(i == 4 || vsock_device_init(&device, &setup) == VSOCK_SETUP_RESERVED_CID);
        setup.peers[0].cid = 4;
    }
    setup.guest_cid = 0xfffffffe;
    CHECK_EQUAL(vsock_device_init(&device, &setup), VSOCK_SETUP_GOOD);
    CHECK_EQUAL(reg_read(world->guests[0], R_CONFIG), 3);
    CHECK_EQUAL(reg_read(world->guests[0], R_CONFIG + 4), 0);
}

TEST(S5_unknown_type_is_answered_with_rst)
{
    static const uint16_t types[] = {0, 3, 7, 0x8001, 0xffff};
    struct world *world = booted(2);
    struct guest *guest = world->guests[0];
    for (unsigned i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct vsock_header header = make_header(3, 4, VSOCK_OP_REQUEST, 0);
        header.type = types[i];
        guest_post(guest, 1, 3776);
        guest_send(guest, &header, NULL);
        world_settle(world);
        guest_expect(guest, &packet, VSOCK_OP_RST);
        CHECK_EQUAL(packet.header.src_cid, 4);
        CHECK_EQUAL(packet.header.src_port, 9999);
        CHECK_EQUAL(packet.header.dst_port, 1000);
        CHECK_EQUAL(packet.header.type, VSOCK_TYPE_STREAM);
        CHECK_EQUAL(packet.header.len, 0);
        CHECK_EQUAL(guest_reap(guest), 1);
        header.op = VSOCK_OP_RST; /* never an RST for an RST */
        guest_post(guest, 1, 3776);
        guest_send(guest, &header, NULL);
        CHECK(!guest_receive(guest, &packet));
        guest_reap(guest);
        header.op = VSOCK_OP_REQUEST;
        header.dst_cid = 99;
        guest_send(guest, &header, NULL);
        guest_expect(guest, &packet, VSOCK_OP_RST);
        guest_reap(guest);
    }
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_UNKNOWN_TYPE], 15);
    CHECK_EQUAL(world->guests[1]->device.counters[VSOCK_COUNT_RX_RECORDS], 0);
}

static bool passes(uint64_t features, uint16_t type)
{
    struct world *world = world_new(2, RING_SIZE);
    struct guest *guest = world->guests[0];
    guest_negotiate(guest, features | F_VERSION_1);
    guest_set_queue(guest, RX, QUEUE_NUM);
    guest_set_queue(guest, TX, QUEUE_NUM);
    guest_driver_ok(guest);
    guest_boot(world->guests[1]);
    guest_post(guest, 2, 3776);
    guest_post(world->guests[1], 2, 3776);
    struct vsock_header header = make_header(3, 4, VSOCK_OP_REQUEST, 0);
    header.type = type;
    guest_send(guest, &header, NULL);
    world_settle(world);
    bool arrived = guest_receive(world->guests[1], &packet);
    CHECK(guest_receive(guest, &packet) == !arrived); /* an RST otherwise */
    CHECK(arrived || (packet.header.op == VSOCK_OP_RST && packet.header.type == type));
    /* And the other way: what this guest has not negotiated is refused for it. */
    header = make_header(4, 3, VSOCK_OP_REQUEST, 0);
    header.type = type;
    guest_post(guest, 1, 3776);
    guest_post(world->guests[1], 1, 3776);
    guest_send(world->guests[1], &header, NULL);
    world_settle(world);
    CHECK(guest_receive(guest, &packet) == arrived);
    CHECK(guest_receive(world->guests[1], &packet) == !arrived);
    CHECK(arrived || (packet.header.op == VSOCK_OP_RST && packet.header.type == type));
    CHECK_EQUAL(world->guests[0]->device.counters[VSOCK_COUNT_RX_UNKNOWN_TYPE], !arrived);
    return arrived;
}

TEST(S6_socket_types_follow_the_features)
{
    struct world *world = world_new(2, RING_SIZE);
    reg_write(world->guests[0], R_DEVICE_FEATURES_SEL, 0);
    CHECK_EQUAL(reg_read(world->guests[0], R_DEVICE_FEATURES),
                F_STREAM | F_SEQPACKET | F_NO_IMPLIED_STREAM | F_INDIRECT | F_EVENT_IDX);
    CHECK(passes(0, VSOCK_TYPE_STREAM));
    CHECK(!passes(0, VSOCK_TYPE_SEQPACKET));
    CHECK(passes(F_STREAM, VSOCK_TYPE_STREAM));
    CHECK(passes(F_SEQPACKET, VSOCK_TYPE_STREAM));
    CHECK(passes(F_SEQPACKET, VSOCK_TYPE_SEQPACKET));
    CHECK(!passes(F_STREAM, VSOCK_TYPE_SEQPACKET));
    CHECK(!passes(F_NO_IMPLIED_STREAM | F_SEQPACKET, VSOCK_TYPE_STREAM));
    CHECK(passes(F_NO_IMPLIED_STREAM | F_SEQPACKET, VSOCK_TYPE_SEQPACKET));
    CHECK(passes(F_NO_IMPLIED_STREAM | F_STREAM, VSOCK_TYPE_STREAM));
}
