/* SPDX-License-Identifier: BSD-2-Clause */
/* Decides which accesses to the emulated GICv2 distributor reach libvmm. Register names are of ARM IHI 0048B, section
 * 4.1. */
#include <microkit.h>
#include <libvmm/libvmm.h>
#include <libvmm/arch/aarch64/vgic/vgic.h>
#include <libvmm/arch/aarch64/vgic/virq.h>
#include "distributor.h"

#if !defined(GIC_V2)
#error "only libvmm's GICv2 distributor is guarded; GICv3 boards need their own"
#endif
#include <libvmm/arch/aarch64/vgic/vgic_v2.h>

/* libvmm keeps 31 words for the registers 1 to 31 of a bank but indexes them 1 to 31, so the last one is out of
 * bounds. */
#define LAST_SAFE_BANK_REGISTER 30
#define SGI_FILTER_RESERVED 3

/* libvmm's one distributor. */
extern vgic_t vgic;

static bool is_between(uint64_t offset, uint64_t first, uint64_t last);
static bool admits_load(uint64_t offset);
static bool admits_store(uint64_t offset, uint32_t stored);
static void set_pending_where_possible(size_t vcpu, uint64_t offset, uint32_t bits);

bool distributor_owns(uint64_t address)
{
    return address >= GIC_DIST_PADDR && address - GIC_DIST_PADDR < GIC_DIST_SIZE;
}

bool distributor_admits(size_t vcpu, const struct guest_access *access, uint64_t stored)
{
    uint64_t offset = access->address - GIC_DIST_PADDR;
    bool has_bytes = is_between(offset, GIC_DIST_IPRIORITYR0, GIC_DIST_ITARGETSRN + 3);
    if (access->width_bytes != 4 && !(access->width_bytes == 1 && has_bytes)) {
        return false;
    }
    if (!access->is_write) {
        return admits_load(offset) && access->register_number != 31;
    }
    if (is_between(offset, GIC_DIST_ISPENDR0, GIC_DIST_ISPENDRN)) {
        set_pending_where_possible(vcpu, offset, (uint32_t)stored);
        return false;
    }
    return admits_store(offset, (uint32_t)stored);
}

bool distributor_accepts(size_t vcpu, uint32_t interrupt)
{
    struct gic_dist_map *registers = vgic_get_dist(vgic.registers);
    if (!vgic_dist_is_enabled(registers) || interrupt / 32 > LAST_SAFE_BANK_REGISTER) {
        return false;
    }
    struct virq_handle *handle = virq_find_irq_data(&vgic, vcpu, (int)interrupt);
    if (handle == NULL || handle->virq == VIRQ_INVALID) {
        return false;
    }
    uint32_t enabled = interrupt < NUM_VCPU_LOCAL_VIRQS ? registers->enable_set0[vcpu]
                                                        : registers->enable_set[IRQ_IDX(interrupt)];
    return (enabled & IRQ_BIT(interrupt)) != 0;
}

bool distributor_expects_end(size_t vcpu, uint64_t index)
{
    return index < NUM_LIST_REGS && vgic.vgic_vcpu[vcpu].lr_shadow[index].virq != VIRQ_INVALID;
}

static bool is_between(uint64_t offset, uint64_t first, uint64_t last)
{
    return offset >= first && offset <= last;
}

static bool admits_load(uint64_t offset)
{
    /* libvmm's map is shorter than the implementation defined registers that it reads from it. */
    return !is_between(offset, GIC_DIST_ICFGRN + 4, GIC_DIST_SPENDSGIRN);
}

static bool admits_store(uint64_t offset, uint32_t stored)
{
    if (is_between(offset, GIC_DIST_ISENABLER0, GIC_DIST_ISENABLERN)) {
        return (offset - GIC_DIST_ISENABLER0) / 4 <= LAST_SAFE_BANK_REGISTER;
    }
    if (is_between(offset, GIC_DIST_ICENABLER0, GIC_DIST_ICENABLERN)) {
        return (offset - GIC_DIST_ICENABLER0) / 4 <= LAST_SAFE_BANK_REGISTER;
    }
    if (offset == GIC_DIST_SGIR) {
        return vgic_dist_is_enabled(vgic_get_dist(vgic.registers)) && ((stored >> 24) & 3) != SGI_FILTER_RESERVED;
    }
    return !is_between(offset, GIC_DIST_ICPENDR0, GIC_DIST_ICPENDRN)
        && !is_between(offset, GIC_DIST_CPENDSGIR0, GIC_DIST_SPENDSGIRN);
}

static void set_pending_where_possible(size_t vcpu, uint64_t offset, uint32_t bits)
{
    uint32_t first = (uint32_t)(offset - GIC_DIST_ISPENDR0) / 4 * 32;
    for (uint32_t bit = 0; bit < 32; bit++) {
        if ((bits & (1U << bit)) != 0 && distributor_accepts(vcpu, first + bit)) {
            (void)vgic_inject_irq(vcpu, (int)(first + bit));
        }
    }
}
