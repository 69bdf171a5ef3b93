/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What libvmm's own sources need of seL4 and of the Microkit to run on the host: types, and calls that only note what
 * they were asked for. Registers stand in the order in which seL4 has them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CONFIG_ARCH_ARM 1
#define CONFIG_ARCH_AARCH64 1
#define CONFIG_MAX_NUM_NODES 1
#if defined(FAKE_GIC_V3)
#define CONFIG_PLAT_MAAXBOARD 1
#define CONFIG_ARM_GIC_V3_SUPPORT 1
#else
#define CONFIG_PLAT_QEMU_ARM_VIRT 1
#endif

typedef uint64_t seL4_Word;
typedef uint8_t seL4_Uint8;
typedef uint16_t seL4_Uint16;
typedef int8_t seL4_Bool;
typedef int seL4_Error;
typedef unsigned microkit_channel;
typedef unsigned microkit_child;
typedef struct {
    seL4_Word label;
} microkit_msginfo;
typedef struct {
    seL4_Word pc, sp, spsr, x0, x1, x2, x3, x4, x5, x6, x7, x8, x16, x17, x18, x29, x30, x9, x10, x11, x12, x13, x14,
        x15, x19, x20, x21, x22, x23, x24, x25, x26, x27, x28, tpidr_el0, tpidrro_el0;
} seL4_UserContext;
typedef struct {
    seL4_Word x0, x1, x2, x3, x4, x5, x6, x7;
} seL4_ARM_SMCContext;

enum { seL4_False, seL4_True };
enum { seL4_NoError };
enum {
    seL4_Fault_UnknownSyscall = 2,
    seL4_Fault_UserException = 3,
    seL4_Fault_VMFault = 5,
    seL4_Fault_VGICMaintenance,
    seL4_Fault_VCPUFault,
    seL4_Fault_VPPIEvent,
};
enum { seL4_VMFault_IP, seL4_VMFault_Addr, seL4_VMFault_PrefetchFault, seL4_VMFault_FSR };
enum { seL4_VCPUFault_HSR, seL4_VPPIEvent_IRQ = 0, seL4_VGICMaintenance_IDX = 0 };
enum { seL4_UnknownSyscall_FaultIP = 8, seL4_UnknownSyscall_Syscall = 12 };
enum { seL4_UserException_FaultIP, seL4_UserException_Number = 3 };
enum {
    seL4_VCPUReg_SCTLR, seL4_VCPUReg_ACTLR, seL4_VCPUReg_TTBR0, seL4_VCPUReg_TTBR1, seL4_VCPUReg_TCR,
    seL4_VCPUReg_MAIR, seL4_VCPUReg_AMAIR, seL4_VCPUReg_CIDR, seL4_VCPUReg_CPACR, seL4_VCPUReg_AFSR0,
    seL4_VCPUReg_AFSR1, seL4_VCPUReg_ESR, seL4_VCPUReg_FAR, seL4_VCPUReg_PAR, seL4_VCPUReg_VBAR,
    seL4_VCPUReg_TPIDR_EL1, seL4_VCPUReg_VMPIDR_EL2, seL4_VCPUReg_SP_EL1, seL4_VCPUReg_ELR_EL1,
    seL4_VCPUReg_SPSR_EL1, seL4_VCPUReg_CNTV_CTL, seL4_VCPUReg_CNTV_CVAL, seL4_VCPUReg_CNTVOFF,
    seL4_VCPUReg_CNTKCTL_EL1, seL4_VCPUReg_Num,
};
#define BIT(n) (1UL << (n))
#define BASE_VM_TCB_CAP 266
#define MICROKIT_MAX_CHANNELS 62

extern char microkit_name[];
seL4_Word microkit_mr_get(seL4_Uint8 index);
void microkit_mr_set(seL4_Uint8 index, seL4_Word value);
seL4_Word seL4_GetMR(int index);
seL4_Word microkit_msginfo_get_label(microkit_msginfo message);
void microkit_notify(microkit_channel channel);
void microkit_irq_ack(microkit_channel channel);
void microkit_vcpu_restart(microkit_child vcpu, seL4_Word entry);
void microkit_vcpu_stop(microkit_child vcpu);
void microkit_vcpu_arm_inject_irq(microkit_child vcpu, seL4_Uint16 irq, seL4_Uint8 priority, seL4_Uint8 group,
                                  seL4_Uint8 index);
void microkit_vcpu_arm_ack_vppi(microkit_child vcpu, seL4_Word irq);
seL4_Word microkit_vcpu_arm_read_reg(microkit_child vcpu, seL4_Word reg);
void microkit_vcpu_arm_write_reg(microkit_child vcpu, seL4_Word reg, seL4_Word value);
seL4_Error seL4_TCB_ReadRegisters(seL4_Word tcb, seL4_Bool suspend, seL4_Uint8 flags, seL4_Word count,
                                  seL4_UserContext *to);
seL4_Error seL4_TCB_WriteRegisters(seL4_Word tcb, seL4_Bool resume, seL4_Uint8 flags, seL4_Word count,
                                   seL4_UserContext *from);
