/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vhost-user protocol as far as a socket device needs it: QEMU (the front end) plays the device's registers for its
 * guest and tells us (the back end), over a Unix socket, where guest memory and queues are; from then on both sides work
 * on the guest's memory, and eventfds carry kicks and interrupts.
 *
 * A message is a header of 12 bytes, a payload of `size` bytes, and perhaps file descriptors. Both sides run on one
 * machine: numbers are in its byte order. Source: QEMU, docs/interop/vhost-user.rst.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vhost_user_request {
    VHOST_USER_GET_FEATURES = 1,
    VHOST_USER_SET_FEATURES = 2,
    VHOST_USER_SET_OWNER = 3,
    VHOST_USER_RESET_OWNER = 4,
    VHOST_USER_SET_MEM_TABLE = 5,
    VHOST_USER_SET_VRING_NUM = 8,
    VHOST_USER_SET_VRING_ADDR = 9,
    VHOST_USER_SET_VRING_BASE = 10,
    VHOST_USER_GET_VRING_BASE = 11,
    VHOST_USER_SET_VRING_KICK = 12,
    VHOST_USER_SET_VRING_CALL = 13,
    VHOST_USER_SET_VRING_ERR = 14,
    VHOST_USER_GET_PROTOCOL_FEATURES = 15,
    VHOST_USER_SET_PROTOCOL_FEATURES = 16,
    VHOST_USER_GET_QUEUE_NUM = 17,
    VHOST_USER_SET_VRING_ENABLE = 18,
    VHOST_USER_GET_CONFIG = 24,
    VHOST_USER_SET_CONFIG = 25,
};

/* Bit 30 of the features says that the back end speaks protocol features. */
#define VHOST_USER_F_PROTOCOL_FEATURES (UINT64_C(1) << 30)

#define VHOST_USER_PROTOCOL_F_MQ        (UINT64_C(1) << 0)
#define VHOST_USER_PROTOCOL_F_REPLY_ACK (UINT64_C(1) << 3)
#define VHOST_USER_PROTOCOL_F_CONFIG    (UINT64_C(1) << 9)

/* Most memory regions in a table, and most descriptors with a message (VHOST_MEMORY_BASELINE_NREGIONS). */
#define VHOST_USER_REGIONS_MAX 8

/* Bytes of configuration space in a message (VHOST_USER_MAX_CONFIG_SIZE). */
#define VHOST_USER_CONFIG_SIZE_MAX 256

struct vhost_user_vring_state {
    uint32_t index;
    uint32_t num;
};

/* Addresses are of the front end's own address space. */
struct vhost_user_vring_address {
    uint32_t index;
    uint32_t flags;
    uint64_t descriptors;
    uint64_t used;
    uint64_t available;
    uint64_t log;
};

struct vhost_user_region {
    uint64_t guest_physical;
    uint64_t size;
    uint64_t front_end; /* where the front end has it */
    uint64_t offset;    /* in the file that its descriptor names */
};

struct vhost_user_memory {
    uint32_t num_regions;
    uint32_t padding;
    struct vhost_user_region regions[VHOST_USER_REGIONS_MAX];
};

struct vhost_user_config {
    uint32_t offset;
    uint32_t size;
    uint32_t flags;
    uint8_t bytes[VHOST_USER_CONFIG_SIZE_MAX];
};

union vhost_user_payload {
    uint64_t value;
    struct vhost_user_vring_state state;
    struct vhost_user_vring_address address;
    struct vhost_user_memory memory;
    struct vhost_user_config config;
};

struct vhost_user_message {
    uint32_t request; /* enum vhost_user_request, or what the front end made up */
    bool wants_reply; /* asks for a value that is 0 if all went well */
    uint32_t size;    /* of the payload, in bytes */
    union vhost_user_payload payload; /* zero beyond `size` */
    unsigned num_fds;
    int fds[VHOST_USER_REGIONS_MAX]; /* the receiver's; who takes one puts -1 in its place */
};

/* Bytes of the payloads with a fixed size. */
#define VHOST_USER_VALUE_SIZE  sizeof(uint64_t)
#define VHOST_USER_STATE_SIZE  sizeof(struct vhost_user_vring_state)
#define VHOST_USER_CONFIG_HEAD offsetof(struct vhost_user_config, bytes)

/*
 * Takes the next message from a connected socket, waiting for its rest no longer than the socket's SO_RCVTIMEO. NULL,
 * or why the connection is no use any more: vhost_user_closed after its regular end.
 */
const char *vhost_user_receive(int socket, struct vhost_user_message *message);
extern const char vhost_user_closed[];

/* Closes the descriptors that nobody took. */
void vhost_user_close_fds(struct vhost_user_message *message);

/* Answers `message` with its payload, of `size` bytes. NULL, or why the connection is no use any more: a front end that
 * does not read its answers is not waited for. */
const char *vhost_user_reply(int socket, const struct vhost_user_message *message, uint32_t size);
