/* SPDX-License-Identifier: BSD-2-Clause */
/* What QEMU and honest guests do: start, talk, stop, come again. */
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "../harness.h"
#include "back_end.h"
#include "front_end.h"

static struct packet packet;

static struct front_end *boot(unsigned index)
{
    return front_end_boot(back_end_path(index), 3 + index);
}

static void boot_two(struct front_end *pair[2])
{
    front_end_free_all();
    back_end_start(2);
    for (unsigned i = 0; i < 2; i++) {
        pair[i] = boot(i);
    }
}

static void check_talk(struct front_end *a, struct front_end *b)
{
    front_ends_connect(a, b);
    front_end_post(b, 1, 3776);
    front_end_send(a, VSOCK_OP_RW, b->guest.cid, "hello", 5);
    front_end_expect(b, &packet, VSOCK_OP_RW);
    CHECK_EQUAL(packet.size, 5);
    CHECK(memcmp(packet.payload, "hello", 5) == 0);
}

TEST(normal_sequence_of_qemu)
{
    front_end_free_all();
    back_end_start(2);
    struct front_end *front_end = front_end_new(back_end_path(0), 3);
    CHECK_EQUAL(ask_value(front_end, M_GET_FEATURES),
                F_STREAM | F_NO_IMPLIED_STREAM | F_LINUX | F_PROTOCOL_FEATURES);
    CHECK_EQUAL(ask_value(front_end, M_GET_PROTOCOL_FEATURES), PF_MQ | PF_REPLY_ACK | PF_CONFIG);
    front_end_realize(front_end);
    CHECK_EQUAL(back_end_said("driver is up"), 0);
    front_end_start(front_end);
    back_end_expect("CID 3: driver is up");
    front_end_post(front_end, 3, 3776);
    front_end_stop(front_end);
    back_end_expect("CID 3: driver is down");
    front_end_free(front_end);
    back_end_expect("CID 3: QEMU is gone");
    CHECK_EQUAL(back_end_said("CID 3"), 4);
}

TEST(normal_packet_with_interrupt)
{
    struct front_end *pair[2];
    boot_two(pair);
    check_talk(pair[0], pair[1]);
    front_end_post(pair[1], 1, 3776);
    front_end_send(pair[0], VSOCK_OP_RW, 4, "again", 5);
    CHECK(front_end_interrupted(pair[1])); /* not only looked for: guests sleep */
    front_end_expect(pair[1], &packet, VSOCK_OP_RW);
    while (pair[0]->guest.queues[TX].num_free < QUEUE_NUM) {
        uint32_t head, length;
        if (!guest_used(&pair[0]->guest, TX, &head, &length)) {
            CHECK(front_end_interrupted(pair[0]));
        }
    }
    back_end_stop();
    CHECK_EQUAL(back_end_counter(0, VSOCK_COUNT_TX_PACKETS), 3);
    CHECK_EQUAL(back_end_counter(0, VSOCK_COUNT_TX_BYTES), 10);
    CHECK_EQUAL(back_end_counter(1, VSOCK_COUNT_RX_PACKETS), 3);
    CHECK(back_end_counter(1, VSOCK_COUNT_INTERRUPTS) >= 2); /* each acknowledged before the next */
    CHECK_EQUAL(back_end_counter(1, VSOCK_COUNT_RX_RING_BROKEN), 0);
}

TEST(normal_interrupt_through_the_other_descriptor)
{
    struct front_end *pair[2];
    boot_two(pair);
    send_value(pair[1], M_SET_VRING_CALL, RX | M_NO_FD);
    front_end_sync(pair[1]);
    check_talk(pair[0], pair[1]);
    send_value(pair[1], M_SET_VRING_CALL, TX | M_NO_FD);
    front_end_sync(pair[1]);
    front_end_post(pair[0], 1, 3776);
    front_end_send(pair[1], VSOCK_OP_RW, 3, "quiet", 5);
    front_end_expect(pair[0], &packet, VSOCK_OP_RW);
}

TEST(normal_three_guests)
{
    front_end_free_all();
    back_end_start(3);
    struct front_end *a = boot(0), *b = boot(1), *c = boot(2);
    check_talk(a, b);
    check_talk(c, b);
    check_talk(a, c);
}

/* The survivor of a connection is told, after everything that was sent before. */
static void check_survivor(struct front_end *survivor)
{
    front_end_expect(survivor, &packet, VSOCK_OP_RW);
    CHECK_EQUAL(packet.size, 3);
    front_end_expect(survivor, &packet, VSOCK_OP_RST);
    CHECK_EQUAL(packet.header.src_cid, 3);
}

static void queue_last_words(struct front_end *front_end)
{
    struct vsock_header header = make_header(3, 4, VSOCK_OP_RW, 3);
    guest_queue_packet(&front_end->guest, &header, "bye", 3);
}

TEST(normal_power_off_by_enable)
{
    struct front_end *pair[2];
    boot_two(pair);
    front_ends_connect(pair[0], pair[1]);
    front_end_post(pair[1], 2, 3776);
    queue_last_words(pair[0]);
    front_end_enable(pair[0], RX, false); /* one is enough */
    check_survivor(pair[1]);
    front_end_stop(pair[0]);
    back_end_expect("CID 3: driver is down");
    CHECK_EQUAL(back_end_said("QEMU is gone"), 0);
}

TEST(normal_power_off_by_base)
{
    struct front_end *pair[2];
    boot_two(pair);
    front_ends_connect(pair[0], pair[1]);
    front_end_post(pair[1], 2, 3776);
    queue_last_words(pair[0]);
    CHECK_EQUAL(ask_base(pair[0], RX), 1);
    check_survivor(pair[1]);
    /* Only up again when the driver has set up everything anew: the queue that was not asked about still has its old
     * packets, which would be sent once more. */
    front_end_set_ring(pair[0], RX);
    send_fd(pair[0], M_SET_VRING_KICK, RX, pair[0]->kicks[RX]);
    front_end_sync(pair[0]);
    CHECK_EQUAL(back_end_said("CID 3: driver is up"), 1);
    front_end_start(pair[0]);
    check_talk(pair[0], pair[1]);
}

TEST(normal_power_off_by_closed_socket)
{
    struct front_end *pair[2];
    boot_two(pair);
    front_ends_connect(pair[0], pair[1]);
    front_end_post(pair[1], 2, 3776);
    queue_last_words(pair[0]);
    front_end_free(pair[0]);
    check_survivor(pair[1]);
    back_end_expect("CID 3: QEMU is gone");
    /* and comes back */
    pair[0] = boot(0);
    check_talk(pair[0], pair[1]);
    check_talk(pair[1], pair[0]);
}

TEST(normal_nothing_is_left_of_the_last_front_end)
{
    struct front_end *pair[2];
    boot_two(pair);
    front_end_free(pair[0]);
    struct front_end *next = front_end_new(back_end_path(0), 3);
    for (unsigned i = 0; i < 2; i++) {
        send_fd(next, M_SET_VRING_KICK, i, next->kicks[i]); /* but enables nothing */
    }
    front_end_sync(next);
    CHECK_EQUAL(back_end_said("CID 3: driver is up"), 1);
}

/* More than the device does in one go. */
TEST(normal_work_that_is_left_is_done)
{
    struct front_end *pair[2];
    boot_two(pair);
    const struct driver_queue *queue = &pair[0]->guest.queues[TX];
    uint16_t *available = guest_memory(&pair[0]->guest, queue->available);
    const uint16_t *used = guest_memory(&pair[0]->guest, queue->used);
    const uint16_t num = 1000;
    /* The same chain over and over: a packet that is shorter than its header. */
    memcpy(guest_memory(&pair[0]->guest, queue->descriptors), &(struct segment){RAM_BASE, 4, 0}, 14);
    __atomic_store_n(available + 1, num, __ATOMIC_RELEASE);
    front_end_kick(pair[0], TX);
    while (__atomic_load_n(used + 1, __ATOMIC_ACQUIRE) != num) {
        CHECK(front_end_interrupted(pair[0]));
    }
    back_end_stop();
    CHECK_EQUAL(back_end_counter(0, VSOCK_COUNT_TX_SHORT), num);
}

TEST(normal_driver_comes_again)
{
    struct front_end *pair[2];
    boot_two(pair);
    for (unsigned i = 0; i < 3; i++) {
        check_talk(pair[0], pair[1]);
        front_end_post(pair[1], 1, 3776);
        front_end_stop(pair[0]);
        front_end_expect(pair[1], &packet, VSOCK_OP_RST);
        front_end_start(pair[0]);
    }
    CHECK_EQUAL(back_end_said("CID 3: driver is up"), 4);
}

TEST(normal_peer_is_not_up)
{
    front_end_free_all();
    back_end_start(2);
    struct front_end *front_end = boot(0);
    front_end_post(front_end, 1, 3776);
    front_end_send(front_end, VSOCK_OP_REQUEST, 4, NULL, 0);
    front_end_expect(front_end, &packet, VSOCK_OP_RST);
}

/* Everything set but that its queues are enabled and kicked. */
static struct front_end *prepare(void)
{
    front_end_free_all();
    back_end_start(2);
    struct front_end *front_end = front_end_new(back_end_path(0), 3);
    front_end_realize(front_end);
    send_value(front_end, M_SET_FEATURES, F_LINUX | F_PROTOCOL_FEATURES);
    uint64_t fault;
    front_end_set_memory(front_end, &REGION_WHOLE, 1, 1);
    message_receive(front_end, M_SET_MEM_TABLE, &fault, sizeof fault);
    for (unsigned i = 0; i < 2; i++) {
        front_end_set_ring(front_end, i);
    }
    front_end_post(front_end, 1, 3776);
    front_end_send(front_end, VSOCK_OP_REQUEST, 4, NULL, 0);
    return front_end;
}

static void enable_both(struct front_end *front_end)
{
    for (unsigned i = 0; i < 2; i++) {
        front_end_enable(front_end, i, true);
    }
}

static void give_both_kicks(struct front_end *front_end)
{
    for (unsigned i = 0; i < 2; i++) {
        send_fd(front_end, M_SET_VRING_KICK, i, front_end->kicks[i]);
    }
}

TEST(normal_kicked_before_it_is_enabled)
{
    struct front_end *front_end = prepare();
    give_both_kicks(front_end);
    front_end_sync(front_end);
    CHECK_EQUAL(back_end_said("driver is up"), 0);
    enable_both(front_end);
    front_end_expect(front_end, &packet, VSOCK_OP_RST);
}

TEST(normal_enabled_before_it_is_kicked)
{
    struct front_end *front_end = prepare();
    enable_both(front_end);
    front_end_sync(front_end);
    CHECK_EQUAL(back_end_said("driver is up"), 0);
    give_both_kicks(front_end);
    front_end_expect(front_end, &packet, VSOCK_OP_RST);
}

TEST(normal_another_kick_descriptor)
{
    struct front_end *pair[2];
    boot_two(pair);
    /* Both kicks are replaced; whether the old ones were kicked before, nobody can know any more. */
    queue_last_words(pair[0]);
    front_end_post(pair[1], 1, 3776);
    for (unsigned i = 0; i < 2; i++) {
        close(pair[0]->kicks[i]);
        pair[0]->kicks[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        send_fd(pair[0], M_SET_VRING_KICK, i, pair[0]->kicks[i]);
    }
    front_end_expect(pair[1], &packet, VSOCK_OP_RW);
    check_talk(pair[0], pair[1]);
}

TEST(normal_reply_ack)
{
    struct front_end *pair[2];
    boot_two(pair);
    uint64_t fault = 99;
    const uint64_t features = F_LINUX | F_PROTOCOL_FEATURES;
    message_send(pair[0]->socket, M_SET_FEATURES, M_VERSION | M_NEED_REPLY, &features, 8, NULL, 0);
    CHECK_EQUAL(message_receive(pair[0], M_SET_FEATURES, &fault, sizeof fault), 8);
    CHECK_EQUAL(fault, 0);
    /* Those with an answer give one, not two. */
    message_send(pair[0]->socket, M_GET_QUEUE_NUM, M_VERSION | M_NEED_REPLY, NULL, 0, NULL, 0);
    message_receive(pair[0], M_GET_QUEUE_NUM, &fault, sizeof fault);
    CHECK_EQUAL(ask_value(pair[0], M_GET_PROTOCOL_FEATURES), PF_MQ | PF_REPLY_ACK | PF_CONFIG);
    /* What is wrong is answered, before the end. */
    message_send(pair[0]->socket, M_SET_VRING_NUM, M_VERSION | M_NEED_REPLY, &(uint32_t[]){7, 64}, 8, NULL, 0);
    CHECK_EQUAL(message_receive(pair[0], M_SET_VRING_NUM, &fault, sizeof fault), 8);
    CHECK(fault != 0);
    front_end_expect_end(pair[0]);
}

TEST(normal_a_second_front_end_waits)
{
    struct front_end *pair[2];
    boot_two(pair);
    struct front_end *second = front_end_new(back_end_path(0), 3);
    message_send(second->socket, M_SET_OWNER, M_VERSION, NULL, 0, NULL, 0);
    check_talk(pair[0], pair[1]);
    CHECK_EQUAL(back_end_said("CID 3: QEMU has connected"), 1);
    front_end_post(pair[1], 1, 3776);
    front_end_free(pair[0]);
    front_end_expect(pair[1], &packet, VSOCK_OP_RST);
    front_end_realize(second);
    front_end_start(second);
    check_talk(second, pair[1]);
}

TEST(normal_same_memory_again)
{
    struct front_end *pair[2];
    boot_two(pair);
    uint64_t fault = 99;
    front_end_set_memory(pair[0], &REGION_WHOLE, 1, 1);
    message_receive(pair[0], M_SET_MEM_TABLE, &fault, sizeof fault);
    CHECK_EQUAL(fault, 0);
    check_talk(pair[0], pair[1]);
}

TEST(normal_idle_uses_no_processor)
{
    struct front_end *pair[2];
    boot_two(pair);
    check_talk(pair[0], pair[1]);
    front_end_free(pair[0]);
    back_end_expect("CID 3: QEMU is gone");
    for (unsigned waited_ms = 0; !back_end_is_asleep(0) || !back_end_is_asleep(1); waited_ms++) {
        CHECK(waited_ms < STANDSTILL_MS);
        usleep(1000);
    }
    uint64_t before = back_end_busy_ms(0) + back_end_busy_ms(1);
    usleep(400 * 1000);
    CHECK(back_end_busy_ms(0) + back_end_busy_ms(1) - before < 20);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Those that are there; waits for some only if there is no room for a packet. */
static void take_completions(struct front_end *front_end)
{
    uint32_t head, length;
    while (guest_used(&front_end->guest, TX, &head, &length)) {
    }
    while (front_end->guest.queues[TX].num_free < 4) {
        if (!guest_used(&front_end->guest, TX, &head, &length)) {
            CHECK(front_end_interrupted(front_end));
        }
    }
}

/* With no other reason to interrupt it, a guest is told of what it has sent by the half queue, and each HOLD_US. */
TEST(normal_completions_wait_for_company)
{
    enum { ROUNDS = 200 };
    struct front_end *pair[2];
    boot_two(pair);
    check_talk(pair[0], pair[1]);
    uint64_t begin_ms = now_ms();
    for (unsigned i = 0; i < ROUNDS; i++) {
        take_completions(pair[0]);
        front_end_post(pair[1], 1, 3776);
        front_end_send(pair[0], VSOCK_OP_RW, 4, "x", 1);
        front_end_expect(pair[1], &packet, VSOCK_OP_RW);
    }
    uint64_t periods = (now_ms() - begin_ms) * 1000 / HOLD_US;
    back_end_stop();
    CHECK(back_end_counter(0, VSOCK_COUNT_INTERRUPTS) <= ROUNDS / (QUEUE_NUM / 2) + periods + 10);
}

TEST(normal_leaves_no_descriptor)
{
    struct front_end *pair[2];
    boot_two(pair);
    front_end_free_all();
    back_end_expect("CID 3: QEMU is gone");
    back_end_expect("CID 4: QEMU is gone");
    unsigned before = count_fds();
    pair[0] = boot(0);
    front_end_stop(pair[0]);
    front_end_start(pair[0]);
    front_end_free(pair[0]);
    pair[0] = boot(0); /* answered only when the one before is gone */
    front_end_free(pair[0]);
    pair[0] = front_end_new(back_end_path(0), 3);
    send_fd(pair[0], M_SET_VRING_KICK, RX, pair[0]->kicks[RX]); /* one that never comes up */
    front_end_sync(pair[0]);
    front_end_free(pair[0]);
    back_end_stop();
    back_end_start(2);
    CHECK_EQUAL(count_fds(), before);
}
