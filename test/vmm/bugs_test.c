/* SPDX-License-Identifier: BSD-2-Clause */
/* Eighteen classes of bugs that other virtio-socket devices have had, by the project's numbers. Part one: virtqueues. */
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

/* After whatever was done to it, the device still works: at once, or after the reset that it asked for. */
static void check_alive(struct world *world)
{
    struct guest *guest = world->guests[0];
    bool asked = (reg_read(guest, R_STATUS) & S_NEEDS_RESET) != 0;
    CHECK(!asked || (reg_read(guest, R_INTERRUPT_STATUS) & 2) != 0);
    guest_boot(guest);
    guest_boot(world->guests[1]);
    world_settle(world);
    world_connect(world, 0, 1);
    world_connect(world, 1, 0);
}

TEST(bug_01_length_against_chain_and_maximum)
{
    struct world *world = booted();
    struct guest *guest = world->guests[0];
    static uint8_t data[VSOCK_PAYLOAD_SIZE_MAX];
    static const uint32_t lens[] = {101, 3733, 0x10000, 0x10001, 0x7fffffff, 0x80000000, UINT32_MAX - 43, UINT32_MAX};
    guest_post(world->guests[1], 30, 3776);
    for (unsigned i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, lens[i]);
        guest_queue_packet(guest, &rw, data, 100);
        guest_kick(guest, TX);
        world_settle(world);
        CHECK_EQUAL(guest_reap(guest), 1);
    }
    CHECK(!guest_receive(world->guests[1], &packet));
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_BAD_LENGTH], sizeof lens / sizeof lens[0]);
    /* More than the maximum although the chain has it: two descriptors of 64 KiB. */
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, VSOCK_PAYLOAD_SIZE_MAX + 1);
    vsock_header_render(&rw, word(guest, slot_address(TX, 0)));
    guest_add(guest, TX, (struct segment[]){{slot_address(TX, 0), 0x10000, 0}, {slot_address(TX, 1), 0x10000, 0}}, 2);
    guest_kick(guest, TX);
    CHECK_EQUAL(guest_reap(guest), 1);
    /* The maximum itself, and less than the chain has, are right. */
    rw.len = VSOCK_PAYLOAD_SIZE_MAX;
    guest_send(guest, &rw, data);
    world_settle(world);
    uint32_t total = 0;
    while (guest_receive(world->guests[1], &packet)) {
        total += packet.size;
    }
    CHECK_EQUAL(total, VSOCK_PAYLOAD_SIZE_MAX);
    rw.len = 10;
    guest_queue_packet(guest, &rw, data, 100);
    guest_kick(guest, TX);
    world_settle(world);
    guest_expect(world->guests[1], &packet, VSOCK_OP_RW);
    CHECK_EQUAL(packet.size, 10);
    check_alive(world);
}

TEST(bug_02_double_fetch)
{
    /* Once taken, a packet that waits for room is not looked at again: the guest rewrites header and descriptor meanwhile. */
    struct world *world = world_new(2, 0x2000);
    struct guest *guest = world->guests[0];
    static uint8_t data[3000];
    guest_boot(guest);
    guest_boot(world->guests[1]);
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, sizeof data);
    guest_send(guest, &rw, data);
    uint16_t head = guest_queue_packet(guest, &rw, data, sizeof data);
    guest_kick(guest, TX); /* there is no room for the second one */
    struct vsock_header evil = make_header(99, 98, VSOCK_OP_RW, UINT32_MAX);
    vsock_header_render(&evil, word(guest, slot_address(TX, head)));
    memset(word(guest, guest->queues[TX].descriptors + 16u * head), 0xff, 16);
    guest_post(world->guests[1], 2, 3776);
    world_settle(world);
    guest_expect(world->guests[1], &packet, VSOCK_OP_RW);
    guest_expect(world->guests[1], &packet, VSOCK_OP_RW);
    CHECK_EQUAL(packet.size, sizeof data);
    CHECK_EQUAL(packet.header.src_cid, 3);
    check_alive(world);
}

TEST(bug_03_descriptor_loop)
{
    for (unsigned queue = RX; queue <= TX; queue++) {
        for (unsigned size = 0; size < 2; size++) { /* of zero-length descriptors too */
            struct world *world = booted();
            struct guest *guest = world->guests[0];
            struct vsock_header lost = make_header(3, 77, VSOCK_OP_REQUEST, 0);
            struct segment one = {slot_address(queue, 0), size, queue == RX ? D_WRITE : 0};
            uint16_t head = guest_add(guest, queue, (struct segment[]){one, one}, 2);
            uint8_t *table = word(guest, guest->queues[queue].descriptors);
            *(uint16_t *)(table + 16 * (head + 1) + 12) |= D_NEXT; /* the second one leads back to the first */
            *(uint16_t *)(table + 16 * (head + 1) + 14) = head;
            guest_kick(guest, queue);
            guest_send(guest, &lost, NULL); /* something that wants the rx buffer */
            CHECK((reg_read(guest, R_STATUS) & S_NEEDS_RESET) != 0);
            check_alive(world);
        }
    }
}

TEST(bug_03_descriptor_index_outside_the_table)
{
    static const uint16_t indices[] = {QUEUE_NUM, QUEUE_NUM + 1, 127, 128, 60000, 0xffff};
    for (unsigned i = 0; i < sizeof indices / sizeof indices[0]; i++) {
        for (unsigned queue = RX; queue <= TX; queue++) {
            for (unsigned as_next = 0; as_next < 2; as_next++) {
                struct world *world = booted();
                struct guest *guest = world->guests[0];
                struct vsock_header lost = make_header(3, 77, VSOCK_OP_REQUEST, 0);
                uint16_t flags = (uint16_t)((queue == RX ? D_WRITE : 0) | (as_next ? D_NEXT : 0));
                uint16_t head = guest_add(guest, queue, &(struct segment){slot_address(queue, 0), 20, flags}, 1);
                if (as_next) {
                    *(uint16_t *)word(guest, guest->queues[queue].descriptors + 16u * head + 14) = indices[i];
                } else {
                    *(uint16_t *)word(guest, guest->queues[queue].available + 4) = indices[i];
                }
                guest_kick(guest, queue);
                guest_send(guest, &lost, NULL);
                CHECK((reg_read(guest, R_STATUS) & S_NEEDS_RESET) != 0);
                check_alive(world);
            }
        }
    }
}

TEST(bug_03_chain_longer_than_the_queue)
{
    struct world *world = booted();
    struct guest *guest = world->guests[0];
    struct segment segments[QUEUE_NUM];
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, QUEUE_NUM - 44);
    vsock_header_render(&rw, word(guest, slot_address(TX, 0)));
    for (unsigned i = 0; i < QUEUE_NUM; i++) {
        segments[i] = (struct segment){slot_address(TX, 0) + i, 1, 0};
    }
    guest_post(world->guests[1], 1, 3776);
    guest_add(guest, TX, segments, QUEUE_NUM); /* exactly as long as the queue is legal */
    guest_kick(guest, TX);
    world_settle(world);
    guest_expect(world->guests[1], &packet, VSOCK_OP_RW);
    CHECK_EQUAL(guest_reap(guest), 1);
    uint16_t head = guest_add(guest, TX, segments, QUEUE_NUM);
    uint8_t *table = word(guest, guest->queues[TX].descriptors);
    for (unsigned i = 0; i < QUEUE_NUM; i++) { /* its end leads back to its start */
        uint16_t *flags = (uint16_t *)(table + 16 * i + 12);
        if ((*flags & D_NEXT) == 0) {
            flags[0] |= D_NEXT;
            flags[1] = head;
        }
    }
    guest_kick(guest, TX);
    CHECK((reg_read(guest, R_STATUS) & S_NEEDS_RESET) != 0);
    check_alive(world);
}

TEST(bug_03_a_descriptor_in_two_chains)
{
    struct world *world = world_new(2, 0x2000); /* packets wait for room in the small ring */
    struct guest *guest = world->guests[0];
    guest_boot(guest);
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 3000);
    vsock_header_render(&rw, word(guest, slot_address(TX, 0)));
    struct segment segments[32];
    for (unsigned i = 0; i < 32; i++) {
        segments[i] = (struct segment){slot_address(TX, 0) + 100u * i, 100, 0};
    }
    uint16_t head = guest_add(guest, TX, segments, 32);
    guest_kick(guest, TX);
    for (unsigned i = 1; i < 8; i++) { /* again and again the same chain, which was not returned */
        *(uint16_t *)word(guest, guest->queues[TX].available + 4 + 2 * i) = head;
    }
    *(uint16_t *)word(guest, guest->queues[TX].available + 2) = 8;
    guest_kick(guest, TX);
    CHECK((reg_read(guest, R_STATUS) & S_NEEDS_RESET) != 0);
    world->guests[0]->device.peers[0].ring.data_size = 0x1000;
    world_settle(world);
    check_alive(world);
}

TEST(bug_04_available_index_jumps)
{
    static const uint16_t jumps[] = {QUEUE_NUM + 1, 1000, 0x8000, 0xffff};
    for (unsigned queue = RX; queue <= TX; queue++) {
        for (unsigned i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
            struct world *world = booted();
            struct guest *guest = world->guests[0];
            struct vsock_header lost = make_header(3, 77, VSOCK_OP_REQUEST, 0);
            if (queue == RX) {
                guest_send(guest, &lost, NULL);
            }
            *(uint16_t *)word(guest, guest->queues[queue].available + 2) += jumps[i];
            guest_kick(guest, queue);
            CHECK((reg_read(guest, R_STATUS) & S_NEEDS_RESET) != 0);
            check_alive(world);
        }
    }
}

TEST(bug_04_available_index_counts_what_is_in_flight)
{
    struct world *world = world_new(2, 0x2000);
    struct guest *guest = world->guests[0];
    guest_boot(guest);
    /* Headers alone, so that the chains that wait have no memory left that might run out first. */
    struct vsock_header update = make_header(3, 4, VSOCK_OP_CREDIT_UPDATE, 0);
    uint32_t head, length;
    while (guest->queues[TX].num_free > 0) {
        guest_send(guest, &update, NULL);
        while (guest_used(guest, TX, &head, &length)) {
        }
    }
    CHECK((reg_read(guest, R_STATUS) & S_NEEDS_RESET) == 0);
    *(uint16_t *)word(guest, guest->queues[TX].available + 2) += 1; /* one more than there are descriptors */
    guest_kick(guest, TX);
    CHECK((reg_read(guest, R_STATUS) & S_NEEDS_RESET) != 0);
    check_alive(world);
}

TEST(bug_05_addresses_outside_guest_memory)
{
    const uint64_t end = RAM_BASE + RAM_SIZE;
    const struct segment bad[] = {
        {0, 3776, 0}, {RAM_BASE - 1, 3776, 0}, {RAM_BASE - 3776, 3776, 0}, {end, 3776, 0}, {end - 3775, 3776, 0}, {end - 1, 2000, 0},
        {UINT64_MAX, 3776, 0}, {UINT64_MAX - 3775, 3776, 0}, {UINT64_MAX - 100, 101, 0}, {RAM_BASE, UINT32_MAX, 0},
        {RAM_BASE + (UINT64_C(1) << 32), 3776, 0}, {0x20000000, 3776, 0},
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
    check_alive(world);
}

TEST(bug_06_write_flag_in_the_wrong_direction)
{
    struct world *world = booted();
    struct guest *guest = world->guests[0];
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 10);
    vsock_header_render(&rw, word(guest, slot_address(TX, 0)));
    struct segment good = {slot_address(TX, 0), 44, 0}, bad = {slot_address(TX, 0) + 44, 10, D_WRITE};
    guest_post(world->guests[1], 1, 3776);
    for (unsigned i = 0; i < 2 * QUEUE_NUM; i++) { /* often enough to notice what a bad chain leaves behind */
        guest_add(guest, TX, (struct segment[]){good, bad}, 2);
        guest_kick(guest, TX);
        world_settle(world);
        CHECK_EQUAL(guest_reap(guest), 1);
    }
    CHECK(!guest_receive(world->guests[1], &packet));
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_TX_BAD_CHAIN], 2 * QUEUE_NUM);
    check_alive(world);
}

TEST(bug_07_queue_registers_are_locked)
{
    struct world *world = booted();
    struct guest *guest = world->guests[0];
    static const uint64_t registers[] = {R_QUEUE_NUM, R_DESC_LOW, R_DESC_HIGH, R_DRIVER_LOW, R_DRIVER_HIGH, R_DEVICE_LOW, R_DEVICE_HIGH};
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
    check_alive(world);
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
