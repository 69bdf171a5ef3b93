/* SPDX-License-Identifier: BSD-2-Clause */
/* Simulated guests for driver.c: memory, a driver over it, and what only a broken driver does. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../vmm/rings.h"

#define RAM_BASE     UINT64_C(0x80000000)
#define QUEUE_NUM    32u
#define SLOT_SIZE    UINT64_C(0x11000)
#define RAM_SIZE     (UINT64_C(0x10000) + 2 * QUEUE_NUM * SLOT_SIZE)
#define MAX_SEGMENTS 20
#define CANARY       64u /* bytes behind a receive buffer that must stay as they are */

enum { RX = 0, TX = 1, EVENT = 2 };

enum { R_QUEUE_NOTIFY = 0x50, R_INTERRUPT_STATUS = 0x60, R_INTERRUPT_ACK = 0x64, R_STATUS = 0x70 };

/* A chain that is out: its memory is contiguous, whatever its descriptors are. */
struct chain {
    uint32_t serial;
    uint64_t address;
    uint32_t size;
    uint16_t num; /* descriptors; 0: not out */
    uint16_t descriptors[MAX_SEGMENTS];
};

struct queue {
    uint64_t descriptors, available, used;
    unsigned num;
    uint16_t available_index, used_index;
    uint16_t free[QUEUE_NUM];
    unsigned num_free;
    struct chain chains[QUEUE_NUM]; /* by head */
    uint8_t shadow[2][0x1000];      /* descriptor table and available ring, as the guest wrote them */
};

struct guest {
    struct vsock_device device;
    uint8_t *ram;
    uint64_t cid;
    bool is_up; /* its driver has started, and has not ended */
    bool is_broken; /* has broken its own queues: it adds nothing more */
    bool irq;
    unsigned irq_rises, irq_falls;
    bool notified[MAX_GUESTS];
    bool more;
    struct queue queues[3];
};

struct world {
    unsigned num;
    uint64_t ring_size;
    struct guest *guests[MAX_GUESTS];
    struct vsock_ring_region *regions[MAX_GUESTS][MAX_GUESTS]; /* [writer][reader] */
};

enum used_result { USED_NONE, USED_CHAIN, USED_INVENTED };

/* Replaces the world: every region in use up to `start`, as after a restart of every device. */
void world_start(struct world *world, unsigned num, uint64_t ring_size, uint32_t start, uint32_t epoch);

uint32_t guest_read(struct guest *guest, uint64_t offset);
void guest_write(struct guest *guest, uint64_t offset, uint32_t value);
void guest_boot(struct guest *guest, uint64_t features, unsigned num_rx, unsigned num_tx);
void guest_end(struct guest *guest, const char *kind);

/* Free descriptors of a queue. */
unsigned guest_room(const struct guest *guest, unsigned index);

/* Makes a chain of `num` segments available; `fault` spoils its last descriptor: none, write, outside, wrap, indirect. */
void guest_add(struct guest *guest, unsigned index, const struct vsock_header *header, uint32_t serial,
               const char *fault, const uint32_t *sizes, unsigned num);
enum used_result guest_used(struct guest *guest, unsigned index, struct chain *chain, uint32_t *length);
void guest_set_flags(struct guest *guest, unsigned index, uint16_t value);
void guest_break(struct guest *guest, unsigned index, const char *kind);

/* The device has changed nothing that only the guest may write. */
bool guest_is_untouched(const struct guest *guest);
