/* SPDX-License-Identifier: BSD-2-Clause */
/* Queues, features and states that cannot be. */
#include <string.h>
#include <unistd.h>

#include "attack.h"

static struct packet packet;

REFUSED(hostile_queue_2, "the front end names a queue that the device does not have")
{
    send_state(front_end, M_SET_VRING_NUM, 2, 64);
}

REFUSED(hostile_queue_of_4_billion, "the front end names a queue that the device does not have")
{
    send_state(front_end, M_GET_VRING_BASE, UINT32_MAX, 0);
}

REFUSED(hostile_queue_addresses_of_none, "the front end names a queue that the device does not have")
{
    struct vring_address address = {.index = 0x80000000u};
    message_send(front_end->socket, M_SET_VRING_ADDR, M_VERSION, &address, sizeof address, NULL, 0);
}

REFUSED(hostile_kick_of_queue_255, "the front end names a queue that the device does not have")
{
    send_fd(front_end, M_SET_VRING_KICK, 255, front_end->kicks[0]);
}

REFUSED(hostile_call_of_queue_2, "the front end names a queue that the device does not have")
{
    send_fd(front_end, M_SET_VRING_CALL, 2, front_end->calls[0]);
}

/* All that front_end_start() does, with queue TX, features or memory changed. */
static void start_with(struct front_end *front_end, uint64_t features, const struct vring_address *tx, uint32_t num,
                       uint32_t base)
{
    uint64_t fault;
    send_value(front_end, M_SET_FEATURES, features);
    front_end_set_memory(front_end, &REGION_WHOLE, 1, 1);
    message_receive(front_end, M_SET_MEM_TABLE, &fault, sizeof fault);
    for (unsigned i = 0; i < 2; i++) {
        front_end_set_ring(front_end, i);
        send_fd(front_end, M_SET_VRING_KICK, i, front_end->kicks[i]);
    }
    if (tx != NULL) {
        message_send(front_end->socket, M_SET_VRING_ADDR, M_VERSION, tx, sizeof *tx, NULL, 0);
    }
    send_state(front_end, M_SET_VRING_NUM, TX, num);
    send_state(front_end, M_SET_VRING_BASE, TX, base);
    front_end_enable(front_end, RX, true);
    front_end_enable(front_end, TX, true);
}

#define QUEUE_REFUSED "the device does not accept a queue: its size, or an address outside of guest memory"

REFUSED(hostile_queue_size_0, QUEUE_REFUSED)
{
    start_with(front_end, F_LINUX, NULL, 0, 0);
}

REFUSED(hostile_queue_size_3, QUEUE_REFUSED)
{
    start_with(front_end, F_LINUX, NULL, 3, 0);
}

REFUSED(hostile_queue_size_2048, QUEUE_REFUSED)
{
    start_with(front_end, F_LINUX, NULL, 2048, 0);
}

REFUSED(hostile_queue_size_beyond_16_bits, QUEUE_REFUSED)
{
    start_with(front_end, F_LINUX, NULL, 0x10040, 0);
}

REFUSED(hostile_queue_base, "a queue that was in use before is to be resumed, which this device cannot do")
{
    start_with(front_end, F_LINUX, NULL, LARGE_QUEUE_NUM, 1);
}

static void start_with_tx(struct front_end *front_end, uint64_t descriptors, uint64_t available, uint64_t used)
{
    struct vring_address tx = {.index = TX, .descriptors = descriptors, .available = available, .used = used};
    start_with(front_end, F_LINUX, &tx, LARGE_QUEUE_NUM, 0);
}

#define GOOD_TX (QEMU_BASE + 0x8000)
#define END     (QEMU_BASE + RAM_SIZE)

REFUSED(hostile_queue_addresses_zero, QUEUE_REFUSED)
{
    start_with_tx(front_end, 0, 0, 0);
}

REFUSED(hostile_queue_descriptors_behind_the_end, QUEUE_REFUSED)
{
    start_with_tx(front_end, END, GOOD_TX + 0x4000, GOOD_TX + 0x5000);
}

REFUSED(hostile_queue_descriptors_across_the_end, QUEUE_REFUSED)
{
    start_with_tx(front_end, END - 0x4000 + 16, GOOD_TX + 0x4000, GOOD_TX + 0x5000);
}

REFUSED(hostile_queue_available_across_the_end, QUEUE_REFUSED)
{
    start_with_tx(front_end, GOOD_TX, END - 4, GOOD_TX + 0x5000);
}

REFUSED(hostile_queue_used_before_the_start, QUEUE_REFUSED)
{
    start_with_tx(front_end, GOOD_TX, GOOD_TX + 0x4000, QEMU_BASE - 0x1000);
}

REFUSED(hostile_queue_used_at_the_top, QUEUE_REFUSED)
{
    start_with_tx(front_end, GOOD_TX, GOOD_TX + 0x4000, UINT64_MAX - 3);
}

REFUSED(hostile_queue_descriptors_askew, QUEUE_REFUSED)
{
    start_with_tx(front_end, GOOD_TX + 8, GOOD_TX + 0x4000, GOOD_TX + 0x5000);
}

REFUSED(hostile_queue_at_guest_addresses, QUEUE_REFUSED)
{
    start_with_tx(front_end, RAM_BASE + 0x8000, RAM_BASE + 0xc000, RAM_BASE + 0xd000);
}

#define FEATURES_REFUSED "the front end agreed with its guest on features that the device does not have, or not on VERSION_1"

REFUSED(hostile_features_not_offered, FEATURES_REFUSED)
{
    start_with(front_end, F_LINUX | UINT64_C(1) << 34, NULL, LARGE_QUEUE_NUM, 0);
}

REFUSED(hostile_features_all, FEATURES_REFUSED)
{
    start_with(front_end, UINT64_MAX, NULL, LARGE_QUEUE_NUM, 0);
}

REFUSED(hostile_features_without_version_1, FEATURES_REFUSED)
{
    start_with(front_end, F_STREAM | F_PROTOCOL_FEATURES, NULL, LARGE_QUEUE_NUM, 0);
}

REFUSED(hostile_enable_before_memory, QUEUE_REFUSED)
{
    send_value(front_end, M_SET_FEATURES, F_LINUX);
    for (unsigned i = 0; i < 2; i++) {
        front_end_set_ring(front_end, i);
        send_fd(front_end, M_SET_VRING_KICK, i, front_end->kicks[i]);
        front_end_enable(front_end, i, true);
    }
}

REFUSED(hostile_enable_first_of_all, FEATURES_REFUSED)
{
    for (unsigned i = 0; i < 2; i++) {
        front_end_enable(front_end, i, true);
        send_fd(front_end, M_SET_VRING_KICK, i, front_end->kicks[i]);
    }
}

/* A queue that is set up while it runs keeps what it had until the driver comes again. */
TEST(hostile_queue_changed_while_up)
{
    front_end_free_all();
    back_end_start(2);
    struct front_end *a = front_end_boot(back_end_path(0), 3), *b = front_end_boot(back_end_path(1), 4);
    struct vring_address nowhere = {.index = TX};
    message_send(a->socket, M_SET_VRING_ADDR, M_VERSION, &nowhere, sizeof nowhere, NULL, 0);
    send_state(a, M_SET_VRING_NUM, TX, 3);
    send_state(a, M_SET_VRING_BASE, TX, 3);
    send_value(a, M_SET_FEATURES, UINT64_MAX);
    front_end_enable(a, TX, true);
    front_end_sync(a);
    front_ends_connect(a, b);
    front_end_post(b, 1, 3776);
    front_end_stop(a);
    front_end_expect(b, &packet, VSOCK_OP_RST);
    front_end_start(a);
    front_ends_connect(b, a);
}

/* The guest's driver breaks a queue: one line, and a reset helps. */
TEST(hostile_queue_broken_by_the_driver)
{
    front_end_free_all();
    back_end_start(2);
    struct front_end *a = front_end_boot(back_end_path(0), 3), *b = front_end_boot(back_end_path(1), 4);
    uint16_t far = 2000;
    memcpy((uint8_t *)guest_memory(&a->guest, a->guest.queues[TX].available) + 2, &far, 2);
    front_end_kick(a, TX);
    back_end_expect("CID 3: its driver broke its queues");
    CHECK(front_end_interrupted(a));
    front_end_kick(a, TX);
    front_end_kick(a, RX);
    front_end_stop(a);
    front_end_start(a);
    front_ends_connect(a, b);
    CHECK_EQUAL(back_end_said("broke its queues"), 1);
}

/* What it has sent and was not told of, a device that stands still does not return any more, nor look at again and
 * again. */
TEST(hostile_queue_broken_while_a_completion_is_held)
{
    front_end_free_all();
    back_end_start(2);
    struct front_end *a = front_end_boot(back_end_path(0), 3), *b = front_end_boot(back_end_path(1), 4);
    front_ends_connect(a, b);
    uint16_t far = 2000;
    front_end_send(a, VSOCK_OP_RW, 4, "last", 4);
    front_end_sync(a);
    memcpy((uint8_t *)guest_memory(&a->guest, a->guest.queues[TX].available) + 2, &far, 2);
    front_end_kick(a, TX);
    back_end_expect("CID 3: its driver broke its queues");
    usleep(2 * HOLD_US); /* the end of what began before */
    uint64_t before = back_end_polls(0);
    usleep(20 * HOLD_US);
    CHECK(back_end_polls(0) - before < 5);
}
