/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages that no QEMU sends. Each ends the connection with one line that says why, leaves no descriptor behind, and
 * does no harm to the other guest or to whoever connects next. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../harness.h"
#include "back_end.h"
#include "front_end.h"

static struct packet packet;

/* A front end that is realized does `attack`, and is thrown out with a line that has `why` in it. */
static void check_refused(void (*attack)(struct front_end *), const char *why)
{
    front_end_free_all();
    back_end_start(2);
    struct front_end *peer = front_end_boot(back_end_path(1), 4);
    unsigned before = count_fds();
    struct front_end *front_end = front_end_new(back_end_path(0), 3);
    front_end_realize(front_end);
    attack(front_end);
    back_end_expect(why);
    front_end_expect_end(front_end);
    CHECK_EQUAL(back_end_said("CID 3: connection ended"), 1);
    front_end_free(front_end);
    CHECK_EQUAL(count_fds(), before);
    front_ends_connect(front_end_boot(back_end_path(0), 3), peer);
}

/* The same, from a front end whose guest is up and connected: its peer gets RST. */
static void check_refused_up(void (*attack)(struct front_end *), const char *why)
{
    front_end_free_all();
    back_end_start(2);
    struct front_end *peer = front_end_boot(back_end_path(1), 4);
    unsigned before = count_fds();
    struct front_end *front_end = front_end_boot(back_end_path(0), 3);
    front_ends_connect(front_end, peer);
    front_end_post(peer, 1, 3776);
    attack(front_end);
    back_end_expect(why);
    uint64_t fault;
    while (recv(front_end->socket, &fault, sizeof fault, 0) > 0) {
    }
    front_end_expect(peer, &packet, VSOCK_OP_RST);
    front_end_free(front_end);
    CHECK_EQUAL(count_fds(), before);
    front_ends_connect(front_end_boot(back_end_path(0), 3), peer);
}

/* Nothing happens; the front end goes on. */
static void check_harmless(void (*attack)(struct front_end *))
{
    front_end_free_all();
    back_end_start(2);
    struct front_end *peer = front_end_boot(back_end_path(1), 4);
    unsigned before = count_fds();
    struct front_end *front_end = front_end_new(back_end_path(0), 3);
    front_end_realize(front_end);
    attack(front_end);
    front_end_start(front_end);
    front_ends_connect(front_end, peer);
    front_end_free(front_end);
    back_end_expect("CID 3: QEMU is gone");
    CHECK_EQUAL(count_fds(), before);
}

#define REFUSED(name, why)                                                                                             \
    static void name##_attack(struct front_end *front_end);                                                            \
    TEST(hostile_##name)                                                                                               \
    {                                                                                                                  \
        check_refused(name##_attack, "CID 3: connection ended: " why);                                                 \
    }                                                                                                                  \
    static void name##_attack(struct front_end *front_end)

#define REFUSED_UP(name, why)                                                                                          \
    static void name##_attack(struct front_end *front_end);                                                            \
    TEST(hostile_##name)                                                                                               \
    {                                                                                                                  \
        check_refused_up(name##_attack, "CID 3: connection ended: " why);                                              \
    }                                                                                                                  \
    static void name##_attack(struct front_end *front_end)

#define HARMLESS(name)                                                                                                 \
    static void name##_attack(struct front_end *front_end);                                                            \
    TEST(hostile_##name)                                                                                               \
    {                                                                                                                  \
        check_harmless(name##_attack);                                                                                 \
    }                                                                                                                  \
    static void name##_attack(struct front_end *front_end)

/* --- heads and payloads --- */

REFUSED(unknown_request, "the front end asks for something that was not offered")
{
    send_value(front_end, 99, 0);
}

REFUSED(request_zero, "the front end asks for something that was not offered")
{
    send_value(front_end, 0, 0);
}

REFUSED(request_not_offered, "the front end asks for something that was not offered")
{
    send_value(front_end, M_SET_LOG_BASE, 0);
}

REFUSED(version_0, "the front end speaks another protocol")
{
    message_send(front_end->socket, M_GET_FEATURES, 0, NULL, 0, NULL, 0);
}

REFUSED(version_2, "the front end speaks another protocol")
{
    message_send(front_end->socket, M_GET_FEATURES, 2, NULL, 0, NULL, 0);
}

REFUSED(payload_too_long, "the front end speaks another protocol than vhost-user version 1, or sent too long a message")
{
    uint8_t payload[512] = {0};
    message_send(front_end->socket, M_SET_FEATURES, M_VERSION, payload, sizeof payload, NULL, 0);
}

REFUSED(payload_of_4_gib, "the front end speaks another protocol than vhost-user version 1, or sent too long a message")
{
    bytes_send(front_end->socket, &(uint32_t[]){M_SET_FEATURES, M_VERSION, UINT32_MAX}, M_HEAD_SIZE, NULL, 0);
}

REFUSED(not_the_protocol, "the front end speaks another protocol")
{
    bytes_send(front_end->socket, "GET / HTTP/1.1\r\n\r\n", 18, NULL, 0);
}

REFUSED(half_a_head, "the front end sent half a message head")
{
    bytes_send(front_end->socket, &(uint32_t[]){M_GET_FEATURES, M_VERSION}, 8, NULL, 0);
    shutdown(front_end->socket, SHUT_WR);
}

REFUSED(half_a_head_with_descriptors, "the front end sent half a message head")
{
    bytes_send(front_end->socket, &(uint32_t[]){M_SET_VRING_KICK, M_VERSION}, 8, front_end->kicks, 2);
    shutdown(front_end->socket, SHUT_WR);
}

REFUSED(half_a_payload, "the front end broke off in the middle of a message")
{
    bytes_send(front_end->socket, &(uint32_t[]){M_SET_FEATURES, M_VERSION, 8, 0}, M_HEAD_SIZE + 4, NULL, 0);
    shutdown(front_end->socket, SHUT_WR);
}

REFUSED(half_a_payload_with_descriptors, "the front end broke off in the middle of a message")
{
    bytes_send(front_end->socket, &(uint32_t[]){M_SET_VRING_KICK, M_VERSION, 8, 0}, M_HEAD_SIZE + 4, front_end->kicks,
               2);
    shutdown(front_end->socket, SHUT_WR);
}

/* Every request with a payload, one byte short of it. */
TEST(hostile_payload_too_short)
{
    static const struct {
        uint32_t request, size;
    } requests[] = {
        {M_SET_FEATURES, 8},    {M_SET_PROTOCOL_FEATURES, 8}, {M_SET_VRING_KICK, 8},   {M_SET_VRING_CALL, 8},
        {M_SET_VRING_ERR, 8},   {M_SET_VRING_NUM, 8},         {M_SET_VRING_BASE, 8},   {M_GET_VRING_BASE, 8},
        {M_SET_VRING_ADDR, 40}, {M_SET_MEM_TABLE, 8},         {M_SET_VRING_ENABLE, 8}, {M_GET_CONFIG, 12},
    };
    for (unsigned i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        for (uint32_t size = 0; size < requests[i].size; size += requests[i].size - 1) {
            const uint8_t payload[64] = {0};
            front_end_free_all();
            back_end_start(1);
            struct front_end *front_end = front_end_new(back_end_path(0), 3);
            message_send(front_end->socket, requests[i].request, M_VERSION, payload, size, NULL, 0);
            back_end_expect("connection ended: a message is too short for its request");
            front_end_expect_end(front_end);
        }
    }
}

/* A message in three parts is none the worse for it. */
HARMLESS(message_in_parts)
{
    const uint32_t message[] = {M_SET_FEATURES, M_VERSION, 8, (uint32_t)F_LINUX, 1};
    const uint8_t *bytes = (const uint8_t *)message;
    bytes_send(front_end->socket, bytes, 5, NULL, 0);
    usleep(1000);
    bytes_send(front_end->socket, bytes + 5, 10, NULL, 0);
    usleep(1000);
    bytes_send(front_end->socket, bytes + 15, 5, NULL, 0);
    front_end_sync(front_end);
}

HARMLESS(payload_where_none_belongs)
{
    uint8_t payload[64] = {0};
    message_send(front_end->socket, M_SET_OWNER, M_VERSION, payload, sizeof payload, NULL, 0);
    message_send(front_end->socket, M_RESET_OWNER, M_VERSION, payload, sizeof payload, NULL, 0);
    message_send(front_end->socket, M_SET_CONFIG, M_VERSION, payload, sizeof payload, NULL, 0);
    front_end_sync(front_end);
}

/* --- descriptors --- */

static void many_fds(const struct front_end *front_end, int *fds, unsigned num)
{
    for (unsigned i = 0; i < num; i++) {
        fds[i] = front_end->memory;
    }
}

REFUSED(nine_descriptors, "the front end sent half a message head, or too many descriptors")
{
    int fds[9];
    uint64_t value = 0;
    many_fds(front_end, fds, 9);
    message_send(front_end->socket, M_SET_VRING_CALL, M_VERSION, &value, 8, fds, 9);
}

HARMLESS(descriptors_where_none_belong)
{
    int fds[8];
    uint64_t value = F_LINUX | F_PROTOCOL_FEATURES, fault;
    many_fds(front_end, fds, 8);
    message_send(front_end->socket, M_SET_FEATURES, M_VERSION, &value, 8, fds, 8);
    message_send(front_end->socket, M_SET_OWNER, M_VERSION, NULL, 0, fds, 8);
    message_send(front_end->socket, M_GET_FEATURES, M_VERSION, NULL, 0, fds, 8);
    message_receive(front_end, M_GET_FEATURES, &fault, 8);
    /* with the payload instead of the head */
    bytes_send(front_end->socket, &(uint32_t[]){M_SET_FEATURES, M_VERSION, 8}, M_HEAD_SIZE, NULL, 0);
    bytes_send(front_end->socket, &value, 8, fds, 8);
    front_end_sync(front_end);
}

HARMLESS(more_descriptors_than_one)
{
    for (uint64_t i = 0; i < 2; i++) {
        message_send(front_end->socket, M_SET_VRING_CALL, M_VERSION, &i, 8, front_end->calls, 2);
        message_send(front_end->socket, M_SET_VRING_KICK, M_VERSION, &i, 8, front_end->kicks, 2);
        message_send(front_end->socket, M_SET_VRING_ERR, M_VERSION, &i, 8, front_end->kicks, 2);
    }
    front_end_sync(front_end);
}

REFUSED(kick_without_a_descriptor, "a kick is no eventfd")
{
    send_value(front_end, M_SET_VRING_KICK, RX | M_NO_FD);
}

REFUSED(kick_is_a_pipe, "a kick is no eventfd")
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    send_fd(front_end, M_SET_VRING_KICK, RX, ends[0]);
    close(ends[0]);
    close(ends[1]);
}

REFUSED(kick_is_a_file, "a kick is no eventfd")
{
    send_fd(front_end, M_SET_VRING_KICK, TX, front_end->memory);
}

REFUSED(kick_is_the_socket, "a kick is no eventfd")
{
    send_fd(front_end, M_SET_VRING_KICK, TX, front_end->socket);
}

REFUSED(call_is_a_pipe, "a call is no eventfd")
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    send_fd(front_end, M_SET_VRING_CALL, RX, ends[1]);
    close(ends[0]);
    close(ends[1]);
}

/* Its end here keeps it alive: nothing to poll in vain. */
TEST(hostile_kick_is_closed)
{
    front_end_free_all();
    back_end_start(2);
    struct front_end *front_end = front_end_boot(back_end_path(0), 3);
    for (unsigned i = 0; i < 2; i++) {
        close(front_end->kicks[i]);
        front_end->kicks[i] = -1;
    }
    uint64_t before = back_end_busy_ms(0);
    usleep(300 * 1000);
    CHECK(back_end_busy_ms(0) - before < 150);
    front_end_sync(front_end);
}

/* --- queues --- */

REFUSED(queue_2, "the front end names a queue that the device does not have")
{
    send_state(front_end, M_SET_VRING_NUM, 2, 64);
}

REFUSED(queue_of_4_billion, "the front end names a queue that the device does not have")
{
    send_state(front_end, M_GET_VRING_BASE, UINT32_MAX, 0);
}

REFUSED(queue_addresses_of_none, "the front end names a queue that the device does not have")
{
    struct vring_address address = {.index = 0x80000000u};
    message_send(front_end->socket, M_SET_VRING_ADDR, M_VERSION, &address, sizeof address, NULL, 0);
}

REFUSED(kick_of_queue_255, "the front end names a queue that the device does not have")
{
    send_fd(front_end, M_SET_VRING_KICK, 255, front_end->kicks[0]);
}

REFUSED(call_of_queue_2, "the front end names a queue that the device does not have")
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

REFUSED(queue_size_0, QUEUE_REFUSED)
{
    start_with(front_end, F_LINUX, NULL, 0, 0);
}

REFUSED(queue_size_3, QUEUE_REFUSED)
{
    start_with(front_end, F_LINUX, NULL, 3, 0);
}

REFUSED(queue_size_2048, QUEUE_REFUSED)
{
    start_with(front_end, F_LINUX, NULL, 2048, 0);
}

REFUSED(queue_size_beyond_16_bits, QUEUE_REFUSED)
{
    start_with(front_end, F_LINUX, NULL, 0x10040, 0);
}

REFUSED(queue_base, "a queue that was in use before is to be resumed, which this device cannot do")
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

REFUSED(queue_addresses_zero, QUEUE_REFUSED)
{
    start_with_tx(front_end, 0, 0, 0);
}

REFUSED(queue_descriptors_behind_the_end, QUEUE_REFUSED)
{
    start_with_tx(front_end, END, GOOD_TX + 0x4000, GOOD_TX + 0x5000);
}

REFUSED(queue_descriptors_across_the_end, QUEUE_REFUSED)
{
    start_with_tx(front_end, END - 0x4000 + 16, GOOD_TX + 0x4000, GOOD_TX + 0x5000);
}

REFUSED(queue_available_across_the_end, QUEUE_REFUSED)
{
    start_with_tx(front_end, GOOD_TX, END - 4, GOOD_TX + 0x5000);
}

REFUSED(queue_used_before_the_start, QUEUE_REFUSED)
{
    start_with_tx(front_end, GOOD_TX, GOOD_TX + 0x4000, QEMU_BASE - 0x1000);
}

REFUSED(queue_used_at_the_top, QUEUE_REFUSED)
{
    start_with_tx(front_end, GOOD_TX, GOOD_TX + 0x4000, UINT64_MAX - 3);
}

REFUSED(queue_descriptors_askew, QUEUE_REFUSED)
{
    start_with_tx(front_end, GOOD_TX + 8, GOOD_TX + 0x4000, GOOD_TX + 0x5000);
}

REFUSED(queue_at_guest_addresses, QUEUE_REFUSED)
{
    start_with_tx(front_end, RAM_BASE + 0x8000, RAM_BASE + 0xc000, RAM_BASE + 0xd000);
}

#define FEATURES_REFUSED "the front end agreed with its guest on features that the device does not have, or not on VERSION_1"

REFUSED(features_not_offered, FEATURES_REFUSED)
{
    start_with(front_end, F_LINUX | UINT64_C(1) << 29, NULL, LARGE_QUEUE_NUM, 0);
}

REFUSED(features_all, FEATURES_REFUSED)
{
    start_with(front_end, UINT64_MAX, NULL, LARGE_QUEUE_NUM, 0);
}

REFUSED(features_without_version_1, FEATURES_REFUSED)
{
    start_with(front_end, F_STREAM | F_PROTOCOL_FEATURES, NULL, LARGE_QUEUE_NUM, 0);
}

REFUSED(enable_before_memory, QUEUE_REFUSED)
{
    send_value(front_end, M_SET_FEATURES, F_LINUX);
    for (unsigned i = 0; i < 2; i++) {
        front_end_set_ring(front_end, i);
        send_fd(front_end, M_SET_VRING_KICK, i, front_end->kicks[i]);
        front_end_enable(front_end, i, true);
    }
}

REFUSED(enable_first_of_all, FEATURES_REFUSED)
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

/* --- configuration space --- */

static void ask_config(struct front_end *front_end, uint32_t offset, uint32_t size)
{
    message_send(front_end->socket, M_GET_CONFIG, M_VERSION, &(uint32_t[]){offset, size, 0}, 12, NULL, 0);
}

REFUSED(config_too_large, "the front end asks for more configuration space than there can be")
{
    ask_config(front_end, 0, 257);
}

REFUSED(config_huge, "the front end asks for more configuration space than there can be")
{
    ask_config(front_end, 0, UINT32_MAX);
}

REFUSED(config_far, "the front end asks for more configuration space than there can be")
{
    ask_config(front_end, UINT32_MAX - 3, 8);
}

HARMLESS(config_beyond_the_cid)
{
    uint8_t reply[12 + 256];
    for (uint32_t offset = 0; offset <= 256; offset += 4) {
        ask_config(front_end, offset, 256);
        CHECK_EQUAL(message_receive(front_end, M_GET_CONFIG, reply, sizeof reply), 12 + 256);
        CHECK_EQUAL(reply[12], offset == 0 ? 3 : 0);
        for (unsigned i = 13; i < sizeof reply; i++) {
            CHECK_EQUAL(reply[i], 0);
        }
    }
    ask_config(front_end, 2, 0);
    CHECK_EQUAL(message_receive(front_end, M_GET_CONFIG, reply, sizeof reply), 12);
}

/* --- memory --- */

#define TABLE_REFUSED  "a memory table has no region, too many, or not a descriptor for each"
#define REGION_REFUSED "a memory region has an impossible size or address"

static void set_regions(struct front_end *front_end, const struct region *regions, uint32_t num, uint32_t num_fds)
{
    uint64_t fault;
    front_end_set_memory(front_end, regions, num, num_fds);
    if (num <= 8) { /* longer ones are not even read */
        message_receive(front_end, M_SET_MEM_TABLE, &fault, sizeof fault);
        CHECK(fault != 0);
    }
}

static void set_region(struct front_end *front_end, uint64_t guest_physical, uint64_t size, uint64_t qemu,
                       uint64_t offset)
{
    set_regions(front_end, &(struct region){guest_physical, size, qemu, offset}, 1, 1);
}

REFUSED(memory_of_no_region, TABLE_REFUSED)
{
    set_regions(front_end, NULL, 0, 0);
}

REFUSED(memory_of_nine_regions, "the front end speaks another protocol than vhost-user version 1, or sent too long")
{
    struct region regions[9];
    for (unsigned i = 0; i < 9; i++) {
        regions[i] = (struct region){RAM_BASE + i * 0x1000, 0x1000, QEMU_BASE + i * 0x1000, i * 0x1000};
    }
    set_regions(front_end, regions, 9, 8);
}

REFUSED(memory_table_shorter_than_it_says, "a memory table is shorter than it says")
{
    const uint32_t payload[10] = {9};
    message_send(front_end->socket, M_SET_MEM_TABLE, M_VERSION, payload, sizeof payload, NULL, 0);
}

REFUSED(memory_table_of_4_billion, "a memory table is shorter than it says")
{
    const uint32_t payload[10] = {UINT32_MAX};
    message_send(front_end->socket, M_SET_MEM_TABLE, M_VERSION, payload, sizeof payload, NULL, 0);
}

REFUSED(memory_without_descriptor, TABLE_REFUSED)
{
    set_regions(front_end, &REGION_WHOLE, 1, 0);
}

REFUSED(memory_with_two_descriptors, TABLE_REFUSED)
{
    set_regions(front_end, &REGION_WHOLE, 1, 2);
}

REFUSED(memory_size_0, REGION_REFUSED)
{
    set_region(front_end, RAM_BASE, 0, QEMU_BASE, 0);
}

REFUSED(memory_size_wraps_with_offset, REGION_REFUSED)
{
    set_region(front_end, RAM_BASE, RAM_SIZE, QEMU_BASE, UINT64_MAX - RAM_SIZE + 1);
}

REFUSED(memory_size_of_all, REGION_REFUSED)
{
    set_region(front_end, 0, UINT64_MAX, 0, 0);
}

REFUSED(memory_guest_addresses_wrap, REGION_REFUSED)
{
    set_region(front_end, UINT64_MAX - RAM_SIZE + 2, RAM_SIZE, QEMU_BASE, 0);
}

REFUSED(memory_front_end_addresses_wrap, REGION_REFUSED)
{
    set_region(front_end, RAM_BASE, RAM_SIZE, UINT64_MAX - RAM_SIZE + 2, 0);
}

REFUSED(memory_file_too_short, "a memory region is larger than its file")
{
    set_region(front_end, RAM_BASE, RAM_SIZE + 1, QEMU_BASE, 0);
}

REFUSED(memory_file_too_short_for_offset, "a memory region is larger than its file")
{
    set_region(front_end, RAM_BASE, RAM_SIZE, QEMU_BASE, 0x1000);
}

REFUSED(memory_second_region_bad, "a memory region is larger than its file")
{
    const struct region regions[] = {{RAM_BASE, 0x1000, QEMU_BASE, 0}, {0, RAM_SIZE + 1, 0, 0}};
    set_regions(front_end, regions, 2, 2);
}

REFUSED(memory_is_a_pipe, "a memory region is larger than its file")
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    const struct {
        uint32_t num, padding;
        struct region region;
    } table = {1, 0, {RAM_BASE, 0x1000, QEMU_BASE, 0}};
    message_send(front_end->socket, M_SET_MEM_TABLE, M_VERSION, &table, sizeof table, ends, 1);
    close(ends[0]);
    close(ends[1]);
}

REFUSED(memory_is_read_only, "Permission denied")
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", front_end->memory);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const struct {
        uint32_t num, padding;
        struct region region;
    } table = {1, 0, REGION_WHOLE};
    message_send(front_end->socket, M_SET_MEM_TABLE, M_VERSION, &table, sizeof table, &fd, 1);
    close(fd);
}

REFUSED_UP(memory_moved_while_up, "the front end moves the memory of a guest whose driver is up")
{
    front_end_set_memory(front_end, &(struct region){0, RAM_SIZE, QEMU_BASE, 0}, 1, 1);
}

REFUSED_UP(memory_swapped_while_up, "the front end moves the memory of a guest whose driver is up")
{
    const struct {
        uint32_t num, padding;
        struct region region;
    } table = {1, 0, REGION_WHOLE};
    int other = memfd_create("other", MFD_CLOEXEC);
    CHECK(ftruncate(other, (off_t)RAM_SIZE) == 0);
    message_send(front_end->socket, M_SET_MEM_TABLE, M_VERSION, &table, sizeof table, &other, 1);
    close(other);
}

REFUSED_UP(garbage_while_up, "the front end speaks another protocol")
{
    bytes_send(front_end->socket, "0123456789abcdef", 16, NULL, 0);
}

/* Overlapping regions are odd, but every one of them is the guest's own. */
HARMLESS(memory_regions_overlap)
{
    const struct region regions[] = {
        {RAM_BASE, RAM_SIZE, QEMU_BASE, 0}, {RAM_BASE, RAM_SIZE, QEMU_BASE, 0}, {0, RAM_SIZE, QEMU_BASE + 0x1000, 0}};
    uint64_t fault = 99;
    front_end_set_memory(front_end, regions, 3, 3);
    message_receive(front_end, M_SET_MEM_TABLE, &fault, sizeof fault);
    CHECK_EQUAL(fault, 0);
}

/* Another file under the same addresses is other memory: the driver's next life is in there. */
TEST(hostile_memory_swapped_between_lives)
{
    front_end_free_all();
    back_end_start(2);
    struct front_end *a = front_end_boot(back_end_path(0), 3), *b = front_end_boot(back_end_path(1), 4);
    front_ends_connect(a, b);
    front_end_stop(a);
    int other = memfd_create("other", MFD_CLOEXEC);
    CHECK(ftruncate(other, (off_t)RAM_SIZE) == 0);
    CHECK(mmap(a->guest.ram, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, other, 0) == a->guest.ram);
    close(a->memory);
    a->memory = other;
    front_end_post(b, 1, 3776);
    front_end_expect(b, &packet, VSOCK_OP_RST);
    front_end_start(a);
    front_ends_connect(a, b);
}
