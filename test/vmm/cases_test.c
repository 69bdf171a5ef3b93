/* SPDX-License-Identifier: BSD-2-Clause */
/* The nineteen inputs that broke upstream's device, by the project's numbers: no trap, nothing out of bounds, RST or
 * drop, tx chains returned with length 0 and an interrupt. */
#include <string.h>

#include "guest.h"
#include "harness.h"

static struct packet packet;
static struct world *world;
static struct guest *guest, *other;

static void start(void)
{
    world = world_new(2, RING_SIZE);
    guest = world->guests[0];
    other = world->guests[1];
    guest_boot(guest);
    guest_boot(other);
    guest_post(guest, 8, 3776);
    guest_post(other, 8, 3776);
}

/* Sends one packet whose chain holds `size` bytes; it must come back, and nothing may arrive at the other guest. */
static void send_bad(const struct vsock_header *header, uint32_t payload_size)
{
    static uint8_t payload[0x4000];
    unsigned rises = guest->irq_rises;
    guest_queue_packet(guest, header, payload, payload_size);
    guest_kick(guest, TX);
    world_settle(world);
    CHECK_EQUAL(guest->irq_rises, rises + 1);
    CHECK_EQUAL(guest_ack(guest), 1);
    CHECK_EQUAL(guest_reap(guest), 1);
    CHECK(!guest_receive(other, &packet));
    CHECK_EQUAL(reg_read(guest, R_STATUS), 15);
}

static void expect_reset(uint64_t from)
{
    guest_expect(guest, &packet, VSOCK_OP_RST);
    CHECK_EQUAL(packet.header.src_cid, from);
    CHECK(!guest_receive(guest, &packet));
}

TEST(case_01_payload_longer_than_the_peers_buffer)
{
    static uint8_t data[0x4000];
    start();
    data[0x3fff] = 9;
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 0x4000);
    send_bad(&rw, 100);           /* the chain has not got it */
    guest_send(guest, &rw, data); /* the chain has it: split */
    world_settle(world);
    uint32_t total = 0;
    for (unsigned i = 0; i < 5; i++) {
        guest_expect(other, &packet, VSOCK_OP_RW);
        total += packet.size;
    }
    CHECK_EQUAL(total, 0x4000);
    CHECK_EQUAL(packet.payload[packet.size - 1], 9);
    CHECK_EQUAL(guest_reap(guest), 1);
}

TEST(case_02_second_descriptor_shorter_than_the_length)
{
    start();
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 1000);
    vsock_header_render(&rw, guest_memory(guest, slot_address(TX, 0)));
    guest_add(guest, TX, (struct segment[]){{slot_address(TX, 0), 44, 0}, {slot_address(TX, 0) + 44, 999, 0}}, 2);
    guest_kick(guest, TX);
    world_settle(world);
    CHECK_EQUAL(guest_reap(guest), 1);
    CHECK_EQUAL(guest_ack(guest), 1);
    CHECK(!guest_receive(other, &packet));
}

TEST(case_03_type_7)
{
    start();
    struct vsock_header header = make_header(3, 4, VSOCK_OP_RW, 0);
    header.type = 7;
    send_bad(&header, 0);
    expect_reset(4);
    CHECK_EQUAL(other->device.counters[VSOCK_COUNT_RX_RECORDS], 0); /* answered at once, not by the peer */
    CHECK_EQUAL(other->device.counters[VSOCK_COUNT_RX_UNKNOWN_TYPE], 0);
}

TEST(case_04_source_cid_99)
{
    start();
    struct vsock_header header = make_header(99, 4, VSOCK_OP_REQUEST, 0);
    send_bad(&header, 0);
    CHECK(!guest_receive(guest, &packet));
}

TEST(case_05_available_ring_says_60000)
{
    start();
    struct vsock_header header = make_header(3, 4, VSOCK_OP_REQUEST, 0);
    guest_queue_packet(guest, &header, NULL, 0);
    *(uint16_t *)guest_memory(guest, guest->queues[TX].available + 4) = 60000;
    guest_kick(guest, TX);
    CHECK(guest->irq);
    CHECK_EQUAL(guest_ack(guest), 2);
    CHECK_EQUAL(reg_read(guest, R_STATUS), 15 | S_NEEDS_RESET);
}

TEST(case_06_descriptor_of_8_bytes)
{
    start();
    for (uint32_t size = 0; size < 44; size++) {
        guest_add(guest, TX, &(struct segment){RAM_BASE + RAM_SIZE - size, size, 0}, 1);
        guest_kick(guest, TX);
        CHECK_EQUAL(guest_ack(guest), 1);
        CHECK_EQUAL(guest_reap(guest), 1);
    }
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_SHORT], 44);
    CHECK(!guest_receive(other, &packet));
}

TEST(case_07_tx_payload_in_the_vmm)
{
    start();
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 100);
    vsock_header_render(&rw, guest_memory(guest, slot_address(TX, 0)));
    uint64_t secret = (uint64_t)(uintptr_t)&world;
    guest_add(guest, TX, (struct segment[]){{slot_address(TX, 0), 44, 0}, {secret, 100, 0}}, 2);
    guest_kick(guest, TX);
    world_settle(world);
    CHECK_EQUAL(guest_reap(guest), 1);
    CHECK_EQUAL(guest_ack(guest), 1);
    CHECK(!guest_receive(other, &packet));
}

TEST(case_08_packet_without_receive_buffer)
{
    start();
    guest_boot(other); /* no buffers any more */
    world_settle(world);
    struct vsock_header request = make_header(3, 4, VSOCK_OP_REQUEST, 0);
    guest_send(guest, &request, NULL);
    world_settle(world);
    uint32_t head, length;
    CHECK(!guest_used(other, RX, &head, &length));
    CHECK(!other->irq);
    guest_post(other, 1, 3776);
    guest_expect(other, &packet, VSOCK_OP_REQUEST);
}

TEST(case_09_rx_payload_in_the_vmm)
{
    start();
    guest_boot(other);
    world_settle(world);
    static uint8_t victim[100];
    guest_add(other, RX,
              (struct segment[]){{slot_address(RX, 0), 44, D_WRITE}, {(uint64_t)(uintptr_t)victim, 100, D_WRITE}}, 2);
    guest_kick(other, RX);
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 100);
    static const uint8_t data[100] = {1, 1, 1};
    guest_send(guest, &rw, data);
    world_settle(world);
    uint32_t head, length;
    CHECK(guest_used(other, RX, &head, &length));
    CHECK_EQUAL(length, 0);
    CHECK_EQUAL(victim[0], 0);
    guest_post(other, 1, 3776);
    guest_expect(other, &packet, VSOCK_OP_RW);
    CHECK_EQUAL(packet.size, 100);
}

TEST(case_10_peers_record_says_0x100000)
{
    start();
    struct vsock_ring puppet;
    puppet_init(world, &puppet);
    struct vsock_header rw = make_header(4, 3, VSOCK_OP_RW, 0);
    puppet.peer_epoch = guest->device.peers[0].ring.epoch;
    static const uint32_t lens[] = {0x100000, 9, 0x10001, UINT32_MAX, UINT32_MAX - 7, 0x80000000};
    for (unsigned i = 0; i < 6; i++) {
        puppet_send(world, &puppet, &rw, NULL);
        guest_expect(guest, &packet, VSOCK_OP_RW);
        rw.len = lens[i];
        vsock_ring_begin(&puppet, &rw, false);
        puppet.tail += 8;
        vsock_ring_publish(&puppet);
        vsock_device_notified(&guest->device, 0);
        CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_RX_RING_BROKEN], i + 1);
        CHECK(!guest_receive(guest, &packet));
        puppet.peer_epoch = guest->device.peers[0].ring.epoch;
        rw.len = 0;
        guest_post(guest, 1, 3776);
    }
}

TEST(case_11_two_kicks_while_the_peer_does_not_drain)
{
    start();
    struct vsock_header first = make_header(3, 4, VSOCK_OP_RW, 3), second = first;
    guest_send(guest, &first, "one");
    guest_send(guest, &second, "two"); /* the other device has not run yet */
    CHECK_EQUAL(guest_reap(guest), 2);
    world_settle(world);
    guest_expect(other, &packet, VSOCK_OP_RW);
    CHECK(memcmp(packet.payload, "one", 3) == 0);
    guest_expect(other, &packet, VSOCK_OP_RW);
    CHECK(memcmp(packet.payload, "two", 3) == 0);
}

TEST(case_12_one_good_packet)
{
    start();
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 3);
    guest_send(guest, &rw, "one");
    CHECK(guest->irq);
    CHECK_EQUAL(guest_ack(guest), 1);
    CHECK_EQUAL(guest_reap(guest), 1);
}

TEST(case_13_destination_cid_0x1234)
{
    start();
    struct vsock_header request = make_header(3, 0x1234, VSOCK_OP_REQUEST, 0);
    send_bad(&request, 0);
    expect_reset(0x1234);
}

TEST(case_14_op_0_with_a_huge_length)
{
    start();
    struct vsock_header header = make_header(3, 4, VSOCK_OP_INVALID, UINT32_MAX);
    send_bad(&header, 0);
    expect_reset(4);
    header.op = 8;
    header.len = 0;
    send_bad(&header, 0);
    expect_reset(4);
    header.op = VSOCK_OP_RESPONSE; /* payload where none belongs */
    header.len = 10;
    send_bad(&header, 10);
    CHECK(!guest_receive(guest, &packet));
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_UNKNOWN_OP], 2);
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_BAD_LENGTH], 1);
}

TEST(case_15_source_cid_with_upper_half)
{
    start();
    struct vsock_header header = make_header(0x500000003, 4, VSOCK_OP_REQUEST, 0);
    send_bad(&header, 0);
    CHECK(!guest_receive(guest, &packet));
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_SPOOFED], 1);
}

TEST(case_16_buf_alloc_is_not_rewritten)
{
    start();
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 3);
    rw.buf_alloc = 262144;
    guest_send(guest, &rw, "one");
    world_settle(world);
    guest_expect(other, &packet, VSOCK_OP_RW);
    CHECK_EQUAL(packet.header.buf_alloc, 262144);
}

TEST(case_17_kick_without_a_queue)
{
    world = world_new(2, RING_SIZE);
    guest = world->guests[0];
    guest_kick(guest, TX);
    guest_negotiate(guest, F_LINUX);
    guest_driver_ok(guest);
    CHECK_EQUAL(reg_read(guest, R_STATUS), 15);
    guest_kick(guest, TX);
    guest_kick(guest, RX);
    CHECK_EQUAL(guest->translations, 0);
    CHECK_EQUAL(guest->irq_rises, 0);
}

TEST(case_18_three_packets_one_kick_both_ways)
{
    start();
    for (unsigned i = 0; i < 2; i++) {
        struct vsock_header rw = make_header(3 + i, 4 - i, VSOCK_OP_RW, 3);
        for (unsigned n = 0; n < 3; n++) {
            guest_queue_packet(world->guests[i], &rw, "abc", 3);
        }
    }
    guest_kick(guest, TX);
    guest_kick(other, TX);
    world_settle(world);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQUAL(guest_reap(world->guests[i]), 3);
        for (unsigned n = 0; n < 3; n++) {
            guest_expect(world->guests[i], &packet, VSOCK_OP_RW);
        }
        CHECK(!guest_receive(world->guests[i], &packet));
    }
    /* The same with rings that hold one packet each: both are full before anybody receives. */
    static uint8_t data[3000];
    world = world_new(2, 0x2000);
    for (unsigned i = 0; i < 2; i++) {
        struct vsock_header rw = make_header(3 + i, 4 - i, VSOCK_OP_RW, sizeof data);
        guest_boot(world->guests[i]);
        for (unsigned n = 0; n < 3; n++) {
            guest_queue_packet(world->guests[i], &rw, data, sizeof data);
        }
    }
    guest_kick(world->guests[0], TX);
    guest_kick(world->guests[1], TX);
    world_settle(world);
    for (unsigned i = 0; i < 2; i++) {
        guest_post(world->guests[i], 3, 3776);
    }
    world_settle(world);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQUAL(guest_reap(world->guests[i]), 3);
        for (unsigned n = 0; n < 3; n++) {
            guest_expect(world->guests[i], &packet, VSOCK_OP_RW);
        }
    }
}

TEST(case_19_payload_of_4050_into_buffers_of_3776)
{
    static uint8_t data[4050];
    start();
    for (unsigned i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i % 251);
    }
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, sizeof data);
    guest_send(guest, &rw, data);
    world_settle(world);
    guest_expect(other, &packet, VSOCK_OP_RW);
    CHECK_EQUAL(packet.size, 3732);
    CHECK(memcmp(packet.payload, data, 3732) == 0);
    guest_expect(other, &packet, VSOCK_OP_RW);
    CHECK_EQUAL(packet.size, 4050 - 3732);
    CHECK(memcmp(packet.payload, data + 3732, packet.size) == 0);
}
