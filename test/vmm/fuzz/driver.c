/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver of the fuzzer's guests. What it is told by its device must be as it ought to. */
#include "driver.h"

#include <string.h>

void *driver_memory(struct machine *machine, uint64_t address)
{
    HOLDS(address >= RAM_BASE && address < RAM_BASE + RAM_SIZE);
    return machine->ram + (address - RAM_BASE);
}

static void set(struct machine *machine, uint64_t offset, uint32_t value)
{
    machine_write(machine, offset, 4, value);
}

static void set_wide(struct machine *machine, uint64_t offset, uint64_t value)
{
    set(machine, offset, (uint32_t)value);
    set(machine, offset + 4, (uint32_t)(value >> 32));
}

bool driver_boot(struct driver *driver, struct machine *machine, uint64_t features, unsigned num)
{
    *driver = (struct driver){.machine = machine};
    set(machine, 0x70, 0);
    set(machine, 0x70, 1);
    set(machine, 0x70, 3);
    for (unsigned half = 0; half < 2; half++) {
        set(machine, 0x24, half);
        set(machine, 0x20, (uint32_t)(features >> (32 * half)));
    }
    set(machine, 0x70, 11);
    for (unsigned queue = 0; queue < VSOCK_NUM_QUEUES; queue++) {
        memset(driver_memory(machine, DESCRIPTORS(queue)), 0, 0x400);
        set(machine, 0x30, queue);
        set(machine, 0x38, num);
        set_wide(machine, 0x80, DESCRIPTORS(queue));
        set_wide(machine, 0x90, AVAILABLE(queue));
        set_wide(machine, 0xa0, USED(queue));
        set(machine, 0x44, 1);
    }
    set(machine, 0x70, 15);
    return machine_read(machine, 0x70, 4) == 15 && vsock_device_up(&machine->device);
}

void driver_describe(struct driver *driver, unsigned queue, unsigned index, uint64_t address, uint32_t size,
                     uint16_t flags, uint16_t next)
{
    uint8_t *descriptor = driver_memory(driver->machine, DESCRIPTORS(queue) + index % QUEUE_NUM * 16);
    memcpy(descriptor, &address, 8);
    memcpy(descriptor + 8, &size, 4);
    memcpy(descriptor + 12, &flags, 2);
    memcpy(descriptor + 14, &next, 2);
}

void driver_offer(struct driver *driver, unsigned queue, uint16_t head)
{
    uint8_t *available = driver_memory(driver->machine, AVAILABLE(queue));
    memcpy(available + 4 + driver->available[queue] % QUEUE_NUM * 2, &head, 2);
    driver->available[queue]++;
    memcpy(available + 2, &driver->available[queue], 2);
}

void driver_kick(struct driver *driver, unsigned queue)
{
    set(driver->machine, 0x50, queue);
}

/* The next element of a used ring. False if there is none. */
static bool take_used(struct driver *driver, unsigned queue, uint32_t *head, uint32_t *size)
{
    const uint8_t *used = driver_memory(driver->machine, USED(queue));
    uint16_t flags, index;
    memcpy(&flags, used, 2);
    memcpy(&index, used + 2, 2);
    HOLDS(flags == 0);
    HOLDS((uint16_t)(index - driver->used[queue]) <= (uint16_t)(driver->available[queue] - driver->used[queue]));
    if (index == driver->used[queue]) {
        return false;
    }
    memcpy(head, used + 4 + driver->used[queue] % QUEUE_NUM * 8, 4);
    memcpy(size, used + 8 + driver->used[queue] % QUEUE_NUM * 8, 4);
    driver->used[queue]++;
    HOLDS(*head < QUEUE_NUM);
    return true;
}

static void post(struct driver *driver, unsigned index)
{
    driver_describe(driver, QUEUE_RX, index, BUFFER(QUEUE_RX, index), BUFFER_SIZE, 2, 0);
    driver_offer(driver, QUEUE_RX, (uint16_t)index);
}

void driver_post_all(struct driver *driver)
{
    for (unsigned i = 0; i < QUEUE_NUM; i++) {
        post(driver, i);
    }
    driver_kick(driver, QUEUE_RX);
}

bool driver_send(struct driver *driver, const struct vsock_header *header, const void *payload)
{
    uint32_t head, size;
    while (take_used(driver, QUEUE_TX, &head, &size)) {
        HOLDS(size == 0 && (driver->sent >> head & 1) != 0);
        driver->sent &= (uint16_t)~(1u << head);
    }
    bool is_honest = header->dst_cid == cid_of(1) || header->dst_cid == cid_of(2);
    unsigned index = is_honest ? QUEUE_NUM / 2 : 0, end = index + QUEUE_NUM / 2;
    while (index < end && (driver->sent >> index & 1) != 0) {
        index++;
    }
    if (index == end) {
        return false;
    }
    uint8_t *buffer = driver_memory(driver->machine, BUFFER(QUEUE_TX, index));
    vsock_header_render(header, buffer);
    if (header->len > 0) {
        memcpy(buffer + VSOCK_HEADER_SIZE, payload, header->len);
    }
    driver->sent |= (uint16_t)(1u << index);
    driver_describe(driver, QUEUE_TX, index, BUFFER(QUEUE_TX, index), VSOCK_HEADER_SIZE + header->len, 0, 0);
    driver_offer(driver, QUEUE_TX, (uint16_t)index);
    driver_kick(driver, QUEUE_TX);
    return true;
}

bool driver_receive(struct driver *driver, struct vsock_header *header, uint8_t payload[BUFFER_SIZE])
{
    uint32_t head, size;
    set(driver->machine, 0x64, (uint32_t)machine_read(driver->machine, 0x60, 4));
    if (!take_used(driver, QUEUE_RX, &head, &size)) {
        return false;
    }
    const uint8_t *buffer = driver_memory(driver->machine, BUFFER(QUEUE_RX, head));
    HOLDS(size >= VSOCK_HEADER_SIZE && size <= BUFFER_SIZE);
    *header = vsock_header_parse(buffer);
    HOLDS(header->len == size - VSOCK_HEADER_SIZE);
    HOLDS(vsock_header_judge(header) == VSOCK_HEADER_GOOD);
    uint64_t own = cid_of(driver->machine->index);
    HOLDS(header->dst_cid == own);
    /* Nobody speaks for another; what is sent to nobody, the device answers itself. */
    HOLDS(header->op == VSOCK_OP_RST || (header->src_cid >= cid_of(0) && header->src_cid < cid_of(NUM_VMMS)));
    memcpy(payload, buffer + VSOCK_HEADER_SIZE, header->len);
    post(driver, head);
    driver_kick(driver, QUEUE_RX);
    return true;
}
