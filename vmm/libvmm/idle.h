/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that waits for an interrupt does not run until there may be one.
 *
 * The kernel tells the VMM of every WFI that finds no interrupt pending. If it is answered at once, as libvmm does, the
 * guest executes WFI again, and so on until its time slice is over, and nobody else at its priority runs. Here the vCPU
 * is stopped instead. Two things let it go on:
 *
 *   its virtual timer     seL4 saves it when the vCPU does not run, so it cannot fire: sDDF's timer is asked for a
 *                         notification at the same time. A guest may be able to disturb that timer (vmm/heartbeat.c), so
 *                         the deadline is also looked at with every heartbeat;
 *                         and with every heartbeat the guest goes on where the VMM cannot tell when its timer fires,
 *                         because it cannot read the machine's counter (generic_timer.h)
 *   anything else         whoever injects an interrupt calls idle_resume()
 *
 * The program counter stays at the WFI. When the vCPU goes on it executes it again, which does nothing if an interrupt
 * is pending, and traps again if none is. So a resume too many heals itself, and so does a timeout that comes late or
 * of an earlier wait; what must not happen is one too few.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <microkit.h>

/* `timer` is the channel to sDDF's timer driver. */
void idle_init(microkit_channel timer);

/* The vCPU has trapped at a WFI. True: it is blocked now, and its fault must not be answered. */
bool idle_wait(size_t vcpu);

/* How often the timer did not notify of a deadline that had passed. */
uint64_t idle_missed_count(void);

/* There may be an interrupt for the vCPU. Does nothing if it is not blocked. */
void idle_resume(void);

/*
 * The VMM wants to be called back in this time at the latest, whether its guest is blocked by then or runs. Of several
 * wishes the earliest counts, and is forgotten when it has come true. Where the counter cannot be read, any such time is
 * that to the next heartbeat (4 ms).
 */
void idle_wake_within(uint64_t ns);

/* The timer has notified: the deadline has passed, or a deadline of old. True: so has what idle_wake_within() said. */
bool idle_timer_fired(void);

/* The guest is blocked. */
bool idle_is_blocked(void);

/* The heartbeat has notified, whatever the timer does: a deadline that has passed by now was missed. True as above. */
bool idle_heartbeat(void);

/* The vCPU was stopped for another reason, or is about to start anew: there is nothing to go on with, or to wait for. */
void idle_forget(void);
