/* SPDX-License-Identifier: BSD-2-Clause */
/* Eighteen classes of bugs that other virtio-socket devices have had, by the project's numbers. Part two: addresses,
 * directions and registers. */
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

static void *word(struct guest *guest, uint64_t address)
{
    return guest_memory(guest, address);
}

TEST(bug_05_addresses_outside_guest_memory)
{
    const uint64_t end = RAM_BASE + RAM_SIZE;
    const struct segment bad[] = {
        {0, 3776, 0},
        {RAM_BASE - 1, 3776, 0},
        {RAM_BASE - 3776, 3776, 0},
        {end, 3776, 0},
        {end - 3775, 3776, 0},
        {end - 1, 2000, 0},
        {UINT64_MAX, 3776, 0},
        {UINT64_MAX - 3775, 3776, 0},
        {UINT64_MAX - 100, 101, 0},
        {RAM_BASE, UINT32_MAX, 0},
        {RAM_BASE + (UINT64_C(1) << 32), 3776, 0},
        {0x20000000, 3776, 0},
    };
    struct world *world = booted();
    struct guest *guest = world->guests[0];
    struct vsock_header lost = make_header(3, 77, VSOCK_OP_REQUEST, 0);
    unsigned num = sizeof bad / sizeof bad[0];
    for (unsigned i = 0; i < num; i++) {
        for (unsigned second = 0; second < 2; second++) {
            struct segment good = {slot_address(TX, 0), 44, 0};
            vsock_header_render(&lost, word(guest, good.address));
            guest_add(guest, TX, (struct segment[]){second ? good : bad[i], bad[i]}, 1 + second);
            guest_kick(guest, TX);
            CHECK_EQUAL(guest_reap(guest), 1);
            good = (struct segment){slot_address(RX, 0), 44, D_WRITE};
            struct segment evil = bad[i];
            evil.flags = D_WRITE;
            guest_add(guest, RX, (struct segment[]){second ? good : evil, evil}, 1 + second);
            guest_kick(guest, RX);
            guest_send(guest, &lost, NULL);
            uint32_t head, length;
            CHECK(guest_used(guest, RX, &head, &length));
            CHECK_EQUAL(length, 0);
            guest_post(guest, 1, 3776);
            guest_expect(guest, &packet, VSOCK_OP_RST);
            CHECK_EQUAL(guest_reap(guest), 1);
        }
    }
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_BAD_CHAIN], 2 * num);
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_RX_BAD_CHAIN], 2 * num);
    /* The last bytes of memory are fine. */
    memset(word(guest, end - 3776), 0xee, 3776);
    guest_add(guest, RX, &(struct segment){end - 3776, 3776, D_WRITE}, 1);
    guest_kick(guest, RX);
    guest_send(guest, &lost, NULL);
    uint32_t head, length;
    CHECK(guest_used(guest, RX, &head, &length));
    CHECK_EQUAL(length, 44);
    world_check_alive(world);
}

TEST(bug_06_write_flag_in_the_wrong_direction)
{
    struct world *world = booted();
    struct guest *guest = world->guests[0];
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 10);
    vsock_header_render(&rw, word(guest, slot_address(TX, 0)));
    struct segment good = {slot_address(TX, 0), 44, 0}, bad = {slot_address(TX, 0) + 44, 10, D_WRITE};
    guest_post(world->guests[1], 1, 3776);
    for (unsigned i = 0; i <= VSOCK_SEGMENTS; i++) { /* often enough to notice what a bad chain leaves behind */
        guest_add(guest, TX, (struct segment[]){good, bad}, 2);
        guest_kick(guest, TX);
        world_settle(world);
        CHECK_EQUAL(guest_reap(guest), 1);
    }
    CHECK(!guest_receive(world->guests[1], &packet));
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_BAD_CHAIN], VSOCK_SEGMENTS + 1);
    world_check_alive(world);
}

TEST(bug_07_queue_registers_are_locked)
{
    struct world *world = booted();
    struct guest *guest = world->guests[0];
    static const uint64_t registers[] = {R_QUEUE_NUM,   R_DESC_LOW,   R_DESC_HIGH,  R_DRIVER_LOW,
                                         R_DRIVER_HIGH, R_DEVICE_LOW, R_DEVICE_HIGH};
    for (unsigned stage = 0; stage < 3; stage++) {
        guest_negotiate(guest, F_LINUX);
        guest_set_queue(guest, TX, QUEUE_NUM);
        guest_set_queue(guest, RX, QUEUE_NUM);
        if (stage == 1) {
            guest_driver_ok(guest);
        }
        if (stage == 2) { /* off, but after DRIVER_OK */
            guest_driver_ok(guest);
            reg_write(guest, R_QUEUE_READY, 0);
        }
        static struct vsock_queue before;
        memcpy(&before, &guest->device.queues[RX], sizeof before);
        for (unsigned i = 0; i < sizeof registers / sizeof registers[0]; i++) {
            reg_write(guest, registers[i], 16);
        }
        if (stage == 2) {
            reg_write(guest, R_QUEUE_READY, 1);
            CHECK_EQUAL(reg_read(guest, R_QUEUE_READY), 0);
        } else {
            reg_write(guest, R_QUEUE_READY, 1); /* once more, nothing starts over */
        }
        CHECK(memcmp(&before, &guest->device.queues[RX], sizeof before) == 0);
    }
    world_check_alive(world);
}

TEST(bug_07_the_event_queue_may_be_late_or_absent)
{
    struct world *world = booted();
    struct guest *guest = world->guests[0];
    guest_negotiate(guest, F_LINUX);
    guest_set_queue(guest, RX, QUEUE_NUM);
    guest_set_queue(guest, TX, QUEUE_NUM);
    guest_driver_ok(guest);
    world_connect(world, 0, 1);
    reg_write(guest, R_QUEUE_SEL, EVENT);
    reg_write(guest, R_QUEUE_READY, 0); /* does not disturb the connection */
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 1);
    guest_post(world->guests[1], 1, 3776);
    guest_send(guest, &rw, "x");
    world_settle(world);
    guest_expect(world->guests[1], &packet, VSOCK_OP_RW);
}
