/* SPDX-License-Identifier: BSD-2-Clause */
/* The work of one call is bounded, also against a guest or peer that adds to it while it is done. */
#include <string.h>

#include "guest.h"
#include "harness.h"

static void make_available(struct guest *guest, unsigned queue)
{
    *(uint16_t *)guest_memory(guest, guest->queues[queue].available + 2) += 1;
}

static void add_packet(struct guest *guest)
{
    make_available(guest, TX); /* the same chain again, as if it had come back already */
}

TEST(bounds_packets_added_while_packets_are_taken)
{
    struct world *world = world_new(2, RING_SIZE);
    struct guest *guest = world->guests[0];
    guest_boot(guest);
    guest_boot(world->guests[1]);
    vsock_header_render(&(struct vsock_header){.src_cid = 99}, guest_memory(guest, slot_address(TX, 0)));
    guest_add(guest, TX, &(struct segment){slot_address(TX, 0), 44, 0}, 1);
    guest->meddle = add_packet;
    guest_kick(guest, TX);
    guest->meddle = NULL;
    CHECK(guest->more);
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_SPOOFED], VSOCK_BUDGET);
    CHECK(guest->irq); /* what was done is shown */
    CHECK(!vsock_device_run(&guest->device));
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_SPOOFED], VSOCK_BUDGET + 1);
}

static void add_buffer(struct guest *guest)
{
    make_available(guest, RX);
}

TEST(bounds_bad_buffers_added_while_they_are_returned)
{
    struct world *world = world_new(2, RING_SIZE);
    struct guest *guest = world->guests[0];
    guest_boot(guest);
    struct vsock_header lost = make_header(3, 77, VSOCK_OP_REQUEST, 0);
    guest_send(guest, &lost, NULL);
    guest_add(guest, RX, &(struct segment){slot_address(RX, 0), 10, D_WRITE}, 1);
    guest->meddle = add_buffer;
    guest_kick(guest, RX);
    guest->meddle = NULL;
    CHECK(guest->device.counters[VSOCK_COUNT_RX_SHORT] >= QUEUE_NUM);
    CHECK(guest->device.counters[VSOCK_COUNT_RX_SHORT] <= 4 * QUEUE_NUM);
}

TEST(bounds_a_start_with_more_than_can_be_refused)
{
    const uint64_t ring_size = VSOCK_RING_HEADER_SIZE + 0x400000;
    struct world *world = world_new(2, ring_size);
    struct guest *guest = world->guests[0];
    struct vsock_ring puppet;
    puppet_init(world, &puppet);
    struct vsock_header reset = make_header(4, 3, VSOCK_OP_RST, 0);
    const unsigned num = VSOCK_START_RUNS_MAX * VSOCK_BUDGET + 1000;
    for (unsigned i = 0; i < num; i++) {
        vsock_ring_begin(&puppet, &reset, false);
        vsock_ring_end(&puppet, true);
    }
    vsock_ring_publish(&puppet);
    struct vsock_setup setup = {.guest_cid = 3, .num_peers = 1, .ops = guest->device.ops, .cookie = guest};
    setup.peers[0] = (struct vsock_peer_setup){4, world->regions[0][1], world->regions[1][0], ring_size};
    memset(world->regions[0][1], 0, VSOCK_RING_HEADER_SIZE);
    CHECK_EQUAL(vsock_device_init(&guest->device, &setup), VSOCK_SETUP_GOOD);
    uint64_t done = guest->device.counters[VSOCK_COUNT_RX_NOT_READY];
    CHECK(done > 0 && done < num);
    reg_write(guest, R_STATUS, 0); /* the driver's first register write */
    CHECK(guest->more);
    world_settle(world);
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_RX_NOT_READY], num);
}
