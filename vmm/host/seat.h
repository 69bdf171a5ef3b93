/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seat of one socket device behind vhost-user: what QEMU asks for becomes register accesses of the device, kicks
 * and interrupts go over eventfds.
 *
 * QEMU plays the registers for its guest and tells only what came of them, when the driver is up. The device is played
 * the same registers again (device core and registers are those of the seL4 image, bit for bit), so there is no second
 * way into it. Interrupts are edges here: QEMU has the guest's InterruptStatus, so ours is acknowledged at once.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest_memory.h"
#include "vhost_user.h"
#include "vsock.h"

/* Queues that come to the back end: rx and tx. QEMU keeps the event queue. */
#define SEAT_QUEUES 2

/* What the seat did for a driver that is up, beside the device's own work (vsock.h); for benches and people. */
enum seat_counter {
    SEAT_COUNT_RX_KICKS, /* of the guest, by queue; several that came at once are one */
    SEAT_COUNT_TX_KICKS,
    SEAT_COUNT_CALLS,    /* interrupts handed to the front end */
    SEAT_COUNT_WAKEUPS,  /* by peers; several at once are one */
    SEAT_COUNT_POLLS,    /* looks for all of these */
    SEAT_COUNTERS,
};

struct seat_queue {
    uint32_t num;
    uint32_t base; /* first entry of the available ring; only a fresh one, 0, can be served */
    uint32_t stood_at; /* the next one when the device last went down */
    struct vhost_user_vring_address address;
    bool is_enabled;
    int kick; /* eventfds, or -1 */
    int call;
};

struct seat {
    struct vsock_device device;
    struct guest_memory memory;
    struct seat_queue queues[SEAT_QUEUES];
    uint64_t driver_features;
    bool is_up;       /* the device has been played the registers of a driver that is up */
    bool has_more;    /* the device has work left: seat_run() soon */
    bool irq_raised;
    uint64_t counters[SEAT_COUNTERS];
    const char *name; /* for lines on stdout */
};

/* Before vsock_device_init() of its device; the seat is the device's cookie. */
void seat_init(struct seat *seat, const char *name);

/* Answers one message (requests.c). NULL, or why the connection must end. */
const char *seat_handle(struct seat *seat, int socket, struct vhost_user_message *message);

/* What the requests come to. Up, if both queues are enabled and can be kicked: NULL, or what the device does not accept. */
const char *seat_go_up_if_due(struct seat *seat);
void seat_go_down(struct seat *seat);
uint64_t seat_offered_features(struct seat *seat);
uint8_t seat_config_byte(struct seat *seat, uint32_t offset);
void seat_close_fd(int *fd);

/* The guest has kicked a queue; another device has woken this one, or there is work left. */
void seat_kicked(struct seat *seat, unsigned queue);
void seat_run(struct seat *seat);

/* The device has put something off (vsock_device_catch_up()); does it. */
bool seat_is_behind(const struct seat *seat);
void seat_catch_up(struct seat *seat);

/* A second has passed, while vsock_device_wants_ticks(). */
void seat_tick(struct seat *seat);

/* The front end is gone, and with it the guest: peers are told, memory and descriptors are let go. */
void seat_leave(struct seat *seat);

/* The device's callbacks that lead here; a seat's user adds notify_peer. */
void *seat_translate(void *cookie, uint64_t guest_physical, size_t size);
void seat_set_irq(void *cookie, bool level);
