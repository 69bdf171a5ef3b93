/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The small world of the fuzzer: three guests with a device each, and a fourth VMM that is hostile itself, so that its
 * rings hold whatever the input says. Every two of the four are joined by rings.
 *
 *     guest 0   hostile: the input plays its driver
 *     1, 2      honest: driver.c plays theirs
 *     3         no device; the input writes its rings
 *
 * Guest 0's device may also be one of the hostile VMM alone: then it has one peer.
 *
 * What must hold whatever the hostile ones do is checked around every call into a device (machine.c). Rings are mapped
 * twice, and a device has its peers' read-only; guest memory and rings end in pages that nobody may touch.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "device.h"

#define RAM_BASE    UINT64_C(0x40000000)
#define RAM_SIZE    0x10000u
#define RING_SIZE   0x2000u /* the smallest that is legal */
#define NUM_DEVICES 3u
#define NUM_VMMS    4u
#define NUM_PEERS   (NUM_VMMS - 1)
#define HOSTILE_VMM 3u

#define IMMEDIATE_DEVICE 2u /* the only one that puts nothing off */

#define HOLDS(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                             \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

struct machine {
    struct vsock_device device;
    uint8_t *ram;
    unsigned index;
    bool irq;
    bool has_more;
    bool is_notified[NUM_PEERS];

    bool is_called; /* somebody is in a function of the device */
    unsigned translations, observations; /* in this call */
};

extern struct machine machines[NUM_DEVICES];

static inline uint64_t cid_of(unsigned vmm)
{
    return 3 + vmm;
}

/* The index that VMM `peer` has among the peers of `vmm`, and the other way around. */
static inline unsigned peer_index(unsigned vmm, unsigned peer)
{
    return peer < vmm ? peer : peer - 1;
}

static inline unsigned peer_at(unsigned vmm, unsigned index)
{
    return index < vmm ? index : index + 1;
}

static inline bool is_alone(const struct machine *machine)
{
    return machine->device.num_peers == 1;
}

/* All zero, all devices started. */
void machines_start(void);

/* Device 0 starts anew with the hostile VMM as its only peer; the others have a peer that is silent from now on. */
void machine_isolate(void);

/* What VMM `writer` writes for `reader`. */
uint8_t *ring_of(unsigned writer, unsigned reader);

/* Calls into a device, with all checks. */
uint64_t machine_read(struct machine *machine, uint64_t offset, unsigned width);
void machine_write(struct machine *machine, uint64_t offset, unsigned width, uint64_t value);
void machine_notified(struct machine *machine, unsigned peer);
void machine_run(struct machine *machine);
void machine_off(struct machine *machine);
void machine_tick(struct machine *machine);
void machine_complete(struct machine *machine);
void machine_catch_up(struct machine *machine);

/* What a seat does for each device ten times a second. */
void machines_catch_up(void);

/* Delivers notifications and runs devices until all are quiet, or `rounds` times. True if they are quiet. */
bool machines_settle(unsigned rounds);
