/* SPDX-License-Identifier: BSD-2-Clause */
/* Decides which accesses to the emulated distributor reach libvmm. Register names are of ARM IHI 0048B, section 4.1,
 * and ARM IHI 0069H, section 12.8. What the two versions have in common is most of it. */
#include <string.h>
#include <microkit.h>
#include <libvmm/libvmm.h>
#include <libvmm/arch/aarch64/vgic/vgic.h>
#include <libvmm/arch/aarch64/vgic/virq.h>
#include "distributor.h"
#include "redistributor.h"

#if defined(GIC_V2)
#include <libvmm/arch/aarch64/vgic/vgic_v2.h>
#elif defined(GIC_V3)
#include <libvmm/arch/aarch64/vgic/vgic_v3.h>
#endif

/* libvmm keeps 31 words for the registers 1 to 31 of a bank but indexes them 1 to 31, so the last one is out of
 * bounds. */
#define LAST_SAFE_BANK_REGISTER 30
#define SGI_FILTER_RESERVED 3
/* GICv3: where the identification registers begin, to which libvmm gives no name. */
#define GIC_DIST_PIDR_FIRST 0xffd0

/* libvmm's one distributor. */
extern vgic_t vgic;

static bool is_between(uint64_t offset, uint64_t first, uint64_t last);
static bool admits_width(uint64_t offset, unsigned width_bytes);
static bool admits_load(uint64_t offset);
static bool admits_store(uint64_t offset, uint32_t stored);
static bool admits_trigger(uint32_t stored);
static bool is_local_enabled(size_t vcpu, uint32_t interrupt);

bool distributor_owns(uint64_t address)
{
    return address >= GIC_DIST_PADDR && address - GIC_DIST_PADDR < GIC_DIST_SIZE;
}

bool distributor_admits(size_t vcpu, const struct guest_access *access, uint64_t stored)
{
    uint64_t offset = access->address - GIC_DIST_PADDR;
    if (!admits_width(offset, access->width_bytes)) {
        return false;
    }
    if (!access->is_write) {
        return admits_load(offset) && access->register_number != 31;
    }
    if (is_between(offset, GIC_DIST_ISPENDR0, GIC_DIST_ISPENDRN)) {
        distributor_set_pending(vcpu, (uint32_t)(offset - GIC_DIST_ISPENDR0) / 4 * 32, (uint32_t)stored);
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
    return interrupt < NUM_VCPU_LOCAL_VIRQS ? is_local_enabled(vcpu, interrupt)
                                            : (registers->enable_set[IRQ_IDX(interrupt)] & IRQ_BIT(interrupt)) != 0;
}

void distributor_set_pending(size_t vcpu, uint32_t first, uint32_t bits)
{
    for (uint32_t bit = 0; bit < 32; bit++) {
        if ((bits & (1U << bit)) != 0 && distributor_accepts(vcpu, first + bit)) {
            (void)vgic_inject_irq(vcpu, (int)(first + bit));
        }
    }
}

void distributor_reset(size_t vcpu)
{
    static vgic_t before;
    before = vgic;
    /* Forgets everything, the handlers too. */
    vgic_init();
    memcpy(vgic.vspis, before.vspis, sizeof(vgic.vspis));
    vgic_vcpu_t *own = &vgic.vgic_vcpu[vcpu];
    memcpy(own->local_virqs, before.vgic_vcpu[vcpu].local_virqs, sizeof(own->local_virqs));
    memcpy(own->lr_shadow, before.vgic_vcpu[vcpu].lr_shadow, sizeof(own->lr_shadow));
    memset(&own->irq_queue, 0, sizeof(own->irq_queue));
}

bool distributor_expects_end(size_t vcpu, uint64_t index)
{
    return index < NUM_LIST_REGS && vgic.vgic_vcpu[vcpu].lr_shadow[index].virq != VIRQ_INVALID;
}

static bool is_between(uint64_t offset, uint64_t first, uint64_t last)
{
    return offset >= first && offset <= last;
}

static bool admits_width(uint64_t offset, unsigned width_bytes)
{
    bool has_bytes = is_between(offset, GIC_DIST_IPRIORITYR0, GIC_DIST_ITARGETSRN + 3);
    return width_bytes == 4 || (width_bytes == 1 && has_bytes);
}

#if defined(GIC_V2)

static bool admits_load(uint64_t offset)
{
    /* libvmm's map is shorter than the implementation defined registers that it reads from it. */
    return !is_between(offset, GIC_DIST_ICFGRN + 4, GIC_DIST_SPENDSGIRN);
}

static bool admits_trigger(uint32_t stored)
{
    return vgic_dist_is_enabled(vgic_get_dist(vgic.registers)) && ((stored >> 24) & 3) != SGI_FILTER_RESERVED;
}

static bool is_local_enabled(size_t vcpu, uint32_t interrupt)
{
    return (vgic_get_dist(vgic.registers)->enable_set0[vcpu] & IRQ_BIT(interrupt)) != 0;
}

#else

/* The rest of the 64 KiB: libvmm logs a line for every load and asserts on every store. IROUTER<n> it ignores, which is
 * what a machine of one CPU does with it; the identification is read at the end. */
static bool admits_load(uint64_t offset)
{
    return offset <= GIC_DIST_ICFGRN + 3 || is_between(offset, GIC_DIST_PIDR_FIRST, GIC_DIST_SIZE - 1);
}

/* SGIR has no effect where affinity routing is on, as it is here. libvmm would assert that the interrupt is enabled;
 * whether it is, the guest decides in its redistributor. */
static bool admits_trigger(uint32_t stored)
{
    (void)stored;
    return false;
}

static bool is_local_enabled(size_t vcpu, uint32_t interrupt)
{
    return redistributor_enables(vcpu, interrupt);
}

#endif

static bool admits_store(uint64_t offset, uint32_t stored)
{
    if (is_between(offset, GIC_DIST_ISENABLER0, GIC_DIST_ISENABLERN)) {
        return (offset - GIC_DIST_ISENABLER0) / 4 <= LAST_SAFE_BANK_REGISTER;
    }
    if (is_between(offset, GIC_DIST_ICENABLER0, GIC_DIST_ICENABLERN)) {
        return (offset - GIC_DIST_ICENABLER0) / 4 <= LAST_SAFE_BANK_REGISTER;
    }
    if (offset == GIC_DIST_SGIR) {
        return admits_trigger(stored);
    }
    /* Behind it nothing is stored, but libvmm asserts at CPENDSGIR, SPENDSGIR and where no register is. */
    return offset < GIC_DIST_ICFGRN + 4 && !is_between(offset, GIC_DIST_ICPENDR0, GIC_DIST_ICPENDRN);
}
