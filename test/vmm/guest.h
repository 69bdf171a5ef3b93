/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest to test the device with: its memory, and a driver that does what Linux does through registers and virtqueues,
 * or what no honest driver does. And worlds of several guests whose devices are joined by rings.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rings.h"

#define RAM_BASE  UINT64_C(0x40000000)
#define RAM_SIZE  UINT64_C(0x900000)
#define QUEUE_NUM 64
#define SLOT_SIZE UINT64_C(0x11000) /* memory of one descriptor: a packet of the largest size fits */

enum {
    RX = 0,
    TX = 1,
    EVENT = 2
};

/* Registers and bits by their numbers in the specification: the tests do not trust the device's own names. */
enum {
    R_MAGIC = 0x00,
    R_VERSION = 0x04,
    R_DEVICE_ID = 0x08,
    R_VENDOR_ID = 0x0c,
    R_DEVICE_FEATURES = 0x10,
    R_DEVICE_FEATURES_SEL = 0x14,
    R_DRIVER_FEATURES = 0x20,
    R_DRIVER_FEATURES_SEL = 0x24,
    R_QUEUE_SEL = 0x30,
    R_QUEUE_NUM_MAX = 0x34,
    R_QUEUE_NUM = 0x38,
    R_QUEUE_READY = 0x44,
    R_QUEUE_NOTIFY = 0x50,
    R_INTERRUPT_STATUS = 0x60,
    R_INTERRUPT_ACK = 0x64,
    R_STATUS = 0x70,
    R_DESC_LOW = 0x80,
    R_DESC_HIGH = 0x84,
    R_DRIVER_LOW = 0x90,
    R_DRIVER_HIGH = 0x94,
    R_DEVICE_LOW = 0xa0,
    R_DEVICE_HIGH = 0xa4,
    R_SHM_SEL = 0xac,
    R_SHM_LEN_LOW = 0xb0,
    R_SHM_LEN_HIGH = 0xb4,
    R_SHM_BASE_LOW = 0xb8,
    R_SHM_BASE_HIGH = 0xbc,
    R_GENERATION = 0xfc,
    R_CONFIG = 0x100,
};

enum {
    S_ACKNOWLEDGE = 1,
    S_DRIVER = 2,
    S_DRIVER_OK = 4,
    S_FEATURES_OK = 8,
    S_NEEDS_RESET = 64,
    S_FAILED = 128
};

#define F_STREAM            UINT64_C(1)
#define F_SEQPACKET         UINT64_C(2)
#define F_NO_IMPLIED_STREAM UINT64_C(4)
#define F_VERSION_1         (UINT64_C(1) << 32)
#define F_INDIRECT          (UINT64_C(1) << 28)
#define F_EVENT_IDX         (UINT64_C(1) << 29)
#define F_PLAIN             (F_SEQPACKET | F_VERSION_1)
#define F_LINUX             (F_PLAIN | F_INDIRECT | F_EVENT_IDX) /* what Linux's driver takes of what we offer */

enum {
    D_NEXT = 1,
    D_WRITE = 2,
    D_INDIRECT = 4
};

struct driver_queue {
    uint64_t descriptors, available, used;
    uint16_t num;
    uint16_t available_index, used_index;
    uint16_t kicked_index; /* available_index at the last kick, done or spared */
    uint16_t free[QUEUE_NUM];
    uint16_t num_free;
};

struct packet {
    struct vsock_header header;
    uint8_t payload[VSOCK_PAYLOAD_SIZE_MAX];
    uint32_t size; /* of the payload: used length less the header */
};

struct guest {
    struct vsock_device device;
    uint8_t *ram;
    uint64_t cid;
    bool irq;
    unsigned irq_rises, irq_falls;
    unsigned notified[VSOCK_MAX_PEERS];
    bool more; /* the device asked to be run again */
    struct driver_queue queues[3];
    unsigned translations;
    bool event_idx; /* negotiated: the driver names the next used entry, and spares kicks that are not asked for */
    unsigned spared_kicks[3];
    void (*meddle)(
        struct guest *guest); /* called at every translation: what another core of the guest may do meanwhile */
    struct packet observed;   /* the last packet that the device reported as sent */
    unsigned num_observed;
    void (*on_observed)(struct guest *guest);
};

struct segment {
    uint64_t address;
    uint32_t size;
    uint16_t flags; /* D_NEXT is added */
};

struct world {
    unsigned num;
    uint64_t ring_size;
    struct guest *guests[MAX_GUESTS];
    struct vsock_ring_region *regions[MAX_GUESTS][MAX_GUESTS]; /* [writer][reader] */
};

/* Guests with CIDs 3, 4, 5, every two of them joined, none booted. Freed by the next world_new(). */
struct world *world_new(unsigned num, uint64_t ring_size);
#define RING_SIZE 0x11000

/* The same, but that the device of guest 0 defers what nobody waits for. */
struct world *world_new_deferring(unsigned num, uint64_t ring_size);

/* Two booted guests, each with `buffers` to receive a packet into. */
struct world *world_pair(uint64_t ring_size, unsigned buffers);

/* Delivers notifications and runs devices until all is quiet. */
void world_settle(struct world *world);

uint32_t reg_read(struct guest *guest, uint64_t offset);
void reg_write(struct guest *guest, uint64_t offset, uint32_t value);

/* Steps of a driver's start. guest_boot() is all of them, with Linux's features and QUEUE_NUM descriptors. */
void guest_boot(struct guest *guest);
void guest_boot_with(struct guest *guest, uint64_t features);
void guest_negotiate(struct guest *guest, uint64_t features);
void guest_set_queue(struct guest *guest, unsigned queue, uint16_t num);
void guest_driver_ok(struct guest *guest);

/* Guest memory by its physical address. */
void *guest_memory(struct guest *guest, uint64_t address);
uint64_t slot_address(unsigned queue, unsigned descriptor);

/* Makes a chain available without a kick; returns its head. */
uint16_t guest_add(struct guest *guest, unsigned queue, const struct segment *segments, unsigned num);
void guest_kick(struct guest *guest, unsigned queue);
/* One receive buffer (or many) of `size` bytes, with a kick. */
void guest_post(struct guest *guest, unsigned num, uint32_t size);
/* One packet, in one descriptor, with a kick; or queued only. */
void guest_send(struct guest *guest, const struct vsock_header *header, const void *payload);
uint16_t guest_queue_packet(struct guest *guest, const struct vsock_header *header, const void *payload,
                            uint32_t payload_size);

/* Takes the next used chain: its head and length. False if there is none. */
bool guest_used(struct guest *guest, unsigned queue, uint32_t *head, uint32_t *length);
/* The next received packet. False if there is none. */
bool guest_receive(struct guest *guest, struct packet *packet);
/* The next received packet must be there and have this operation. */
void guest_expect(struct guest *guest, struct packet *packet, unsigned op);
/* All tx chains are back, each with length 0; how many. */
unsigned guest_reap(struct guest *guest);
/* Reads and acknowledges the interrupt as a driver does; the bits. */
uint32_t guest_ack(struct guest *guest);

/* A stream packet from one guest to another, ports 1000 to 9999 if `from` has the smaller CID, else the other way
 * round. */
struct vsock_header make_header(uint64_t from, uint64_t to, unsigned op, uint32_t len);

/* After whatever was done to it, guest 0's device still works: at once, or after the reset that it asked for. */
void world_check_alive(struct world *world);

/* Does a fresh device accept these features? Ends the world. */
bool features_accepted(uint64_t features);

/* Opens the connection of make_header() from a to b, both sides checked. */
void world_connect(struct world *world, unsigned a, unsigned b);

/* Plays the device of guest 1 towards guest 0's by hand, instead of its own. */
void puppet_init(struct world *world, struct vsock_ring *ring);
void puppet_send(struct world *world, struct vsock_ring *ring, const struct vsock_header *header, const void *payload);
bool puppet_receive(struct vsock_ring *ring, struct vsock_record *record, void *payload);
