/* SPDX-License-Identifier: BSD-2-Clause */
/* The stage behind fake.h. */
#include "fake.h"
#include "generic_timer.h"

#include <stdarg.h>
#include <stdio.h>

#define CLOBBERED 0xdeaddeaddeaddeadUL

struct fake fake;
vgic_t vgic;

static void clobber(void);

void fake_reset(void)
{
    memset(&fake, 0, sizeof fake);
    memset(&vgic, 0, sizeof vgic);
    vgic.registers = &fake.distributor;
    fake.entry = 0x40000000;
    for (unsigned i = 0; i < NUM_LIST_REGS; i++) {
        vgic.vgic_vcpu[0].lr_shadow[i].virq = VIRQ_INVALID;
    }
}

void fake_enable(uint32_t interrupt)
{
    fake.distributor.ctlr = GIC_DIST_ENABLED;
    if (interrupt < NUM_VCPU_LOCAL_VIRQS) {
        fake.distributor.enable_set0[0] |= IRQ_BIT(interrupt);
        fake.redistributor.isenable |= IRQ_BIT(interrupt);
    } else {
        fake.distributor.enable_set[IRQ_IDX(interrupt)] |= IRQ_BIT(interrupt);
    }
}

void fake_log(const char *format, ...)
{
    size_t used = strlen(fake.log);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fake.log + used, sizeof fake.log - used, format, arguments);
    va_end(arguments);
}

seL4_Word microkit_mr_get(seL4_Uint8 index)
{
    return fake.message[index];
}

void microkit_mr_set(seL4_Uint8 index, seL4_Word value)
{
    fake.message[index] = value;
}

seL4_Word microkit_msginfo_get_label(microkit_msginfo message)
{
    return message.label;
}

void microkit_notify(microkit_channel channel)
{
    fake.notified[channel]++;
}

void microkit_vcpu_arm_ack_vppi(microkit_child vcpu, seL4_Word interrupt)
{
    (void)vcpu;
    (void)interrupt;
    fake.acknowledged++;
    clobber();
}

seL4_Word microkit_vcpu_arm_read_reg(microkit_child vcpu, seL4_Word reg)
{
    (void)vcpu;
    clobber();
    return fake.vcpu_registers[reg];
}

void microkit_vcpu_arm_write_reg(microkit_child vcpu, seL4_Word reg, seL4_Word value)
{
    (void)vcpu;
    clobber();
    fake.vcpu_registers[reg] = value;
}

void microkit_vcpu_stop(microkit_child vcpu)
{
    (void)vcpu;
    fake.stops++;
    clobber();
}

seL4_Error seL4_TCB_Resume(seL4_Word tcb)
{
    fake.resumes++;
    fake.resumed = tcb;
    clobber();
    return fake.resume_error;
}

bool generic_timer_is_readable(void)
{
    return !fake.is_counter_hidden;
}

uint64_t generic_timer_count(void)
{
    return fake.count;
}

uint64_t generic_timer_frequency(void)
{
    return fake.frequency;
}

void sddf_timer_set_timeout(unsigned channel, uint64_t timeout_ns)
{
    fake.timeouts++;
    fake.timeout_channel = channel;
    fake.timeout_ns = timeout_ns;
    clobber();
}

/* Behind x8 come others than x9. */
static size_t registers_size(seL4_Word count)
{
    return (count > 12 && count < SEL4_USER_CONTEXT_SIZE ? 12 : count) * sizeof(seL4_Word);
}

seL4_Error seL4_TCB_WriteRegisters(seL4_Word tcb, bool resume, seL4_Uint8 flags, seL4_Word count,
                                   const seL4_UserContext *from)
{
    (void)tcb, (void)flags;
    memcpy(&fake.registers, from, registers_size(count));
    fake.runs += resume;
    fake.register_writes++;
    clobber();
    return fake.write_error;
}

bool guest_start(uintptr_t entry, uintptr_t dtb, uintptr_t initrd)
{
    (void)dtb, (void)initrd;
    fake.registers = (seL4_UserContext) { .pc = entry };
    fake.starts++;
    return true;
}

uint64_t guest_images_place(const vmm_config_t *config)
{
    (void)config;
    fake.placed++;
    return fake.entry;
}

void cache_clean_and_invalidate(unsigned long start, unsigned long end)
{
    (void)end;
    fake.cleaned = start;
}

void vgic_init(void)
{
    memset(&fake.distributor, 0, sizeof fake.distributor);
    memset(&fake.redistributor, 0, sizeof fake.redistributor);
    memset(vgic.vspis, 0xff, sizeof vgic.vspis);
    memset(vgic.vgic_vcpu[0].local_virqs, 0xff, sizeof vgic.vgic_vcpu[0].local_virqs);
    memset(vgic.vgic_vcpu[0].lr_shadow, 0xff, sizeof vgic.vgic_vcpu[0].lr_shadow);
}

seL4_Error seL4_TCB_ReadRegisters(seL4_Word tcb, bool suspend, seL4_Uint8 flags, seL4_Word count, seL4_UserContext *to)
{
    (void)tcb, (void)suspend, (void)flags;
    memset(to, 0xa5, sizeof *to);
    memcpy(to, &fake.registers, registers_size(count));
    fake.register_reads++;
    clobber();
    return fake.read_error;
}

bool virq_register(irq_routing_info_t route, virq_ack_fn_t finished, void *cookie)
{
    (void)route, (void)cookie;
    fake.finished = finished;
    return !fake.is_full;
}

bool virq_inject(irq_routing_info_t route)
{
    return vgic_inject_irq(0, (int)route.intid);
}

bool vgic_inject_irq(size_t vcpu, int interrupt)
{
    (void)vcpu;
    fake.injected[interrupt]++;
    clobber();
    return true;
}

bool fault_advance_vcpu(size_t vcpu, seL4_UserContext *registers, size_t count)
{
    (void)vcpu, (void)count;
    fake.registers = *registers;
    fake.registers.pc += 4;
    fake.advances++;
    clobber();
    return true;
}

bool fault_is_read(uint64_t syndrome)
{
    return (syndrome & 1U << 6) == 0;
}

seL4_Word *decode_rt(size_t number, seL4_UserContext *registers)
{
    return &registers->x[number];
}

void *gpa_to_hva(uint64_t address, size_t size)
{
    if (address < FAKE_RAM_START || address - FAKE_RAM_START >= FAKE_RAM_SIZE
        || size > FAKE_RAM_SIZE - (address - FAKE_RAM_START)) {
        return NULL;
    }
    return fake.ram + (address - FAKE_RAM_START);
}

struct gic_dist_map *vgic_get_dist(void *registers)
{
    return registers;
}

bool vgic_dist_is_enabled(struct gic_dist_map *registers)
{
    return (registers->ctlr & GIC_DIST_ENABLED) != 0;
}

struct gic_redist_sgi_ppi_map *vgic_get_redist_sgi_ppi(void *registers, size_t vcpu)
{
    (void)registers, (void)vcpu;
    return &fake.redistributor;
}

bool is_sgi_ppi_enabled_v3(struct gic_redist_sgi_ppi_map *registers, int interrupt)
{
    return (registers->isenable & IRQ_BIT(interrupt)) != 0;
}

struct virq_handle *virq_find_irq_data(vgic_t *unused, size_t vcpu, int interrupt)
{
    static struct virq_handle unregistered = { VIRQ_INVALID }, registered = { 0 };
    (void)unused, (void)vcpu;
    if (interrupt < NUM_VCPU_LOCAL_VIRQS) {
        return interrupt < 16 || interrupt == 27 ? &registered : &unregistered;
    }
    return interrupt == 74 || interrupt == 75 ? &registered : NULL;
}

static void clobber(void)
{
    for (unsigned i = 0; i < 4; i++) {
        fake.message[i] = CLOBBERED;
    }
}

bool virtio_console_queue_notify(struct virtio_console_device *console)
{
    (void)console;
    fake.console_kicks++;
    return false;
}
