/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A QEMU to test the back end with: it speaks vhost-user over a Unix socket as QEMU 7.2 and 10 do (or as neither would),
 * shares its guest's RAM as a memfd, and has the driver's side of the guest's queues, which is that of ../guest.h. Its
 * guest's registers are its own business, so that guest's device stays unused.
 */
#pragma once

#include "../guest.h"
#include "standstill.h"

/* Numbers of the protocol by its specification: the tests do not trust the back end's own names. */
enum {
    M_GET_FEATURES = 1,
    M_SET_FEATURES = 2,
    M_SET_OWNER = 3,
    M_RESET_OWNER = 4,
    M_SET_MEM_TABLE = 5,
    M_SET_LOG_BASE = 6,
    M_SET_VRING_NUM = 8,
    M_SET_VRING_ADDR = 9,
    M_SET_VRING_BASE = 10,
    M_GET_VRING_BASE = 11,
    M_SET_VRING_KICK = 12,
    M_SET_VRING_CALL = 13,
    M_SET_VRING_ERR = 14,
    M_GET_PROTOCOL_FEATURES = 15,
    M_SET_PROTOCOL_FEATURES = 16,
    M_GET_QUEUE_NUM = 17,
    M_SET_VRING_ENABLE = 18,
    M_GET_CONFIG = 24,
    M_SET_CONFIG = 25,
};

enum {
    M_VERSION = 1,
    M_IS_REPLY = 4,
    M_NEED_REPLY = 8,
    M_HEAD_SIZE = 12,
    M_NO_FD = 0x100, /* in the value of KICK, CALL and ERR */
};

#define F_PROTOCOL_FEATURES (UINT64_C(1) << 30)
#define PF_MQ               UINT64_C(1)
#define PF_REPLY_ACK        (UINT64_C(1) << 3)
#define PF_CONFIG           (UINT64_C(1) << 9)

/* Where this QEMU has its guest's RAM, as it says: not where it really has it. */
#define QEMU_BASE UINT64_C(0x7f0000000000)

/* What QEMU's virtio-mmio lets Linux take. */
#define LARGE_QUEUE_NUM 1024

struct region {
    uint64_t guest_physical;
    uint64_t size;
    uint64_t qemu;
    uint64_t offset;
};

#define REGION_WHOLE ((struct region){RAM_BASE, RAM_SIZE, QEMU_BASE, 0})

struct vring_address {
    uint32_t index, flags;
    uint64_t descriptors, used, available, log;
};

struct front_end {
    int socket;
    int memory; /* the memfd of the guest's RAM */
    int kicks[2], calls[2];
    struct guest guest; /* RAM and queues; `cid` */
};

/* Connects; nothing is said yet. Freed by front_end_free(), or front_end_free_all() after a test that failed. */
struct front_end *front_end_new(const char *path, uint64_t cid);
void front_end_free(struct front_end *front_end);
void front_end_free_all(void);

/* front_end_new(), and all that QEMU does until its guest's driver is up. */
struct front_end *front_end_boot(const char *path, uint64_t cid);

/* What QEMU does when it starts; when its guest's driver is up; when that is reset or the guest powers off. */
void front_end_realize(struct front_end *front_end);
void front_end_start(struct front_end *front_end);
void front_end_stop(struct front_end *front_end);

/* Parts of front_end_start(). */
void front_end_set_memory(struct front_end *front_end, const struct region *regions, uint32_t num, uint32_t num_fds);
void front_end_set_ring(struct front_end *front_end, unsigned queue);
void front_end_enable(struct front_end *front_end, unsigned queue, bool enable);

/* The address words of a queue as QEMU says them. Makes the queue anew, of `num` descriptors. */
struct vring_address front_end_new_queue(struct front_end *front_end, unsigned queue, uint16_t num);

/* --- messages --- */

/* Sends a message, whole; and any bytes. */
void message_send(int socket, uint32_t request, uint32_t flags, const void *payload, uint32_t size, const int *fds,
                  unsigned num_fds);
void bytes_send(int socket, const void *bytes, size_t size, const int *fds, unsigned num_fds);

/* Shorthands for one without a descriptor. */
void send_value(struct front_end *front_end, uint32_t request, uint64_t value);
void send_state(struct front_end *front_end, uint32_t request, uint32_t index, uint32_t num);
void send_fd(struct front_end *front_end, uint32_t request, uint64_t value, int fd);

/* Takes the next message from the back end, which must be the answer to `request`; its payload's size. */
uint32_t message_receive(struct front_end *front_end, uint32_t request, void *payload, uint32_t size_max);
uint64_t ask_value(struct front_end *front_end, uint32_t request);
uint32_t ask_base(struct front_end *front_end, unsigned queue);

/* Sends a request whose answer means that all before it was handled. */
void front_end_sync(struct front_end *front_end);

/* The back end closes the connection, and nothing comes before. */
void front_end_expect_end(struct front_end *front_end);

/* --- the guest --- */

void front_end_kick(struct front_end *front_end, unsigned queue);
/* Receive buffers, with a kick. */
void front_end_post(struct front_end *front_end, unsigned num, uint32_t size);
/* A packet of header.len bytes, with a kick. */
void front_end_send(struct front_end *front_end, unsigned op, uint64_t to, const void *payload, uint32_t size);
/* Waits for the guest's interrupt. False after STANDSTILL_MS. */
bool front_end_interrupted(struct front_end *front_end);
/* Waits for a packet, with its interrupt, which must have this operation. */
void front_end_expect(struct front_end *front_end, struct packet *packet, unsigned op);
/* A connection from a to b, both sides checked. */
void front_ends_connect(struct front_end *a, struct front_end *b);
