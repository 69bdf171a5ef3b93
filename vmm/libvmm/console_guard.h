/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands between a guest and libvmm's virtio console.
 *
 * libvmm 0.2.0 believes what a driver writes: a queue number beyond the last one is an index to write at, a ring size
 * of zero is divided by, addresses outside the guest's RAM become NULL and are copied from. The guest has one vCPU
 * and does not run while its VMM does, and what libvmm itself writes into the guest's RAM may not lie where it reads; so
 * what is found good here is still good when libvmm reads it a moment later.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <libvmm/virtio/console.h>
#include "guest_access.h"

enum console_verdict {
    CONSOLE_ADMIT,  /* libvmm may have it */
    CONSOLE_WORK,   /* a kick: libvmm is to work on the queues, which are sound */
    CONSOLE_IGNORE, /* a store without effect */
    CONSOLE_STOP,   /* the guest's queues cannot be worked on any more */
};

/* Judges an access at `offset` into the console's registers; `stored` is what it writes, 0 for a load. */
enum console_verdict console_judge(const struct virtio_console_device *console, const struct guest_access *access,
                                   uint64_t offset, uint64_t stored);

/* The guest is reset. What it has sent is sent; the serial queues are the other components'. */
void console_reset(struct virtio_console_device *console);

/* Whether all that waits in the ready queues can be walked and copied. To be asked before libvmm works on them. */
bool console_queues_are_sound(const struct virtio_console_device *console);
