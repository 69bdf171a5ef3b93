/* SPDX-License-Identifier: BSD-2-Clause */
/* The tests' guest: its memory and its driver. */
#include "guest.h"

#include <string.h>

#include "harness.h"

/* --- registers --- */

uint32_t reg_read(struct guest *guest, uint64_t offset)
{
    uint64_t value = UINT64_MAX;
    CHECK(!vsock_mmio_access(&guest->device, offset, 4, false, &value));
    CHECK(value <= UINT32_MAX);
    return (uint32_t)value;
}

void reg_write(struct guest *guest, uint64_t offset, uint32_t value)
{
    uint64_t wide = value;
    guest->more = vsock_mmio_access(&guest->device, offset, 4, true, &wide) || guest->more;
}

void guest_negotiate(struct guest *guest, uint64_t features)
{
    reg_write(guest, R_STATUS, 0);
    reg_write(guest, R_STATUS, S_ACKNOWLEDGE);
    reg_write(guest, R_STATUS, S_ACKNOWLEDGE | S_DRIVER);
    reg_write(guest, R_DRIVER_FEATURES_SEL, 1);
    reg_write(guest, R_DRIVER_FEATURES, (uint32_t)(features >> 32));
    reg_write(guest, R_DRIVER_FEATURES_SEL, 0);
    reg_write(guest, R_DRIVER_FEATURES, (uint32_t)features);
    reg_write(guest, R_STATUS, S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK);
    guest->event_idx = (features & F_EVENT_IDX) != 0;
}

void guest_set_queue(struct guest *guest, unsigned index, uint16_t num)
{
    struct driver_queue *queue = &guest->queues[index];
    uint64_t base = RAM_BASE + index * UINT64_C(0x4000);
    *queue = (struct driver_queue){.descriptors = base, .available = base + 0x1000, .used = base + 0x2000, .num = num};
    memset(guest_memory(guest, base), 0, 0x4000);
    for (uint16_t i = 0; i < num && i < QUEUE_NUM; i++) {
        queue->free[queue->num_free++] = (uint16_t)(num - 1 - i);
    }
    reg_write(guest, R_QUEUE_SEL, index);
    reg_write(guest, R_QUEUE_NUM, num);
    reg_write(guest, R_DESC_LOW, (uint32_t)queue->descriptors);
    reg_write(guest, R_DESC_HIGH, (uint32_t)(queue->descriptors >> 32));
    reg_write(guest, R_DRIVER_LOW, (uint32_t)queue->available);
    reg_write(guest, R_DRIVER_HIGH, (uint32_t)(queue->available >> 32));
    reg_write(guest, R_DEVICE_LOW, (uint32_t)queue->used);
    reg_write(guest, R_DEVICE_HIGH, (uint32_t)(queue->used >> 32));
    reg_write(guest, R_QUEUE_READY, 1);
}

void guest_driver_ok(struct guest *guest)
{
    reg_write(guest, R_STATUS, reg_read(guest, R_STATUS) | S_DRIVER_OK);
}

void guest_boot(struct guest *guest)
{
    guest_boot_with(guest, F_LINUX);
}

void guest_boot_with(struct guest *guest, uint64_t features)
{
    guest_negotiate(guest, features);
    for (unsigned i = 0; i < 3; i++) {
        guest_set_queue(guest, i, QUEUE_NUM);
        CHECK_EQUAL(reg_read(guest, R_QUEUE_READY), 1);
    }
    guest_driver_ok(guest);
    CHECK_EQUAL(reg_read(guest, R_STATUS), S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK | S_DRIVER_OK);
}

/* --- queues --- */

void *guest_memory(struct guest *guest, uint64_t address)
{
    CHECK(address >= RAM_BASE && address < RAM_BASE + RAM_SIZE);
    return guest->ram + (address - RAM_BASE);
}

uint64_t slot_address(unsigned queue, unsigned descriptor)
{
    return RAM_BASE + 0x10000 + (queue * QUEUE_NUM + descriptor) * SLOT_SIZE;
}

static uint16_t *word16(struct guest *guest, uint64_t address)
{
    return (uint16_t *)guest_memory(guest, address);
}

static struct segment *descriptor(struct guest *guest, const struct driver_queue *queue, unsigned index)
{
    return (struct segment *)guest_memory(guest, queue->descriptors + index * UINT64_C(16));
}

uint16_t guest_add(struct guest *guest, unsigned index, const struct segment *segments, unsigned num)
{
    struct driver_queue *queue = &guest->queues[index];
    CHECK(num > 0 && queue->num_free >= num);
    uint16_t head = queue->free[queue->num_free - 1];
    for (unsigned i = 0; i < num; i++) {
        uint16_t at = queue->free[--queue->num_free];
        uint16_t flags = (uint16_t)(segments[i].flags | (i + 1 < num ? D_NEXT : 0));
        memcpy(descriptor(guest, queue, at), &(struct segment){segments[i].address, segments[i].size, flags}, 14);
        uint16_t next = i + 1 < num ? queue->free[queue->num_free - 1] : 0xdead;
        memcpy((uint8_t *)descriptor(guest, queue, at) + 14, &next, 2);
    }
    *word16(guest, queue->available + 4 + 2u * (queue->available_index % queue->num)) = head;
    queue->available_index++;
    /* The device may run on another thread. */
    __atomic_store_n(word16(guest, queue->available + 2), queue->available_index, __ATOMIC_RELEASE);
    return head;
}

/* With EVENT_IDX a driver kicks if the entry that the device asked for is among those added since the last time. */
static bool is_kick_wanted(struct guest *guest, struct driver_queue *queue)
{
    uint16_t added = (uint16_t)(queue->available_index - queue->kicked_index);
    queue->kicked_index = queue->available_index;
    if (!guest->event_idx || added == 0) {
        return true;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint16_t event = __atomic_load_n(word16(guest, queue->used + 4 + 8u * queue->num), __ATOMIC_RELAXED);
    return (uint16_t)(queue->available_index - event - 1) < added;
}

void guest_kick(struct guest *guest, unsigned queue)
{
    if (queue > EVENT || is_kick_wanted(guest, &guest->queues[queue])) {
        reg_write(guest, R_QUEUE_NOTIFY, queue);
    } else {
        guest->spared_kicks[queue]++;
    }
}

void guest_post(struct guest *guest, unsigned num, uint32_t size)
{
    struct driver_queue *queue = &guest->queues[RX];
    for (unsigned i = 0; i < num; i++) {
        CHECK(queue->num_free > 0);
        uint64_t address = slot_address(RX, queue->free[queue->num_free - 1]);
        memset(guest_memory(guest, address), 0xee, size < 64 ? 64 : size + 8);
        guest_add(guest, RX, &(struct segment){address, size, D_WRITE}, 1);
    }
    guest_kick(guest, RX);
}

uint16_t guest_queue_packet(struct guest *guest, const struct vsock_header *header, const void *payload,
                            uint32_t payload_size)
{
    struct driver_queue *queue = &guest->queues[TX];
    CHECK(queue->num_free > 0);
    uint64_t address = slot_address(TX, queue->free[queue->num_free - 1]);
    uint8_t *memory = guest_memory(guest, address);
    vsock_header_render(header, memory);
    if (payload_size > 0) {
        memcpy(memory + VSOCK_HEADER_SIZE, payload, payload_size);
    }
    return guest_add(guest, TX, &(struct segment){address, VSOCK_HEADER_SIZE + payload_size, 0}, 1);
}

void guest_send(struct guest *guest, const struct vsock_header *header, const void *payload)
{
    guest_queue_packet(guest, header, payload, payload != NULL ? header->len : 0);
    guest_kick(guest, TX);
}

bool guest_used(struct guest *guest, unsigned index, uint32_t *head, uint32_t *length)
{
    struct driver_queue *queue = &guest->queues[index];
    CHECK_EQUAL(*word16(guest, queue->used), 0);
    if (guest->event_idx) { /* interrupt me for the next one */
        __atomic_store_n(word16(guest, queue->available + 4 + 2u * queue->num), queue->used_index, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    }
    if (__atomic_load_n(word16(guest, queue->used + 2), __ATOMIC_ACQUIRE) == queue->used_index) {
        return false;
    }
    uint64_t element = queue->used + 4 + 8u * (queue->used_index % queue->num);
    memcpy(head, guest_memory(guest, element), 4);
    memcpy(length, guest_memory(guest, element + 4), 4);
    queue->used_index++;
    CHECK(*head < queue->num);
    for (uint16_t at = (uint16_t)*head;;) {
        CHECK(queue->num_free < QUEUE_NUM);
        uint16_t flags, next;
        memcpy(&flags, (uint8_t *)descriptor(guest, queue, at) + 12, 2);
        memcpy(&next, (uint8_t *)descriptor(guest, queue, at) + 14, 2);
        queue->free[queue->num_free++] = at;
        if ((flags & D_NEXT) == 0 || next >= queue->num) {
            return true;
        }
        at = next;
    }
}

bool guest_receive(struct guest *guest, struct packet *packet)
{
    uint32_t head, length;
    if (!guest_used(guest, RX, &head, &length)) {
        return false;
    }
    const uint8_t *memory = guest_memory(guest, slot_address(RX, head));
    packet->header = vsock_header_parse(memory);
    CHECK(length >= VSOCK_HEADER_SIZE);
    packet->size = length - VSOCK_HEADER_SIZE;
    CHECK_EQUAL(packet->size, packet->header.len);
    memcpy(packet->payload, memory + VSOCK_HEADER_SIZE, packet->size);
    CHECK_EQUAL(packet->header.dst_cid, guest->cid);
    return true;
}

void guest_expect(struct guest *guest, struct packet *packet, unsigned op)
{
    CHECK(guest_receive(guest, packet));
    CHECK_EQUAL(packet->header.op, op);
}

unsigned guest_reap(struct guest *guest)
{
    unsigned num = 0;
    uint32_t head, length;
    while (guest_used(guest, TX, &head, &length)) {
        CHECK_EQUAL(length, 0);
        num++;
    }
    CHECK_EQUAL(guest->queues[TX].num_free, QUEUE_NUM);
    return num;
}

uint32_t guest_ack(struct guest *guest)
{
    uint32_t bits = reg_read(guest, R_INTERRUPT_STATUS);
    reg_write(guest, R_INTERRUPT_ACK, bits);
    return bits;
}
