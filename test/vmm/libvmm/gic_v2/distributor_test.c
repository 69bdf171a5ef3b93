/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest's accesses to a GICv2's distributor become. */
#include "../../harness.h"
#include "../faults.h"

TEST(distributor_ignores_what_libvmm_asserts_on)
{
    static const uint32_t offsets[] = { 0xf10, 0xf1c, 0xf20, 0xf2c, 0x17c, 0x1fc, 0x280, 0x2fc, 0x204, 0x27c };
    for (unsigned i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        fake_reset();
        fake.distributor.ctlr = 1;
        CHECK_EQUAL(store_at(GIC_DIST_PADDR + offsets[i], UINT32_MAX), GUEST_FAULT_DONE);
        CHECK_EQUAL(fake.registers.pc, PC + 4);
    }
}

TEST(distributor_sends_itself_interrupts_only_when_on)
{
    fake_reset();
    CHECK_EQUAL(store_at(GIC_DIST_PADDR + GIC_DIST_SGIR, 0x02000005), GUEST_FAULT_DONE);
    fake.distributor.ctlr = 1;
    CHECK_EQUAL(store_at(GIC_DIST_PADDR + GIC_DIST_SGIR, 0x02000005), GUEST_FAULT_FOR_LIBVMM);
    CHECK_EQUAL(store_at(GIC_DIST_PADDR + GIC_DIST_SGIR, 0x03000005), GUEST_FAULT_DONE);
}

TEST(distributor_sets_pending_what_is_registered_and_enabled)
{
    fake_reset();
    fake_enable(75);
    CHECK_EQUAL(store_at(GIC_DIST_PADDR + GIC_DIST_ISPENDR0 + 8, UINT32_MAX), GUEST_FAULT_DONE);
    for (unsigned i = 64; i < 96; i++) {
        CHECK_EQUAL(fake.injected[i], i == 75);
    }
    /* A private interrupt that exists and is enabled, but that nobody registered. */
    fake_enable(20);
    CHECK_EQUAL(store_at(GIC_DIST_PADDR + GIC_DIST_ISPENDR0, UINT32_MAX), GUEST_FAULT_DONE);
    CHECK_EQUAL(fake.injected[20], 0);
}

TEST(distributor_takes_words_and_where_allowed_bytes)
{
    fake_reset();
    uint64_t byte = data_abort(.width_log2 = 0, .rt = 5), doubleword = data_abort(.width_log2 = 3, .rt = 5);
    CHECK_EQUAL(access_at(GIC_DIST_PADDR + 0x421, byte, 0), GUEST_FAULT_FOR_LIBVMM);
    CHECK_EQUAL(access_at(GIC_DIST_PADDR + 0x101, byte, 0), GUEST_FAULT_DONE);
    CHECK_EQUAL(access_at(GIC_DIST_PADDR + 0x400, doubleword, 0), GUEST_FAULT_DONE);
}

TEST(distributor_loads_zero_where_libvmm_must_not_look)
{
    fake_reset();
    CHECK_EQUAL(access_at(GIC_DIST_PADDR + 0xd04, data_abort(.width_log2 = 2, .rt = 5), 77), GUEST_FAULT_DONE);
    CHECK_EQUAL(fake.registers.x[5], 0);
    CHECK_EQUAL(access_at(GIC_DIST_PADDR + 4, data_abort(.width_log2 = 2, .rt = 31), 0), GUEST_FAULT_DONE);
}
