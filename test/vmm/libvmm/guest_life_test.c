/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest that is reset, and one that is reset too often. */
#include "../harness.h"
#include "distributor.h"
#include "console_guard.h"
#include "fake.h"
#include "faults.h"
#include "guest_life.h"
#include "idle.h"
#include "list_registers.h"
#include "virtual_timer.h"

/* Heartbeats come ten times a second. */
static void pass(unsigned seconds, unsigned tenths)
{
    for (unsigned i = 0; i < seconds * 10 + tenths; i++) {
        guest_life_pulse();
    }
}

static const vmm_config_t config = { .ram = FAKE_RAM_START, .ram_size = FAKE_RAM_SIZE };

extern const char list_registers_code[];

static void begin(void)
{
    fake_reset();
    fake.vcpu_registers[seL4_VCPUReg_SCTLR] = 0x30d00800;
    fake.vcpu_registers[seL4_VCPUReg_CNTV_CTL] = 0;
    CHECK(guest_life_begin(&config));
    CHECK_EQUAL(fake.starts, 1);
}

static struct guest_fault call(void)
{
    fake.message[seL4_VCPUFault_HSR] = SMC_SYNDROME;
    return guest_fault_read(0, (microkit_msginfo) { seL4_Fault_VCPUFault });
}

TEST(life_begins_with_the_images_in_place)
{
    begin();
    CHECK_EQUAL(fake.placed, 1);
    fake.entry = 0;
    CHECK(!guest_life_begin(&config));
    CHECK_EQUAL(fake.starts, 1);
}

TEST(life_begins_again_as_it_began)
{
    begin();
    fake.vcpu_registers[seL4_VCPUReg_SCTLR] = 0x30d0199d; /* MMU on */
    fake.vcpu_registers[seL4_VCPUReg_TTBR0] = 0x41000000;
    fake.vcpu_registers[seL4_VCPUReg_CNTV_CTL] = 1;
    fake.vcpu_registers[seL4_VCPUReg_Num - 1] = 77;
    CHECK_EQUAL(guest_life_reset(0), GUEST_FAULT_RESTARTED);
    CHECK_EQUAL(fake.stops, 1);
    CHECK_EQUAL(fake.placed, 2);
    CHECK_EQUAL(fake.starts, 2);
    CHECK_EQUAL(fake.registers.pc, fake.entry);
    CHECK_EQUAL(fake.vcpu_registers[seL4_VCPUReg_SCTLR], 0x30d00800);
    CHECK_EQUAL(fake.vcpu_registers[seL4_VCPUReg_TTBR0], 0);
    CHECK_EQUAL(fake.vcpu_registers[seL4_VCPUReg_CNTV_CTL], 0);
    CHECK_EQUAL(fake.vcpu_registers[seL4_VCPUReg_Num - 1], 0);
}

TEST(life_whose_images_do_not_fit_again_stays_off)
{
    begin();
    fake.entry = 0;
    CHECK_EQUAL(guest_life_reset(0), GUEST_FAULT_STOP);
    CHECK_EQUAL(fake.starts, 1);
}

TEST(life_begins_again_with_the_distributor_as_at_first)
{
    begin();
    fake_enable(75);
    fake_enable(27);
    vgic.vspis[0].virq = 75;
    vgic.vgic_vcpu[0].local_virqs[27].virq = 27;
    vgic.vgic_vcpu[0].irq_queue.tail = 3;
    CHECK_EQUAL(guest_life_reset(0), GUEST_FAULT_RESTARTED);
    CHECK(!distributor_accepts(0, 75));
    CHECK(!distributor_accepts(0, 27));
    CHECK_EQUAL(vgic.vspis[0].virq, 75);
    CHECK_EQUAL(vgic.vgic_vcpu[0].local_virqs[27].virq, 27);
    CHECK_EQUAL(vgic.vgic_vcpu[0].irq_queue.tail, 0);
}

TEST(life_begins_again_with_the_timer_free)
{
    begin();
    virtual_timer_fired(0, 27);
    CHECK_EQUAL(fake.acknowledged, 0);
    CHECK_EQUAL(guest_life_reset(0), GUEST_FAULT_RESTARTED);
    CHECK_EQUAL(fake.acknowledged, 1);
    virtual_timer_release(0);
    CHECK_EQUAL(fake.acknowledged, 1);
}

TEST(life_begins_again_after_the_old_ones_interrupts_have_ended)
{
    begin();
    vgic.vgic_vcpu[0].lr_shadow[1].virq = 75;
    vgic.vgic_vcpu[0].lr_shadow[3].virq = 27;
    CHECK_EQUAL(guest_life_reset(0), GUEST_FAULT_RESTARTED);
    /* Not the guest runs now but our own instructions, told what there is. */
    CHECK_EQUAL(fake.starts, 1);
    CHECK_EQUAL(fake.placed, 1);
    CHECK_EQUAL(fake.runs, 1);
    CHECK_EQUAL(fake.registers.pc, FAKE_RAM_START);
    CHECK_EQUAL(fake.registers.spsr, 0x3c5);
#if defined(GIC_V2)
    CHECK_EQUAL(fake.registers.x[0], 0x8010000);
#endif
    CHECK_EQUAL(fake.registers.x[1], 1023);
    CHECK_EQUAL(fake.registers.x[2], 75);
    CHECK_EQUAL(fake.registers.x[3], 1023);
    CHECK_EQUAL(fake.registers.x[4], 27);
    CHECK(memcmp(fake.ram, list_registers_code, 4) == 0);
    CHECK_EQUAL(fake.cleaned, (uintptr_t)fake.ram);
    CHECK_EQUAL(fake.vcpu_registers[seL4_VCPUReg_SCTLR], 0x30d00800);

    /* The ends are libvmm's; a call before the last of them is answered and comes again. */
    struct guest_fault end = { .label = seL4_Fault_VGICMaintenance };
    CHECK(!guest_life_owns(&end));
    struct guest_fault fault = call();
    CHECK(guest_life_owns(&fault));
    CHECK_EQUAL(guest_life_judge(&fault), GUEST_FAULT_DONE);
    CHECK_EQUAL(fake.starts, 1);
    vgic.vgic_vcpu[0].lr_shadow[1].virq = VIRQ_INVALID;
    vgic.vgic_vcpu[0].lr_shadow[3].virq = VIRQ_INVALID;
    CHECK_EQUAL(guest_life_judge(&fault), GUEST_FAULT_RESTARTED);
    CHECK_EQUAL(fake.stops, 2);
    CHECK_EQUAL(fake.placed, 2);
    CHECK_EQUAL(fake.starts, 2);
    CHECK(!guest_life_owns(&fault));
    CHECK(strstr(fake.log, "could not be ended") == NULL);
}

TEST(life_begins_again_even_if_an_interrupt_never_ends)
{
    begin();
    vgic.vgic_vcpu[0].lr_shadow[2].virq = 74;
    CHECK_EQUAL(guest_life_reset(0), GUEST_FAULT_RESTARTED);
    unsigned calls = 0;
    struct guest_fault fault = call();
    while (guest_life_judge(&fault) == GUEST_FAULT_DONE) {
        CHECK(++calls < 1000);
    }
    CHECK_EQUAL(fake.starts, 2);
    /* libvmm still knows that this list register is taken. */
    CHECK_EQUAL(vgic.vgic_vcpu[0].lr_shadow[2].virq, 74);
    CHECK(strstr(fake.log, "could not be ended") != NULL);
}

TEST(life_begins_again_even_if_our_instructions_fault)
{
    begin();
    vgic.vgic_vcpu[0].lr_shadow[0].virq = 27;
    CHECK_EQUAL(guest_life_reset(0), GUEST_FAULT_RESTARTED);
    struct guest_fault fault = { .label = seL4_Fault_VMFault };
    CHECK(guest_life_owns(&fault));
    CHECK_EQUAL(guest_life_judge(&fault), GUEST_FAULT_RESTARTED);
    CHECK_EQUAL(fake.starts, 2);
}

TEST(life_of_a_guest_that_resets_in_a_loop_ends_with_few_lines)
{
    begin();
    unsigned resets = 0;
    while (guest_life_reset(0) == GUEST_FAULT_RESTARTED) {
        CHECK(++resets < 1000);
    }
    CHECK_EQUAL(resets, GUEST_LIFE_RESETS_MAX);
    CHECK_EQUAL(fake.placed, 1 + GUEST_LIFE_RESETS_MAX);
    CHECK(strstr(fake.log, "guest stopped: it was reset more than 8 times") != NULL);
    CHECK(strlen(fake.log) < 1000);
}

TEST(life_of_a_guest_that_resets_now_and_then_never_ends)
{
    begin();
    for (unsigned i = 0; i < 1000; i++) {
        pass(GUEST_LIFE_SECONDS_PER_RESET, 0);
        fake.log[0] = '\0';
        CHECK_EQUAL(guest_life_reset(0), GUEST_FAULT_RESTARTED);
    }
    /* And all that it saved is not more than the most. */
    pass(100000, 0);
    unsigned resets = 0;
    while (guest_life_reset(0) == GUEST_FAULT_RESTARTED) {
        resets++;
    }
    CHECK_EQUAL(resets, GUEST_LIFE_RESETS_MAX);
    /* Time counts in part, too; and not a moment of it was saved while there was nothing to fill up. */
    pass(GUEST_LIFE_SECONDS_PER_RESET / 2, 0);
    CHECK_EQUAL(guest_life_reset(0), GUEST_FAULT_STOP);
    pass(GUEST_LIFE_SECONDS_PER_RESET / 2 - 1, 9);
    CHECK_EQUAL(guest_life_reset(0), GUEST_FAULT_STOP);
    pass(0, 1);
    CHECK_EQUAL(guest_life_reset(0), GUEST_FAULT_RESTARTED);
    CHECK_EQUAL(guest_life_reset(0), GUEST_FAULT_STOP);
}

TEST(life_saves_no_time_before_the_first_reset)
{
    begin();
    pass(GUEST_LIFE_SECONDS_PER_RESET - 1, 9);
    for (unsigned i = 0; i < GUEST_LIFE_RESETS_MAX; i++) {
        CHECK_EQUAL(guest_life_reset(0), GUEST_FAULT_RESTARTED);
    }
    pass(0, 1);
    CHECK_EQUAL(guest_life_reset(0), GUEST_FAULT_STOP);
}

static unsigned console_resets;

static void count_console_reset(struct virtio_device *device)
{
    (void)device;
    console_resets++;
}

TEST(life_begins_again_without_the_old_ones_wait)
{
    begin();
    idle_init(7);
    CHECK(idle_wait(0));
    CHECK_EQUAL(guest_life_reset(0), GUEST_FAULT_RESTARTED);
    idle_resume();
    CHECK_EQUAL(fake.resumes, 0);
}

TEST(life_of_a_console_begins_again)
{
    static const __typeof__(*(struct virtio_device) { 0 }.funs) functions = { .device_reset = count_console_reset };
    struct virtio_console_device console = { .virtio_device = { .funs = (void *)&functions, .features_happy = true } };
    console_resets = 0;
    console_reset(&console);
    CHECK_EQUAL(console_resets, 1);
    CHECK(!console.virtio_device.features_happy);
}
