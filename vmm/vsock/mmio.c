/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registers of virtio over MMIO, version 2 (virtio 4.2.2), and the socket device's configuration space.
 *
 * Every access succeeds as far as the guest can tell: what is not allowed reads as 0 or changes nothing, and is
 * counted. What the driver has agreed upon is locked: features by FEATURES_OK, a queue's registers by QueueReady and
 * all by DRIVER_OK.
 */
#include "device.h"

enum {
    REGISTER_MAGIC_VALUE = 0x000,
    REGISTER_VERSION = 0x004,
    REGISTER_DEVICE_ID = 0x008,
    REGISTER_VENDOR_ID = 0x00c,
    REGISTER_DEVICE_FEATURES = 0x010,
    REGISTER_DEVICE_FEATURES_SEL = 0x014,
    REGISTER_DRIVER_FEATURES = 0x020,
    REGISTER_DRIVER_FEATURES_SEL = 0x024,
    REGISTER_QUEUE_SEL = 0x030,
    REGISTER_QUEUE_NUM_MAX = 0x034,
    REGISTER_QUEUE_NUM = 0x038,
    REGISTER_QUEUE_READY = 0x044,
    REGISTER_QUEUE_NOTIFY = 0x050,
    REGISTER_INTERRUPT_STATUS = 0x060,
    REGISTER_INTERRUPT_ACK = 0x064,
    REGISTER_STATUS = 0x070,
    REGISTER_QUEUE_DESC_LOW = 0x080,
    REGISTER_QUEUE_DESC_HIGH = 0x084,
    REGISTER_QUEUE_DRIVER_LOW = 0x090,
    REGISTER_QUEUE_DRIVER_HIGH = 0x094,
    REGISTER_QUEUE_DEVICE_LOW = 0x0a0,
    REGISTER_QUEUE_DEVICE_HIGH = 0x0a4,
    REGISTER_SHM_SEL = 0x0ac,
    REGISTER_SHM_LEN_LOW = 0x0b0,
    REGISTER_SHM_LEN_HIGH = 0x0b4,
    REGISTER_SHM_BASE_LOW = 0x0b8,
    REGISTER_SHM_BASE_HIGH = 0x0bc,
    REGISTER_CONFIG_GENERATION = 0x0fc,
    REGISTER_CONFIG = 0x100,
};

#define MAGIC            0x74726976u /* "virt" */
#define VENDOR           0x444c4256u /* "VBLD" */
#define DEVICE_ID_SOCKET 19u         /* virtio 5.10.1 */
#define NO_REGION        UINT32_MAX  /* virtio 4.2.2: length and base of a shared memory region that does not exist */
#define REGISTER_WIDTH   4u
#define CID_SIZE         8u

static uint64_t read_config(const struct vsock_device *device, uint64_t offset, unsigned width);
static uint32_t read_register(struct vsock_device *device, uint64_t offset);
static bool write_register(struct vsock_device *device, uint64_t offset, uint32_t value);

static void ignore(struct vsock_device *device)
{
    device->counters[VSOCK_COUNT_MMIO_IGNORED]++;
}

bool vsock_mmio_access(struct vsock_device *device, uint64_t offset, unsigned width, bool is_write, uint64_t *value)
{
    if (!is_write) {
        *value = 0;
    }
    if (offset >= REGISTER_CONFIG) {
        if (is_write) {
            ignore(device);
        } else {
            *value = read_config(device, offset - REGISTER_CONFIG, width);
        }
        return false;
    }
    if (width != REGISTER_WIDTH) { /* an offset between two registers is none, see the switches below */
        ignore(device);
        return false;
    }
    if (!is_write) {
        *value = read_register(device, offset);
        return false;
    }
    return write_register(device, offset, (uint32_t)*value) && vsock_device_run(device);
}

/* --- reading --- */

/* The configuration space is the guest's CID, 8 bytes; it never changes, so ConfigGeneration does not either. */
static uint64_t read_config(const struct vsock_device *device, uint64_t offset, unsigned width)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++) {
        uint64_t at = offset + i;
        if (at < CID_SIZE) {
            value |= (device->guest_cid >> (8 * at) & 0xff) << (8 * i);
        }
    }
    return value;
}

static struct vsock_queue *selected_queue(struct vsock_device *device)
{
    return device->queue_select < VSOCK_NUM_QUEUES ? &device->queues[device->queue_select] : NULL;
}

static uint32_t read_register(struct vsock_device *device, uint64_t offset)
{
    const struct vsock_queue *queue = selected_queue(device);
    switch (offset) {
    case REGISTER_MAGIC_VALUE:
        return MAGIC;
    case REGISTER_VERSION:
        return 2;
    case REGISTER_DEVICE_ID:
        return DEVICE_ID_SOCKET;
    case REGISTER_VENDOR_ID:
        return VENDOR;
    case REGISTER_DEVICE_FEATURES:
        return device->device_features_select < 2
                   ? (uint32_t)(FEATURES_OFFERED >> (32 * device->device_features_select))
                   : 0;
    case REGISTER_QUEUE_NUM_MAX:
        return queue != NULL ? VSOCK_QUEUE_SIZE_MAX : 0;
    case REGISTER_QUEUE_READY:
        return queue != NULL && queue->ready;
    case REGISTER_INTERRUPT_STATUS:
        return device->interrupt_status;
    case REGISTER_STATUS:
        return device->status;
    case REGISTER_SHM_LEN_LOW:
    case REGISTER_SHM_LEN_HIGH:
    case REGISTER_SHM_BASE_LOW:
    case REGISTER_SHM_BASE_HIGH:
        return NO_REGION;
    case REGISTER_CONFIG_GENERATION:
        return 0;
    default: /* not an enum, but whatever the guest says */
        ignore(device);
        return 0;
    }
}

/* --- writing --- */

static void write_driver_features(struct vsock_device *device, uint32_t value)
{
    if ((device->status & STATUS_FEATURES_OK) != 0) {
        ignore(device);
        return;
    }
    switch (device->driver_features_select) {
    case 0:
        device->driver_features = (device->driver_features & ~(uint64_t)UINT32_MAX) | value;
        break;
    case 1:
        device->driver_features = (device->driver_features & UINT32_MAX) | (uint64_t)value << 32;
        break;
    default:
        device->unknown_features = device->unknown_features || value != 0;
        break;
    }
}

static bool features_agreed(const struct vsock_device *device)
{
    return !device->unknown_features && (device->driver_features & ~FEATURES_OFFERED) == 0
           && (device->driver_features & FEATURE_VERSION_1) != 0;
}

/* The driver may only add bits, in the order of virtio 3.1.1; 0 is a reset. */
static void write_status(struct vsock_device *device, uint32_t value)
{
    if (value == 0) {
        vsock_device_reset(device);
        return;
    }
    const uint32_t begun = STATUS_ACKNOWLEDGE | STATUS_DRIVER;
    bool features_were_ok = (device->status & STATUS_FEATURES_OK) != 0;
    uint32_t added = value & ~device->status;
    uint32_t accepted = added & begun;
    if ((added & STATUS_FEATURES_OK) != 0 && ((device->status | accepted) & begun) == begun
        && features_agreed(device)) {
        accepted |= STATUS_FEATURES_OK;
    }
    if ((added & STATUS_DRIVER_OK) != 0 && features_were_ok) {
        accepted |= STATUS_DRIVER_OK;
    }
    if ((added & STATUS_FAILED) != 0) {
        if (vsock_device_up(device)) {
            vsock_device_disconnect(device);
        }
        accepted |= STATUS_FAILED;
    }
    if (accepted != added || (device->status & ~value) != 0) {
        ignore(device);
    }
    device->status |= accepted;
}

/* The selected queue if its registers may still change. */
static struct vsock_queue *programmable_queue(struct vsock_device *device)
{
    struct vsock_queue *queue = selected_queue(device);
    if (queue == NULL || queue->ready || (device->status & STATUS_DRIVER_OK) != 0) {
        ignore(device);
        return NULL;
    }
    return queue;
}

static unsigned queue_options(const struct vsock_device *device)
{
    return ((device->driver_features & FEATURE_INDIRECT_DESC) != 0 ? VSOCK_QUEUE_INDIRECT : 0)
           | ((device->driver_features & FEATURE_EVENT_IDX) != 0 ? VSOCK_QUEUE_EVENT_IDX : 0);
}

static void write_queue_ready(struct vsock_device *device, uint32_t value)
{
    struct vsock_queue *queue = selected_queue(device);
    if (queue != NULL && value == 0) {
        if (vsock_device_up(device) && device->queue_select != QUEUE_EVENT) {
            vsock_device_disconnect(device);
        }
        vsock_queue_disable(queue);
        return;
    }
    queue = programmable_queue(device);
    if (queue == NULL) {
        return;
    }
    if (value != 1 || (device->status & STATUS_FEATURES_OK) == 0
        || !vsock_queue_enable(queue, queue_options(device), device->ops->translate, device->cookie)) {
        ignore(device);
    }
}

static void set_low(uint64_t *address, uint32_t value)
{
    *address = (*address & ~(uint64_t)UINT32_MAX) | value;
}

static void set_high(uint64_t *address, uint32_t value)
{
    *address = (*address & UINT32_MAX) | (uint64_t)value << 32;
}

static void write_queue(struct vsock_device *device, uint64_t offset, uint32_t value)
{
    struct vsock_queue *queue = programmable_queue(device);
    if (queue == NULL) {
        return;
    }
    switch (offset) {
    case REGISTER_QUEUE_NUM:
        queue->num = value; /* judged when the queue is made ready */
        break;
    case REGISTER_QUEUE_DESC_LOW:
        set_low(&queue->descriptor_address, value);
        break;
    case REGISTER_QUEUE_DESC_HIGH:
        set_high(&queue->descriptor_address, value);
        break;
    case REGISTER_QUEUE_DRIVER_LOW:
        set_low(&queue->driver_address, value);
        break;
    case REGISTER_QUEUE_DRIVER_HIGH:
        set_high(&queue->driver_address, value);
        break;
    case REGISTER_QUEUE_DEVICE_LOW:
        set_low(&queue->device_address, value);
        break;
    default: /* the last that write_register() sends here: REGISTER_QUEUE_DEVICE_HIGH */
        set_high(&queue->device_address, value);
        break;
    }
}

/* True if the device may have work to do now. */
static bool write_register(struct vsock_device *device, uint64_t offset, uint32_t value)
{
    switch (offset) {
    case REGISTER_DEVICE_FEATURES_SEL:
        device->device_features_select = value;
        return false;
    case REGISTER_DRIVER_FEATURES:
        write_driver_features(device, value);
        return false;
    case REGISTER_DRIVER_FEATURES_SEL:
        device->driver_features_select = value;
        return false;
    case REGISTER_QUEUE_SEL:
        device->queue_select = value;
        return false;
    case REGISTER_QUEUE_NUM:
    case REGISTER_QUEUE_DESC_LOW:
    case REGISTER_QUEUE_DESC_HIGH:
    case REGISTER_QUEUE_DRIVER_LOW:
    case REGISTER_QUEUE_DRIVER_HIGH:
    case REGISTER_QUEUE_DEVICE_LOW:
    case REGISTER_QUEUE_DEVICE_HIGH:
        write_queue(device, offset, value);
        return false;
    case REGISTER_QUEUE_READY:
        write_queue_ready(device, value);
        return true;
    case REGISTER_QUEUE_NOTIFY:
        if (value >= VSOCK_NUM_QUEUES || !vsock_device_up(device)) {
            ignore(device);
            return false;
        }
        return value != QUEUE_EVENT;
    case REGISTER_INTERRUPT_ACK:
        vsock_device_lower(device, value);
        return false;
    case REGISTER_STATUS:
        write_status(device, value);
        return true;
    case REGISTER_SHM_SEL:
        return false; /* there are no shared memory regions */
    default:          /* not an enum, but whatever the guest says */
        ignore(device);
        return false;
    }
}
