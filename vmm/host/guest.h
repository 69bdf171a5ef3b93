/* SPDX-License-Identifier: BSD-2-Clause */
/* One guest of the back end: its thread, which waits for its front end, its kicks and its peers. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "seat.h"

/* As many as a device can have peers, and itself. */
#define GUESTS_MAX (VSOCK_MAX_PEERS + 1)

struct guest {
    struct seat seat; /* first: the device's cookie is both */
    uint64_t cid;
    char name[32];
    const char *path;
    int listener;
    int connection; /* -1: nobody has connected */
    int wake;       /* eventfd, written by peers and by guest_stop() */
    int64_t tick_due_us; /* by the monotonic clock; 0: no tick is due */
    int64_t catch_up_due_us;
    atomic_bool is_stopped;
    atomic_bool is_asked;
    struct guest *peers[VSOCK_MAX_PEERS]; /* in the order of the device's */
};

/* Gives every guest its device, with a pair of rings to every other. NULL, or what is wrong. */
const char *guests_join(struct guest *guests, unsigned num_guests, uint64_t ring_bytes);

/* Serves one guest, given as argument, until guest_stop(). A front end may come, go and come again. */
void *guest_thread(void *argument);
void guest_stop(struct guest *guest);

/* The counters of seat and device that are not 0. Only after its thread has ended. */
void guest_report(const struct guest *guest);

/* Has its thread report them now, and say that it has. */
void guest_ask(struct guest *guest);
