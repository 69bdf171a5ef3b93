/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of the guest's faults before libvmm sees them. */
#include "../harness.h"
#include "fake.h"
#include "faults.h"
#include "guest_fault.h"
#include "played_device.h"
#include "virtual_timer.h"

/* By any register, whose value the test has put there. */
static enum guest_fault_verdict access_with(unsigned number, uint64_t address, bool is_write)
{
    fake.message[seL4_VMFault_IP] = fake.registers.pc;
    fake.message[seL4_VMFault_Addr] = address;
    fake.message[seL4_VMFault_PrefetchFault] = 0;
    fake.message[seL4_VMFault_FSR] = data_abort(.width_log2 = 2, .rt = number, .is_write = is_write);
    return judge(seL4_Fault_VMFault);
}

TEST(fault_without_valid_syndrome_stops_the_guest)
{
    fake_reset();
    CHECK_EQUAL(access_at(0x140000, data_abort(.width_log2 = 2, .rt = 5) & ~SYNDROME_VALID, 0), GUEST_FAULT_STOP);
    CHECK(strstr(fake.log, "address 0x140000") != NULL);
}

TEST(fault_at_the_socket_is_done_with_the_registers_that_it_takes)
{
    for (unsigned number = 5; number <= 9; number += 4) {
        set_up();
        fake.registers.pc = PC;
        fake.registers.x[number] = 0xaabbccdd11223344;
        CHECK_EQUAL(access_with(number, 0x140038, true), GUEST_FAULT_DONE);
        CHECK_EQUAL(played.offset, 0x38);
        CHECK_EQUAL(played.value, 0x11223344);
        CHECK_EQUAL(fake.registers.pc, PC + 4);
        CHECK_EQUAL(fake.registers.x[number], 0xaabbccdd11223344);
        played.answer = 0x174726976;
        CHECK_EQUAL(access_with(number, 0x140000, false), GUEST_FAULT_DONE);
        CHECK_EQUAL(fake.registers.x[number], 0x74726976);
        CHECK_EQUAL(fake.registers.pc, PC + 8);
    }
}

TEST(fault_at_the_socket_takes_the_zero_register_for_zero)
{
    set_up();
    fake.registers = (seL4_UserContext) { .pc = PC, .sp = 1, .x = { [0] = 2, [30] = 3 } };
    CHECK_EQUAL(access_with(31, 0x140070, true), GUEST_FAULT_DONE);
    CHECK_EQUAL(played.value, 0);
    played.answer = 5;
    CHECK_EQUAL(access_with(31, 0x140000, false), GUEST_FAULT_DONE);
    CHECK_EQUAL(fake.registers.pc, PC + 8);
    CHECK_EQUAL(fake.registers.sp, 1);
    CHECK_EQUAL(fake.registers.x[0], 2);
    CHECK_EQUAL(fake.registers.x[30], 3);
}

TEST(fault_at_the_socket_without_registers_stops_the_guest)
{
    set_up();
    played.offset = 1;
    fake.read_error = 3;
    CHECK_EQUAL(access_with(5, 0x140038, true), GUEST_FAULT_STOP);
    CHECK_EQUAL(played.offset, 1);
    CHECK(strstr(fake.log, "cannot be read, seL4 error 3") != NULL);
    fake.read_error = seL4_NoError;
    fake.write_error = 3;
    CHECK_EQUAL(access_with(5, 0x140038, true), GUEST_FAULT_STOP);
    CHECK(strstr(fake.log, "cannot be written, seL4 error 3") != NULL);
}

TEST(fault_elsewhere_goes_to_libvmm_with_its_message)
{
    fake_reset();
    CHECK_EQUAL(store_at(0x180050, 1), GUEST_FAULT_FOR_LIBVMM);
    CHECK_EQUAL(fake.register_reads, 0);
    CHECK_EQUAL(fake.message[seL4_VMFault_Addr], 0x180050);
}

TEST(fault_at_the_distributor_goes_to_libvmm_with_its_message)
{
    fake_reset();
    CHECK_EQUAL(store_at(GIC_DIST_PADDR + GIC_DIST_CTLR, 1), GUEST_FAULT_FOR_LIBVMM);
    CHECK_EQUAL(fake.register_reads, 1);
    CHECK_EQUAL(fake.message[seL4_VMFault_Addr], GIC_DIST_PADDR + GIC_DIST_CTLR);
    CHECK_EQUAL(fake.message[seL4_VMFault_IP], PC);
}

TEST(psci_off_stops_the_guest)
{
    fake_reset();
    CHECK_EQUAL(smc(0x84000008), GUEST_FAULT_STOP);
    CHECK(strstr(fake.log, "power") != NULL);
}

TEST(psci_reset_of_either_kind_resets_the_guest)
{
    static const uint64_t functions[] = { 0x84000009, 0x84000012, 0xc4000012 };
    for (unsigned i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        fake_reset();
        CHECK_EQUAL(smc(functions[i]), GUEST_FAULT_RESET);
        CHECK_EQUAL(fake.advances, 0);
    }
}

TEST(psci_otherwise_is_for_libvmm_with_its_message)
{
    fake_reset();
    CHECK_EQUAL(smc(0x84000000), GUEST_FAULT_FOR_LIBVMM);
    CHECK_EQUAL(fake.message[seL4_VCPUFault_HSR], SMC_SYNDROME);
    CHECK_EQUAL(smc(0xc4000003), GUEST_FAULT_FOR_LIBVMM);
}

TEST(calls_that_nobody_knows_are_answered)
{
    /* The same numbers as PSCI's in another service, PSCI's that are optional, and a hypercall. */
    static const uint64_t functions[] = { 0x82000008, 0x80000000, 0x84000002, 0x84000050, 0x8400001f, 0xc2000001 };
    for (unsigned i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        fake_reset();
        CHECK_EQUAL(smc(functions[i]), GUEST_FAULT_DONE);
        CHECK_EQUAL(fake.registers.x[0], UINT64_MAX);
        CHECK_EQUAL(fake.advances, 1);
        CHECK_EQUAL(strlen(fake.log), 0);
    }
    fake_reset();
    CHECK_EQUAL(judge(seL4_Fault_UnknownSyscall), GUEST_FAULT_DONE);
    CHECK_EQUAL(fake.registers.x[0], UINT64_MAX);
    CHECK_EQUAL(fake.advances, 1);
}

TEST(wait_for_interrupt_is_told_from_the_other_waits)
{
    fake_reset();
    fake.message[seL4_VCPUFault_HSR] = 1UL << 26;
    CHECK_EQUAL(judge(seL4_Fault_VCPUFault), GUEST_FAULT_WAIT);
    /* WFE, WFIT, WFET. */
    for (seL4_Word instruction = 1; instruction < 4; instruction++) {
        fake.message[seL4_VCPUFault_HSR] = 1UL << 26 | instruction;
        CHECK_EQUAL(judge(seL4_Fault_VCPUFault), GUEST_FAULT_DONE);
    }
    CHECK_EQUAL(fake.register_reads, 0);
    CHECK_EQUAL(fake.advances, 0);
}

TEST(maintenance_of_no_list_register_is_over)
{
    fake_reset();
    fake.message[seL4_VGICMaintenance_IDX] = (seL4_Word)-1;
    CHECK_EQUAL(judge(seL4_Fault_VGICMaintenance), GUEST_FAULT_DONE);
    fake.message[seL4_VGICMaintenance_IDX] = 2;
    CHECK_EQUAL(judge(seL4_Fault_VGICMaintenance), GUEST_FAULT_DONE);
    vgic.vgic_vcpu[0].lr_shadow[2].virq = 75;
    CHECK_EQUAL(judge(seL4_Fault_VGICMaintenance), GUEST_FAULT_FOR_LIBVMM);
}

static enum guest_fault_verdict timer_fires(void)
{
    fake.message[seL4_VPPIEvent_IRQ] = 27;
    return judge(seL4_Fault_VPPIEvent);
}

TEST(timer_is_injected_when_the_guest_can_take_it)
{
    fake_reset();
    fake_enable(27);
    CHECK_EQUAL(timer_fires(), GUEST_FAULT_DONE);
    CHECK_EQUAL(fake.injected[27], 1);
    virtual_timer_release(0);
    CHECK_EQUAL(fake.acknowledged, 0);
}

TEST(timer_is_held_until_the_next_access_and_says_so_once)
{
    fake_reset();
    uint64_t held = virtual_timer_held_count();
    for (unsigned i = 1; i <= 1000; i++) {
        CHECK_EQUAL(timer_fires(), GUEST_FAULT_DONE);
        CHECK_EQUAL(fake.acknowledged, i - 1);
        virtual_timer_release(0);
        virtual_timer_release(0);
        CHECK_EQUAL(fake.acknowledged, i);
    }
    CHECK_EQUAL(fake.injected[27], 0);
    CHECK_EQUAL(virtual_timer_held_count(), held + 1000);
    CHECK(strlen(fake.log) < 100);
}

TEST(timer_is_not_injected_while_the_distributor_is_off)
{
    fake_reset();
    fake_enable(27);
    fake.distributor.ctlr = 0;
    CHECK_EQUAL(timer_fires(), GUEST_FAULT_DONE);
    CHECK_EQUAL(fake.injected[27], 0);
    virtual_timer_release(0);
    CHECK_EQUAL(fake.acknowledged, 1);
}

TEST(fault_of_a_console_kick_is_answered_even_if_the_interrupt_is_refused)
{
    fake_reset();
    struct virtio_console_device console = { .virtio_device = { .num_vqs = 0 } };
    struct guarded_console guarded = { .device = &console, .base = 0x130000, .size = 0x1000 };
    fake.registers.pc = PC;
    fake.message[seL4_VMFault_IP] = PC;
    fake.message[seL4_VMFault_Addr] = 0x130000 + REG_VIRTIO_MMIO_QUEUE_NOTIFY;
    fake.message[seL4_VMFault_PrefetchFault] = 0;
    fake.message[seL4_VMFault_FSR] = data_abort(.width_log2 = 2, .rt = 5, .is_write = true);
    struct guest_fault fault = guest_fault_read(0, (microkit_msginfo) { seL4_Fault_VMFault });
    CHECK_EQUAL(guest_fault_judge(&fault, &guarded), GUEST_FAULT_DONE);
    CHECK_EQUAL(fake.console_kicks, 1);
}
