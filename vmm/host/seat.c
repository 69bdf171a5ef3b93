/* SPDX-License-Identifier: BSD-2-Clause */
/* The device, played as its driver would: up, down, and its work between. */
#include "seat.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "device.h"
#include "report.h"

/* virtio 4.2.2 */
enum {
    REGISTER_DEVICE_FEATURES = 0x010,
    REGISTER_DEVICE_FEATURES_SEL = 0x014,
    REGISTER_DRIVER_FEATURES = 0x020,
    REGISTER_DRIVER_FEATURES_SEL = 0x024,
    REGISTER_QUEUE_SEL = 0x030,
    REGISTER_QUEUE_NUM = 0x038,
    REGISTER_QUEUE_READY = 0x044,
    REGISTER_QUEUE_NOTIFY = 0x050,
    REGISTER_INTERRUPT_ACK = 0x064,
    REGISTER_STATUS = 0x070,
    REGISTER_QUEUE_DESC = 0x080,
    REGISTER_QUEUE_DRIVER = 0x090,
    REGISTER_QUEUE_DEVICE = 0x0a0,
    REGISTER_CONFIG = 0x100,
};

/* True if the device has work left. It does some at almost any write, so nobody needs to look at each one's result. */
static bool write_register(struct seat *seat, uint64_t offset, uint32_t value)
{
    uint64_t wide = value;
    bool has_more = vsock_mmio_access(&seat->device, offset, sizeof value, true, &wide);
    seat->has_more = seat->has_more || has_more;
    return has_more;
}

static uint32_t read_register(struct seat *seat, uint64_t offset)
{
    uint64_t value;
    (void)vsock_mmio_access(&seat->device, offset, sizeof(uint32_t), false, &value);
    return (uint32_t)value;
}

uint64_t seat_offered_features(struct seat *seat)
{
    uint64_t features = 0;
    for (uint32_t half = 0; half < 2; half++) {
        (void)write_register(seat, REGISTER_DEVICE_FEATURES_SEL, half);
        features |= (uint64_t)read_register(seat, REGISTER_DEVICE_FEATURES) << (32 * half);
    }
    return features;
}

uint8_t seat_config_byte(struct seat *seat, uint32_t offset)
{
    uint64_t byte = 0;
    (void)vsock_mmio_access(&seat->device, REGISTER_CONFIG + (uint64_t)offset, 1, false, &byte);
    return (uint8_t)byte;
}

void seat_close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

void seat_init(struct seat *seat, const char *name)
{
    memset(seat, 0, sizeof *seat);
    seat->name = name;
    for (unsigned i = 0; i < SEAT_QUEUES; i++) {
        seat->queues[i].kick = seat->queues[i].call = -1;
    }
}

/* --- work --- */

void *seat_translate(void *cookie, uint64_t guest_physical, size_t size)
{
    const struct seat *seat = cookie;
    return guest_memory_at(&seat->memory, guest_physical, size);
}

void seat_set_irq(void *cookie, bool level)
{
    struct seat *seat = cookie;
    seat->irq_raised = level;
}

/* After everything that the device did: hands on its interrupt. The guest's handler looks at both queues, so either call
 * descriptor will do. */
static void after(struct seat *seat, bool has_more)
{
    seat->has_more = has_more;
    if (!seat->irq_raised) {
        return;
    }
    (void)write_register(seat, REGISTER_INTERRUPT_ACK, INTERRUPT_USED | INTERRUPT_CONFIG);
    int call = seat->queues[QUEUE_RX].call >= 0 ? seat->queues[QUEUE_RX].call : seat->queues[QUEUE_TX].call;
    if (call >= 0) {
        seat->counters[SEAT_COUNT_CALLS]++;
        (void)eventfd_write(call, 1);
    }
    if ((seat->device.status & STATUS_NEEDS_RESET) != 0) {
        report("%s: its driver broke its queues; its socket device stands still until it is reset", seat->name);
    }
}

void seat_kicked(struct seat *seat, unsigned queue)
{
    eventfd_t count;
    (void)eventfd_read(seat->queues[queue].kick, &count);
    seat->counters[SEAT_COUNT_RX_KICKS + queue]++;
    after(seat, write_register(seat, REGISTER_QUEUE_NOTIFY, queue));
}

void seat_run(struct seat *seat)
{
    after(seat, vsock_device_run(&seat->device));
}

bool seat_is_behind(const struct seat *seat)
{
    return vsock_device_is_behind(&seat->device);
}

void seat_catch_up(struct seat *seat)
{
    vsock_device_catch_up(&seat->device);
    after(seat, seat->has_more);
}

void seat_tick(struct seat *seat)
{
    after(seat, vsock_device_tick(&seat->device));
}

/* --- up and down --- */

/* The kicks go too: up again is only who sets up both queues anew. Else a queue that the front end did not come to yet
 * would be served from its start, packets of its last life and all. */
void seat_go_down(struct seat *seat)
{
    if (!seat->is_up) {
        return;
    }
    seat->is_up = false;
    for (unsigned i = 0; i < SEAT_QUEUES; i++) {
        seat->queues[i].stood_at = seat->device.queues[i].available_index;
        seat_close_fd(&seat->queues[i].kick);
    }
    bool has_more = vsock_device_guest_off(&seat->device);
    seat->irq_raised = false;
    seat->has_more = has_more;
    report("%s: driver is down", seat->name);
}

static bool write_address(struct seat *seat, uint64_t offset, uint64_t front_end)
{
    uint64_t address;
    if (!guest_memory_from_front_end(&seat->memory, front_end, &address)) {
        return false;
    }
    (void)write_register(seat, offset, (uint32_t)address);
    (void)write_register(seat, offset + 4, (uint32_t)(address >> 32));
    return true;
}

static bool play_queue(struct seat *seat, unsigned index)
{
    const struct seat_queue *queue = &seat->queues[index];
    (void)write_register(seat, REGISTER_QUEUE_SEL, index);
    (void)write_register(seat, REGISTER_QUEUE_NUM, queue->num);
    if (!write_address(seat, REGISTER_QUEUE_DESC, queue->address.descriptors)
        || !write_address(seat, REGISTER_QUEUE_DRIVER, queue->address.available)
        || !write_address(seat, REGISTER_QUEUE_DEVICE, queue->address.used)) {
        return false;
    }
    (void)write_register(seat, REGISTER_QUEUE_READY, 1);
    return read_register(seat, REGISTER_QUEUE_READY) == 1;
}

/* What the driver did at its start (virtio 3.1.1), once more. NULL, or what the device did not accept. */
static const char *go_up(struct seat *seat)
{
    const uint32_t begun = STATUS_ACKNOWLEDGE | STATUS_DRIVER;
    (void)write_register(seat, REGISTER_STATUS, 0);
    (void)write_register(seat, REGISTER_STATUS, begun);
    for (uint32_t half = 0; half < 2; half++) {
        (void)write_register(seat, REGISTER_DRIVER_FEATURES_SEL, half);
        (void)write_register(seat, REGISTER_DRIVER_FEATURES, (uint32_t)(seat->driver_features >> (32 * half)));
    }
    (void)write_register(seat, REGISTER_STATUS, begun | STATUS_FEATURES_OK);
    if ((read_register(seat, REGISTER_STATUS) & STATUS_FEATURES_OK) == 0) {
        return "the front end agreed with its guest on features that the device does not have, or not on VERSION_1 "
               "(QEMU needs -global virtio-mmio.force-legacy=false)";
    }
    for (unsigned i = 0; i < SEAT_QUEUES; i++) {
        if (seat->queues[i].base != 0) {
            return "a queue that was in use before is to be resumed, which this device cannot do";
        }
        if (!play_queue(seat, i)) {
            return "the device does not accept a queue: its size, or an address outside of guest memory";
        }
    }
    seat->is_up = true;
    report("%s: driver is up", seat->name);
    after(seat, write_register(seat, REGISTER_STATUS, begun | STATUS_FEATURES_OK | STATUS_DRIVER_OK));
    return NULL;
}

const char *seat_go_up_if_due(struct seat *seat)
{
    for (unsigned i = 0; i < SEAT_QUEUES; i++) {
        if (!seat->queues[i].is_enabled || seat->queues[i].kick < 0) {
            return NULL;
        }
    }
    return seat->is_up ? NULL : go_up(seat);
}

void seat_leave(struct seat *seat)
{
    seat_go_down(seat);
    guest_memory_unmap(&seat->memory);
    for (unsigned i = 0; i < SEAT_QUEUES; i++) {
        seat_close_fd(&seat->queues[i].kick);
        seat_close_fd(&seat->queues[i].call);
        seat->queues[i] = (struct seat_queue){.kick = -1, .call = -1};
    }
    seat->driver_features = 0;
}
