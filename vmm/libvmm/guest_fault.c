/* SPDX-License-Identifier: BSD-2-Clause */
/* Sorts the guest's faults: by label, then by what the guest wanted. */
#include <stddef.h>
#include <microkit.h>
#include <libvmm/libvmm.h>
#include <libvmm/arch/aarch64/hsr.h>
#include <libvmm/arch/aarch64/psci.h>
#include "console_guard.h"
#include "cpu_interface.h"
#include "distributor.h"
#include "guest_access.h"
#include "guest_fault.h"
#include "redistributor.h"
#include "virtual_timer.h"
#include "vsock_seat.h"

/* SMC calling convention: bits 29..24 are the service, 4 for the standard ones; libvmm looks at the low 16 bits of
 * the number. */
#define SMC_SERVICE(function) (((function) >> 24) & 0x3f)
#define SMC_STANDARD_SERVICE 4
#define SMC_NUMBER(function) ((function) & 0xffff)
#define SMC_NOT_SUPPORTED ((uint64_t)-1)

/* "ISS encoding for an exception from a WF* instruction": TI says which; the others are WFE, WFIT and WFET. */
#define WAIT_INSTRUCTION(syndrome) ((syndrome) & 3)
#define WAIT_FOR_INTERRUPT 0

/* Registers are read and written from the first one on, in the kernel's order, and each costs time: pc is the first, x0 to x8
 * are the 4th to the 12th. */
#define PC_COUNT 1
#define COUNT_UP_TO(number) ((number) <= 8 ? 4U + (number) : SEL4_USER_CONTEXT_SIZE)
#if defined(__aarch64__)
_Static_assert(offsetof(seL4_UserContext, pc) == 0 && offsetof(seL4_UserContext, x8) == 11 * sizeof(seL4_Word),
               "the order of registers");
#endif

#define ZERO_REGISTER 31
#define INSTRUCTION_SIZE 4

static enum guest_fault_verdict judge_access(const struct guest_fault *fault, const struct guarded_console *console);
static enum guest_fault_verdict do_vsock_access(size_t vcpu, const struct guest_access *access);
static bool controller_admits(size_t vcpu, const struct guest_access *access, uint64_t stored);
static enum guest_fault_verdict judge_exception(const struct guest_fault *fault);
static enum guest_fault_verdict judge_call(const struct guest_fault *fault);
static enum guest_fault_verdict refuse_call(const struct guest_fault *fault);
static enum guest_fault_verdict judge_system_register(const struct guest_fault *fault);
static enum guest_fault_verdict judge_finished_interrupt(const struct guest_fault *fault);
static enum guest_fault_verdict skip(const struct guest_fault *fault, seL4_UserContext *registers);
static enum guest_fault_verdict hand_on(const struct guest_fault *fault);
static bool read_registers(size_t vcpu, seL4_UserContext *registers, size_t count);
static bool write_registers(size_t vcpu, seL4_UserContext *registers, size_t count);

struct guest_fault guest_fault_read(microkit_child vcpu, microkit_msginfo message)
{
    struct guest_fault fault = { .vcpu = vcpu, .label = microkit_msginfo_get_label(message) };
    for (unsigned i = 0; i < GUEST_FAULT_WORDS; i++) {
        fault.words[i] = microkit_mr_get((seL4_Uint8)i);
    }
    return fault;
}

enum guest_fault_verdict guest_fault_judge(const struct guest_fault *fault, const struct guarded_console *console)
{
    switch (fault->label) {
    case seL4_Fault_VMFault:
        return judge_access(fault, console);
    case seL4_Fault_VCPUFault:
        return judge_exception(fault);
    case seL4_Fault_UnknownSyscall:
        /* A hypercall, which the kernel takes for a system call; libvmm knows two and stops the guest at others. */
        return refuse_call(fault);
    case seL4_Fault_VGICMaintenance:
        return judge_finished_interrupt(fault);
    case seL4_Fault_VPPIEvent:
        virtual_timer_fired(fault->vcpu, (uint32_t)fault->words[seL4_VPPIEvent_IRQ]);
        return GUEST_FAULT_DONE;
    default:
        return GUEST_FAULT_FOR_LIBVMM;
    }
}

static enum guest_fault_verdict judge_access(const struct guest_fault *fault, const struct guarded_console *console)
{
    struct guest_access access;
    const char *reason = guest_access_decode(&access, fault->words[seL4_VMFault_IP], fault->words[seL4_VMFault_Addr],
                                             fault->words[seL4_VMFault_PrefetchFault] != 0,
                                             fault->words[seL4_VMFault_FSR]);
    if (reason != NULL) {
        LOG_VMM_ERR("guest stopped at PC 0x%lx, address 0x%lx, syndrome 0x%x: %s\n", access.pc, access.address,
                    access.syndrome, reason);
        return GUEST_FAULT_STOP;
    }
    if (vsock_seat_has_register(access.address)) {
        return do_vsock_access(fault->vcpu, &access);
    }
    uint64_t console_offset = access.address - console->base;
    bool is_console = access.address >= console->base && console_offset < console->size;
    if (!is_console && !distributor_owns(access.address) && !redistributor_owns(access.address)) {
        return GUEST_FAULT_FOR_LIBVMM;
    }

    seL4_UserContext registers;
    if (!read_registers(fault->vcpu, &registers, SEL4_USER_CONTEXT_SIZE)) {
        return GUEST_FAULT_STOP;
    }
    uint64_t stored = 0;
    if (access.is_write && access.register_number != ZERO_REGISTER) {
        stored = guest_access_stored(&access, *decode_rt(access.register_number, &registers));
    }
    if (!is_console) {
        return controller_admits(fault->vcpu, &access, stored) ? hand_on(fault) : skip(fault, &registers);
    }
    switch (console_judge(console->device, &access, console_offset, stored)) {
    case CONSOLE_ADMIT:
        return hand_on(fault);
    case CONSOLE_WORK:
        /* Not by way of libvmm's fault handler, which takes an interrupt that the guest has not enabled for its end. */
        (void)virtio_console_queue_notify(console->device);
        return skip(fault, &registers);
    case CONSOLE_IGNORE:
        return skip(fault, &registers);
    case CONSOLE_STOP:
        LOG_VMM_ERR("guest stopped at PC 0x%lx: its console queues are broken\n", access.pc);
        return GUEST_FAULT_STOP;
    }
    return GUEST_FAULT_STOP;
}

/* A packet takes several of these, so not by way of libvmm, which moves all registers there and back. */
static enum guest_fault_verdict do_vsock_access(size_t vcpu, const struct guest_access *access)
{
    unsigned number = access->register_number;
    bool has_register = number != ZERO_REGISTER;
    size_t count = has_register ? COUNT_UP_TO(number) : PC_COUNT;
    seL4_UserContext registers;
    if (!read_registers(vcpu, &registers, count)) {
        return GUEST_FAULT_STOP;
    }
    uint64_t value = 0;
    if (access->is_write && has_register) {
        value = guest_access_stored(access, *decode_rt(number, &registers));
    }
    vsock_seat_access(access, &value);
    if (!access->is_write && has_register) {
        *decode_rt(number, &registers) = guest_access_loaded(access, value);
    } else {
        count = PC_COUNT;
    }
    registers.pc += INSTRUCTION_SIZE;
    return write_registers(vcpu, &registers, count) ? GUEST_FAULT_DONE : GUEST_FAULT_STOP;
}

static bool controller_admits(size_t vcpu, const struct guest_access *access, uint64_t stored)
{
    return redistributor_owns(access->address) ? redistributor_admits(vcpu, access, stored)
                                               : distributor_admits(vcpu, access, stored);
}

static enum guest_fault_verdict judge_exception(const struct guest_fault *fault)
{
    seL4_Word syndrome = fault->words[seL4_VCPUFault_HSR];
    switch (HSR_EXCEPTION_CLASS(syndrome)) {
    case HSR_WFx_EXCEPTION:
        /* What comes back from an exception has an event pending, so the other ones are over at once. */
        return WAIT_INSTRUCTION(syndrome) == WAIT_FOR_INTERRUPT ? GUEST_FAULT_WAIT : GUEST_FAULT_DONE;
    case HSR_SYSREG_64_EXCEPTION:
        return judge_system_register(fault);
    case HSR_SMC_64_EXCEPTION:
        return judge_call(fault);
    default:
        return GUEST_FAULT_FOR_LIBVMM;
    }
}

/* libvmm stops a guest that calls what it does not know; the calling convention knows an answer for that. */
static enum guest_fault_verdict judge_call(const struct guest_fault *fault)
{
    seL4_UserContext registers;
    if (!read_registers(fault->vcpu, &registers, SEL4_USER_CONTEXT_SIZE)) {
        return GUEST_FAULT_STOP;
    }
    if (SMC_SERVICE(registers.x0) != SMC_STANDARD_SERVICE) {
        return refuse_call(fault);
    }
    switch (SMC_NUMBER(registers.x0)) {
    case PSCI_SYSTEM_OFF:
        LOG_VMM("the guest powered itself off\n");
        return GUEST_FAULT_STOP;
    case PSCI_SYSTEM_RESET:
    case PSCI_SYSTEM_RESET2:
        return GUEST_FAULT_RESET;
    case PSCI_VERSION:
    case PSCI_CPU_ON:
    case PSCI_MIGRATE_INFO_TYPE:
    case PSCI_FEATURES:
        return hand_on(fault);
    default:
        return refuse_call(fault);
    }
}

static enum guest_fault_verdict refuse_call(const struct guest_fault *fault)
{
    seL4_UserContext registers;
    if (!read_registers(fault->vcpu, &registers, SEL4_USER_CONTEXT_SIZE)) {
        return GUEST_FAULT_STOP;
    }
    registers.x0 = SMC_NOT_SUPPORTED;
    return fault_advance_vcpu(fault->vcpu, &registers, SEL4_USER_CONTEXT_SIZE) ? GUEST_FAULT_DONE : GUEST_FAULT_STOP;
}

static enum guest_fault_verdict judge_system_register(const struct guest_fault *fault)
{
    seL4_UserContext registers;
    if (!read_registers(fault->vcpu, &registers, SEL4_USER_CONTEXT_SIZE)) {
        return GUEST_FAULT_STOP;
    }
    if (!cpu_interface_does(fault->vcpu, fault->words[seL4_VCPUFault_HSR], &registers)) {
        return hand_on(fault);
    }
    return fault_advance_vcpu(fault->vcpu, &registers, SEL4_USER_CONTEXT_SIZE) ? GUEST_FAULT_DONE : GUEST_FAULT_STOP;
}

static enum guest_fault_verdict judge_finished_interrupt(const struct guest_fault *fault)
{
    /* The kernel says -1 where the hardware did not say which; libvmm asserts on that. */
    return distributor_expects_end(fault->vcpu, fault->words[seL4_VGICMaintenance_IDX]) ? GUEST_FAULT_FOR_LIBVMM
                                                                                        : GUEST_FAULT_DONE;
}

/* The trapped instruction is over, without effect: a load leaves zero. */
static enum guest_fault_verdict skip(const struct guest_fault *fault, seL4_UserContext *registers)
{
    seL4_Word syndrome = fault->words[seL4_VMFault_FSR];
    uint64_t register_number = HSR_SYNDROME_RT(syndrome);
    if (fault_is_read(syndrome) && register_number != ZERO_REGISTER) {
        *decode_rt(register_number, registers) = 0;
    }
    return fault_advance_vcpu(fault->vcpu, registers, SEL4_USER_CONTEXT_SIZE) ? GUEST_FAULT_DONE : GUEST_FAULT_STOP;
}

/* libvmm reads the message registers itself, and the registers were fetched through them. */
static enum guest_fault_verdict hand_on(const struct guest_fault *fault)
{
    for (unsigned i = 0; i < GUEST_FAULT_WORDS; i++) {
        microkit_mr_set((seL4_Uint8)i, fault->words[i]);
    }
    return GUEST_FAULT_FOR_LIBVMM;
}

static bool read_registers(size_t vcpu, seL4_UserContext *registers, size_t count)
{
    seL4_Error error = seL4_TCB_ReadRegisters(BASE_VM_TCB_CAP + vcpu, false, 0, count, registers);
    if (error != seL4_NoError) {
        LOG_VMM_ERR("guest stopped: its registers cannot be read, seL4 error %d\n", error);
        return false;
    }
    return true;
}

static bool write_registers(size_t vcpu, seL4_UserContext *registers, size_t count)
{
    seL4_Error error = seL4_TCB_WriteRegisters(BASE_VM_TCB_CAP + vcpu, false, 0, count, registers);
    if (error != seL4_NoError) {
        LOG_VMM_ERR("guest stopped: its registers cannot be written, seL4 error %d\n", error);
        return false;
    }
    return true;
}
