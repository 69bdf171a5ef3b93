/* SPDX-License-Identifier: BSD-2-Clause */
/* What a front end asks for, judged and answered. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "seat.h"

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
    seat_close_fd(fd);
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
        return seat_go_up_if_due(seat);
    case VHOST_USER_SET_VRING_ENABLE:
        queue->is_enabled = state->num != 0;
        if (!queue->is_enabled) {
            seat_go_down(seat);
        }
        return seat_go_up_if_due(seat);
    case VHOST_USER_GET_VRING_BASE:
        seat_go_down(seat);
        seat_close_fd(&queue->kick);
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
        config->bytes[i] = seat_config_byte(seat, config->offset + i);
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
        return answer_value(socket, message, seat_offered_features(seat) | VHOST_USER_F_PROTOCOL_FEATURES);
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
