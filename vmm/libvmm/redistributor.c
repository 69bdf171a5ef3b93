/* SPDX-License-Identifier: BSD-2-Clause */
/* Decides which accesses to the emulated redistributor reach libvmm. Register names are of ARM IHI 0069H, sections
 * 12.10 and 12.11. */
#include <microkit.h>
#include <libvmm/libvmm.h>
#include <libvmm/arch/aarch64/vgic/vgic.h>
#include <libvmm/arch/aarch64/vgic/virq.h>
#include "distributor.h"
#include "redistributor.h"

#if defined(GIC_V3)
#include <libvmm/arch/aarch64/vgic/vgic_v3.h>

/* Not among libvmm's names, since it does not emulate it. */
#define GICR_ISPENDR0 0x10200

/* libvmm's one interrupt controller. */
extern vgic_t vgic;

static bool admits_load(uint64_t offset, unsigned width_bytes);
static bool admits_store(uint64_t offset, unsigned width_bytes);

bool redistributor_owns(uint64_t address)
{
    return address >= GIC_REDIST_PADDR && address - GIC_REDIST_PADDR < GIC_REDIST_TOTAL_SIZE;
}

bool redistributor_admits(size_t vcpu, const struct guest_access *access, uint64_t stored)
{
    /* The frames of the one CPU that there is come first; behind them is nothing. */
    uint64_t offset = access->address - GIC_REDIST_PADDR;
    if (!access->is_write) {
        return admits_load(offset, access->width_bytes) && access->register_number != 31;
    }
    if (offset == GICR_ISPENDR0 && access->width_bytes == 4) {
        distributor_set_pending(vcpu, 0, (uint32_t)stored);
        return false;
    }
    return admits_store(offset, access->width_bytes);
}

bool redistributor_enables(size_t vcpu, uint32_t interrupt)
{
    return is_sgi_ppi_enabled_v3(vgic_get_redist_sgi_ppi(vgic.registers, vcpu), (int)interrupt);
}

static bool admits_load(uint64_t offset, unsigned width_bytes)
{
    switch (offset) {
    case GICR_TYPER:
        return width_bytes == 4 || width_bytes == 8;
    case GICR_CTLR:
    case GICR_IIDR:
    case GICR_WAKER:
    case GICR_PIDR2:
    case GICR_IGROUPR0:
    case GICR_ICFGR1:
        return width_bytes == 4;
    default:
        return false;
    }
}

static bool admits_store(uint64_t offset, unsigned width_bytes)
{
    switch (offset) {
    case GICR_WAKER:
    case GICR_IGROUPR0:
    case GICR_ISENABLER0:
    case GICR_ICENABLER0:
    case GICR_ICACTIVER0:
        return width_bytes == 4;
    default:
        return offset >= GICR_IPRIORITYR0 && offset < GICR_IPRIORITYRN + 4 && (width_bytes == 4 || width_bytes == 1);
    }
}

#else

bool redistributor_owns(uint64_t address)
{
    (void)address;
    return false;
}

bool redistributor_admits(size_t vcpu, const struct guest_access *access, uint64_t stored)
{
    (void)vcpu, (void)access, (void)stored;
    return false;
}

bool redistributor_enables(size_t vcpu, uint32_t interrupt)
{
    (void)vcpu, (void)interrupt;
    return false;
}

#endif
