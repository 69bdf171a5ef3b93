/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks a console driver's registers and rings before libvmm relies on them (virtio 1.2, sections 2.7 and 4.2.2). */
#include <microkit.h>
#include <libvmm/libvmm.h>
#include <libvmm/virtio/config.h>
#include "console_guard.h"

#define RING_SIZE_MAX VIRTIO_DEFAULT_QUEUE_SIZE
#define TX_QUEUE_INDEX 1

/* Guest physical, half open. */
struct range {
    uint64_t start;
    uint64_t end;
};

/* Descriptor table, available ring, used ring. */
#define RINGS_PER_QUEUE 3

static bool is_read_by_drivers(const struct virtio_console_device *console, uint64_t offset);
static bool is_written_by_drivers(uint64_t offset);
static bool status_goes_on(uint32_t status, uint32_t stored);
static bool features_are_ours(uint32_t half, uint32_t stored);
static bool queues_are_ready(const struct virtio_console_device *console);
static enum console_verdict judge_queue_register(const struct virtio_console_device *console, uint64_t offset,
                                                 uint32_t stored);
static bool is_queue_address(uint64_t offset);
static bool ring_size_is_valid(uint32_t size);
static bool rings_are_in_ram(const struct virtq *ring);
static bool rings_are_apart(const struct virtio_console_device *console, const struct virtq *ring);
static bool overlaps_ready_ring(const struct virtio_console_device *console, struct range range);
static bool waiting_chains_are_sound(const struct virtio_console_device *console, unsigned index);
static bool chain_is_sound(const struct virtio_console_device *console, unsigned queue_index,
                           const struct virtq_desc *descriptors, uint16_t head);

enum console_verdict console_judge(const struct virtio_console_device *console, const struct guest_access *access,
                                   uint64_t offset, uint64_t stored)
{
    if (!access->is_write) {
        /* libvmm keeps one variable for the zero register and would load into it. */
        bool is_good = access->register_number != 31 && access->width_bytes == 4;
        return is_good && is_read_by_drivers(console, offset) ? CONSOLE_ADMIT : CONSOLE_IGNORE;
    }
    if (access->width_bytes != 4 || !is_written_by_drivers(offset)) {
        return CONSOLE_IGNORE;
    }
    if (offset == REG_VIRTIO_MMIO_QUEUE_NOTIFY) {
        if (!queues_are_ready(console)) {
            return CONSOLE_IGNORE;
        }
        return console_queues_are_sound(console) ? CONSOLE_WORK : CONSOLE_STOP;
    }
    if (offset == REG_VIRTIO_MMIO_STATUS && !status_goes_on(console->virtio_device.regs.Status, (uint32_t)stored)) {
        return CONSOLE_IGNORE;
    }
    if (offset == REG_VIRTIO_MMIO_DRIVER_FEATURES
        && !features_are_ours(console->virtio_device.regs.DriverFeaturesSel, (uint32_t)stored)) {
        return CONSOLE_IGNORE;
    }
    return judge_queue_register(console, offset, (uint32_t)stored);
}

void console_reset(struct virtio_console_device *console)
{
    struct virtio_device *device = &console->virtio_device;
    device->funs->device_reset(device);
    device->features_happy = false;
}

bool console_queues_are_sound(const struct virtio_console_device *console)
{
    for (unsigned index = 0; index < console->virtio_device.num_vqs; index++) {
        if (console->vqs[index].ready && !waiting_chains_are_sound(console, index)) {
            return false;
        }
    }
    return true;
}

/* A load elsewhere, of configuration space too, fails in libvmm, which stops the guest. */
static bool is_read_by_drivers(const struct virtio_console_device *console, uint64_t offset)
{
    switch (offset) {
    case REG_VIRTIO_MMIO_MAGIC_VALUE:
    case REG_VIRTIO_MMIO_VERSION:
    case REG_VIRTIO_MMIO_DEVICE_ID:
    case REG_VIRTIO_MMIO_VENDOR_ID:
    case REG_VIRTIO_MMIO_DEVICE_FEATURES:
    case REG_VIRTIO_MMIO_QUEUE_NUM_MAX:
    case REG_VIRTIO_MMIO_INTERRUPT_STATUS:
    case REG_VIRTIO_MMIO_STATUS:
    case REG_VIRTIO_MMIO_CONFIG_GENERATION:
        return true;
    case REG_VIRTIO_MMIO_QUEUE_READY:
        return console->virtio_device.regs.QueueSel < console->virtio_device.num_vqs;
    default:
        return false;
    }
}

/* To the byte: what lies between two registers libvmm takes for the first of them. */
static bool is_written_by_drivers(uint64_t offset)
{
    switch (offset) {
    case REG_VIRTIO_MMIO_DEVICE_FEATURES_SEL:
    case REG_VIRTIO_MMIO_DRIVER_FEATURES:
    case REG_VIRTIO_MMIO_DRIVER_FEATURES_SEL:
    case REG_VIRTIO_MMIO_QUEUE_SEL:
    case REG_VIRTIO_MMIO_QUEUE_NUM:
    case REG_VIRTIO_MMIO_QUEUE_READY:
    case REG_VIRTIO_MMIO_QUEUE_NOTIFY:
    case REG_VIRTIO_MMIO_INTERRUPT_ACK:
    case REG_VIRTIO_MMIO_STATUS:
    case REG_VIRTIO_MMIO_QUEUE_DESC_LOW:
    case REG_VIRTIO_MMIO_QUEUE_DESC_HIGH:
    case REG_VIRTIO_MMIO_QUEUE_AVAIL_LOW:
    case REG_VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
    case REG_VIRTIO_MMIO_QUEUE_USED_LOW:
    case REG_VIRTIO_MMIO_QUEUE_USED_HIGH:
        return true;
    default:
        return false;
    }
}

/*
 * A driver resets, or sets one bit more. libvmm takes any value without a new bit for a reset, and fails at two new bits,
 * or one that it does not know, which stops the guest.
 */
static bool status_goes_on(uint32_t status, uint32_t stored)
{
    switch (stored & ~status) {
    case VIRTIO_CONFIG_S_ACKNOWLEDGE:
    case VIRTIO_CONFIG_S_DRIVER:
    case VIRTIO_CONFIG_S_DRIVER_OK:
    case VIRTIO_CONFIG_S_FEATURES_OK:
    case VIRTIO_CONFIG_S_FAILED:
        return true;
    default:
        return stored == 0;
    }
}

/* Nothing is offered but VERSION_1. That the driver wants more it learns from FEATURES_OK, which stays off. */
static bool features_are_ours(uint32_t half, uint32_t stored)
{
    return stored == (half == 1 ? 1 : 0);
}

static bool queues_are_ready(const struct virtio_console_device *console)
{
    for (unsigned index = 0; index < console->virtio_device.num_vqs; index++) {
        if (!console->vqs[index].ready) {
            return false;
        }
    }
    return true;
}

static enum console_verdict judge_queue_register(const struct virtio_console_device *console, uint64_t offset,
                                                 uint32_t stored)
{
    if (offset != REG_VIRTIO_MMIO_QUEUE_NUM && offset != REG_VIRTIO_MMIO_QUEUE_READY && !is_queue_address(offset)) {
        return CONSOLE_ADMIT;
    }
    uint32_t index = console->virtio_device.regs.QueueSel;
    if (index >= console->virtio_device.num_vqs || console->vqs[index].ready) {
        return CONSOLE_IGNORE;
    }
    if (offset == REG_VIRTIO_MMIO_QUEUE_NUM) {
        return ring_size_is_valid(stored) ? CONSOLE_ADMIT : CONSOLE_IGNORE;
    }
    if (offset == REG_VIRTIO_MMIO_QUEUE_READY) {
        const struct virtq *ring = &console->vqs[index].virtq;
        bool is_sound = ring_size_is_valid(ring->num) && rings_are_in_ram(ring) && rings_are_apart(console, ring);
        return is_sound ? CONSOLE_ADMIT : CONSOLE_IGNORE;
    }
    return CONSOLE_ADMIT;
}

static bool is_queue_address(uint64_t offset)
{
    return offset >= REG_VIRTIO_MMIO_QUEUE_DESC_LOW && offset <= REG_VIRTIO_MMIO_QUEUE_USED_HIGH;
}

static bool ring_size_is_valid(uint32_t size)
{
    return size != 0 && size <= RING_SIZE_MAX && (size & (size - 1)) == 0;
}

static bool rings_are_in_ram(const struct virtq *ring)
{
    uint64_t descriptors = (uint64_t)ring->desc_gpa;
    uint64_t available = (uint64_t)ring->avail_gpa;
    uint64_t used = (uint64_t)ring->used_gpa;
    return descriptors % 16 == 0 && available % 2 == 0 && used % 4 == 0
        && gpa_to_hva(descriptors, ring->num * sizeof(struct virtq_desc)) != NULL
        && gpa_to_hva(available, sizeof(struct virtq_avail) + ring->num * sizeof(uint16_t)) != NULL
        && gpa_to_hva(used, sizeof(struct virtq_used) + ring->num * sizeof(struct virtq_used_elem)) != NULL;
}

static struct range range_of(const void *guest_physical, size_t size)
{
    uint64_t start = (uint64_t)guest_physical;
    return (struct range) { .start = start, .end = start + size };
}

static bool is_overlap(struct range a, struct range b)
{
    return a.start < b.end && b.start < a.end;
}

static void list_rings(const struct virtq *ring, struct range rings[RINGS_PER_QUEUE])
{
    rings[0] = range_of(ring->desc_gpa, ring->num * sizeof(struct virtq_desc));
    rings[1] = range_of(ring->avail_gpa, sizeof(struct virtq_avail) + ring->num * sizeof(uint16_t));
    rings[2] = range_of(ring->used_gpa, sizeof(struct virtq_used) + ring->num * sizeof(struct virtq_used_elem));
}

/*
 * What libvmm writes, used rings and receive buffers, must not change what is checked here before: so no ring may lie
 * in another, and no receive buffer in a ring.
 */
static bool rings_are_apart(const struct virtio_console_device *console, const struct virtq *ring)
{
    struct range own[RINGS_PER_QUEUE];
    list_rings(ring, own);
    for (unsigned i = 0; i < RINGS_PER_QUEUE; i++) {
        if (is_overlap(own[i], own[(i + 1) % RINGS_PER_QUEUE]) || overlaps_ready_ring(console, own[i])) {
            return false;
        }
    }
    return true;
}

static bool overlaps_ready_ring(const struct virtio_console_device *console, struct range range)
{
    for (unsigned index = 0; index < console->virtio_device.num_vqs; index++) {
        struct range rings[RINGS_PER_QUEUE];
        list_rings(&console->vqs[index].virtq, rings);
        for (unsigned i = 0; console->vqs[index].ready && i < RINGS_PER_QUEUE; i++) {
            if (is_overlap(range, rings[i])) {
                return true;
            }
        }
    }
    return false;
}

static bool waiting_chains_are_sound(const struct virtio_console_device *console, unsigned index)
{
    const struct virtio_queue_handler *queue = &console->vqs[index];
    const struct virtq *ring = &queue->virtq;
    if (!ring_size_is_valid(ring->num) || !rings_are_in_ram(ring)) {
        return false;
    }
    const struct virtq_desc *descriptors = gpa_to_hva((uint64_t)ring->desc_gpa, ring->num * sizeof(*descriptors));
    const struct virtq_avail *available =
        gpa_to_hva((uint64_t)ring->avail_gpa, sizeof(*available) + ring->num * sizeof(uint16_t));
    uint16_t waiting = (uint16_t)(available->idx - queue->last_idx);
    if (waiting > ring->num) {
        return false;
    }
    for (uint16_t i = 0; i < waiting; i++) {
        uint16_t head = available->ring[(uint16_t)(queue->last_idx + i) % ring->num];
        if (!chain_is_sound(console, index, descriptors, head)) {
            return false;
        }
    }
    return true;
}

static bool chain_is_sound(const struct virtio_console_device *console, unsigned queue_index,
                           const struct virtq_desc *descriptors, uint16_t head)
{
    uint32_t ring_size = console->vqs[queue_index].virtq.num;
    /* libvmm sends a transmit chain as a whole or not at all, so one that is longer than the serial queue would block
     * for ever. */
    bool is_transmit = queue_index == TX_QUEUE_INDEX;
    uint64_t length_max = is_transmit ? console->txq->capacity : UINT32_MAX;
    uint64_t length = 0;
    uint16_t index = head;
    for (unsigned count = 0; count < ring_size; count++) {
        if (index >= ring_size) {
            return false;
        }
        const struct virtq_desc *descriptor = &descriptors[index];
        bool is_writable = (descriptor->flags & VIRTQ_DESC_F_WRITE) != 0;
        struct range buffer = { .start = descriptor->addr, .end = descriptor->addr + descriptor->len };
        length += descriptor->len;
        if ((descriptor->flags & VIRTQ_DESC_F_INDIRECT) != 0 || is_writable == is_transmit || length > length_max
            || gpa_to_hva(descriptor->addr, descriptor->len) == NULL
            || (is_writable && overlaps_ready_ring(console, buffer))) {
            return false;
        }
        if ((descriptor->flags & VIRTQ_DESC_F_NEXT) == 0) {
            return true;
        }
        index = descriptor->next;
    }
    return false;
}
