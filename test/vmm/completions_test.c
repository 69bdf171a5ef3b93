/* SPDX-License-Identifier: BSD-2-Clause */
/* A device that defers what nobody waits for holds back what its guest has sent (vsock_device_complete()): when it returns it, and that it does. */
#include "guest.h"
#include "harness.h"

static const struct vsock_header credit = {.src_cid = 3,
                                           .dst_cid = 4,
                                           .src_port = 1000,
                                           .dst_port = 9999,
                                           .type = VSOCK_TYPE_STREAM,
                                           .op = VSOCK_OP_CREDIT_UPDATE};

static struct world *booted(uint64_t features)
{
    struct world *world = world_new_deferring(2, RING_SIZE);
    guest_boot_with(world->guests[0], features);
    guest_boot(world->guests[1]);
    guest_ack(world->guests[0]);
    return world;
}

static void send_some(struct world *world, unsigned num)
{
    for (unsigned i = 0; i < num; i++) {
        guest_send(world->guests[0], &credit, NULL);
    }
    world_settle(world);
}

static bool nothing_is_back(struct guest *guest)
{
    uint32_t head, length;
    return !guest_used(guest, TX, &head, &length);
}

static void check_held(uint64_t features)
{
    struct world *world = booted(features);
    struct guest *guest = world->guests[0];
    unsigned rises = guest->irq_rises;
    send_some(world, QUEUE_NUM / 2 - 1);
    CHECK(nothing_is_back(guest));
    CHECK_EQUAL(guest->irq_rises, rises);
    CHECK(vsock_device_holds_completions(&guest->device) && vsock_device_is_behind(&guest->device));
    vsock_device_complete(&guest->device);
    CHECK(!vsock_device_holds_completions(&guest->device));
    CHECK_EQUAL(guest->irq_rises, rises + 1);
    CHECK_EQUAL(guest_ack(guest), 1);
    CHECK_EQUAL(guest_reap(guest), QUEUE_NUM / 2 - 1);
    vsock_device_complete(&guest->device);
    CHECK_EQUAL(guest->irq_rises, rises + 1);
}

TEST(completions_are_held_until_the_seat_says_so)
{
    check_held(F_PLAIN);
    check_held(F_LINUX);
}

TEST(completions_come_when_half_of_the_queue_waits_for_them)
{
    struct world *world = booted(F_LINUX);
    struct guest *guest = world->guests[0];
    unsigned rises = guest->irq_rises;
    send_some(world, QUEUE_NUM / 2);
    CHECK_EQUAL(guest->irq_rises, rises + 1);
    CHECK_EQUAL(guest_reap(guest), QUEUE_NUM / 2);
}

TEST(completions_come_when_all_is_caught_up)
{
    struct world *world = booted(F_LINUX);
    struct guest *guest = world->guests[0];
    unsigned rises = guest->irq_rises;
    send_some(world, 2);
    vsock_device_catch_up(&guest->device);
    CHECK(!vsock_device_is_behind(&guest->device));
    CHECK_EQUAL(guest->irq_rises, rises + 1);
    CHECK_EQUAL(guest_reap(guest), 2);
}

TEST(completions_come_with_another_interrupt)
{
    struct world *world = booted(F_LINUX);
    struct guest *guest = world->guests[0];
    send_some(world, 2);
    CHECK(nothing_is_back(guest));
    guest_post(guest, 1, 3776);
    unsigned rises = guest->irq_rises;
    struct vsock_header answer = make_header(4, 3, VSOCK_OP_CREDIT_UPDATE, 0);
    guest_send(world->guests[1], &answer, NULL);
    world_settle(world);
    CHECK_EQUAL(guest->irq_rises, rises + 1);
    CHECK_EQUAL(guest_reap(guest), 2);
}

/* A driver that polls, or that has turned its interrupts off for now, pays nothing for them. */
TEST(completions_that_cost_no_interrupt_come_at_once)
{
    struct world *world = booted(F_PLAIN);
    struct guest *guest = world->guests[0];
    uint16_t *flags = guest_memory(guest, guest->queues[TX].available);
    *flags = 1;
    unsigned rises = guest->irq_rises;
    send_some(world, 2);
    CHECK_EQUAL(guest_reap(guest), 2);
    CHECK_EQUAL(guest->irq_rises, rises);
}

/* Nor while it has not acknowledged the last one. */
TEST(completions_come_at_once_while_an_interrupt_is_up)
{
    struct world *world = booted(F_PLAIN);
    struct guest *guest = world->guests[0];
    send_some(world, 1);
    vsock_device_complete(&guest->device);
    CHECK_EQUAL(guest_reap(guest), 1);
    send_some(world, 1);
    CHECK_EQUAL(guest_reap(guest), 1);
}

TEST(completions_end_with_a_driver_that_broke_its_promises)
{
    struct world *world = booted(F_PLAIN);
    struct guest *guest = world->guests[0];
    send_some(world, 3);
    vsock_device_complete(&guest->device);
    CHECK_EQUAL(guest_reap(guest), 3);
    guest_ack(guest);
    send_some(world, 2);
    /* More chains than there are descriptors. */
    uint16_t *available = guest_memory(guest, guest->queues[TX].available);
    available[1] += QUEUE_NUM + 1;
    reg_write(guest, R_QUEUE_NOTIFY, TX);
    CHECK((reg_read(guest, R_STATUS) & S_NEEDS_RESET) != 0);
    vsock_device_complete(&guest->device);
    CHECK(nothing_is_back(guest));
}

TEST(completions_end_with_the_driver)
{
    struct world *world = booted(F_PLAIN);
    struct guest *guest = world->guests[0];
    send_some(world, 3);
    unsigned rises = guest->irq_rises;
    reg_write(guest, R_STATUS, 0);
    CHECK(!vsock_device_holds_completions(&guest->device));
    vsock_device_complete(&guest->device);
    CHECK_EQUAL(guest->irq_rises, rises);
    world_check_alive(world);
}
