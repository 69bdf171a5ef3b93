/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks a console driver's registers and rings before libvmm relies on them (virtio 1.2, sections 2.7 and 4.2.2). */
#include <microkit.h>
#include <libvmm/libvmm.h>
#include "console_guard.h"

#define RING_SIZE_MAX VIRTIO_DEFAULT_QUEUE_SIZE
#define TX_QUEUE_INDEX 1

static enum console_verdict judge_queue_register(const struct virtio_console_device *console, uint64_t offset,
                                                 uint32_t stored);
static bool is_queue_address(uint64_t offset);
static bool ring_size_is_valid(uint32_t size);
static bool rings_are_in_ram(const struct virtq *ring);
static bool waiting_chains_are_sound(const struct virtio_console_device *console, unsigned index);
static bool chain_is_sound(const struct virtq *ring, const struct virtq_desc *descriptors, uint16_t head,
                           bool device_writes, uint64_t length_max);

enum console_verdict console_judge(const struct virtio_console_device *console, const struct guest_access *access,
                                   uint64_t offset, uint64_t stored)
{
    if (!access->is_write) {
        /* libvmm keeps one variable for the zero register and would load into it. */
        return access->register_number == 31 ? CONSOLE_IGNORE : CONSOLE_ADMIT;
    }
    if (access->width_bytes != 4) {
        return CONSOLE_IGNORE;
    }
    if (offset == REG_VIRTIO_MMIO_QUEUE_NOTIFY) {
        return console_queues_are_sound(console) ? CONSOLE_ADMIT : CONSOLE_STOP;
    }
    return judge_queue_register(console, offset, (uint32_t)stored);
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
        return ring_size_is_valid(ring->num) && rings_are_in_ram(ring) ? CONSOLE_ADMIT : CONSOLE_IGNORE;
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

static bool waiting_chains_are_sound(const struct virtio_console_device *console, unsigned index)
{
    const struct virtio_queue_handler *queue = &console->vqs[index];
    const struct virtq *ring = &queue->virtq;
    const struct virtq_desc *descriptors = gpa_to_hva((uint64_t)ring->desc_gpa, ring->num * sizeof(*descriptors));
    const struct virtq_avail *available = gpa_to_hva((uint64_t)ring->avail_gpa, sizeof(*available));
    if (descriptors == NULL || available == NULL) {
        return false;
    }
    uint16_t waiting = (uint16_t)(available->idx - queue->last_idx);
    if (waiting > ring->num) {
        return false;
    }
    /* libvmm sends a transmit chain as a whole or not at all, so one that is longer than the serial queue would block
     * for ever. */
    bool is_transmit = index == TX_QUEUE_INDEX;
    uint64_t length_max = is_transmit ? console->txq->capacity : UINT32_MAX;
    for (uint16_t i = 0; i < waiting; i++) {
        uint16_t head = available->ring[(uint16_t)(queue->last_idx + i) % ring->num];
        if (!chain_is_sound(ring, descriptors, head, !is_transmit, length_max)) {
            return false;
        }
    }
    return true;
}

static bool chain_is_sound(const struct virtq *ring, const struct virtq_desc *descriptors, uint16_t head,
                           bool device_writes, uint64_t length_max)
{
    uint64_t length = 0;
    uint16_t index = head;
    for (unsigned count = 0; count < ring->num; count++) {
        if (index >= ring->num) {
            return false;
        }
        const struct virtq_desc *descriptor = &descriptors[index];
        bool is_writable = (descriptor->flags & VIRTQ_DESC_F_WRITE) != 0;
        length += descriptor->len;
        if ((descriptor->flags & VIRTQ_DESC_F_INDIRECT) != 0 || is_writable != device_writes || length > length_max
            || gpa_to_hva(descriptor->addr, descriptor->len) == NULL) {
            return false;
        }
        if ((descriptor->flags & VIRTQ_DESC_F_NEXT) == 0) {
            return true;
        }
        index = descriptor->next;
    }
    return false;
}
