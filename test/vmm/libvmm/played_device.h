/* SPDX-License-Identifier: BSD-2-Clause */
/* In place of the device core: a device that does as the test says, and notes what the seat does to it. */
#pragma once

#include "../harness.h"
#include "fake.h"
#include "vsock.h"
#include "vsock_seat.h"

#define INTERRUPT 75
#define CHANNEL 5

struct played_device {
    const struct vsock_ops *ops;
    void *cookie;
    enum vsock_setup_fault setup_fault;
    unsigned runs;      /* that still return true */
    unsigned runs_done;
    unsigned notified;
    uint64_t offset, value, answer;
    unsigned width;
    bool is_write;
    bool is_off;
    bool defers;
    bool holds; /* completions */
    unsigned completed;
    unsigned caught_up;
    bool is_reset;
    bool wants_ticks;
    unsigned ticks;
};

extern struct played_device played;
extern const struct vsock_config config;

/* The seat is one per program; what a test leaves behind is brought to rest here. */
static inline void set_up(void)
{
    memset(&played, 0, sizeof played);
    fake_reset();
    CHECK(vsock_seat_init(&config));
    played.ops->set_irq(played.cookie, false);
    fake.finished((irq_routing_info_t) { INTERRUPT }, NULL);
    vsock_seat_settle(seL4_Fault_VGICMaintenance);
    fake.injected[INTERRUPT] = 0;
    fake.log[0] = '\0';
}

static inline void raise(void)
{
    played.ops->set_irq(played.cookie, true);
}
