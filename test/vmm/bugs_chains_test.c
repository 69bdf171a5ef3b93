/* SPDX-License-Identifier: BSD-2-Clause */
/* Eighteen classes of bugs that other virtio-socket devices have had, by the project's numbers. Part one: the chains
 * of a virtqueue. */
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
    world_check_alive(world);
}

TEST(bug_02_double_fetch)
{
    /* Once taken, a packet that waits for room is not looked at again: the guest rewrites header and descriptor
     * meanwhile. */
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
    world_check_alive(world);
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
            world_check_alive(world);
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
                world_check_alive(world);
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
    world_check_alive(world);
}

TEST(bug_03_a_descriptor_in_two_chains)
{
    struct world *world = world_new(2, 0x2000); /* packets wait for room in the small ring */
    struct guest *guest = world->guests[0];
    guest_boot_with(guest, F_PLAIN);
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
    world_check_alive(world);
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
            world_check_alive(world);
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
    world_check_alive(world);
}
