/* SPDX-License-Identifier: BSD-2-Clause */
/* Two guests that send to each other as fast as they can, each on two threads: its own and the back end's. For ASan,
 * and for ThreadSanitizer. */
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "../harness.h"
#include "back_end.h"
#include "front_end.h"

#define PACKETS      3000
#define PAYLOAD_SIZE 700

struct side {
    struct front_end *front_end;
    uint64_t peer;
    uint32_t sent, received;
    struct packet packet;
};

static void receive(struct side *side)
{
    while (guest_receive(&side->front_end->guest, &side->packet)) {
        CHECK_EQUAL(side->packet.header.op, VSOCK_OP_RW);
        CHECK_EQUAL(side->packet.header.src_port, side->received);
        CHECK_EQUAL(side->packet.size, PAYLOAD_SIZE);
        for (uint32_t i = 0; i < PAYLOAD_SIZE; i += 97) {
            CHECK_EQUAL(side->packet.payload[i], (uint8_t)(side->received + i));
        }
        side->received++;
        front_end_post(side->front_end, 1, 3776);
    }
}

static void send(struct side *side)
{
    struct guest *guest = &side->front_end->guest;
    uint32_t head, length;
    bool queued = false;
    while (guest_used(guest, TX, &head, &length)) {
    }
    while (side->sent < PACKETS && guest->queues[TX].num_free > 0) {
        uint8_t payload[PAYLOAD_SIZE];
        struct vsock_header header = make_header(guest->cid, side->peer, VSOCK_OP_RW, PAYLOAD_SIZE);
        header.src_port = side->sent;
        for (uint32_t i = 0; i < PAYLOAD_SIZE; i++) {
            payload[i] = (uint8_t)(side->sent + i);
        }
        guest_queue_packet(guest, &header, payload, PAYLOAD_SIZE);
        side->sent++;
        queued = true;
    }
    if (queued) {
        front_end_kick(side->front_end, TX);
    }
}

static void *run_side(void *argument)
{
    struct side *side = argument;
    const struct guest *guest = &side->front_end->guest;
    for (;;) {
        receive(side);
        send(side);
        if (side->sent == PACKETS && side->received == PACKETS && guest->queues[TX].num_free == QUEUE_NUM) {
            return NULL;
        }
        CHECK(front_end_interrupted(side->front_end)); /* or an interrupt was lost */
    }
}

TEST(traffic_both_ways)
{
    static struct side sides[2];
    front_end_free_all();
    back_end_start(2);
    for (unsigned i = 0; i < 2; i++) {
        sides[i] = (struct side){.front_end = front_end_boot(back_end_path(i), 3 + i), .peer = 4 - i};
        front_end_post(sides[i].front_end, QUEUE_NUM, 3776);
    }
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, run_side, &sides[1]) == 0);
    run_side(&sides[0]);
    CHECK(pthread_join(thread, NULL) == 0);
    back_end_stop();
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQUAL(back_end_counter(i, VSOCK_COUNT_TX_PACKETS), PACKETS);
        CHECK_EQUAL(back_end_counter(i, VSOCK_COUNT_RX_PACKETS), PACKETS);
        CHECK_EQUAL(back_end_counter(i, VSOCK_COUNT_RX_RING_BROKEN), 0);
    }
}

/* A front end that comes and goes while the other guest sends to it. */
TEST(traffic_while_a_front_end_comes_and_goes)
{
    static struct packet packet;
    front_end_free_all();
    back_end_start(2);
    struct front_end *a = front_end_boot(back_end_path(0), 3);
    for (unsigned i = 0; i < 20; i++) {
        struct front_end *b = front_end_boot(back_end_path(1), 4);
        front_end_post(b, 8, 3776);
        front_end_post(a, 1, 3776);
        for (unsigned j = 0; j < 8; j++) {
            front_end_send(a, j == 0 ? VSOCK_OP_REQUEST : VSOCK_OP_RW, 4, NULL, 0);
        }
        front_end_free(b);
        front_end_expect(a, &packet, VSOCK_OP_RST); /* from the guest that died, or for want of one */
        uint32_t head, length;
        while (guest_used(&a->guest, TX, &head, &length)) {
        }
        back_end_expect("CID 4: QEMU is gone");
    }
    back_end_stop();
    CHECK_EQUAL(back_end_said("CID 4: QEMU has connected"), 20);
}
