/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's interrupt distributor, as libvmm 0.2.0 emulates it (GICv2 and GICv3), seen from the side of somebody who
 * does not trust the guest.
 *
 * libvmm asserts where a guest does what no well-behaved one does (vdist.h: SGIR while the distributor is off,
 * ISPENDR of an interrupt nobody registered, any CPENDSGIR, and with GICv3 where no register is), indexes arrays of 31
 * with a 32nd register, and lets ICPENDR forget that an interrupt is queued, so that a loop overflows the queue. Such
 * accesses are answered here, as a register that reads zero and ignores writes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "guest_access.h"

/* Whether an access is to the distributor at all. */
bool distributor_owns(uint64_t address);

/*
 * Whether libvmm may see this access. If not it has no effect, except that ISPENDR injects what can be injected.
 * `stored` is what the access writes, 0 for a load.
 */
bool distributor_admits(size_t vcpu, const struct guest_access *access, uint64_t stored);

/* Whether an injection would be accepted now: registered with libvmm, enabled by the guest, distributor on. libvmm
 * prints lines for each refusal; whoever retries asks here first. */
bool distributor_accepts(size_t vcpu, uint32_t interrupt);

/* What a write of `bits` to a register of ISPENDR does, whose lowest bit stands for interrupt `first`. */
void distributor_set_pending(size_t vcpu, uint32_t first, uint32_t bits);

/* The guest is reset: all registers are as at first and nothing waits any more. What is registered with libvmm stays, and
 * so does what is in list registers. */
void distributor_reset(size_t vcpu);

/* Whether list register `index` holds an interrupt that the kernel can have reported as finished. */
bool distributor_expects_end(size_t vcpu, uint64_t index);
