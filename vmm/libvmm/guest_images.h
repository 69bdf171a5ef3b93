/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's kernel, device tree and initial RAM disk: from the VMM's ELF into guest RAM. */
#pragma once

#include <stdint.h>
#include <libvmm/config.h>

/* Copies all three to where `config` wants them. Returns the guest physical address to start at, or 0 after saying in
 * the log what does not fit. Needs guest_init() done. */
uint64_t guest_images_place(const vmm_config_t *config);
