/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's lives: its start, and its start again after PSCI SYSTEM_RESET. libvmm 0.2.0 has only a stub for the latter.
 *
 *   running --reset--> emptying --the vCPU calls--> running
 *                          (skipped when no interrupt is in a list register; see list_registers.h)
 *
 * Every reset costs the VMM a copy of the guest's images, at its own priority, which is above that of the other guests.
 * So resets are counted against an allowance that fills up with time: a guest that boots and reboots as systems do
 * never notices, one that resets in a loop uses it up and stays off.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libvmm/config.h>
#include "guest_fault.h"

/* Resets at once, after a long time without one; and how long one of them takes to come back. */
#define GUEST_LIFE_RESETS_MAX 8
#define GUEST_LIFE_SECONDS_PER_RESET 10

/* Places the images and starts the vCPU for the first time. Says in the log why, if it returns false. */
bool guest_life_begin(const vmm_config_t *config);

/* The guest asked for a reset, and its devices have been reset. RESTARTED, or STOP if it must stay off. */
enum guest_fault_verdict guest_life_reset(size_t vcpu);

/* About a tenth of a second has passed, by the heartbeat that all boards have (vmm/heartbeat.c). */
void guest_life_pulse(void);

/* Whether this fault is of our own instructions, which run between two lives. */
bool guest_life_owns(const struct guest_fault *fault);

/* What becomes of such a fault. */
enum guest_fault_verdict guest_life_judge(const struct guest_fault *fault);
