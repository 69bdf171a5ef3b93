/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest's accesses to a GICv3's redistributor become. */
#include "../../harness.h"
#include "../faults.h"

#define FRAMES_OF_ONE_CPU 0x20000
#define GICR_ISPENDR0 0x10200

TEST(redistributor_has_its_registers_from_libvmm)
{
    static const uint32_t loads[] = { GICR_CTLR,  GICR_IIDR,     GICR_TYPER, GICR_WAKER,
                                      GICR_PIDR2, GICR_IGROUPR0, GICR_ICFGR1 };
    for (unsigned i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        fake_reset();
        CHECK_EQUAL(load_at(GIC_REDIST_PADDR + loads[i]), GUEST_FAULT_FOR_LIBVMM);
        CHECK_EQUAL(fake.message[seL4_VMFault_Addr], GIC_REDIST_PADDR + loads[i]);
    }
    static const uint32_t stores[] = { GICR_WAKER,      GICR_IGROUPR0,    GICR_ISENABLER0, GICR_ICENABLER0,
                                       GICR_ICACTIVER0, GICR_IPRIORITYR0, GICR_IPRIORITYRN };
    for (unsigned i = 0; i < sizeof stores / sizeof stores[0]; i++) {
        fake_reset();
        CHECK_EQUAL(store_at(GIC_REDIST_PADDR + stores[i], UINT32_MAX), GUEST_FAULT_FOR_LIBVMM);
    }
}

/* Every other register of the frames, as Linux or a hostile guest may try them. */
TEST(redistributor_ignores_what_libvmm_asserts_on)
{
    for (uint64_t offset = 0; offset < FRAMES_OF_ONE_CPU; offset += 4) {
        fake_reset();
        enum guest_fault_verdict verdict = load_at(GIC_REDIST_PADDR + offset);
        bool is_libvmms = offset == GICR_CTLR || offset == GICR_IIDR || offset == GICR_TYPER || offset == GICR_WAKER
                       || offset == GICR_PIDR2 || offset == GICR_IGROUPR0 || offset == GICR_ICFGR1;
        CHECK_EQUAL(verdict, is_libvmms ? GUEST_FAULT_FOR_LIBVMM : GUEST_FAULT_DONE);
        CHECK_EQUAL(fake.registers.x[5], is_libvmms ? UINT64_MAX : 0);

        fake_reset();
        verdict = store_at(GIC_REDIST_PADDR + offset, UINT32_MAX);
        is_libvmms = offset == GICR_WAKER || offset == GICR_IGROUPR0 || offset == GICR_ISENABLER0
                  || offset == GICR_ICENABLER0 || offset == GICR_ICACTIVER0
                  || (offset >= GICR_IPRIORITYR0 && offset <= GICR_IPRIORITYRN);
        CHECK_EQUAL(verdict, is_libvmms ? GUEST_FAULT_FOR_LIBVMM : GUEST_FAULT_DONE);
        CHECK_EQUAL(fake.advances, is_libvmms ? 0 : 1);
    }
}

TEST(redistributor_of_a_cpu_that_is_not_there_reads_zero)
{
    for (uint64_t offset = FRAMES_OF_ONE_CPU; offset < GIC_REDIST_TOTAL_SIZE; offset += 0x10000) {
        fake_reset();
        CHECK_EQUAL(load_at(GIC_REDIST_PADDR + offset), GUEST_FAULT_DONE);
        CHECK_EQUAL(fake.registers.x[5], 0);
        CHECK_EQUAL(store_at(GIC_REDIST_PADDR + offset + 0x14, 0), GUEST_FAULT_DONE);
    }
    fake_reset();
    CHECK_EQUAL(load_at(GIC_REDIST_PADDR + GIC_REDIST_TOTAL_SIZE), GUEST_FAULT_FOR_LIBVMM);
    CHECK_EQUAL(fake.register_reads, 0);
}

TEST(redistributor_takes_the_widths_that_its_registers_have)
{
    fake_reset();
    uint64_t byte = data_abort(.width_log2 = 0, .rt = 5), half = data_abort(.width_log2 = 1, .rt = 5);
    uint64_t doubleword = data_abort(.width_log2 = 3, .rt = 5, .is_64_bit = true);
    uint64_t store_byte = data_abort(.width_log2 = 0, .rt = 5, .is_write = true);
    uint64_t store_doubleword = data_abort(.width_log2 = 3, .rt = 5, .is_64_bit = true, .is_write = true);
    CHECK_EQUAL(access_at(GIC_REDIST_PADDR + GICR_TYPER, doubleword, 0), GUEST_FAULT_FOR_LIBVMM);
    CHECK_EQUAL(access_at(GIC_REDIST_PADDR + GICR_CTLR, doubleword, 0), GUEST_FAULT_DONE);
    CHECK_EQUAL(access_at(GIC_REDIST_PADDR + GICR_WAKER, byte, 0), GUEST_FAULT_DONE);
    CHECK_EQUAL(access_at(GIC_REDIST_PADDR + GICR_TYPER, half, 0), GUEST_FAULT_DONE);
    CHECK_EQUAL(access_at(GIC_REDIST_PADDR + GICR_IPRIORITYR0 + 3, store_byte, 0), GUEST_FAULT_FOR_LIBVMM);
    CHECK_EQUAL(access_at(GIC_REDIST_PADDR + GICR_ISENABLER0, store_byte, 0), GUEST_FAULT_DONE);
    CHECK_EQUAL(access_at(GIC_REDIST_PADDR + GICR_IPRIORITYR0, store_doubleword, 0), GUEST_FAULT_DONE);
    CHECK_EQUAL(access_at(GIC_REDIST_PADDR + GICR_CTLR, data_abort(.width_log2 = 2, .rt = 31), 0), GUEST_FAULT_DONE);
}

TEST(redistributor_sets_pending_what_is_registered_and_enabled)
{
    fake_reset();
    fake_enable(5);
    fake_enable(20); /* nobody registered it */
    CHECK_EQUAL(store_at(GIC_REDIST_PADDR + GICR_ISPENDR0, UINT32_MAX), GUEST_FAULT_DONE);
    for (unsigned i = 0; i < 32; i++) {
        CHECK_EQUAL(fake.injected[i], i == 5);
    }
}
