/* SPDX-License-Identifier: BSD-2-Clause */
#include <microkit.h>
#include <libvmm/libvmm.h>
#include <libvmm/arch/aarch64/hsr.h>
#include "distributor.h"
#include "event_counts.h"
#include "redistributor.h"
#include "vsock_seat.h"

uint64_t vmm_event_counts[VMM_NUM_EVENTS];

static enum vmm_event kind_of_access(uint64_t address, const struct guarded_console *console);
static enum vmm_event kind_of_exception(seL4_Word syndrome);

void event_count_fault(const struct guest_fault *fault, const struct guarded_console *console)
{
    switch (fault->label) {
    case seL4_Fault_VMFault:
        if (!vsock_seat_has_register(fault->words[seL4_VMFault_Addr])) {
            event_count(kind_of_access(fault->words[seL4_VMFault_Addr], console));
        }
        return;
    case seL4_Fault_VCPUFault:
        event_count(kind_of_exception(fault->words[seL4_VCPUFault_HSR]));
        return;
    case seL4_Fault_VGICMaintenance:
        event_count(VMM_EVENT_interrupt_ends);
        return;
    case seL4_Fault_VPPIEvent:
        event_count(VMM_EVENT_timer);
        return;
    default: /* not an enum, but whatever the kernel says */
        event_count(VMM_EVENT_other_faults);
    }
}

static enum vmm_event kind_of_access(uint64_t address, const struct guarded_console *console)
{
    if (distributor_owns(address) || redistributor_owns(address)) {
        return VMM_EVENT_controller;
    }
    return address >= console->base && address - console->base < console->size ? VMM_EVENT_console : VMM_EVENT_memory;
}

static enum vmm_event kind_of_exception(seL4_Word syndrome)
{
    switch (HSR_EXCEPTION_CLASS(syndrome)) {
    case HSR_WFx_EXCEPTION:
        return VMM_EVENT_waits;
    case HSR_SYSREG_64_EXCEPTION:
        return VMM_EVENT_system_registers;
    case HSR_SMC_64_EXCEPTION:
    case HSR_HVC_64_EXCEPTION:
        return VMM_EVENT_calls;
    default: /* not an enum, but what the processor says */
        return VMM_EVENT_other_faults;
    }
}

void event_counts_report(void)
{
    static const char *const names[] = {
#define VMM_EVENT(name) #name,
        VMM_EVENTS(VMM_EVENT)
#undef VMM_EVENT
    };
    for (unsigned i = 0; i < VMM_NUM_EVENTS; i++) {
        if (vmm_event_counts[i] != 0) {
            LOG_VMM("events: %s %lu\n", names[i], vmm_event_counts[i]);
        }
    }
}
