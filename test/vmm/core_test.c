/* SPDX-License-Identifier: BSD-2-Clause */
/* The normative statements of virtio's core and MMIO, by the ids C1 to C4 and C11 of the project's list. */
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

TEST(C2_only_valid_subsets_of_features_are_agreed_on)
{
    const uint64_t ours[] = {F_STREAM, F_SEQPACKET, F_NO_IMPLIED_STREAM, F_INDIRECT, F_EVENT_IDX};
    for (unsigned set = 0; set < 32; set++) {
        uint64_t features = F_VERSION_1;
        for (unsigned i = 0; i < 5; i++) {
            features |= set >> i & 1 ? ours[i] : 0;
        }
        CHECK(features_accepted(features));
        CHECK(!features_accepted(features & ~F_VERSION_1)); /* a legacy driver */
    }
    for (unsigned bit = 3; bit < 64; bit++) {
        CHECK(features_accepted(F_VERSION_1 | UINT64_C(1) << bit) 
              == (bit == 28 || bit == 29 || bit == 32));
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

TEST(C11_interrupt_status_stays_until_acknowledged)
{
    struct world *world = booted();
    struct guest *guest = world->guests[0];
    guest_boot_with(guest, F_PLAIN);
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
        world_settle(world);
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
