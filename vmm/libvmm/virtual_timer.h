/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's virtual timer (PPI 27), which the kernel hands to the VMM as a VPPI event and then masks until it is
 * acknowledged.
 *
 * libvmm acknowledges an event that the guest has not enabled yet; the timer's line is still up, so it fires again at
 * once, two log lines at a time, and the guest never gets to the instruction that would enable it: one boot in seven
 * hangs. Here such an event is held, unacknowledged, and released after the next access of the guest that libvmm
 * emulated, because only such an access (to the distributor) can enable anything. The guest always makes progress
 * between two events.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kernel reported `interrupt` on `vcpu`. */
void virtual_timer_fired(size_t vcpu, uint32_t interrupt);

/* A trapped access of the guest was emulated: let a held timer fire again. */
void virtual_timer_release(size_t vcpu);

/* The guest is reset: what is held is forgotten, and the kernel lets the timer fire again. */
void virtual_timer_reset(size_t vcpu);

/* Whether an event is held now. */
bool virtual_timer_is_held(void);

/* How often an event had to be held so far. */
uint64_t virtual_timer_held_count(void);
