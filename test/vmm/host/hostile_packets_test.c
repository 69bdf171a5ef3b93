/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that writes raw packets into its queues, most of them such as no driver writes: every counter of what a guest
 * can have dropped goes up, its own packets all come back, and two other guests talk on, before and after each attack.
 */
#include <string.h>

#include "../harness.h"
#include "back_end.h"
#include "front_end.h"

static struct packet packet;
static struct front_end *rogue, *near, *far;
static uint8_t data[VSOCK_PAYLOAD_SIZE_MAX];
static uint32_t round_number;

/* The two others: one packet there and one back, whose bytes tell the round. */
static void others_talk(void)
{
    for (unsigned way = 0; way < 2; way++) {
        struct front_end *from = way == 0 ? near : far, *to = way == 0 ? far : near;
        uint8_t words[64];
        uint32_t head, length;
        memset(words, (int)++round_number, sizeof words);
        front_end_post(to, 1, 3776);
        front_end_send(from, VSOCK_OP_RW, to->guest.cid, words, sizeof words);
        do { /* what comes from the rogue is not for the others to expect */
            while (!guest_receive(&to->guest, &packet)) {
                CHECK(front_end_interrupted(to));
            }
            if (packet.header.src_cid == rogue->guest.cid) {
                front_end_post(to, 1, 3776);
            }
        } while (packet.header.src_cid == rogue->guest.cid);
        CHECK_EQUAL(packet.header.src_cid, from->guest.cid);
        CHECK_EQUAL(packet.size, sizeof words);
        CHECK(memcmp(packet.payload, words, sizeof words) == 0);
        while (guest_used(&from->guest, TX, &head, &length)) {
        }
    }
}

/* Kicks; every chain must come back with length 0 and an interrupt. */
static void send_and_reap(void)
{
    uint32_t head, length;
    front_end_kick(rogue, TX);
    while (rogue->guest.queues[TX].num_free < QUEUE_NUM) {
        if (guest_used(&rogue->guest, TX, &head, &length)) {
            CHECK_EQUAL(length, 0);
        } else {
            CHECK(front_end_interrupted(rogue));
        }
    }
}

static void send_packet(struct vsock_header header, uint32_t size)
{
    guest_queue_packet(&rogue->guest, &header, data, size);
    send_and_reap();
    others_talk();
}

static void send_chain(uint64_t address, uint32_t size, uint16_t flags)
{
    guest_add(&rogue->guest, TX, &(struct segment){address, size, flags}, 1);
    send_and_reap();
    others_talk();
}

static void expect_resets(unsigned num)
{
    front_end_post(rogue, num, 3776);
    for (unsigned i = 0; i < num; i++) {
        front_end_expect(rogue, &packet, VSOCK_OP_RST);
    }
}

static void attack_by_packets(void)
{
    struct vsock_header good = make_header(3, 4, VSOCK_OP_RW, 0), bad = good;
    send_chain(UINT64_C(0x7f0000001000), 100, 0); /* an address of the back end's own, and others outside */
    send_chain(RAM_BASE + RAM_SIZE - 10, 100, 0);
    send_chain(UINT64_MAX - 10, 100, 0);
    send_chain(slot_address(TX, 0), 44, D_WRITE);
    send_chain(slot_address(TX, 0), 64, D_INDIRECT);
    send_chain(slot_address(TX, 0), 43, 0);
    bad.len = 101;
    send_packet(bad, 100);
    bad.len = UINT32_MAX;
    send_packet(bad, 100);
    bad = good;
    bad.op = VSOCK_OP_SHUTDOWN;
    bad.len = 5;
    send_packet(bad, 5);
    bad = good;
    bad.src_cid = 5;
    send_packet(bad, 0);
    bad.src_cid = UINT64_C(0x500000003);
    send_packet(bad, 0);
    bad = good;
    bad.type = 7;
    send_packet(bad, 0);
    bad = good;
    bad.op = 99;
    send_packet(bad, 0);
    bad = good;
    bad.dst_cid = 2;
    send_packet(bad, 0);
    expect_resets(3);
    guest_add(&rogue->guest, RX, &(struct segment){slot_address(RX, 0), 20, D_WRITE}, 1); /* buffers of the same kind */
    guest_add(&rogue->guest, RX, &(struct segment){UINT64_C(0x7f0000001000), 3776, D_WRITE}, 1);
    bad.dst_cid = 77;
    send_packet(bad, 0);
    for (unsigned i = 0; i < 2;) { /* they go back empty */
        uint32_t head, length;
        if (guest_used(&rogue->guest, RX, &head, &length)) {
            CHECK_EQUAL(length, 0);
            i++;
        } else {
            CHECK(front_end_interrupted(rogue));
        }
    }
    expect_resets(1);
}

static void flood_with_requests(void)
{
    struct vsock_header request = make_header(3, 4, VSOCK_OP_REQUEST, 0);
    unsigned quota = VSOCK_MAX_CONNECTIONS / 2;
    for (unsigned i = 0; i < quota + 4;) {
        for (unsigned n = 0; n < QUEUE_NUM / 2 && i < quota + 4; n++, i++) {
            request.src_port = 5000 + i;
            guest_queue_packet(&rogue->guest, &request, NULL, 0);
        }
        send_and_reap();
    }
    expect_resets(4);
    others_talk();
}

TEST(hostile_packets_of_every_kind_are_counted_and_harm_nobody_else)
{
    static const enum vsock_counter reached[] = {
        VSOCK_COUNT_TX_BAD_CHAIN,    VSOCK_COUNT_TX_SHORT,      VSOCK_COUNT_TX_BAD_LENGTH,   VSOCK_COUNT_TX_SPOOFED,
        VSOCK_COUNT_TX_UNKNOWN_TYPE, VSOCK_COUNT_TX_UNKNOWN_OP, VSOCK_COUNT_TX_UNKNOWN_PEER, VSOCK_COUNT_TX_REFUSED,
        VSOCK_COUNT_RX_BAD_CHAIN,    VSOCK_COUNT_RX_SHORT,      VSOCK_COUNT_QUEUE_BROKEN,
    };
    front_end_free_all();
    back_end_start(3);
    rogue = front_end_boot(back_end_path(0), 3);
    near = front_end_boot(back_end_path(1), 4);
    far = front_end_boot(back_end_path(2), 5);
    front_ends_connect(near, far);
    others_talk();
    attack_by_packets();
    flood_with_requests();
    /* What waits for a guest that then goes: once the small one is back, the large ones behind it wait for room. They come
     * back as well, sent or not: how many were too late depends on the threads. */
    struct vsock_header update = make_header(3, 4, VSOCK_OP_CREDIT_UPDATE, 0);
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, sizeof data);
    uint32_t head, length;
    guest_queue_packet(&rogue->guest, &update, NULL, 0);
    for (unsigned i = 0; i < 4; i++) {
        guest_queue_packet(&rogue->guest, &rw, data, sizeof data);
    }
    front_end_kick(rogue, TX);
    while (!guest_used(&rogue->guest, TX, &head, &length)) {
        CHECK(front_end_interrupted(rogue));
    }
    others_talk();
    front_end_stop(near);
    send_and_reap();
    /* And the last of all: a queue that cannot be. */
    *(uint16_t *)guest_memory(&rogue->guest, rogue->guest.queues[TX].available + 2) += LARGE_QUEUE_NUM + 1;
    front_end_kick(rogue, TX);
    back_end_expect("CID 3: its driver broke its queues");
    back_end_stop();
    back_end_report();
    for (unsigned i = 0; i < sizeof reached / sizeof reached[0]; i++) {
        CHECK(back_end_counter(0, reached[i]) > 0);
        CHECK(back_end_said(vsock_counter_name(reached[i])) > 0); /* it is told at the end, with its number */
        CHECK_EQUAL(back_end_counter(2, reached[i]), 0);
    }
}
