/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest's accesses to the trapped registers of a GICv3's CPU interface become. */
#include "../../harness.h"
#include "../faults.h"

#define MSR 0
#define MRS 1
#define ICC_SGI1R_EL1 0x3a3016 /* op0 3, op2 5, op1 0, CRn 12, CRm 11, each where the syndrome has it */
#define ICC_SRE_EL1 0x3a3018   /* CRm 12 */
#define ICC_CTLR_EL1 0x383018  /* op2 4 */
#define TO_ITSELF(interrupt) (1UL | (uint64_t)(interrupt) << 24)

static enum guest_fault_verdict system_register(uint64_t name, unsigned direction, unsigned rt, uint64_t value)
{
    fake.registers.pc = PC;
    if (rt < 31) {
        fake.registers.x[rt] = value;
    }
    fake.message[seL4_VCPUFault_HSR] = 0x18UL << 26 | 1UL << 25 | name | (uint64_t)rt << 5 | direction;
    return judge(seL4_Fault_VCPUFault);
}

TEST(cpu_interface_sends_itself_what_is_enabled)
{
    fake_reset();
    fake_enable(5);
    CHECK_EQUAL(system_register(ICC_SGI1R_EL1, MSR, 7, TO_ITSELF(5)), GUEST_FAULT_DONE);
    CHECK_EQUAL(fake.injected[5], 1);
    CHECK_EQUAL(fake.registers.pc, PC + 4);
    CHECK_EQUAL(fake.registers.x[7], TO_ITSELF(5));
}

TEST(cpu_interface_drops_what_is_not_enabled_or_while_the_distributor_is_off)
{
    fake_reset();
    fake_enable(5);
    CHECK_EQUAL(system_register(ICC_SGI1R_EL1, MSR, 7, TO_ITSELF(6)), GUEST_FAULT_DONE);
    CHECK_EQUAL(fake.injected[6], 0);
    fake.distributor.ctlr = 0;
    CHECK_EQUAL(system_register(ICC_SGI1R_EL1, MSR, 7, TO_ITSELF(5)), GUEST_FAULT_DONE);
    CHECK_EQUAL(fake.injected[5], 0);
    CHECK_EQUAL(fake.advances, 2);
}

TEST(cpu_interface_sends_nothing_to_cpus_that_are_not_there)
{
    /* To all others; to CPU 1; to CPU 0 of other clusters; to CPU 16 of this one. */
    static const uint64_t values[] = { 1UL << 40 | 1, 2, 1UL << 16 | 1, 1UL << 32 | 1, 1UL << 48 | 1, 1UL << 44 | 1 };
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        fake_reset();
        fake_enable(5);
        CHECK_EQUAL(system_register(ICC_SGI1R_EL1, MSR, 7, values[i] | 5UL << 24), GUEST_FAULT_DONE);
        CHECK_EQUAL(fake.injected[5], 0);
    }
    fake_reset();
    fake_enable(0);
    CHECK_EQUAL(system_register(ICC_SGI1R_EL1, MSR, 31, 0), GUEST_FAULT_DONE);
    CHECK_EQUAL(fake.injected[0], 0);
}

TEST(cpu_interface_reads_are_libvmms_but_not_into_the_zero_register)
{
    fake_reset();
    CHECK_EQUAL(system_register(ICC_SRE_EL1, MRS, 7, 0), GUEST_FAULT_FOR_LIBVMM);
    CHECK_EQUAL(fake.message[seL4_VCPUFault_HSR] >> 26, 0x18);
    CHECK_EQUAL(system_register(ICC_SRE_EL1, MRS, 31, 0), GUEST_FAULT_DONE);
    /* What libvmm refuses, so that the guest is stopped: nobody needs it. */
    CHECK_EQUAL(system_register(ICC_SRE_EL1, MSR, 7, 7), GUEST_FAULT_FOR_LIBVMM);
    CHECK_EQUAL(system_register(ICC_SGI1R_EL1, MRS, 7, 0), GUEST_FAULT_FOR_LIBVMM);
    CHECK_EQUAL(system_register(ICC_CTLR_EL1, MSR, 7, 0), GUEST_FAULT_FOR_LIBVMM);
}
