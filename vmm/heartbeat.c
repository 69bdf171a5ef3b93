/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Notifies all VMMs at a steady pace, whatever becomes of the timer that they use.
 *
 * On boards whose timer driver uses the EL1 physical timer (KernelArmExportPTMRUser), every guest can write that timer's
 * registers, too: it can switch it off, or overwrite the time at which it should fire. Its driver would never know, and
 * no idle guest would wake up again. The kernel's scheduler has a timer of its own, at EL2, which no guest reaches. So
 * this protection domain does a little, gives up what is left of its budget, and runs again when its period is over; and
 * a VMM whose guest's deadline has passed meanwhile lets the guest go on. About ten times a second: a guest that waits is
 * late by a tenth of a second then, not for ever. And the timer is switched on again, so that one attack costs one beat.
 *
 * On the other boards a VMM cannot tell when its guest's deadline is (libvmm/generic_timer.h), and lets the guest look
 * with every beat. There the beats are 25 times as many (meta/heartbeat.ts).
 */
#include <stdbool.h>
#include <string.h>
#include <microkit.h>
#include "heartbeat_config.h"

extern struct heartbeat_config heartbeat_config;

static void keep_timer_on(void);

/* Does not return: there is nothing that it waits for. */
void init(void)
{
    bool is_configured = memcmp(heartbeat_config.magic, "pulse", HEARTBEAT_CONFIG_MAGIC_LEN) == 0
                      && heartbeat_config.num_listeners <= HEARTBEAT_MAX_LISTENERS;
    if (!is_configured) {
        microkit_dbg_puts("heartbeat: this image was linked without its config: the magic is missing\n");
        return;
    }
    for (;;) {
        keep_timer_on();
        for (unsigned i = 0; i < heartbeat_config.num_listeners; i++) {
            microkit_notify(heartbeat_config.listeners[i]);
        }
        seL4_Yield();
    }
}

void notified(microkit_channel channel)
{
    (void)channel;
}

#if defined(CONFIG_EXPORT_PTMR_USER)

/* CNTP_CTL_EL0: enabled, and its interrupt not masked. */
#define TIMER_CONTROL_MASK 3
#define TIMER_ON 1

/* As sDDF's driver switches it on, once and for all. */
static void keep_timer_on(void)
{
    uint64_t control;
    __asm__ volatile("mrs %0, cntp_ctl_el0" : "=r"(control));
    if ((control & TIMER_CONTROL_MASK) != TIMER_ON) {
        __asm__ volatile("msr cntp_ctl_el0, %0" : : "r"((uint64_t)TIMER_ON));
    }
}

#else

static void keep_timer_on(void)
{
}

#endif
