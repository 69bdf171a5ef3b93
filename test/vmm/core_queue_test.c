/* SPDX-License-Identifier: BSD-2-Clause */
/* The normative statements of virtio's split queues, by the ids C5 to C10 of the project's list. */
#include <string.h>

#include "guest.h"
#include "harness.h"

static struct packet packet;

static struct world *booted(void)
{
    struct world *world = world_new(2, RING_SIZE);
    guest_boot(world->guests[0]);
    guest_boot(world->guests[1]);
    return world;
}

TEST(C5_any_framing_of_tx_descriptors)
{
    struct world *world = booted();
    struct guest *guest = world->guests[0];
    uint8_t *memory = guest_memory(guest, slot_address(TX, 0));
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 100);
    vsock_header_render(&rw, memory);
    for (unsigned i = 0; i < 100; i++) {
        memory[44 + i] = (uint8_t)(i + 1);
    }
    for (uint32_t first = 0; first <= 100; first++) { /* the place of the first cut, then cuts of varying size */
        struct segment segments[QUEUE_NUM];
        unsigned num = 0;
        uint32_t at = 0, step = first;
        while (at < 144) {
            uint32_t size = step < 144 - at ? step : 144 - at;
            segments[num++] = (struct segment){slot_address(TX, 0) + at, size, 0}; /* size 0 at times */
            at += size;
            step = 3 + (at * 7) % 19;
        }
        guest_post(world->guests[1], 1, 3776);
        guest_add(guest, TX, segments, num);
        guest_kick(guest, TX);
        world_settle(world);
        guest_expect(world->guests[1], &packet, VSOCK_OP_RW);
        CHECK_EQUAL(packet.size, 100);
        CHECK(memcmp(packet.payload, memory + 44, 100) == 0);
        CHECK_EQUAL(guest_reap(guest), 1);
    }
}

TEST(C5_any_framing_of_rx_buffers)
{
    struct world *world = booted();
    struct guest *guest = world->guests[0];
    static uint8_t data[300];
    for (unsigned i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 3 + 1);
    }
    struct vsock_header rw = make_header(4, 3, VSOCK_OP_RW, sizeof data);
    for (uint32_t step = 1; step < 60; step++) {
        uint64_t address = slot_address(RX, 0);
        memset(guest_memory(guest, address), 0xee, 400);
        struct segment segments[QUEUE_NUM];
        unsigned num = 0;
        uint32_t at = 0;
        for (; num < 50 && at < 400; at += step, num++) {
            segments[num] = (struct segment){address + at, step, D_WRITE};
        }
        guest_add(guest, RX, segments, num);
        guest_kick(guest, RX);
        guest_send(world->guests[1], &rw, data);
        world_settle(world);
        uint32_t head, length;
        CHECK(guest_used(guest, RX, &head, &length));
        uint8_t *memory = guest_memory(guest, address);
        if (at < 45) {
            CHECK_EQUAL(length, 0); /* no room for anything: returned as it was */
            CHECK_EQUAL(memory[0], 0xee);
        } else {
            uint32_t want = at - 44 < sizeof data ? at - 44 : sizeof data;
            CHECK_EQUAL(length, 44 + want);
            CHECK(memcmp(memory + 44, data, want) == 0);
            CHECK_EQUAL(memory[44 + want], 0xee);
        }
        guest_post(guest, 1, 3776); /* the rest, if any */
        world_settle(world);
        guest_reap(world->guests[1]);
        if (guest_used(guest, RX, &head, &length)) {
            continue;
        }
        struct vsock_header empty = make_header(4, 3, VSOCK_OP_CREDIT_UPDATE, 0);
        guest_send(world->guests[1], &empty, NULL); /* takes the buffer that was not needed */
        world_settle(world);
        guest_reap(world->guests[1]);
        CHECK(guest_used(guest, RX, &head, &length));
    }
}

TEST(C6_directions_are_respected)
{
    struct world *world = booted();
    struct guest *guest = world->guests[0];
    struct vsock_header lost = make_header(3, 77, VSOCK_OP_REQUEST, 0);
    /* A readable buffer in the rx queue, alone and in second place, is not written. */
    uint64_t address = slot_address(RX, 0);
    memset(guest_memory(guest, address), 0xee, 4096);
    guest_add(guest, RX, &(struct segment){address, 3776, 0}, 1);
    guest_add(guest, RX, (struct segment[]){{address, 44, D_WRITE}, {address + 44, 1000, 0}}, 2);
    guest_kick(guest, RX);
    guest_send(guest, &lost, NULL);
    uint32_t head, length;
    for (unsigned i = 0; i < 2; i++) {
        CHECK(guest_used(guest, RX, &head, &length));
        CHECK_EQUAL(length, 0);
    }
    for (unsigned i = 0; i < 4096; i++) {
        CHECK_EQUAL(((uint8_t *)guest_memory(guest, address))[i], 0xee);
    }
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_RX_BAD_CHAIN], 2);
    guest_post(guest, 1, 3776);
    guest_expect(guest, &packet, VSOCK_OP_RST);
    guest_reap(guest);
    /* A writable buffer in the tx queue is not read. */
    vsock_header_render(&lost, guest_memory(guest, slot_address(TX, 0)));
    guest_add(guest, TX, &(struct segment){slot_address(TX, 0), 44, D_WRITE}, 1);
    guest_kick(guest, TX);
    CHECK_EQUAL(guest_reap(guest), 1);
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_BAD_CHAIN], 1);
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_UNKNOWN_PEER], 1);
    /* The descriptor table and the available ring are never written. */
    static uint8_t before[0x2000];
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 4);
    guest_queue_packet(guest, &rw, "data", 4);
    memcpy(before, guest_memory(guest, guest->queues[TX].descriptors), sizeof before);
    guest_kick(guest, TX);
    CHECK(memcmp(before, guest_memory(guest, guest->queues[TX].descriptors), sizeof before) == 0);
}

TEST(C9_used_lengths)
{
    struct world *world = booted();
    static uint8_t data[5000];
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, sizeof data);
    guest_post(world->guests[1], 2, 3776);
    guest_send(world->guests[0], &rw, data);
    world_settle(world);
    uint32_t head, length;
    CHECK(guest_used(world->guests[0], TX, &head, &length));
    CHECK_EQUAL(length, 0);
    CHECK(guest_used(world->guests[1], RX, &head, &length));
    CHECK_EQUAL(length, 3776);
    CHECK(guest_used(world->guests[1], RX, &head, &length));
    CHECK_EQUAL(length, 44 + 5000 - 3732);
    CHECK_EQUAL(((uint8_t *)guest_memory(world->guests[1], slot_address(RX, head)))[length], 0xee);
}

static void notify_for_nothing(uint64_t features)
{
    struct world *world = world_new(2, RING_SIZE);
    struct guest *guest = world->guests[0];
    guest_boot_with(guest, features);
    for (unsigned i = 0; i < 10; i++) {
        guest_kick(guest, RX);
        guest_kick(guest, TX);
        guest_kick(guest, EVENT);
        guest_kick(guest, 3);
        guest_kick(guest, UINT32_MAX);
        CHECK(!vsock_device_notified(&guest->device, 0));
        reg_write(guest, R_INTERRUPT_ACK, UINT32_MAX);
        world_settle(world);
    }
    CHECK_EQUAL(guest->irq_rises, 0);
    CHECK_EQUAL(guest->irq_falls, 0);
    CHECK_EQUAL(*(uint16_t *)guest_memory(guest, guest->queues[TX].used), 0);
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_NOTIFICATIONS], 0);
}

TEST(C10_spurious_notifications)
{
    notify_for_nothing(F_LINUX);
    notify_for_nothing(F_PLAIN);
}
