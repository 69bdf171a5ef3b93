/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's redistributor, which a GICv3 has for every CPU, as libvmm 0.2.0 emulates it. With GICv2 there is none,
 * and nothing is ever owned.
 *
 * libvmm registers the frames of four CPUs and asserts that the guest has as many, and it asserts on every register
 * that it does not keep, though Linux reads some of them (ISACTIVER0, ISENABLER0). After a failed assertion that is
 * compiled out it skips two instructions of the guest for one. Such accesses are answered here, as a register that
 * reads zero and ignores writes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "guest_access.h"

/* Whether an access is to a redistributor at all. */
bool redistributor_owns(uint64_t address);

/*
 * Whether libvmm may see this access. If not it has no effect, except that ISPENDR0 injects what can be injected.
 * `stored` is what the access writes, 0 for a load.
 */
bool redistributor_admits(size_t vcpu, const struct guest_access *access, uint64_t stored);

/* Whether the guest has enabled this interrupt of the CPU's own, 0 to 31. */
bool redistributor_enables(size_t vcpu, uint32_t interrupt);
