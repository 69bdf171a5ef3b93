/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the compiler makes of upstream's headers for this board: where libvmm's interrupt controller is, and where the
 * fields of the config structs lie. It is never linked; make/judge/ reads the table out of the object and judges the
 * finished image by it.
 */
#include <stddef.h>
#include <stdint.h>
#include <microkit.h>
#include <libvmm/libvmm.h>
#include <libvmm/arch/aarch64/vgic/vgic.h>
#include <libvmm/config.h>
#include <sddf/resources/device.h>
#include "vsock_config.h"

/* make/judge/probe.ts reads entries of this form. */
struct judge_number {
    char name[56];
    uint64_t value;
};

#define NUMBER(name_, value_) { .name = name_, .value = (uint64_t)(value_) }
#define OFFSET(type, field) NUMBER(#type "." #field, offsetof(type, field))

#if defined(GIC_V3)
#define GIC_VERSION 3
#else
#define GIC_VERSION 2
#define GIC_REDIST_PADDR 0
#define GIC_REDIST_TOTAL_SIZE 0
#endif

extern const struct judge_number judge_numbers[];
const struct judge_number judge_numbers[] __attribute__((section(".judge"))) = {
    NUMBER("gic.version", GIC_VERSION),
    NUMBER("gic.distributor", GIC_DIST_PADDR),
    NUMBER("gic.redistributor", GIC_REDIST_PADDR),
    NUMBER("gic.redistributor.size", GIC_REDIST_TOTAL_SIZE),

    OFFSET(device_resources_t, num_regions),
    OFFSET(device_resources_t, num_irqs),
    OFFSET(device_resources_t, regions),
    OFFSET(device_resources_t, irqs),
    NUMBER("device_region_resource_t", sizeof(device_region_resource_t)),
    OFFSET(device_region_resource_t, region.vaddr),
    OFFSET(device_region_resource_t, region.size),
    OFFSET(device_region_resource_t, io_addr),
    NUMBER("device_irq_resource_t", sizeof(device_irq_resource_t)),
    OFFSET(device_irq_resource_t, id),

    OFFSET(vmm_config_t, ram),
    OFFSET(vmm_config_t, ram_size),
    OFFSET(vmm_config_t, initrd),
    OFFSET(vmm_config_t, num_virtio_mmio_devices),
    OFFSET(vmm_config_t, virtio_mmio_devices),
    NUMBER("vmm_config_virtio_mmio_device_t", sizeof(vmm_config_virtio_mmio_device_t)),
    OFFSET(vmm_config_virtio_mmio_device_t, base),
    OFFSET(vmm_config_virtio_mmio_device_t, irq),
    OFFSET(struct vsock_config, mmio_base),
    OFFSET(struct vsock_config, irq),
};
