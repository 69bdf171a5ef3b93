/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seat of the virtio-socket device (vmm/vsock) in a libvmm VMM.
 *
 * The device knows neither seL4 nor libvmm. The seat gives it guest memory and the rings, decodes the guest's
 * accesses to its registers, turns the level of its interrupt into injections, and collects the wake-ups for its
 * peers, so that one event of ours is at most one notification for each of them.
 */
#pragma once

#include <stdbool.h>
#include <microkit.h>
#include "guest_access.h"
#include "vsock_config.h"

/* Registers the device with libvmm, which must be initialised. Says in the log why, if it returns false. */
bool vsock_seat_init(const struct vsock_config *config);

/* Whether `address` of the guest is in the device's window. */
bool vsock_seat_has_register(uint64_t address);

/* An access to it. Loads leave their data in `*value`, stores take it from there. */
void vsock_seat_access(const struct guest_access *access, uint64_t *value);

/* Whether `channel` leads to a peer. */
bool vsock_seat_owns(microkit_channel channel);

/* That peer has notified us. */
void vsock_seat_notified(microkit_channel channel);

/* The time is over for which the seat asked idle_wake_within(): the guest gets back what it has sent. */
void vsock_seat_time_is_up(void);

/* About a tenth of a second has passed (vmm/heartbeat.c): all that was put off is done now, and the device has its ticks. */
void vsock_seat_heartbeat(void);

/*
 * To be called at the end of every init(), notified() and fault(), `label` being the fault's or 0: does what the
 * device left over, injects what could not be injected before, and wakes the peers.
 *
 * True: a guest that waits for an interrupt must go on, because it has one now, or because there is work left that its
 * next fault will do.
 */
bool vsock_seat_settle(seL4_Word label);

/* The guest has been stopped for good; its peers are told. */
void vsock_seat_guest_off(void);

/* The guest will start again, its RAM as yet untouched; its peers are told. */
void vsock_seat_guest_reset(void);

/* Writes the counters that are not zero to the log. */
void vsock_seat_report(void);
