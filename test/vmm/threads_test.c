/* SPDX-License-Identifier: BSD-2-Clause */
/* Two devices on two threads, as in two protection domains on two cores: each sleeps when it has nothing to do, and
 * only the other's notifications wake it. A lost one shows as a standstill. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#include "guest.h"
#include "harness.h"

#define STANDSTILL_S 10

struct side {
    struct guest *guest;
    sem_t *own, *other;
    uint32_t to_send, to_receive;
    uint32_t sent, received;
    uint32_t size;
    uint32_t in_the_air; /* packets that may be without an answer; 0: as many as the queue takes */
    bool answers;        /* sends one packet for each that it received, and none before */
};

static void check_packet(struct side *side, const struct packet *packet)
{
    CHECK_EQUAL(packet->header.op, VSOCK_OP_RW);
    CHECK_EQUAL(packet->header.src_port, side->received);
    CHECK_EQUAL(packet->size, side->size);
    for (uint32_t i = 0; i < packet->size; i += 97) {
        CHECK_EQUAL(packet->payload[i], (uint8_t)(side->received + i));
    }
    side->received++;
}

static bool may_send(const struct side *side)
{
    if (side->answers) {
        return side->sent < side->received;
    }
    return side->in_the_air == 0 || side->sent - side->received < side->in_the_air;
}

static void send_one(struct side *side)
{
    uint8_t payload[4096];
    struct vsock_header rw = make_header(side->guest->cid, 7 - side->guest->cid, VSOCK_OP_RW, side->size);
    rw.src_port = side->sent;
    for (uint32_t i = 0; i < side->size; i++) {
        payload[i] = (uint8_t)(side->sent + i);
    }
    guest_queue_packet(side->guest, &rw, payload, side->size);
    side->sent++;
}

/* What a guest and its VMM do in one turn. True if anything was done. */
static bool turn(struct side *side, struct packet *packet)
{
    struct guest *guest = side->guest;
    bool busy = guest->more;
    uint32_t head, length;
    if (guest->more) {
        guest->more = vsock_device_run(&guest->device);
    }
    while (guest_receive(guest, packet)) {
        check_packet(side, packet);
        guest_post(guest, 1, 3776);
        busy = true;
    }
    while (guest_used(guest, TX, &head, &length)) {
        busy = true;
    }
    bool queued = false;
    while (side->sent < side->to_send && guest->queues[TX].num_free > 0 && may_send(side)) {
        send_one(side);
        queued = true;
    }
    if (queued) {
        guest_kick(guest, TX);
    }
    if (guest->notified[0] > 0) {
        guest->notified[0] = 0;
        sem_post(side->other);
    }
    return busy || queued;
}

static void *run_side(void *argument)
{
    struct side *side = argument;
    static _Thread_local struct packet packet;
    while (side->sent < side->to_send || side->received < side->to_receive
           || side->guest->queues[TX].num_free < QUEUE_NUM) {
        if (turn(side, &packet)) {
            continue;
        }
        struct timespec deadline;
        clock_gettime(CLOCK_REALTIME, &deadline);
        deadline.tv_sec += STANDSTILL_S;
        int result;
        do {
            result = sem_timedwait(side->own, &deadline);
        } while (result != 0 && errno == EINTR);
        CHECK(result == 0); /* or nobody woke us */
        side->guest->more = vsock_device_notified(&side->guest->device, 0);
    }
    return NULL;
}

static void run_both(uint64_t ring_size, struct side sides[2])
{
    struct world *world = world_new(2, ring_size);
    static sem_t events[2];
    pthread_t thread;
    for (unsigned i = 0; i < 2; i++) {
        sem_init(&events[i], 0, 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        sides[i].guest = world->guests[i];
        sides[i].own = &events[i];
        sides[i].other = &events[1 - i];
        guest_boot(world->guests[i]);
        guest_post(world->guests[i], QUEUE_NUM / 2, 3776);
    }
    world_settle(world);
    CHECK(pthread_create(&thread, NULL, run_side, &sides[1]) == 0);
    run_side(&sides[0]);
    CHECK(pthread_join(thread, NULL) == 0);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQUAL(sides[i].received, sides[i].to_receive);
        CHECK_EQUAL(world->guests[i]->device.counters[VSOCK_COUNT_RX_RING_BROKEN], 0);
    }
}

TEST(threads_ping_pong)
{
    struct side sides[2] = {{.to_send = 3000, .to_receive = 3000, .size = 1, .in_the_air = 1},
                            {.to_send = 3000, .to_receive = 3000, .size = 1, .answers = true}};
    run_both(RING_SIZE, sides);
}

TEST(threads_stream_through_a_small_ring)
{
    struct side sides[2] = {{.to_send = 4000, .size = 3000}, {.to_receive = 4000, .size = 3000}};
    run_both(0x2000, sides);
}

TEST(threads_both_ways)
{
    struct side sides[2] = {{.to_send = 3000, .to_receive = 3000, .size = 700},
                            {.to_send = 3000, .to_receive = 3000, .size = 700}};
    run_both(0x2000, sides);
}
