/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts what the VMM is called for: what brought the guest out of its virtual machine, and who has notified us.
 * Counters say the same on any machine, whatever else it does, where times do not.
 *
 * A VMM that is compiled with VMM_PROFILE_WINDOW, a guest physical address, shows them to its guest there, in words of
 * 64 bits: a store to the first begins a count, a store to the second ends it, and loads give what was counted between:
 * events, device counters (both in the order of event_names.h), ticks of the counter spent in the VMM, and that
 * counter's ticks between the two stores. Accesses to the window count as `memory`. Only benchmarks are compiled with it.
 */
#pragma once

#include <stdint.h>
#include <microkit.h>
#include "event_names.h"
#include "guest_fault.h"

extern uint64_t vmm_event_counts[VMM_NUM_EVENTS];

static inline void event_count(enum vmm_event event)
{
    vmm_event_counts[event]++;
}

/* Counts a fault, but one at the socket device, which counts its registers itself. */
void event_count_fault(const struct guest_fault *fault, const struct guarded_console *console);

/* Writes the counters that are not zero to the log. */
void event_counts_report(void);

#if defined(VMM_PROFILE_WINDOW)
/* Registers the window with libvmm; `device_counters` as of struct vsock_device. */
bool event_window_init(const uint64_t *device_counters);

/* To be called first and last in every entry point of the VMM. */
void event_window_enter(void);
void event_window_leave(void);
#else
static inline void event_window_enter(void)
{
}
static inline void event_window_leave(void)
{
}
#endif
