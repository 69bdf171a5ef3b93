/* SPDX-License-Identifier: BSD-2-Clause */
/* What was wrong with upstream's device, by the ids of the project's list: M, memory safety. The inputs that showed it are
 * in cases_test.c; here is one test for each defect. */
#include <string.h>

#include "upstream_pair.h"

/* Sends a chain of two descriptors, the first with the header alone. */
static void send_two(const struct vsock_header *header, uint64_t address, uint32_t size)
{
    uint64_t at = slot_address(TX, guest->queues[TX].free[guest->queues[TX].num_free - 1]);
    vsock_header_render(header, guest_memory(guest, at));
    guest_add(guest, TX, (struct segment[]){{at, VSOCK_HEADER_SIZE, 0}, {address, size, 0}}, 2);
    guest_kick(guest, TX);
    world_settle(world);
    CHECK_EQUAL(guest_reap(guest), 1);
}

TEST(M1_guest_addresses_are_not_pointers)
{
    static uint8_t victim[100];
    uint64_t address = (uint64_t)(uintptr_t)victim;
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, sizeof victim);
    start(RING_SIZE, 1);
    send_two(&rw, address, sizeof victim);
    CHECK(!guest_receive(other, &packet));
    guest_boot(other);
    world_settle(world);
    guest_add(other, RX, (struct segment[]){{slot_address(RX, 0), 44, D_WRITE}, {address, 100, D_WRITE}}, 2);
    guest_post(other, 1, 3776);
    memset(data, 1, sizeof victim);
    guest_send(guest, &rw, data);
    world_settle(world);
    CHECK_EQUAL(victim[0], 0);
    uint32_t head, length;
    CHECK(guest_used(other, RX, &head, &length) && length == 0);
    guest_expect(other, &packet, VSOCK_OP_RW);
}

TEST(M2_length_is_bounded_by_the_chain)
{
    static const uint32_t lens[] = {101, 4051, 0x4000, VSOCK_PAYLOAD_SIZE_MAX, UINT32_MAX};
    start(RING_SIZE, 8);
    for (unsigned i = 0; i < 5; i++) {
        struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, lens[i]);
        guest_queue_packet(guest, &rw, data, 100);
        guest_kick(guest, TX);
        world_settle(world);
        CHECK_EQUAL(guest_reap(guest), 1);
    }
    CHECK(!guest_receive(other, &packet));
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_BAD_LENGTH], 5);
}

TEST(M3_every_descriptor_counts_with_its_own_length)
{
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 1000);
    start(RING_SIZE, 8);
    send_two(&rw, slot_address(TX, 60), 999);
    CHECK(!guest_receive(other, &packet));
    send_two(&rw, slot_address(TX, 60), 1000);
    guest_expect(other, &packet, VSOCK_OP_RW);
    CHECK_EQUAL(packet.size, 1000);
}

TEST(M4_available_entries_are_bounded)
{
    for (unsigned queue = RX; queue <= TX; queue++) {
        struct vsock_header lost = make_header(3, 77, VSOCK_OP_REQUEST, 0);
        start(RING_SIZE, 0);
        guest_add(guest, queue, &(struct segment){slot_address(queue, 0), 44, queue == RX ? D_WRITE : 0}, 1);
        *(uint16_t *)guest_memory(guest, guest->queues[queue].available + 4) = 60000;
        guest_kick(guest, queue);
        guest_send(guest, &lost, NULL);
        CHECK((reg_read(guest, R_STATUS) & S_NEEDS_RESET) != 0);
        world_check_alive(world);
    }
}

TEST(M5_no_header_in_less_than_a_header)
{
    struct vsock_header request = make_header(3, 4, VSOCK_OP_REQUEST, 0);
    uint32_t head, length;
    start(RING_SIZE, 0);
    /* To send: the last bytes of guest memory. */
    for (uint32_t size = 1; size < VSOCK_HEADER_SIZE; size++) {
        guest_add(guest, TX, &(struct segment){RAM_BASE + RAM_SIZE - size, size, 0}, 1);
        guest_kick(guest, TX);
        CHECK_EQUAL(guest_reap(guest), 1);
    }
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_SHORT], VSOCK_HEADER_SIZE - 1);
    /* To receive into: the same. */
    guest_add(other, RX, &(struct segment){RAM_BASE + RAM_SIZE - 43, 43, D_WRITE}, 1);
    guest_kick(other, RX);
    guest_send(guest, &request, NULL);
    world_settle(world);
    CHECK(guest_used(other, RX, &head, &length) && length == 0);
    guest_post(other, 1, VSOCK_HEADER_SIZE);
    guest_expect(other, &packet, VSOCK_OP_REQUEST);
}

TEST(M6_no_buffer_no_delivery)
{
    struct vsock_header request = make_header(3, 4, VSOCK_OP_REQUEST, 0);
    uint32_t head, length;
    start(RING_SIZE, 1);
    for (unsigned i = 0; i < 3; i++) {
        request.src_port = i;
        guest_send(guest, &request, NULL);
    }
    world_settle(world);
    guest_expect(other, &packet, VSOCK_OP_REQUEST);
    guest_ack(other);
    CHECK(!guest_used(other, RX, &head, &length));
    CHECK(!other->irq);
    guest_post(other, 3, 3776);
    guest_expect(other, &packet, VSOCK_OP_REQUEST);
    CHECK_EQUAL(packet.header.src_port, 1);
    guest_expect(other, &packet, VSOCK_OP_REQUEST);
    CHECK(!guest_receive(other, &packet));
}

TEST(M7_the_peers_header_is_read_once)
{
    struct vsock_ring puppet;
    struct vsock_header rw = make_header(4, 3, VSOCK_OP_RW, 100), evil = make_header(77, 78, VSOCK_OP_RW, UINT32_MAX);
    start(RING_SIZE, 0);
    puppet_init(world, &puppet);
    puppet.peer_epoch = guest->device.peers[0].ring.epoch;
    uint32_t record = puppet.tail & (puppet.data_size - 1);
    puppet_send(world, &puppet, &rw, data); /* taken, but there is no buffer */
    vsock_header_render(&evil, puppet.own->data + record + 8);
    guest_post(guest, 2, 3776);
    guest_expect(guest, &packet, VSOCK_OP_RW);
    CHECK_EQUAL(packet.header.src_cid, 4);
    CHECK_EQUAL(packet.size, 100);
    CHECK(!guest_receive(guest, &packet));
}

TEST(M8_payload_is_split_to_the_buffers)
{
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 4050);
    static const uint32_t sizes[] = {45, 1000, 3776};
    start(RING_SIZE, 0);
    guest_send(guest, &rw, data);
    world_settle(world);
    uint32_t total = 0;
    for (unsigned i = 0; i < 3; i++) {
        uint64_t end = RAM_BASE + RAM_SIZE; /* the buffer ends where the guest's memory does */
        guest_add(other, RX, &(struct segment){end - sizes[i], sizes[i], D_WRITE}, 1);
        guest_kick(other, RX);
        uint32_t head, length;
        CHECK(guest_used(other, RX, &head, &length));
        CHECK(length <= sizes[i]);
        total += length - VSOCK_HEADER_SIZE;
    }
    CHECK_EQUAL(total, 4050);
}

TEST(M9_queues_that_do_not_exist)
{
    static const uint32_t queues[] = {3, 4, 100, 0x10000, 0x80000000, UINT32_MAX};
    start(RING_SIZE, 1);
    for (unsigned i = 0; i < 6; i++) {
        reg_write(guest, R_QUEUE_SEL, queues[i]);
        for (uint64_t offset = R_QUEUE_NUM; offset <= R_DEVICE_HIGH; offset += 4) {
            if (offset != R_STATUS) {
                reg_write(guest, offset, 1);
            }
        }
        CHECK_EQUAL(reg_read(guest, R_QUEUE_READY), 0);
        CHECK_EQUAL(reg_read(guest, R_QUEUE_NUM_MAX), 0);
    }
    world_connect(world, 0, 1);
}
