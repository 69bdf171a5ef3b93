/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel and the rest of the world behind libvmm. */
#include "world.h"
#include <stdlib.h>

#define DATA_ABORT (0x24UL << 26)
#define VALID (1UL << 24)
#define WORD (2UL << 22)
#define WRITE (1UL << 6)

struct world world;
struct virtio_console_device console;
serial_queue_t serial_rx, serial_tx;
char microkit_name[] = "VMM";

static char serial_data[2][SERIAL_CAPACITY];
static serial_queue_handle_t rx, tx;

int sddf_printf(const char *format, ...)
{
    for (; *format != '\0'; format++) {
        world.lines += *format == '\n';
    }
    return 0;
}

seL4_Word microkit_mr_get(seL4_Uint8 index) { return world.message[index]; }
seL4_Word seL4_GetMR(int index) { return world.message[index]; }
seL4_Word microkit_msginfo_get_label(microkit_msginfo message) { return message.label; }
void microkit_notify(microkit_channel channel) { (void)channel; }
void microkit_irq_ack(microkit_channel channel) { (void)channel; }
void microkit_vcpu_restart(microkit_child vcpu, seL4_Word entry) { (void)vcpu, (void)entry, world.restarts++; }
void microkit_vcpu_stop(microkit_child vcpu) { (void)vcpu, world.stops++; }
void microkit_vcpu_arm_ack_vppi(microkit_child vcpu, seL4_Word irq) { (void)vcpu, (void)irq, world.acknowledged++; }

void microkit_vcpu_arm_inject_irq(microkit_child vcpu, seL4_Uint16 irq, seL4_Uint8 priority, seL4_Uint8 group,
                                  seL4_Uint8 index)
{
    (void)vcpu, (void)priority, (void)group;
    world.list_registers[index] = irq;
}

seL4_Word microkit_vcpu_arm_read_reg(microkit_child vcpu, seL4_Word reg)
{
    (void)vcpu;
    return world.system_registers[reg];
}

void microkit_vcpu_arm_write_reg(microkit_child vcpu, seL4_Word reg, seL4_Word value)
{
    (void)vcpu;
    world.system_registers[reg] = value;
}

seL4_Error seL4_TCB_ReadRegisters(seL4_Word tcb, seL4_Bool suspend, seL4_Uint8 flags, seL4_Word count,
                                  seL4_UserContext *to)
{
    (void)tcb, (void)suspend, (void)flags, (void)count;
    *to = world.registers;
    return seL4_NoError;
}

seL4_Error seL4_TCB_WriteRegisters(seL4_Word tcb, seL4_Bool resume, seL4_Uint8 flags, seL4_Word count,
                                   seL4_UserContext *from)
{
    (void)tcb, (void)resume, (void)flags, (void)count;
    world.registers = *from;
    return seL4_NoError;
}

/* Of libvmm, but not of the parts that are looked at. */
bool pci_bus_init(uint64_t ecam, uint32_t ecam_size, uint64_t mmio, uint64_t mmio_size)
{
    (void)ecam, (void)ecam_size, (void)mmio, (void)mmio_size;
    return false;
}

bool pci_device_set_irq_status(pci_dev_handle_t handle, bool status)
{
    (void)handle, (void)status;
    return false;
}

bool virtio_pci_register_device(virtio_device_t *device, uint16_t bus, uint16_t slot, irq_routing_info_t route)
{
    (void)device, (void)bus, (void)slot, (void)route;
    return false;
}

void world_begin(void)
{
    for (unsigned i = 0; i < 4; i++) {
        world.list_registers[i] = -1;
    }
    arch_guest_init_t guest = {
        .num_vcpus = 1,
        .num_guest_ram_regions = 1,
        .guest_ram_regions = { { .gpa_start = RAM, .size = RAM_SIZE, .vmm_vaddr = world.ram } },
    };
    rx = (serial_queue_handle_t) { .queue = &serial_rx, .capacity = SERIAL_CAPACITY, .data_region = serial_data[0] };
    tx = (serial_queue_handle_t) { .queue = &serial_tx, .capacity = SERIAL_CAPACITY, .data_region = serial_data[1] };
    if (!guest_init(guest)
        || !virtio_mmio_console_init(&console, CONSOLE_BASE, 0x200, ARM_GIC_IRQ_ROUTE(0, CONSOLE_IRQ), &rx, &tx, 1, 2)) {
        abort();
    }
    vcpu_set_on(0, true);
    world.lines = 0;
}

bool fault_with(uint64_t address, uint64_t syndrome)
{
    world.message[seL4_VMFault_Addr] = address;
    world.message[seL4_VMFault_FSR] = DATA_ABORT | syndrome;
    return fault_handle(0, (microkit_msginfo) { seL4_Fault_VMFault });
}

bool store(uint64_t address, uint32_t value)
{
    world.registers.x5 = value;
    return fault_with(address, VALID | WORD | WRITE | 5UL << 16);
}

bool load(uint64_t address, unsigned register_number)
{
    return fault_with(address, VALID | WORD | (uint64_t)register_number << 16);
}

bool call(uint64_t function)
{
    world.registers.x0 = function;
    world.message[seL4_VCPUFault_HSR] = 0x17UL << 26;
    return fault_handle(0, (microkit_msginfo) { seL4_Fault_VCPUFault });
}

bool timer_event(void)
{
    world.message[seL4_VPPIEvent_IRQ] = 27;
    return fault_handle(0, (microkit_msginfo) { seL4_Fault_VPPIEvent });
}

bool list_register_ends(int index)
{
    world.message[seL4_VGICMaintenance_IDX] = (seL4_Word)index;
    return fault_handle(0, (microkit_msginfo) { seL4_Fault_VGICMaintenance });
}

void *ram_at(uint64_t guest_physical)
{
    return world.ram + (guest_physical - RAM);
}

void console_set_up(void)
{
    store(CONSOLE_BASE + 0x70, 1);
    store(CONSOLE_BASE + 0x70, 3);
    store(CONSOLE_BASE + 0x24, 1);
    store(CONSOLE_BASE + 0x20, 1);
    store(CONSOLE_BASE + 0x70, 11);
    for (uint32_t queue = 0; queue < 2; queue++) {
        store(CONSOLE_BASE + 0x30, queue);
        store(CONSOLE_BASE + 0x38, 4);
        for (uint32_t ring = 0; ring < 3; ring++) {
            store(CONSOLE_BASE + 0x80 + 0x10 * ring, RAM + 0x3000 * queue + 0x1000 * ring);
        }
        store(CONSOLE_BASE + 0x44, 1);
    }
    store(CONSOLE_BASE + 0x70, 15);
}
