/* SPDX-License-Identifier: BSD-2-Clause */
/* A driver for the fuzzer's guests: what an honest one does, in small. Each queue has one buffer per descriptor. */
#pragma once

#include "machine.h"

#define QUEUE_NUM   16u
#define BUFFER_SIZE 0x600u

#define HONEST_FEATURES (UINT64_C(1) << 32 | 2) /* VERSION_1, SEQPACKET */

/* Where a queue has its areas and buffers, as guest physical addresses. */
#define DESCRIPTORS(queue)   (RAM_BASE + (queue)*0x400u)
#define AVAILABLE(queue)     (DESCRIPTORS(queue) + 0x100u)
#define USED(queue)          (DESCRIPTORS(queue) + 0x200u)
#define BUFFER(queue, index) (RAM_BASE + 0x2000u + ((queue)*QUEUE_NUM + (index)) * BUFFER_SIZE)

struct driver {
    struct machine *machine;
    uint16_t available[VSOCK_NUM_QUEUES]; /* indices, as the driver counts */
    uint16_t used[VSOCK_NUM_QUEUES];
    uint16_t sent; /* a bit for each transmit buffer that the device has */
};

/* Resets the device and starts it with these features and queues of `num` entries. True if it has accepted all. */
bool driver_boot(struct driver *driver, struct machine *machine, uint64_t features, unsigned num);

void *driver_memory(struct machine *machine, uint64_t address);
void driver_describe(struct driver *driver, unsigned queue, unsigned index, uint64_t address, uint32_t size,
                     uint16_t flags, uint16_t next);
void driver_offer(struct driver *driver, unsigned queue, uint16_t head);
void driver_kick(struct driver *driver, unsigned queue);

/* For honest drivers only. Gives the device all receive buffers. */
void driver_post_all(struct driver *driver);
/* A packet. False if all buffers are out: the first half of them is for peers that may never read. */
bool driver_send(struct driver *driver, const struct vsock_header *header, const void *payload);
/* The next packet, whose buffer is given back. False if there is none. */
bool driver_receive(struct driver *driver, struct vsock_header *header, uint8_t payload[BUFFER_SIZE]);
