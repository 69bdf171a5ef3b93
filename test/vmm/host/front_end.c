/* SPDX-License-Identifier: BSD-2-Clause */
/* The tests' QEMU. */
#include "front_end.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../harness.h"

#define FRONT_ENDS_MAX 64

static struct front_end *all[FRONT_ENDS_MAX];

struct front_end *front_end_new(const char *path, uint64_t cid)
{
    struct front_end *front_end = calloc(1, sizeof *front_end);
    unsigned at = 0;
    while (all[at] != NULL) {
        at++;
        CHECK(at < FRONT_ENDS_MAX);
    }
    all[at] = front_end;
    front_end->guest.cid = cid;
    front_end->memory = memfd_create("ram", MFD_CLOEXEC);
    CHECK(ftruncate(front_end->memory, (off_t)RAM_SIZE) == 0);
    front_end->guest.ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, front_end->memory, 0);
    CHECK(front_end->guest.ram != MAP_FAILED);
    for (unsigned i = 0; i < 2; i++) {
        front_end->kicks[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        front_end->calls[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    CHECK(strlen(path) < sizeof address.sun_path);
    strcpy(address.sun_path, path);
    front_end->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(front_end->socket, (struct sockaddr *)&address, sizeof address) == 0);
    return front_end;
}

struct front_end *front_end_boot(const char *path, uint64_t cid)
{
    struct front_end *front_end = front_end_new(path, cid);
    front_end_realize(front_end);
    front_end_start(front_end);
    return front_end;
}

void front_end_free(struct front_end *front_end)
{
    for (unsigned i = 0; i < FRONT_ENDS_MAX; i++) {
        all[i] = all[i] == front_end ? NULL : all[i];
    }
    const int fds[] = {front_end->socket,   front_end->memory,   front_end->kicks[0],
                       front_end->kicks[1], front_end->calls[0], front_end->calls[1]};
    for (unsigned i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    if (front_end->guest.ram != NULL && front_end->guest.ram != MAP_FAILED) {
        munmap(front_end->guest.ram, RAM_SIZE);
    }
    free(front_end);
}

void front_end_free_all(void)
{
    for (unsigned i = 0; i < FRONT_ENDS_MAX; i++) {
        if (all[i] != NULL) {
            front_end_free(all[i]);
        }
    }
}

/* --- sequences, as recorded from QEMU 7.2.22 with vhost-user-vsock-device --- */

void front_end_realize(struct front_end *front_end)
{
    CHECK((ask_value(front_end, M_GET_FEATURES) & F_PROTOCOL_FEATURES) != 0);
    CHECK((ask_value(front_end, M_GET_PROTOCOL_FEATURES) & PF_CONFIG) != 0);
    send_value(front_end, M_SET_PROTOCOL_FEATURES, PF_MQ | PF_REPLY_ACK | PF_CONFIG);
    CHECK(ask_value(front_end, M_GET_QUEUE_NUM) >= 2);
    message_send(front_end->socket, M_SET_OWNER, M_VERSION, NULL, 0, NULL, 0);
    ask_value(front_end, M_GET_FEATURES);
    for (unsigned i = 0; i < 2; i++) {
        int error = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        send_fd(front_end, M_SET_VRING_CALL, i, front_end->calls[i]);
        send_fd(front_end, M_SET_VRING_ERR, i, error);
        close(error);
    }
    struct {
        uint32_t offset, size, flags;
        uint64_t cid;
    } __attribute__((packed)) config = {.size = 8};
    message_send(front_end->socket, M_GET_CONFIG, M_VERSION, &config, sizeof config, NULL, 0);
    CHECK_EQUAL(message_receive(front_end, M_GET_CONFIG, &config, sizeof config), sizeof config);
    CHECK_EQUAL(config.cid, front_end->guest.cid);
}

void front_end_start(struct front_end *front_end)
{
    uint64_t fault;
    for (unsigned i = 0; i < 2; i++) {
        send_fd(front_end, M_SET_VRING_CALL, i, front_end->calls[i]);
    }
    send_value(front_end, M_SET_FEATURES, F_PLAIN | F_PROTOCOL_FEATURES);
    front_end_set_memory(front_end, &REGION_WHOLE, 1, 1);
    CHECK_EQUAL(message_receive(front_end, M_SET_MEM_TABLE, &fault, sizeof fault), 8);
    CHECK_EQUAL(fault, 0);
    for (unsigned i = 0; i < 2; i++) {
        front_end_set_ring(front_end, i);
        send_fd(front_end, M_SET_VRING_KICK, i, front_end->kicks[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        front_end_enable(front_end, i, true);
    }
    for (unsigned i = 0; i < 2; i++) {
        send_fd(front_end, M_SET_VRING_CALL, i, front_end->calls[i]);
    }
    front_end_sync(front_end);
}

void front_end_stop(struct front_end *front_end)
{
    for (unsigned i = 0; i < 2; i++) {
        front_end_enable(front_end, i, false);
    }
    for (unsigned i = 0; i < 2; i++) {
        CHECK(ask_base(front_end, i) <= front_end->guest.queues[i].available_index);
    }
    for (unsigned i = 0; i < 2; i++) {
        send_fd(front_end, M_SET_VRING_CALL, i, front_end->calls[i]);
    }
}

void front_end_set_memory(struct front_end *front_end, const struct region *regions, uint32_t num, uint32_t num_fds)
{
    struct {
        uint32_t num, padding;
        struct region regions[16];
    } table = {.num = num};
    int fds[16];
    for (unsigned i = 0; i < num; i++) {
        table.regions[i] = regions[i];
    }
    for (unsigned i = 0; i < num_fds; i++) {
        fds[i] = front_end->memory;
    }
    uint32_t size = (uint32_t)(8 + num * sizeof *regions);
    message_send(front_end->socket, M_SET_MEM_TABLE, M_VERSION | M_NEED_REPLY, &table, size, fds, num_fds);
}

void front_end_set_ring(struct front_end *front_end, unsigned index)
{
    struct vring_address address = front_end_new_queue(front_end, index, LARGE_QUEUE_NUM);
    send_state(front_end, M_SET_VRING_NUM, index, LARGE_QUEUE_NUM);
    send_state(front_end, M_SET_VRING_BASE, index, 0);
    message_send(front_end->socket, M_SET_VRING_ADDR, M_VERSION, &address, sizeof address, NULL, 0);
}

void front_end_enable(struct front_end *front_end, unsigned queue, bool enable)
{
    send_state(front_end, M_SET_VRING_ENABLE, queue, enable);
}

struct vring_address front_end_new_queue(struct front_end *front_end, unsigned index, uint16_t num)
{
    struct driver_queue *queue = &front_end->guest.queues[index];
    uint64_t base = RAM_BASE + index * UINT64_C(0x8000);
    *queue = (struct driver_queue){.descriptors = base, .available = base + 0x4000, .used = base + 0x5000, .num = num};
    memset(guest_memory(&front_end->guest, base), 0, 0x8000);
    while (queue->num_free < QUEUE_NUM && queue->num_free < num) {
        queue->free[queue->num_free] = (uint16_t)(QUEUE_NUM - 1 - queue->num_free);
        queue->num_free++;
    }
    return (struct vring_address){.index = index,
                                  .descriptors = QEMU_BASE + (queue->descriptors - RAM_BASE),
                                  .available = QEMU_BASE + (queue->available - RAM_BASE),
                                  .used = QEMU_BASE + (queue->used - RAM_BASE)};
}

/* --- the guest --- */

void front_end_kick(struct front_end *front_end, unsigned queue)
{
    CHECK(eventfd_write(front_end->kicks[queue], 1) == 0);
}

void front_end_post(struct front_end *front_end, unsigned num, uint32_t size)
{
    const struct driver_queue *queue = &front_end->guest.queues[RX];
    for (unsigned i = 0; i < num; i++) {
        CHECK(queue->num_free > 0);
        uint64_t address = slot_address(RX, queue->free[queue->num_free - 1]);
        guest_add(&front_end->guest, RX, &(struct segment){address, size, D_WRITE}, 1);
    }
    front_end_kick(front_end, RX);
}

void front_end_send(struct front_end *front_end, unsigned op, uint64_t to, const void *payload, uint32_t size)
{
    struct vsock_header header = make_header(front_end->guest.cid, to, op, size);
    guest_queue_packet(&front_end->guest, &header, payload, size);
    front_end_kick(front_end, TX);
}

bool front_end_interrupted(struct front_end *front_end)
{
    struct pollfd calls[2] = {{.fd = front_end->calls[RX], .events = POLLIN},
                              {.fd = front_end->calls[TX], .events = POLLIN}};
    int result;
    do {
        result = poll(calls, 2, STANDSTILL_MS);
    } while (result < 0 && errno == EINTR);
    for (unsigned i = 0; i < 2; i++) {
        eventfd_t count;
        (void)eventfd_read(front_end->calls[i], &count);
    }
    return result > 0;
}

void front_end_expect(struct front_end *front_end, struct packet *packet, unsigned op)
{
    while (!guest_receive(&front_end->guest, packet)) {
        CHECK(front_end_interrupted(front_end));
    }
    CHECK_EQUAL(packet->header.op, op);
}

void front_ends_connect(struct front_end *a, struct front_end *b)
{
    static struct packet packet;
    front_end_post(a, 1, 3776);
    front_end_post(b, 1, 3776);
    front_end_send(a, VSOCK_OP_REQUEST, b->guest.cid, NULL, 0);
    front_end_expect(b, &packet, VSOCK_OP_REQUEST);
    front_end_send(b, VSOCK_OP_RESPONSE, a->guest.cid, NULL, 0);
    front_end_expect(a, &packet, VSOCK_OP_RESPONSE);
}
