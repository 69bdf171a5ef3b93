/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest's accesses to a GICv3's distributor become. */
#include "../../harness.h"
#include "../faults.h"

#define IROUTER0 0x6100

TEST(distributor_v3_has_its_registers_from_libvmm)
{
    /* CTLR, TYPER, the enables and priorities of SPIs, PIDR2: what Linux's driver starts with. */
    static const uint32_t loads[] = { 0x000, 0x004, 0x008, 0x084, 0x104, 0x420, 0xc08, 0xffe8, 0xfffc };
    for (unsigned i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        fake_reset();
        CHECK_EQUAL(load_at(GIC_DIST_PADDR + loads[i]), GUEST_FAULT_FOR_LIBVMM);
    }
    static const uint32_t stores[] = { 0x000, 0x084, 0x104, 0x178, 0x184, 0x1f8, 0x304, 0x384, 0x420, 0xc08 };
    for (unsigned i = 0; i < sizeof stores / sizeof stores[0]; i++) {
        fake_reset();
        CHECK_EQUAL(store_at(GIC_DIST_PADDR + stores[i], UINT32_MAX), GUEST_FAULT_FOR_LIBVMM);
    }
}

TEST(distributor_v3_ignores_what_libvmm_asserts_on)
{
    static const uint32_t offsets[] = { 0xf10,  0xf1c,  0xf20,  0xf2c,  0x17c,  0x1fc,  0x280,  0x2fc,
                                        0x1000, 0x60fc, 0x7f04, 0x8000, 0xffcc, 0xffd0, 0xfffc, 0x204 };
    for (unsigned i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        fake_reset();
        fake.distributor.ctlr = GIC_DIST_ENABLED;
        CHECK_EQUAL(store_at(GIC_DIST_PADDR + offsets[i], UINT32_MAX), GUEST_FAULT_DONE);
        CHECK_EQUAL(fake.registers.pc, PC + 4);
    }
}

TEST(distributor_v3_loads_zero_where_libvmm_has_no_register)
{
    static const uint32_t offsets[] = { 0xd00, 0xde4, 0xf00, 0xf10, 0x1000, 0x60fc, 0x7f04, 0x8000, 0xffcc };
    for (unsigned i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        fake_reset();
        CHECK_EQUAL(load_at(GIC_DIST_PADDR + offsets[i]), GUEST_FAULT_DONE);
        CHECK_EQUAL(fake.registers.x[5], 0);
        CHECK_EQUAL(strlen(fake.log), 0);
    }
}

TEST(distributor_v3_routes_everything_to_the_one_cpu)
{
    fake_reset();
    uint64_t load = data_abort(.width_log2 = 3, .rt = 5, .is_64_bit = true);
    uint64_t store = data_abort(.width_log2 = 3, .rt = 5, .is_64_bit = true, .is_write = true);
    CHECK_EQUAL(access_at(GIC_DIST_PADDR + IROUTER0 + 8 * 42, store, 1UL << 31), GUEST_FAULT_DONE);
    CHECK_EQUAL(access_at(GIC_DIST_PADDR + IROUTER0 + 8 * 42, load, 77), GUEST_FAULT_DONE);
    CHECK_EQUAL(fake.registers.x[5], 0);
}

TEST(distributor_v3_sends_nobody_an_interrupt_by_its_old_register)
{
    fake_reset();
    fake_enable(5);
    CHECK_EQUAL(store_at(GIC_DIST_PADDR + GIC_DIST_SGIR, 0x02000005), GUEST_FAULT_DONE);
    CHECK_EQUAL(fake.injected[5], 0);
}

TEST(distributor_v3_sets_pending_what_is_registered_and_enabled)
{
    fake_reset();
    fake_enable(75);
    CHECK_EQUAL(store_at(GIC_DIST_PADDR + GIC_DIST_ISPENDR0 + 8, UINT32_MAX), GUEST_FAULT_DONE);
    for (unsigned i = 64; i < 96; i++) {
        CHECK_EQUAL(fake.injected[i], i == 75);
    }
}

TEST(distributor_v3_takes_words_and_where_allowed_bytes)
{
    fake_reset();
    uint64_t byte = data_abort(.width_log2 = 0, .rt = 5), doubleword = data_abort(.width_log2 = 3, .rt = 5);
    CHECK_EQUAL(access_at(GIC_DIST_PADDR + 0x421, byte, 0), GUEST_FAULT_FOR_LIBVMM);
    CHECK_EQUAL(access_at(GIC_DIST_PADDR + 0x101, byte, 0), GUEST_FAULT_DONE);
    CHECK_EQUAL(access_at(GIC_DIST_PADDR + 0x400, doubleword, 0), GUEST_FAULT_DONE);
    CHECK_EQUAL(access_at(GIC_DIST_PADDR + 0xfff8, doubleword, 0), GUEST_FAULT_DONE);
}
