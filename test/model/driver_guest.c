/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulated guests of driver.c. */
#include "driver.h"

#include <stdlib.h>
#include <string.h>

enum { D_NEXT = 1, D_WRITE = 2, D_INDIRECT = 4 };

static void *translate(void *cookie, uint64_t address, size_t size)
{
    struct guest *guest = cookie;
    if (address < RAM_BASE || size > RAM_SIZE || address - RAM_BASE > RAM_SIZE - size) {
        return NULL;
    }
    return guest->ram + (address - RAM_BASE);
}

static void set_irq(void *cookie, bool level)
{
    struct guest *guest = cookie;
    guest->irq = level;
    guest->irq_rises += level;
    guest->irq_falls += !level;
}

static void notify_peer(void *cookie, unsigned peer)
{
    ((struct guest *)cookie)->notified[peer] = true;
}

static const struct vsock_ops ops = {.translate = translate, .set_irq = set_irq, .notify_peer = notify_peer};

/* --- the world --- */

static void stop(struct world *world)
{
    rings_free(world->regions, world->num);
    for (unsigned i = 0; i < world->num; i++) {
        free(world->guests[i]->ram);
        free(world->guests[i]);
    }
    memset(world, 0, sizeof *world);
}

static void setup(struct world *world, unsigned i)
{
    struct guest *guest = world->guests[i];
    struct vsock_setup setup = {.guest_cid = guest->cid, .ops = &ops, .cookie = guest};
    rings_join(&setup, i, world->regions, world->num, world->ring_size);
    if (vsock_device_init(&guest->device, &setup) != VSOCK_SETUP_GOOD) {
        abort();
    }
}

void world_start(struct world *world, unsigned num, uint64_t ring_size, uint32_t start, uint32_t epoch)
{
    stop(world);
    world->num = num;
    world->ring_size = ring_size;
    rings_make(world->regions, num, ring_size);
    for (unsigned i = 0; i < num; i++) {
        world->guests[i] = calloc(1, sizeof *world->guests[i]);
        world->guests[i]->ram = calloc(1, RAM_SIZE);
        world->guests[i]->cid = 3 + i;
        for (unsigned j = 0; j < num; j++) {
            if (i != j) {
                world->regions[i][j]->tail = world->regions[i][j]->head = start;
                world->regions[i][j]->epoch = epoch;
            }
        }
    }
    for (unsigned i = 0; i < num; i++) {
        setup(world, i);
    }
}

/* --- registers --- */

uint32_t guest_read(struct guest *guest, uint64_t offset)
{
    uint64_t value = 0;
    vsock_mmio_access(&guest->device, offset, 4, false, &value);
    return (uint32_t)value;
}

void guest_write(struct guest *guest, uint64_t offset, uint32_t value)
{
    uint64_t wide = value;
    guest->more = vsock_mmio_access(&guest->device, offset, 4, true, &wide) || guest->more;
}

static void *memory(const struct guest *guest, uint64_t address)
{
    return guest->ram + (address - RAM_BASE);
}

static void set_queue(struct guest *guest, unsigned index, unsigned num)
{
    struct queue *queue = &guest->queues[index];
    uint64_t base = RAM_BASE + index * UINT64_C(0x4000);
    memset(queue, 0, sizeof *queue);
    memset(memory(guest, base), 0, 0x4000);
    queue->descriptors = base;
    queue->available = base + 0x1000;
    queue->used = base + 0x2000;
    queue->num = num;
    for (unsigned i = 0; i < num; i++) {
        queue->free[queue->num_free++] = (uint16_t)i;
    }
    guest_write(guest, 0x30, index);
    guest_write(guest, 0x38, num);
    guest_write(guest, 0x80, (uint32_t)queue->descriptors);
    guest_write(guest, 0x84, 0);
    guest_write(guest, 0x90, (uint32_t)queue->available);
    guest_write(guest, 0x94, 0);
    guest_write(guest, 0xa0, (uint32_t)queue->used);
    guest_write(guest, 0xa4, 0);
    guest_write(guest, 0x44, 1);
}

void guest_boot(struct guest *guest, uint64_t features, unsigned num_rx, unsigned num_tx)
{
    guest_write(guest, R_STATUS, 0);
    guest_write(guest, R_STATUS, 1);
    guest_write(guest, R_STATUS, 3);
    for (uint32_t half = 0; half < 2; half++) {
        guest_write(guest, 0x24, half);
        guest_write(guest, 0x20, (uint32_t)(features >> (32 * half)));
    }
    guest_write(guest, R_STATUS, 11);
    set_queue(guest, RX, num_rx);
    set_queue(guest, TX, num_tx);
    set_queue(guest, EVENT, 4);
    guest->is_up = true;
    guest->is_broken = false;
    guest_write(guest, R_STATUS, 15);
}

void guest_end(struct guest *guest, const char *kind)
{
    guest->is_up = false;
    if (strcmp(kind, "status") == 0) {
        guest_write(guest, R_STATUS, 0);
    } else if (strcmp(kind, "off") == 0) {
        guest->more = vsock_device_guest_off(&guest->device) || guest->more;
    } else if (strcmp(kind, "failed") == 0) {
        guest_write(guest, R_STATUS, guest_read(guest, R_STATUS) | 128);
    } else {
        guest_write(guest, 0x30, TX);
        guest_write(guest, 0x44, 0);
    }
}

/* --- queues --- */

unsigned guest_room(const struct guest *guest, unsigned index)
{
    return guest->queues[index].num_free;
}

static uint8_t pattern(uint32_t serial, uint32_t i)
{
    return (uint8_t)((serial * 2654435761u + i * 40503u + (i >> 8) * 31u) >> 5);
}

static void put_descriptor(struct guest *guest, struct queue *queue, uint16_t index, uint64_t address, uint32_t size,
                           uint16_t flags, uint16_t next)
{
    uint8_t *at = memory(guest, queue->descriptors + index * UINT64_C(16));
    memcpy(at, &address, 8);
    memcpy(at + 8, &size, 4);
    memcpy(at + 12, &flags, 2);
    memcpy(at + 14, &next, 2);
}

static void make_available(struct guest *guest, struct queue *queue, uint16_t head, uint16_t advance)
{
    uint16_t *ring = memory(guest, queue->available);
    ring[2 + queue->available_index % queue->num] = head;
    queue->available_index += advance;
    ring[1] = queue->available_index;
    memcpy(queue->shadow[0], memory(guest, queue->descriptors), 16 * queue->num);
    memcpy(queue->shadow[1], ring, 6 + 2 * queue->num);
}

static void fill(struct guest *guest, const struct chain *chain, const struct vsock_header *header)
{
    uint8_t *bytes = memory(guest, chain->address);
    if (header == NULL) {
        memset(bytes, 0xee, chain->size + CANARY);
        return;
    }
    vsock_header_render(header, bytes);
    for (uint32_t i = VSOCK_HEADER_SIZE; i < chain->size; i++) {
        bytes[i] = pattern(chain->serial, i - VSOCK_HEADER_SIZE);
    }
}

void guest_add(struct guest *guest, unsigned index, const struct vsock_header *header, uint32_t serial,
               const char *fault, const uint32_t *sizes, unsigned num)
{
    struct queue *queue = &guest->queues[index];
    uint16_t head = queue->free[queue->num_free - 1];
    struct chain *chain = &queue->chains[head];
    *chain = (struct chain){.serial = serial, .num = (uint16_t)num};
    chain->address = RAM_BASE + 0x10000 + (index * QUEUE_NUM + head) * SLOT_SIZE;
    for (unsigned i = 0; i < num; i++) {
        chain->descriptors[i] = queue->free[--queue->num_free];
        chain->size += sizes[i];
    }
    fill(guest, chain, header);
    uint64_t at = chain->address;
    for (unsigned i = 0; i < num; i++) {
        bool last = i + 1 == num;
        uint16_t flags = (uint16_t)((index == RX ? D_WRITE : 0) | (last ? 0 : D_NEXT));
        uint64_t address = at;
        if (last) {
            flags ^= strcmp(fault, "write") == 0 ? D_WRITE : 0;
            flags |= strcmp(fault, "indirect") == 0 ? D_INDIRECT : 0;
            address = strcmp(fault, "outside") == 0 ? RAM_BASE + RAM_SIZE - sizes[i] / 2 : at;
            address = strcmp(fault, "wrap") == 0 ? UINT64_MAX - sizes[i] / 2 : address;
        }
        put_descriptor(guest, queue, chain->descriptors[i], address, sizes[i], flags,
                       last ? 0xdead : chain->descriptors[i + 1]);
        at += sizes[i];
    }
    make_available(guest, queue, head, 1);
}

void guest_break(struct guest *guest, unsigned index, const char *kind)
{
    struct queue *queue = &guest->queues[index];
    guest->is_broken = true;
    if (strcmp(kind, "index") == 0) {
        make_available(guest, queue, (uint16_t)queue->num, 1);
    } else if (strcmp(kind, "jump") == 0 || queue->num_free == 0) {
        make_available(guest, queue, 0, (uint16_t)(queue->num + 1));
    } else { /* a descriptor that leads to itself */
        uint16_t head = queue->free[queue->num_free - 1];
        uint64_t address = RAM_BASE + 0x10000 + (index * QUEUE_NUM + head) * SLOT_SIZE;
        put_descriptor(guest, queue, head, address, 44, D_NEXT | (index == RX ? D_WRITE : 0), head);
        make_available(guest, queue, head, 1);
    }
    guest_write(guest, R_QUEUE_NOTIFY, index);
}

enum used_result guest_used(struct guest *guest, unsigned index, struct chain *chain, uint32_t *length)
{
    struct queue *queue = &guest->queues[index];
    const uint8_t *used = memory(guest, queue->used);
    uint16_t used_index;
    memcpy(&used_index, used + 2, 2);
    if (used_index == queue->used_index) {
        return USED_NONE;
    }
    uint32_t head;
    memcpy(&head, used + 4 + 8 * (queue->used_index % queue->num), 4);
    memcpy(length, used + 8 + 8 * (queue->used_index % queue->num), 4);
    queue->used_index++;
    if (head >= queue->num || queue->chains[head].num == 0) {
        return USED_INVENTED;
    }
    *chain = queue->chains[head];
    queue->chains[head].num = 0;
    for (unsigned i = chain->num; i > 0; i--) {
        queue->free[queue->num_free++] = chain->descriptors[i - 1];
    }
    return USED_CHAIN;
}

void guest_set_flags(struct guest *guest, unsigned index, uint16_t value)
{
    struct queue *queue = &guest->queues[index];
    uint16_t *ring = memory(guest, queue->available);
    ring[0] = value;
    memcpy(queue->shadow[1], ring, 6 + 2 * queue->num);
}

bool guest_is_untouched(const struct guest *guest)
{
    for (unsigned i = RX; i <= TX; i++) {
        const struct queue *queue = &guest->queues[i];
        if (memcmp(queue->shadow[0], memory(guest, queue->descriptors), 16 * queue->num) != 0
            || memcmp(queue->shadow[1], memory(guest, queue->available), 6 + 2 * queue->num) != 0) {
            return false;
        }
    }
    return true;
}
