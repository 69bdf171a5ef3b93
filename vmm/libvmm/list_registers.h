/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list registers of a guest that is reset.
 *
 * An interrupt that the guest has not finished stays in a list register of the real controller when the vCPU is
 * stopped: pending, or active if the guest resets from within a handler. seL4 has no call that takes it out again, and
 * refuses to overwrite one that is active. A guest that starts so gets interrupts of its former life, and one that died
 * in a handler of the highest priority, the only one that libvmm knows, gets none at all on a machine whose kernel does
 * not clear the active priorities.
 *
 * Only the vCPU itself can end them. So between two lives it runs a few instructions of ours, at the start of the RAM
 * that is about to be filled anew: they end what is active, take what is pending and end that, put the CPU interface as
 * it is after a reset, and call the VMM. Nothing else runs on the vCPU meanwhile, with the MMU off and all exceptions
 * masked, so a hostile guest has no part in it. The kernel reports every end, and libvmm's picture stays true.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <microkit.h>

/* Whether libvmm has interrupts in list registers. */
bool list_registers_are_in_use(size_t vcpu);

/* Writes the instructions to the start of guest RAM and runs them on the vCPU, which must be stopped. False: it cannot. */
bool list_registers_empty(size_t vcpu, uint64_t ram);
