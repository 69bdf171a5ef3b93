/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest can do to libvmm 0.2.0: each entry of docs/libvmm-findings.md that can be shown on the host. */
#include "world.h"

#define DISTRIBUTOR GIC_DIST_PADDR

static bool timer_that_is_off_is_acknowledged_at_once(void)
{
    /* The line is still up, so the kernel reports it again as soon as the guest runs. */
    store(DISTRIBUTOR + 0x000, GIC_ENABLED);
    for (unsigned i = 0; i < 100; i++) {
        timer_event();
    }
    return world.acknowledged == 100 && world.lines >= 200;
}

static bool pair_has_no_syndrome(void)
{
    return fault_with(DISTRIBUTOR + 0x100, 1UL << 6);
}

static bool zero_register_takes_a_value(void)
{
    load(DISTRIBUTOR + 0x004, 31); /* ldr wzr, [GICD_TYPER] */
    store(CONSOLE_BASE + 0x30, 7);
    fault_with(CONSOLE_BASE + 0x30, 1UL << 24 | 2UL << 22 | 1UL << 6 | 31UL << 16); /* str wzr, [QueueSel] */
    return console.virtio_device.regs.QueueSel != 0;
}

static bool reset_does_nothing(void)
{
    uint64_t pc = world.registers.pc;
    return call(0x84000009) && world.restarts == 0 && world.registers.pc == pc + 4;
}

static bool restart_restarts_nothing(void)
{
    return guest_restart((uintptr_t)world.ram, RAM_SIZE) && world.restarts == 0;
}

static bool reset_clears_what_the_kernel_had_set(void)
{
    world.system_registers[seL4_VCPUReg_SCTLR] = 0x30d00800; /* RES1 bits */
    vcpu_reset(0);
    return world.system_registers[seL4_VCPUReg_SCTLR] == 0;
}

static bool unknown_call_stops_the_guest(void)
{
    return !call(0x80000000); /* SMCCC_VERSION */
}

static bool unknown_firmware_call_stops_the_guest(void)
{
    return !call(0x84000002); /* CPU_OFF */
}

static bool interrupt_takes_two_list_registers(void)
{
    store(DISTRIBUTOR + 0x000, GIC_ENABLED);
    store(DISTRIBUTOR + 0x108, 1U << (CONSOLE_IRQ - 64));
    virq_inject(ARM_GIC_IRQ_ROUTE(0, CONSOLE_IRQ));
    virq_inject(ARM_GIC_IRQ_ROUTE(0, CONSOLE_IRQ));
    return world.list_registers[0] == CONSOLE_IRQ && world.list_registers[1] == CONSOLE_IRQ;
}

static bool end_of_no_list_register(void)
{
    return list_register_ends(-1);
}

static bool end_of_an_empty_list_register(void)
{
    return list_register_ends(2);
}

static bool set_pending_of_nothing(void)
{
    store(DISTRIBUTOR + 0x000, GIC_ENABLED);
    return !store(DISTRIBUTOR + 0x204, 1);
}

static bool set_pending_while_it_is_off(void)
{
    return !store(DISTRIBUTOR + 0x208, 1U << (CONSOLE_IRQ - 64));
}

static bool enable_of_the_last_register(void)
{
    return store(DISTRIBUTOR + 0x17c, 1);
}

static bool console_queue_beyond_the_last(void)
{
    store(CONSOLE_BASE + 0x30, 0x1000000);
    return store(CONSOLE_BASE + 0x44, 1);
}

static bool console_ring_without_address(void)
{
    store(CONSOLE_BASE + 0x30, 1);
    store(CONSOLE_BASE + 0x38, 4);
    store(CONSOLE_BASE + 0x44, 1);
    return store(CONSOLE_BASE + 0x50, 1);
}

static void send_one(uint64_t address, uint32_t length, uint16_t flags)
{
    console_set_up();
    struct virtq_desc *descriptor = ram_at(RAM + 0x3000);
    *descriptor = (struct virtq_desc) { .addr = address, .len = length, .flags = flags };
    struct virtq_avail *available = ram_at(RAM + 0x4000);
    available->idx = 1;
}

static bool console_ring_size_zero(void)
{
    send_one(RAM + 0x8000, 1, 0);
    console.vqs[1].ready = false; /* as after a reset */
    store(CONSOLE_BASE + 0x38, 0);
    store(CONSOLE_BASE + 0x44, 1);
    return store(CONSOLE_BASE + 0x50, 1);
}

static bool console_buffer_outside_ram(void)
{
    send_one(0x8000000, 16, 0);
    return store(CONSOLE_BASE + 0x50, 1);
}

static bool console_chain_longer_than_the_serial_queue(void)
{
    send_one(RAM + 0x8000, SERIAL_CAPACITY + 1, 0);
    store(CONSOLE_BASE + 0x50, 1);
    struct virtq_used *used = ram_at(RAM + 0x5000);
    return used->idx == 0; /* blocked for ever */
}

static bool console_writes_a_buffer_that_is_for_reading(void)
{
    console_set_up();
    struct virtq_desc *descriptor = ram_at(RAM);
    *descriptor = (struct virtq_desc) { .addr = RAM + 0x8000, .len = 16 }; /* no VIRTQ_DESC_F_WRITE */
    struct virtq_avail *available = ram_at(RAM + 0x1000);
    available->idx = 1;
    console.rxq->data_region[0] = 'x';
    serial_rx.tail = 1;
    store(CONSOLE_BASE + 0x50, 0);
    return *(char *)ram_at(RAM + 0x8000) == 'x';
}

static bool console_sends_a_buffer_that_is_for_writing(void)
{
    send_one(RAM + 0x8000, 16, 2);
    store(CONSOLE_BASE + 0x50, 1);
    return serial_tx.tail == 16;
}

static bool console_looks_at_queue_sel_when_kicked(void)
{
    send_one(RAM + 0x8000, 16, 0);
    store(CONSOLE_BASE + 0x30, 0);
    store(CONSOLE_BASE + 0x50, 1);
    return serial_tx.tail == 0;
}

static bool mmio_addresses_are_mixed(void)
{
    store(CONSOLE_BASE + 0x30, 0);
    store(CONSOLE_BASE + 0x80, 0x40001000);
    store(CONSOLE_BASE + 0x80, 0x40002000);
    return console.vqs[0].virtq.desc_gpa == (void *)0x40003000;
}

static bool mmio_status_written_twice_is_a_reset(void)
{
    console_set_up();
    store(CONSOLE_BASE + 0x70, 15);
    return console.virtio_device.regs.Status == 0;
}

static bool mmio_status_of_two_bits_stops_the_guest(void)
{
    return !store(CONSOLE_BASE + 0x70, 3);
}

static bool mmio_driver_is_ok_without_features(void)
{
    store(CONSOLE_BASE + 0x70, 4);
    return console.virtio_device.regs.Status == 4;
}

static bool mmio_queue_stays_ready(void)
{
    console_set_up();
    store(CONSOLE_BASE + 0x30, 1);
    store(CONSOLE_BASE + 0x44, 0);
    return console.vqs[1].ready;
}

static bool mmio_absent_queue_has_a_size(void)
{
    store(CONSOLE_BASE + 0x30, 9);
    load(CONSOLE_BASE + 0x34, 5);
    return world.registers.x5 != 0;
}

static bool mmio_load_of_configuration_stops_the_guest(void)
{
    return !load(CONSOLE_BASE + 0x100, 5);
}

static bool kick_without_interrupt_prints(void)
{
    store(DISTRIBUTOR + 0x000, GIC_ENABLED);
    send_one(RAM + 0x8000, 16, 0);
    world.lines = 0;
    store(CONSOLE_BASE + 0x50, 1);
    return world.lines > 0;
}

#if defined(FAKE_GIC_V3)

#define REDISTRIBUTOR GIC_REDIST_PADDR

static bool redistributor_of_a_cpu_that_is_not_there(void)
{
    return load(REDISTRIBUTOR + 0x20000, 5);
}

/* ISACTIVER0, which Linux reads. */
static bool redistributor_load_that_is_not_kept(void)
{
    uint64_t pc = world.registers.pc;
    load(REDISTRIBUTOR + 0x10300, 5);
    return world.registers.pc == pc + 8; /* two instructions for one */
}

static bool redistributor_store_that_is_not_kept(void)
{
    return store(REDISTRIBUTOR + 0x10200, 1);
}

static bool system_register_sends_what_is_off(void)
{
    world.registers.x5 = 3UL << 24 | 1; /* SGI 3 to CPU 0 */
    world.message[seL4_VCPUFault_HSR] = 0x18UL << 26 | 1UL << 25 | 3UL << 20 | 5UL << 17 | 12UL << 10 | 5UL << 5
                                      | 11UL << 1;
    return fault_handle(0, (microkit_msginfo) { seL4_Fault_VCPUFault });
}

#else

static bool trigger_while_it_is_off(void)
{
    return !store(DISTRIBUTOR + 0xf00, 0x02000005);
}

static bool clear_pending_of_software_interrupts(void)
{
    return store(DISTRIBUTOR + 0xf10, 1);
}

static bool queue_overflows(void)
{
    store(DISTRIBUTOR + 0x000, GIC_ENABLED);
    for (unsigned i = 0; i < 100; i++) {
        if (!store(DISTRIBUTOR + 0xf00, 0x02000007)) {
            return true;
        }
        store(DISTRIBUTOR + 0x280, UINT32_MAX);
    }
    return false;
}

#endif

#define FINDING(name, in_debug, in_release) { #name, in_debug, in_release, name }

const struct finding findings[] = {
    FINDING(timer_that_is_off_is_acknowledged_at_once, SHOWN, SHOWN),
    FINDING(pair_has_no_syndrome, ASSERTION, MEMORY),
    FINDING(zero_register_takes_a_value, SHOWN, SHOWN),
    FINDING(reset_does_nothing, SHOWN, SHOWN),
    FINDING(restart_restarts_nothing, SHOWN, SHOWN),
    FINDING(reset_clears_what_the_kernel_had_set, SHOWN, SHOWN),
    FINDING(unknown_call_stops_the_guest, SHOWN, SHOWN),
    FINDING(unknown_firmware_call_stops_the_guest, SHOWN, SHOWN),
    FINDING(interrupt_takes_two_list_registers, SHOWN, SHOWN),
    FINDING(end_of_no_list_register, ASSERTION, MEMORY),
    FINDING(end_of_an_empty_list_register, ASSERTION, MEMORY),
    FINDING(set_pending_of_nothing, ASSERTION, SHOWN),
    FINDING(set_pending_while_it_is_off, ASSERTION, SHOWN),
    FINDING(enable_of_the_last_register, MEMORY, MEMORY),
    FINDING(console_queue_beyond_the_last, MEMORY, MEMORY),
    FINDING(console_ring_without_address, MEMORY, MEMORY),
    FINDING(console_ring_size_zero, MEMORY, MEMORY),
    FINDING(console_buffer_outside_ram, MEMORY, MEMORY),
    FINDING(console_chain_longer_than_the_serial_queue, ASSERTION, SHOWN),
    FINDING(console_writes_a_buffer_that_is_for_reading, SHOWN, SHOWN),
    FINDING(console_sends_a_buffer_that_is_for_writing, SHOWN, SHOWN),
    FINDING(console_looks_at_queue_sel_when_kicked, SHOWN, SHOWN),
    FINDING(mmio_addresses_are_mixed, SHOWN, SHOWN),
    FINDING(mmio_status_written_twice_is_a_reset, SHOWN, SHOWN),
    FINDING(mmio_status_of_two_bits_stops_the_guest, SHOWN, SHOWN),
    FINDING(mmio_driver_is_ok_without_features, SHOWN, SHOWN),
    FINDING(mmio_queue_stays_ready, SHOWN, SHOWN),
    FINDING(mmio_absent_queue_has_a_size, SHOWN, SHOWN),
    FINDING(mmio_load_of_configuration_stops_the_guest, SHOWN, SHOWN),
    FINDING(kick_without_interrupt_prints, SHOWN, SHOWN),
#if defined(FAKE_GIC_V3)
    FINDING(redistributor_of_a_cpu_that_is_not_there, ASSERTION, MEMORY),
    FINDING(redistributor_load_that_is_not_kept, ASSERTION, SHOWN),
    FINDING(redistributor_store_that_is_not_kept, ASSERTION, SHOWN),
    FINDING(system_register_sends_what_is_off, ASSERTION, SHOWN),
#else
    FINDING(trigger_while_it_is_off, ASSERTION, SHOWN),
    FINDING(clear_pending_of_software_interrupts, ASSERTION, SHOWN),
    FINDING(queue_overflows, ASSERTION, SHOWN),
#endif
};
const unsigned num_findings = sizeof findings / sizeof findings[0];
