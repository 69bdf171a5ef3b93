/* SPDX-License-Identifier: BSD-2-Clause */
/* The normative statements of virtio's core, split queues and MMIO, by the ids C1 to C11 of the project's list. */
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

TEST(C1_nothing_is_consumed_before_driver_ok)
{
    struct world *world = world_new(2, RING_SIZE);
    struct guest *guest = world->guests[0];
    struct vsock_header lost = make_header(3, 77, VSOCK_OP_REQUEST, 0);
    guest_boot(world->guests[1]);
    guest_negotiate(guest, F_LINUX);
    for (unsigned i = 0; i < 3; i++) {
        guest_set_queue(guest, i, QUEUE_NUM);
    }
    unsigned translations = guest->translations;
    guest_post(guest, 2, 3776);
    guest_send(guest, &lost, NULL);
    world_settle(world);
    uint32_t head, length;
    CHECK(!guest_used(guest, TX, &head, &length));
    CHECK(!guest_used(guest, RX, &head, &length));
    CHECK_EQUAL(guest->irq_rises, 0);
    CHECK_EQUAL(guest->translations, translations);
    guest_driver_ok(guest); /* what was queued and kicked before is not lost */
    CHECK_EQUAL(guest_reap(guest), 1);
    guest_expect(guest, &packet, VSOCK_OP_RST);
    CHECK(guest->irq);
}

TEST(C1_error_asks_for_a_reset)
{
    struct world *world = booted();
    struct guest *guest = world->guests[0];
    *(uint16_t *)guest_memory(guest, guest->queues[TX].available + 2) = 1000;
    guest_kick(guest, TX);
    CHECK_EQUAL(reg_read(guest, R_STATUS), S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK | S_DRIVER_OK | S_NEEDS_RESET);
    CHECK_EQUAL(reg_read(guest, R_INTERRUPT_STATUS), 2);
    CHECK(guest->irq);
    /* Repaired memory does not help before the reset. */
    *(uint16_t *)guest_memory(guest, guest->queues[TX].available + 2) = 0;
    struct vsock_header lost = make_header(3, 77, VSOCK_OP_REQUEST, 0);
    guest_post(guest, 1, 3776);
    guest_send(guest, &lost, NULL);
    uint32_t head, length;
    CHECK(!guest_used(guest, TX, &head, &length));
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_QUEUE_BROKEN], 1);
    guest_boot(guest);
    CHECK(!guest->irq);
    guest_post(guest, 1, 3776);
    guest_send(guest, &lost, NULL);
    guest_expect(guest, &packet, VSOCK_OP_RST);
}

static bool negotiates(uint64_t features)
{
    struct world *world = world_new(2, RING_SIZE);
    guest_negotiate(world->guests[0], features);
    return (reg_read(world->guests[0], R_STATUS) & S_FEATURES_OK) != 0;
}

TEST(C2_only_valid_subsets_of_features_are_agreed_on)
{
    const uint64_t ours[] = {F_STREAM, F_SEQPACKET, F_NO_IMPLIED_STREAM};
    for (unsigned set = 0; set < 8; set++) {
        uint64_t features = F_VERSION_1;
        for (unsigned i = 0; i < 3; i++) {
            features |= set >> i & 1 ? ours[i] : 0;
        }
        CHECK(negotiates(features));
        CHECK(!negotiates(features & ~F_VERSION_1)); /* a legacy driver */
    }
    for (unsigned bit = 3; bit < 64; bit++) {
        CHECK(negotiates(F_VERSION_1 | UINT64_C(1) << bit) == (bit == 32));
    }
}

TEST(C2_features_beyond_64_bits_and_late_ones)
{
    struct world *world = world_new(2, RING_SIZE);
    struct guest *guest = world->guests[0];
    for (uint32_t select = 2; select < 5; select++) {
        reg_write(guest, R_DEVICE_FEATURES_SEL, select);
        CHECK_EQUAL(reg_read(guest, R_DEVICE_FEATURES), 0);
    }
    reg_write(guest, R_DEVICE_FEATURES_SEL, 1);
    CHECK_EQUAL(reg_read(guest, R_DEVICE_FEATURES), 1);
    reg_write(guest, R_STATUS, 0);
    reg_write(guest, R_DRIVER_FEATURES_SEL, 2);
    reg_write(guest, R_DRIVER_FEATURES, 0); /* harmless */
    reg_write(guest, R_DRIVER_FEATURES, 4);
    reg_write(guest, R_DRIVER_FEATURES, 0); /* does not take it back */
    reg_write(guest, R_DRIVER_FEATURES_SEL, 1);
    reg_write(guest, R_DRIVER_FEATURES, 1);
    reg_write(guest, R_STATUS, S_ACKNOWLEDGE | S_DRIVER);
    reg_write(guest, R_STATUS, S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK);
    CHECK_EQUAL(reg_read(guest, R_STATUS), S_ACKNOWLEDGE | S_DRIVER);
    guest_negotiate(guest, F_VERSION_1); /* the reset has forgotten them */
    CHECK_EQUAL(reg_read(guest, R_STATUS), S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK);
    reg_write(guest, R_DRIVER_FEATURES_SEL, 0);
    reg_write(guest, R_DRIVER_FEATURES, 2); /* too late */
    CHECK_EQUAL(guest->device.driver_features, F_VERSION_1);
}

TEST(C3_reset_stops_everything)
{
    struct world *world = booted();
    struct guest *guest = world->guests[0];
    struct vsock_header lost = make_header(3, 77, VSOCK_OP_REQUEST, 0);
    guest_post(guest, 3, 3776);
    guest_send(guest, &lost, NULL);
    CHECK(guest->irq);
    static uint8_t before[0x10000];
    reg_write(guest, R_STATUS, 0);
    CHECK_EQUAL(reg_read(guest, R_STATUS), 0);
    CHECK(!guest->irq);
    CHECK_EQUAL(guest_reap(guest), 1); /* what was returned before the reset */
    memcpy(before, guest->ram, sizeof before);
    unsigned translations = guest->translations;
    guest_send(guest, &lost, NULL);
    memcpy(before, guest->ram, sizeof before);
    guest_kick(guest, TX);
    guest_kick(guest, RX);
    world_settle(world);
    CHECK(memcmp(before, guest->ram, sizeof before) == 0);
    CHECK_EQUAL(guest->translations, translations);
    CHECK(!guest->irq);
    for (unsigned i = 0; i < 3; i++) {
        reg_write(guest, R_QUEUE_SEL, i);
        CHECK_EQUAL(reg_read(guest, R_QUEUE_READY), 0);
    }
    guest_boot(guest);
    guest_post(guest, 1, 3776);
    guest_send(guest, &lost, NULL);
    guest_expect(guest, &packet, VSOCK_OP_RST);
}

TEST(C4_config_is_readable_from_the_start)
{
    struct world *world = world_new(2, RING_SIZE);
    uint64_t value;
    CHECK_EQUAL(reg_read(world->guests[1], R_CONFIG), 4);
    CHECK_EQUAL(reg_read(world->guests[1], R_CONFIG + 4), 0);
    vsock_mmio_access(&world->guests[1]->device, R_CONFIG, 8, false, &value);
    CHECK_EQUAL(value, 4);
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

TEST(C7_indirect_descriptors_are_refused_while_not_offered)
{
    struct world *world = booted();
    struct guest *guest = world->guests[0];
    CHECK(!negotiates(F_VERSION_1 | UINT64_C(1) << 28));
    world = booted();
    guest = world->guests[0];
    guest_add(guest, TX, &(struct segment){slot_address(TX, 0), 64, D_INDIRECT}, 1);
    guest_kick(guest, TX);
    CHECK_EQUAL(guest_reap(guest), 1);
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_BAD_CHAIN], 1);
}

TEST(C8_interrupt_unless_the_driver_declines)
{
    struct world *world = booted();
    struct guest *guest = world->guests[0];
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 4);
    uint16_t *flags = guest_memory(guest, guest->queues[TX].available);
    CHECK(!negotiates(F_VERSION_1 | UINT64_C(1) << 29));
    world = booted();
    guest = world->guests[0];
    flags = guest_memory(guest, guest->queues[TX].available);
    guest_send(guest, &rw, "data");
    CHECK_EQUAL(guest->irq_rises, 1);
    CHECK_EQUAL(guest_ack(guest), 1);
    *flags = 1;
    guest_send(guest, &rw, "data");
    CHECK_EQUAL(guest->irq_rises, 1);
    CHECK_EQUAL(guest_reap(guest), 2);
    *flags = 0;
    flags[2 + QUEUE_NUM] = 12345; /* used_event, meaningless without EVENT_IDX */
    guest_send(guest, &rw, "data");
    CHECK_EQUAL(guest->irq_rises, 2);
    CHECK_EQUAL(guest_ack(guest), 1);
    /* The same for received packets. */
    struct vsock_header back = make_header(4, 3, VSOCK_OP_RW, 4);
    guest_post(guest, 2, 3776);
    uint16_t *rx_flags = guest_memory(guest, guest->queues[RX].available);
    *rx_flags = 1;
    guest_send(world->guests[1], &back, "data");
    world_settle(world);
    CHECK_EQUAL(guest->irq_rises, 2);
    *rx_flags = 0;
    guest_send(world->guests[1], &back, "data");
    world_settle(world);
    CHECK_EQUAL(guest->irq_rises, 3);
    CHECK(guest_receive(guest, &packet) && guest_receive(guest, &packet));
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

TEST(C10_spurious_notifications)
{
    struct world *world = booted();
    struct guest *guest = world->guests[0];
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

TEST(C11_interrupt_status_stays_until_acknowledged)
{
    struct world *world = booted();
    struct guest *guest = world->guests[0];
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 4);
    guest_send(guest, &rw, "data");
    guest_send(guest, &rw, "data");
    CHECK_EQUAL(guest->irq_rises, 1); /* at most one outstanding */
    CHECK_EQUAL(reg_read(guest, R_INTERRUPT_STATUS), 1);
    reg_write(guest, R_INTERRUPT_ACK, 2);
    CHECK(guest->irq);
    CHECK(vsock_device_irq_level(&guest->device));
    reg_write(guest, R_INTERRUPT_ACK, 1);
    CHECK(!guest->irq);
    CHECK(!vsock_device_irq_level(&guest->device));
    CHECK_EQUAL(reg_read(guest, R_INTERRUPT_STATUS), 0);
    guest_send(guest, &rw, "data");
    CHECK_EQUAL(guest->irq_rises, 2);
    /* Both causes at once: each has its own bit. */
    *(uint16_t *)guest_memory(guest, guest->queues[TX].available + 2) = 1000;
    guest_kick(guest, TX);
    CHECK_EQUAL(reg_read(guest, R_INTERRUPT_STATUS), 3);
    CHECK_EQUAL(guest->irq_rises, 2);
    reg_write(guest, R_INTERRUPT_ACK, 1);
    CHECK(guest->irq);
    reg_write(guest, R_STATUS, 0);
    CHECK(!guest->irq);
    CHECK_EQUAL(reg_read(guest, R_INTERRUPT_STATUS), 0);
}

TEST(C11_a_queue_that_is_not_ready_is_not_touched)
{
    struct world *world = booted();
    struct guest *guest = world->guests[0];
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 4);
    struct vsock_header back = make_header(4, 3, VSOCK_OP_RW, 4);
    for (unsigned off = 0; off < 2; off++) {
        guest_boot(guest);
        guest_post(guest, 2, 3776);
        reg_write(guest, R_QUEUE_SEL, off);
        reg_write(guest, R_QUEUE_READY, 0);
        CHECK_EQUAL(reg_read(guest, R_QUEUE_READY), 0);
        unsigned translations = guest->translations;
        guest_send(guest, &rw, "data");
        guest_post(world->guests[1], 1, 3776);
        guest_send(world->guests[1], &back, "data");
        world_settle(world);
        uint32_t head, length;
        CHECK(!guest_used(guest, TX, &head, &length));
        CHECK(!guest_used(guest, RX, &head, &length));
        CHECK_EQUAL(guest->translations, translations);
        guest_expect(world->guests[1], &packet, VSOCK_OP_RST); /* the peer learns that nobody is there */
    }
}
