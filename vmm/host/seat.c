/* SPDX-License-Identifier: BSD-2-Clause */
/* vhost-user requests, played to the device as register accesses. */
#include "seat.h"

#include <fcntl.h>
#include <stdio.h>
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

static uint64_t offered_features(struct seat *seat)
{
    uint64_t features = 0;
    for (uint32_t half = 0; half < 2; half++) {
        (void)write_register(seat, REGISTER_DEVICE_FEATURES_SEL, half);
        features |= (uint64_t)read_register(seat, REGISTER_DEVICE_FEATURES) << (32 * half);
    }
    return features;
}

static void close_fd(int *fd)
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
    after(seat, write_register(seat, REGISTER_QUEUE_NOTIFY, queue));
}

void seat_run(struct seat *seat)
{
    after(seat, vsock_device_run(&seat->device));
}

/* --- up and down --- */

static void go_down(struct seat *seat)
{
    if (!seat->is_up) {
        return;
    }
    seat->is_up = false;
    for (unsigned i = 0; i < SEAT_QUEUES; i++) {
        seat->queues[i].stood_at = seat->device.queues[i].available_index;
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

static const char *go_up_if_due(struct seat *seat)
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
    go_down(seat);
    guest_memory_unmap(&seat->memory);
    for (unsigned i = 0; i < SEAT_QUEUES; i++) {
        close_fd(&seat->queues[i].kick);
        close_fd(&seat->queues[i].call);
        seat->queues[i] = (struct seat_queue){.kick = -1, .call = -1};
    }
    seat->driver_features = 0;
}

/* --- requests --- */

/* The size that a request's payload must have at least; 0 for those without one, or unknown. */
static uint32_t payload_size_min(uint32_t request)
{
    switch (request) {
    case VHOST_USER_SET_FEATURES:
    case VHOST_USER_SET_PROTOCOL_FEATURES:
    case VHOST_USER_SET_VRING_KICK:
    case VHOST_USER_SET_VRING_CALL:
    case VHOST_USER_SET_VRING_ERR:
        return VHOST_USER_VALUE_SIZE;
    case VHOST_USER_SET_VRING_NUM:
    case VHOST_USER_SET_VRING_BASE:
    case VHOST_USER_GET_VRING_BASE:
    case VHOST_USER_SET_VRING_ENABLE:
        return VHOST_USER_STATE_SIZE;
    case VHOST_USER_SET_VRING_ADDR:
        return sizeof(struct vhost_user_vring_address);
    case VHOST_USER_SET_MEM_TABLE:
        return offsetof(struct vhost_user_memory, regions);
    case VHOST_USER_GET_CONFIG:
        return VHOST_USER_CONFIG_HEAD;
    default: /* whatever the front end says */
        return 0;
    }
}

/* The queue that a request is about, or NULL. */
static struct seat_queue *queue_of(struct seat *seat, const struct vhost_user_message *message)
{
    uint64_t index = message->payload.state.index;
    switch (message->request) {
    case VHOST_USER_SET_VRING_KICK:
    case VHOST_USER_SET_VRING_CALL:
    case VHOST_USER_SET_VRING_ERR:
        index = message->payload.value & 0xff; /* bit 8: without a descriptor */
        break;
    }
    return index < SEAT_QUEUES ? &seat->queues[index] : NULL;
}

/* Anything else could be ready for ever, or keep our thread waiting when it is read or written. */
static bool is_eventfd(int fd)
{
    static const char name[] = "anon_inode:[eventfd]";
    char link[32];
    char target[sizeof name];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return readlink(link, target, sizeof target) == sizeof name - 1 && memcmp(target, name, sizeof name - 1) == 0;
}

/* The eventfd of a message in place of the one before, or none. */
static bool take_eventfd(struct vhost_user_message *message, int *fd)
{
    close_fd(fd);
    if (message->num_fds == 0) {
        return true;
    }
    *fd = message->fds[0];
    message->fds[0] = -1;
    /* Who else has it may read it before us. */
    return is_eventfd(*fd) && fcntl(*fd, F_SETFL, O_NONBLOCK) == 0;
}

static const char *handle_queue(struct seat *seat, int socket, struct vhost_user_message *message)
{
    struct seat_queue *queue = queue_of(seat, message);
    if (queue == NULL) {
        return "the front end names a queue that the device does not have";
    }
    const struct vhost_user_vring_state *state = &message->payload.state;
    switch (message->request) {
    case VHOST_USER_SET_VRING_NUM:
        queue->num = state->num;
        break;
    case VHOST_USER_SET_VRING_BASE:
        queue->base = state->num;
        break;
    case VHOST_USER_SET_VRING_ADDR:
        queue->address = message->payload.address;
        break;
    case VHOST_USER_SET_VRING_CALL: /* without one: a driver that polls */
        if (!take_eventfd(message, &queue->call)) {
            return "a call is no eventfd";
        }
        break;
    case VHOST_USER_SET_VRING_KICK:
        if (!take_eventfd(message, &queue->kick) || queue->kick < 0) {
            return "a kick is no eventfd, and this device does not poll";
        }
        seat->has_more = seat->has_more || seat->is_up; /* the one before may have been kicked */
        return go_up_if_due(seat);
    case VHOST_USER_SET_VRING_ENABLE:
        queue->is_enabled = state->num != 0;
        if (!queue->is_enabled) {
            go_down(seat);
        }
        return go_up_if_due(seat);
    case VHOST_USER_GET_VRING_BASE:
        go_down(seat);
        close_fd(&queue->kick);
        message->payload.state.num = queue->stood_at;
        return vhost_user_reply(socket, message, VHOST_USER_STATE_SIZE);
    }
    return NULL;
}

static const char *handle_config(struct seat *seat, int socket, struct vhost_user_message *message)
{
    struct vhost_user_config *config = &message->payload.config;
    if (config->size > VHOST_USER_CONFIG_SIZE_MAX || config->offset > VHOST_USER_CONFIG_SIZE_MAX) {
        return "the front end asks for more configuration space than there can be";
    }
    for (uint32_t i = 0; i < config->size; i++) {
        uint64_t byte = 0;
        (void)vsock_mmio_access(&seat->device, REGISTER_CONFIG + config->offset + i, 1, false, &byte);
        config->bytes[i] = (uint8_t)byte;
    }
    uint32_t size = (uint32_t)VHOST_USER_CONFIG_HEAD + config->size;
    return vhost_user_reply(socket, message, size);
}

static const char *handle_memory(struct seat *seat, const struct vhost_user_message *message)
{
    if (message->size < offsetof(struct vhost_user_memory, regions)
                            + message->payload.memory.num_regions * sizeof(struct vhost_user_region)) {
        return "a memory table is shorter than it says";
    }
    if (seat->is_up) {
        return guest_memory_is(&seat->memory, message)
                   ? NULL
                   : "the front end moves the memory of a guest whose driver is up";
    }
    guest_memory_unmap(&seat->memory);
    return guest_memory_map(&seat->memory, message);
}

static const char *answer_value(int socket, struct vhost_user_message *message, uint64_t value)
{
    message->payload.value = value;
    return vhost_user_reply(socket, message, VHOST_USER_VALUE_SIZE);
}

/* Requests that have an answer of their own say so: they need no second one. */
static const char *handle_request(struct seat *seat, int socket, struct vhost_user_message *message, bool *has_answered)
{
    *has_answered = true;
    switch (message->request) {
    case VHOST_USER_GET_FEATURES:
        return answer_value(socket, message, offered_features(seat) | VHOST_USER_F_PROTOCOL_FEATURES);
    case VHOST_USER_GET_PROTOCOL_FEATURES:
        return answer_value(socket, message,
                            VHOST_USER_PROTOCOL_F_MQ | VHOST_USER_PROTOCOL_F_REPLY_ACK | VHOST_USER_PROTOCOL_F_CONFIG);
    case VHOST_USER_GET_QUEUE_NUM:
        return answer_value(socket, message, VSOCK_NUM_QUEUES);
    case VHOST_USER_GET_CONFIG:
        return handle_config(seat, socket, message);
    case VHOST_USER_GET_VRING_BASE:
        return handle_queue(seat, socket, message);
    }
    *has_answered = false;
    switch (message->request) {
    case VHOST_USER_SET_FEATURES:
        seat->driver_features = message->payload.value & ~VHOST_USER_F_PROTOCOL_FEATURES;
        return NULL;
    case VHOST_USER_SET_MEM_TABLE:
        return handle_memory(seat, message);
    case VHOST_USER_SET_VRING_NUM:
    case VHOST_USER_SET_VRING_BASE:
    case VHOST_USER_SET_VRING_ADDR:
    case VHOST_USER_SET_VRING_CALL:
    case VHOST_USER_SET_VRING_ERR:
    case VHOST_USER_SET_VRING_KICK:
    case VHOST_USER_SET_VRING_ENABLE:
        return handle_queue(seat, socket, message);
    case VHOST_USER_SET_OWNER:
    case VHOST_USER_RESET_OWNER:
    case VHOST_USER_SET_PROTOCOL_FEATURES:
    case VHOST_USER_SET_CONFIG: /* the space is read-only */
        return NULL;
    }
    return "the front end asks for something that was not offered";
}

const char *seat_handle(struct seat *seat, int socket, struct vhost_user_message *message)
{
    if (message->size < payload_size_min(message->request)) {
        return "a message is too short for its request";
    }
    bool has_answered;
    const char *fault = handle_request(seat, socket, message, &has_answered);
    if (message->wants_reply && !has_answered && fault != vhost_user_closed) {
        const char *closed = answer_value(socket, message, fault != NULL);
        return fault != NULL ? fault : closed;
    }
    return fault;
}
