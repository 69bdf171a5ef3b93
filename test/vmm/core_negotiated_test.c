/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a driver may negotiate for its queues: indirect descriptors (C7 of the project's list, virtio 2.7.5.3) and
 * indices instead of flags for notifications (C8 and C10, virtio 2.7.7 to 2.7.10).
 */
#include <string.h>

#include "guest.h"
#include "harness.h"

static struct packet packet;
static uint8_t data[6000];

static struct world *booted_with(uint64_t features)
{
    struct world *world = world_new(2, RING_SIZE);
    guest_boot_with(world->guests[0], features);
    guest_boot_with(world->guests[1], features);
    for (unsigned i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 7 + i / 256);
    }
    return world;
}

/* --- indirect descriptors --- */

#define TABLE (RAM_BASE + 0xc000)

struct entry {
    uint64_t address;
    uint32_t size;
    uint16_t flags, next;
};

static void write_table(struct guest *guest, uint64_t at, const struct entry *entries, unsigned num)
{
    for (unsigned i = 0; i < num; i++) {
        memcpy(guest_memory(guest, at + 16u * i), &entries[i], 16);
    }
}

/* A packet of 500 bytes of data in memory, header first. */
static uint64_t laid_out(struct guest *guest)
{
    uint64_t at = slot_address(TX, 1);
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 500);
    vsock_header_render(&rw, guest_memory(guest, at));
    memcpy(guest_memory(guest, at + 44), data, 500);
    return at;
}

static void expect_500(struct world *world)
{
    guest_post(world->guests[1], 1, 3776);
    world_settle(world);
    guest_expect(world->guests[1], &packet, VSOCK_OP_RW);
    CHECK_EQUAL(packet.size, 500);
    CHECK(memcmp(packet.payload, data, 500) == 0);
    CHECK_EQUAL(guest_reap(world->guests[0]), 1);
}

TEST(C7_indirect_tables_of_any_order_and_alignment)
{
    struct world *world = booted_with(F_LINUX);
    struct guest *guest = world->guests[0];
    uint64_t at = laid_out(guest);
    const struct entry entries[] = {
        {at, 44, D_NEXT, 3}, {at + 300, 244, 0, 9}, {0, 0, D_NEXT, 1}, {at + 44, 256, D_NEXT, 2}};
    for (unsigned shift = 0; shift < 16; shift++) {
        write_table(guest, TABLE + shift, entries, 4);
        /* The WRITE flag of the referring descriptor is ignored. */
        uint16_t flags = (uint16_t)(D_INDIRECT | (shift % 2 ? D_WRITE : 0));
        guest_add(guest, TX, &(struct segment){TABLE + shift, 64, flags}, 1);
        guest_kick(guest, TX);
        expect_500(world);
    }
}

TEST(C7_direct_descriptors_then_an_indirect_table)
{
    struct world *world = booted_with(F_LINUX);
    struct guest *guest = world->guests[0];
    uint64_t at = laid_out(guest);
    write_table(guest, TABLE, (struct entry[]){{at + 100, 400, D_NEXT, 1}, {at + 500, 44, 0, 0}}, 2);
    guest_add(guest, TX, (struct segment[]){{at, 10, 0}, {at + 10, 90, 0}, {TABLE, 32, D_INDIRECT}}, 3);
    guest_kick(guest, TX);
    expect_500(world);
    CHECK_EQUAL(guest->queues[TX].num_free, QUEUE_NUM);
}

TEST(C7_an_indirect_receive_buffer)
{
    struct world *world = booted_with(F_LINUX);
    struct guest *guest = world->guests[0];
    uint64_t at = slot_address(RX, 0);
    struct vsock_header rw = make_header(4, 3, VSOCK_OP_RW, 500);
    write_table(guest, TABLE, (struct entry[]){{at, 50, D_WRITE | D_NEXT, 1}, {at + 50, 1000, D_WRITE, 0}}, 2);
    guest_add(guest, RX, &(struct segment){TABLE, 32, D_INDIRECT}, 1);
    guest_kick(guest, RX);
    guest_send(world->guests[1], &rw, data);
    world_settle(world);
    uint32_t head, length;
    CHECK(guest_used(guest, RX, &head, &length));
    CHECK_EQUAL(length, 544);
    CHECK(memcmp(guest_memory(guest, at + 44), data, 500) == 0);
}

TEST(C7_a_table_as_long_as_the_queue_and_no_longer)
{
    struct world *world = booted_with(F_LINUX);
    struct guest *guest = world->guests[0];
    uint64_t at = laid_out(guest);
    for (unsigned num = QUEUE_NUM; num <= QUEUE_NUM + 1; num++) {
        for (unsigned i = 0; i < num; i++) {
            struct entry entry = {at + 8 * i, i + 1 < num ? 8 : 544 - 8 * i, i + 1 < num ? D_NEXT : 0,
                                  (uint16_t)(i + 1)};
            write_table(guest, TABLE + 16u * i, &entry, 1);
        }
        guest_add(guest, TX, &(struct segment){TABLE, 16 * num, D_INDIRECT}, 1);
        guest_kick(guest, TX);
        if (num == QUEUE_NUM) {
            expect_500(world);
        }
    }
    CHECK_EQUAL(guest_reap(guest), 1);
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_BAD_CHAIN], 1);
}

TEST(C7_bad_indirect_tables)
{
    struct world *world = booted_with(F_LINUX);
    struct guest *guest = world->guests[0];
    uint64_t at = laid_out(guest);
    const struct {
        struct segment refer;
        struct entry entries[2];
    } bad[] = {
        {{TABLE, 0, D_INDIRECT}, {{at, 544, 0, 0}}},                            /* empty */
        {{TABLE, 8, D_INDIRECT}, {{at, 544, 0, 0}}},                            /* half a descriptor */
        {{TABLE, 40, D_INDIRECT}, {{at, 544, 0, 0}}},                           /* two and a half */
        {{0, 32, D_INDIRECT}, {{at, 544, 0, 0}}},                               /* not in guest memory */
        {{RAM_BASE + RAM_SIZE - 16, 32, D_INDIRECT}, {{at, 544, 0, 0}}},        /* beyond its end */
        {{UINT64_MAX - 15, 32, D_INDIRECT}, {{at, 544, 0, 0}}},                 /* wraps */
        {{TABLE, 32, D_INDIRECT | 8}, {{at, 544, 0, 0}}},                       /* unknown flags */
        {{at, 544, 8}, {{0}}},
        {{TABLE, 32, D_INDIRECT}, {{at, 544, 0x4000, 0}}},
        {{TABLE, 32, D_INDIRECT}, {{TABLE + 64, 16, D_INDIRECT, 0}}},           /* a table within a table */
        {{TABLE, 32, D_INDIRECT}, {{at, 44, D_NEXT, 2}, {at, 44, 0, 0}}},       /* leads out of the table */
        {{TABLE, 32, D_INDIRECT}, {{at, 44, D_NEXT, 1}, {at, 44, D_NEXT, 0}}},  /* a loop */
        {{TABLE, 32, D_INDIRECT}, {{at, 44, D_NEXT, 1}, {at, 500, D_WRITE, 0}}}, /* wrong direction */
        {{TABLE, 32, D_INDIRECT}, {{at, 44, D_NEXT, 1}, {0, 500, 0, 0}}},       /* data not in guest memory */
    };
    const unsigned num = sizeof bad / sizeof bad[0];
    write_table(guest, TABLE + 64, &(struct entry){at, 544, 0, 0}, 1);
    for (unsigned i = 0; i < num; i++) {
        write_table(guest, TABLE, bad[i].entries, 2);
        guest_add(guest, TX, &bad[i].refer, 1);
        guest_kick(guest, TX);
        CHECK_EQUAL(guest_reap(guest), 1);
        CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_BAD_CHAIN], i + 1);
    }
    /* A table in the middle of a chain. */
    guest_add(guest, TX, (struct segment[]){{TABLE, 32, D_INDIRECT}, {at, 44, 0}}, 2);
    guest_kick(guest, TX);
    CHECK_EQUAL(guest_reap(guest), 1);
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_BAD_CHAIN], num + 1);
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_PACKETS], 0);
    world_check_alive(world);
}

TEST(C7_indirect_descriptors_that_were_not_negotiated)
{
    struct world *world = booted_with(F_PLAIN | F_EVENT_IDX);
    struct guest *guest = world->guests[0];
    write_table(guest, TABLE, &(struct entry){laid_out(guest), 544, 0, 0}, 1);
    guest_add(guest, TX, &(struct segment){TABLE, 16, D_INDIRECT}, 1);
    guest_kick(guest, TX);
    CHECK_EQUAL(guest_reap(guest), 1);
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_BAD_CHAIN], 1);
}

TEST(C7_chains_that_find_too_few_segments_wait)
{
    struct world *world = world_new(2, 0x2000); /* packets wait for room in the small ring */
    struct guest *guest = world->guests[0];
    guest_boot(guest);
    guest_boot(world->guests[1]);
    uint64_t at = laid_out(guest);
    /* 50 packets of 60 pieces are more than there are segments. */
    for (unsigned i = 0; i < 60; i++) {
        struct entry entry = {at + 9 * i, i < 59 ? 9 : 544 - 9 * i, i < 59 ? D_NEXT : 0, (uint16_t)(i + 1)};
        write_table(guest, TABLE + 16u * i, &entry, 1);
    }
    for (unsigned i = 0; i < 50; i++) {
        guest_add(guest, TX, &(struct segment){TABLE, 960, D_INDIRECT}, 1);
    }
    guest_kick(guest, TX);
    world_settle(world);
    CHECK(guest->device.queues[TX].in_flight > 0);
    CHECK(guest->device.queues[TX].in_flight * 60 <= VSOCK_SEGMENTS);
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_QUEUE_BROKEN], 0);
    for (unsigned i = 0; i < 50; i++) {
        guest_post(world->guests[1], 1, 3776);
        world_settle(world);
        guest_expect(world->guests[1], &packet, VSOCK_OP_RW);
        CHECK_EQUAL(packet.size, 500);
        CHECK(memcmp(packet.payload, data, 500) == 0);
    }
    CHECK_EQUAL(guest_reap(guest), 50);
}

/* --- notifications --- */

TEST(C8_interrupt_unless_the_driver_declines)
{
    struct world *world = booted_with(F_PLAIN);
    struct guest *guest = world->guests[0];
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 4);
    uint16_t *flags = guest_memory(guest, guest->queues[TX].available);
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

/* With EVENT_IDX exactly the entry that the driver names is worth an interrupt, wherever the index stands. */
TEST(C8_with_event_idx_an_interrupt_at_the_named_entry)
{
    struct world *world = booted_with(F_LINUX);
    struct guest *guest = world->guests[0];
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 4);
    uint16_t *available = guest_memory(guest, guest->queues[TX].available);
    uint16_t *used_event = available + 2 + QUEUE_NUM;
    guest->event_idx = false; /* the test plays the driver's part */
    available[0] = 1; /* the flag says nothing now */
    for (uint32_t sent = 0; sent < 0x10010; sent += 5) {
        /* Five entries at once, none, the first or the last of them or the next one being named. */
        const uint16_t named[] = {(uint16_t)(sent + 0x8000), (uint16_t)sent, (uint16_t)(sent + 4),
                                  (uint16_t)(sent + 5)};
        const bool wanted[] = {false, true, true, false};
        unsigned choice = sent / 5 % 4, rises = guest->irq_rises;
        *used_event = named[choice];
        for (unsigned i = 0; i < 5; i++) {
            guest_queue_packet(guest, &rw, "data", 4);
        }
        guest_kick(guest, TX);
        CHECK_EQUAL(guest->irq_rises - rises, wanted[choice]);
        CHECK_EQUAL(guest_ack(guest), wanted[choice]);
        CHECK_EQUAL(guest_reap(guest), 5);
        if (sent % 40 == 0) { /* make room */
            guest_post(world->guests[1], world->guests[1]->queues[RX].num_free, 64);
            world_settle(world);
            while (guest_receive(world->guests[1], &packet)) {
            }
        }
    }
}

/* What the device asks for with EVENT_IDX: a kick for the first packet after it found none, and for receive buffers only
 * while something waits for them. used.flags stays 0, which guest_used() looks at. */
TEST(C10_with_event_idx_only_kicks_that_are_of_use_are_asked_for)
{
    struct world *world = booted_with(F_LINUX);
    struct guest *guest = world->guests[0], *other = world->guests[1];
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 4);
    guest_post(other, 1, 3776); /* the first entry is asked for in a ring of zeros */
    unsigned spared = other->spared_kicks[RX];
    for (unsigned i = 0; i < 10; i++) {
        guest_post(other, 1, 3776);
    }
    CHECK_EQUAL(other->spared_kicks[RX], spared + 10);
    for (unsigned i = 0; i < 12; i++) { /* one more than there are buffers */
        guest_send(guest, &rw, "data");
        world_settle(world);
    }
    CHECK_EQUAL(guest->spared_kicks[TX], 0);
    for (unsigned i = 0; i < 11; i++) {
        guest_expect(other, &packet, VSOCK_OP_RW);
    }
    CHECK(!guest_receive(other, &packet));
    guest_post(other, 1, 3776); /* not spared, or this packet would wait for ever */
    CHECK_EQUAL(other->spared_kicks[RX], spared + 10);
    guest_expect(other, &packet, VSOCK_OP_RW);
}
