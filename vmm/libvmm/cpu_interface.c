/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes a trapped MRS or MSR apart (Arm ARM, D17.2.37, "ISS encoding for an exception from MSR, MRS, or System
 * instruction execution in AArch64 state"), and ICC_SGI1R_EL1 (ARM IHI 0069H, section 12.2). */
#include <libvmm/libvmm.h>
#include <libvmm/arch/aarch64/vgic/vgic.h>
#include "cpu_interface.h"
#include "distributor.h"

#if defined(GIC_V3)

/* Op0, Op2, Op1, CRn and CRm where the syndrome has them. */
#define SYSTEM_REGISTER(op0, op1, crn, crm, op2) ((op0) << 20 | (op2) << 17 | (op1) << 14 | (crn) << 10 | (crm) << 1)
#define SYSTEM_REGISTER_MASK SYSTEM_REGISTER(3U, 7U, 15U, 15U, 7U)
#define ICC_SGI1R_EL1 SYSTEM_REGISTER(3U, 0U, 12U, 11U, 5U)
#define ICC_SRE_EL1 SYSTEM_REGISTER(3U, 0U, 12U, 12U, 5U)
#define IS_READ(syndrome) (((syndrome) & 1) != 0)
#define REGISTER_NUMBER(syndrome) (((syndrome) >> 5) & 0x1f)
#define ZERO_REGISTER 31

#define SGI_INTERRUPT(value) (((value) >> 24) & 0xf)
#define SGI_TO_ALL_OTHERS(value) (((value) >> 40) & 1)
#define SGI_TARGETS(value) ((value) & 0xffff)
/* Aff1, Aff2, Aff3 and the range selector: all zero for the CPUs that a guest of libvmm's has. */
#define SGI_ELSEWHERE(value) ((value) & 0x00fff0ff00ff0000)

static void send_interrupt(size_t vcpu, uint64_t value);

bool cpu_interface_does(size_t vcpu, seL4_Word syndrome, seL4_UserContext *registers)
{
    uint64_t number = REGISTER_NUMBER(syndrome);
    switch (syndrome & SYSTEM_REGISTER_MASK) {
    case ICC_SGI1R_EL1:
        if (IS_READ(syndrome)) {
            return false;
        }
        send_interrupt(vcpu, number == ZERO_REGISTER ? 0 : *decode_rt(number, registers));
        return true;
    case ICC_SRE_EL1:
        return IS_READ(syndrome) && number == ZERO_REGISTER;
    default:
        return false;
    }
}

/* The guest has one CPU, so only what it sends to itself arrives. */
static void send_interrupt(size_t vcpu, uint64_t value)
{
    uint32_t interrupt = (uint32_t)SGI_INTERRUPT(value);
    bool is_to_itself = !SGI_TO_ALL_OTHERS(value) && SGI_ELSEWHERE(value) == 0 && ((SGI_TARGETS(value) >> vcpu) & 1);
    if (is_to_itself && distributor_accepts(vcpu, interrupt)) {
        (void)vgic_inject_irq(vcpu, (int)interrupt);
    }
}

#else

bool cpu_interface_does(size_t vcpu, seL4_Word syndrome, seL4_UserContext *registers)
{
    (void)vcpu, (void)syndrome, (void)registers;
    return false;
}

#endif
