/* SPDX-License-Identifier: BSD-2-Clause */
/* What was wrong with upstream's device, by the ids of the project's list: D, denial of service and liveness. The inputs
 * that showed it are in cases_test.c; here is one test for each defect. */
#include <string.h>

#include "upstream_pair.h"

TEST(D1_no_packet_stops_the_device)
{
    start(RING_SIZE, 0);
    for (unsigned i = 0; i < 500; i++) {
        struct vsock_header header = make_header(i % 5 == 4 ? 99 : 3, i % 7, i % 11, i % 3 * 50);
        header.type = (uint16_t)(i % 13 < 10 ? 1 : i % 13);
        guest_queue_packet(guest, &header, data, 50);
        guest_kick(guest, TX);
        for (unsigned j = 0; j < 2; j++) {
            guest_post(world->guests[j], world->guests[j]->queues[RX].num_free, 3776);
            world_settle(world);
            while (guest_receive(world->guests[j], &packet)) {
            }
        }
        CHECK_EQUAL(guest_reap(guest), 1);
    }
    CHECK_EQUAL(reg_read(guest, R_STATUS), 15);
}

TEST(D2_a_packet_behind_another_needs_no_second_kick)
{
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 3000);
    start(0x2000, 0);
    for (unsigned i = 0; i < 5; i++) { /* the ring holds one, and nobody reads */
        rw.src_port = i;
        guest_queue_packet(guest, &rw, data, 3000);
    }
    guest_kick(guest, TX);
    world_settle(world);
    for (unsigned i = 0; i < 5; i++) {
        guest_post(other, 1, 3776);
        world_settle(world);
        guest_expect(other, &packet, VSOCK_OP_RW);
        CHECK_EQUAL(packet.header.src_port, i);
    }
    CHECK_EQUAL(guest_reap(guest), 5);
    /* And two small ones are both there before anybody has read the first. */
    rw.len = 3;
    guest_send(guest, &rw, data);
    guest_send(guest, &rw, data);
    CHECK_EQUAL(guest_reap(guest), 2);
}

TEST(D3_both_sides_send_and_receive_at_once)
{
    start(RING_SIZE, 12);
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < 2; i++) {
            struct vsock_header rw = make_header(3 + i, 4 - i, VSOCK_OP_RW, 3);
            for (unsigned n = 0; n < 3; n++) {
                guest_queue_packet(world->guests[i], &rw, "abc", 3);
            }
            guest_kick(world->guests[i], TX);
        }
    }
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQUAL(guest_reap(world->guests[i]), 12); /* before the other has looked */
    }
    world_settle(world);
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned n = 0; n < 12; n++) {
            guest_expect(world->guests[i], &packet, VSOCK_OP_RW);
        }
    }
    start(0x2000, 0); /* and with full rings: what waits to be sent does not keep a device from receiving */
    for (unsigned i = 0; i < 2; i++) {
        struct vsock_header rw = make_header(3 + i, 4 - i, VSOCK_OP_RW, 3000);
        for (unsigned n = 0; n < 4; n++) {
            guest_queue_packet(world->guests[i], &rw, data, 3000);
        }
        guest_kick(world->guests[i], TX);
    }
    world_settle(world);
    guest_post(guest, 8, 3776);
    guest_post(other, 8, 3776);
    world_settle(world);
    CHECK_EQUAL(guest_reap(guest), 4);
    CHECK_EQUAL(guest_reap(other), 4);
}

TEST(D4_tx_goes_on_after_the_ring_was_full)
{
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 0);
    start(RING_SIZE, 0);
    for (unsigned round = 0; round < 3; round++) {
        while (guest->queues[TX].num_free > 0) {
            guest_queue_packet(guest, &rw, NULL, 0);
        }
        guest_kick(guest, TX);
        CHECK(guest->irq); /* Linux looks at its full queue again when it is interrupted, and only then */
        CHECK_EQUAL(guest_ack(guest), 1);
        CHECK_EQUAL(guest_reap(guest), QUEUE_NUM);
        guest_post(other, other->queues[RX].num_free, 3776);
        world_settle(world);
        while (guest_receive(other, &packet)) {
        }
    }
}

TEST(D5_an_rst_does_not_take_the_place_of_what_waits)
{
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 3000), rst = make_header(3, 4, VSOCK_OP_RST, 0);
    start(0x2000, 0);
    for (unsigned i = 0; i < 3; i++) {
        guest_queue_packet(guest, &rw, data, 3000);
    }
    guest_kick(guest, TX);
    guest_send(guest, &rst, NULL);
    guest_post(other, 8, 3776);
    world_settle(world);
    for (unsigned i = 0; i < 3; i++) {
        guest_expect(other, &packet, VSOCK_OP_RW);
        CHECK_EQUAL(packet.size, 3000);
    }
    guest_expect(other, &packet, VSOCK_OP_RST);
    CHECK_EQUAL(guest_reap(guest), 4);
}

TEST(D6_a_kick_of_rx_delivers_what_waited)
{
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 3);
    start(RING_SIZE, 0);
    guest_send(guest, &rw, "abc");
    world_settle(world);
    guest_post(other, 1, 3776);
    guest_expect(other, &packet, VSOCK_OP_RW);
    CHECK(other->irq);
}

TEST(D7_a_driver_that_comes_again_starts_anew)
{
    start(RING_SIZE, 1);
    world_connect(world, 0, 1);
    guest_post(other, 1, 3776);
    reg_write(guest, R_STATUS, 0); /* the driver is unloaded: its peer is told */
    world_settle(world);
    guest_expect(other, &packet, VSOCK_OP_RST);
    for (uint64_t offset = R_DESC_LOW; offset <= R_DEVICE_LOW; offset += 0x10) { /* addresses are replaced, not joined */
        reg_write(guest, R_QUEUE_SEL, TX);
        reg_write(guest, offset, UINT32_MAX);
    }
    guest_negotiate(guest, F_LINUX);
    for (unsigned i = 0; i < 3; i++) {
        reg_write(guest, R_QUEUE_SEL, i);
        reg_write(guest, R_DESC_LOW, 0x0f0f0f0f);
        reg_write(guest, R_DRIVER_LOW, 0x0f0f0f0f);
        reg_write(guest, R_DEVICE_LOW, 0x0f0f0f0f);
        guest_set_queue(guest, i, QUEUE_NUM);
    }
    guest_driver_ok(guest);
    world_connect(world, 0, 1);
}

TEST(D8_no_work_without_queues)
{
    world = world_new(2, RING_SIZE);
    guest = world->guests[0];
    guest_kick(guest, TX);
    guest_negotiate(guest, F_LINUX);
    guest_kick(guest, TX);
    guest_driver_ok(guest);
    guest_kick(guest, TX);
    guest_kick(guest, RX);
    CHECK_EQUAL(guest->translations, 0);
    CHECK_EQUAL(guest->irq_rises, 0);
}

TEST(D9_what_is_shown_is_complete)
{
    /* That stores and loads are ordered for other cores is read from the AArch64 code (fences.ts); here is that nothing
     * is shown before it is there. */
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 3);
    start(RING_SIZE, 1);
    guest_send(guest, &rw, "abc");
    const struct vsock_ring_region *region = world->regions[0][1];
    CHECK_EQUAL(region->tail, VSOCK_RECORD_SIZE + 8);
    CHECK(memcmp(region->data + VSOCK_RECORD_SIZE, "abc", 3) == 0);
    world_settle(world);
    guest_expect(other, &packet, VSOCK_OP_RW);
}

TEST(D10_a_refused_injection_can_be_made_again)
{
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 3);
    start(RING_SIZE, 1);
    CHECK(!vsock_device_irq_level(&guest->device));
    guest_send(guest, &rw, "abc"); /* the seat's injection may fail: the level says that it is still wanted */
    CHECK(vsock_device_irq_level(&guest->device));
    world_settle(world);
    CHECK(vsock_device_irq_level(&guest->device));
    CHECK_EQUAL(guest_ack(guest), 1);
    CHECK(!vsock_device_irq_level(&guest->device));
}
