/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs the instructions that end a dead guest's interrupts. Registers are of ARM IHI 0048B, section 4.4 (GICv2, as the
 * guest sees it: GICV in place of GICC), and of ARM IHI 0069H, section 12.2 (GICv3). */
#include <string.h>
#include <libvmm/libvmm.h>
#include <libvmm/arch/aarch64/vgic/vgic.h>
#include <libvmm/arch/aarch64/vgic/virq.h>
#include <sddf/util/cache.h>
#include "list_registers.h"

/* EL1 with its own stack pointer; debug, SError, IRQ and FIQ masked. */
#define SPSR_EL1H_MASKED 0x3c5

/* Where a guest has its GICv2's CPU interface: the board says it (Makefile.ts), for libvmm names the distributor only. With
 * GICv3 it is system registers. */
#if !defined(GUEST_CPU_INTERFACE)
#if defined(GIC_V2)
#error "a GICv2 needs -DGUEST_CPU_INTERFACE=<guest physical address>"
#endif
#define GUEST_CPU_INTERFACE 0
#endif

/* libvmm's one interrupt controller. */
extern vgic_t vgic;

/* x0: the CPU interface; x1 to x4: what is in the four list registers, or 1023. An end of what is not active has no
 * effect. The loop takes one interrupt per turn, and nothing is injected meanwhile. */
extern const char list_registers_code[], list_registers_code_end[];

#if !defined(__aarch64__)
/* Host tests: never run. */
__asm__(".globl list_registers_code\nlist_registers_code: .long 0\n"
        ".globl list_registers_code_end\nlist_registers_code_end:\n");
#elif defined(GIC_V2)
__asm__(".section .rodata\n.balign 4\n"
        ".globl list_registers_code\nlist_registers_code:\n"
        "    mov w9, #0xff\n"
        "    str w9, [x0, #0x04]\n" /* PMR: all priorities */
        "    mov w9, #1\n"
        "    str w9, [x0, #0x00]\n" /* CTLR: on, an end also deactivates */
        "    str w1, [x0, #0x10]\n" /* EOIR */
        "    str w2, [x0, #0x10]\n"
        "    str w3, [x0, #0x10]\n"
        "    str w4, [x0, #0x10]\n"
        "1:  ldr w9, [x0, #0x0c]\n" /* IAR */
        "    and w10, w9, #0x3ff\n"
        "    cmp w10, #1020\n"
        "    b.hs 2f\n"
        "    str w9, [x0, #0x10]\n"
        "    b 1b\n"
        "2:  str wzr, [x0, #0xd0]\n" /* APR0: no priority is active */
        "    str wzr, [x0, #0x00]\n"
        "    str wzr, [x0, #0x04]\n"
        "    dsb sy\n"
        "3:  smc #0\n"
        "    b 3b\n"
        ".globl list_registers_code_end\nlist_registers_code_end:\n.previous\n");
#else
__asm__(".section .rodata\n.balign 4\n"
        ".globl list_registers_code\nlist_registers_code:\n"
        "    mov x9, #0xff\n"
        "    msr S3_0_C4_C6_0, x9\n"   /* ICC_PMR_EL1 */
        "    mov x9, #1\n"
        "    msr S3_0_C12_C12_7, x9\n" /* ICC_IGRPEN1_EL1 */
        "    msr S3_0_C12_C12_4, xzr\n" /* ICC_CTLR_EL1: an end also deactivates */
        "    isb\n"
        "    msr S3_0_C12_C12_1, x1\n" /* ICC_EOIR1_EL1 */
        "    msr S3_0_C12_C12_1, x2\n"
        "    msr S3_0_C12_C12_1, x3\n"
        "    msr S3_0_C12_C12_1, x4\n"
        "    isb\n"
        "1:  mrs x9, S3_0_C12_C12_0\n" /* ICC_IAR1_EL1 */
        "    cmp x9, #1020\n"
        "    b.hs 2f\n"
        "    msr S3_0_C12_C12_1, x9\n"
        "    isb\n"
        "    b 1b\n"
        "2:  msr S3_0_C12_C9_0, xzr\n" /* ICC_AP1R0_EL1 */
        "    msr S3_0_C12_C12_7, xzr\n"
        "    msr S3_0_C4_C6_0, xzr\n"
        "    isb\n"
        "3:  smc #0\n"
        "    b 3b\n"
        ".globl list_registers_code_end\nlist_registers_code_end:\n.previous\n");
#endif

#define NO_INTERRUPT 1023

static uint64_t interrupt_in(size_t vcpu, unsigned index);

bool list_registers_are_in_use(size_t vcpu)
{
    for (unsigned i = 0; i < NUM_LIST_REGS; i++) {
        if (interrupt_in(vcpu, i) != NO_INTERRUPT) {
            return true;
        }
    }
    return false;
}

bool list_registers_empty(size_t vcpu, uint64_t ram)
{
    size_t size = (size_t)(list_registers_code_end - list_registers_code);
    char *code = gpa_to_hva(ram, size);
    if (code == NULL) {
        return false;
    }
    memcpy(code, list_registers_code, size);
    /* The vCPU fetches past the caches. */
    cache_clean_and_invalidate((uintptr_t)code, (uintptr_t)code + size);
    seL4_UserContext registers = {
        .pc = ram,
        .spsr = SPSR_EL1H_MASKED,
        .x0 = GUEST_CPU_INTERFACE,
        .x1 = interrupt_in(vcpu, 0),
        .x2 = interrupt_in(vcpu, 1),
        .x3 = interrupt_in(vcpu, 2),
        .x4 = interrupt_in(vcpu, 3),
    };
    return seL4_TCB_WriteRegisters(BASE_VM_TCB_CAP + vcpu, true, 0, SEL4_USER_CONTEXT_SIZE, &registers)
           == seL4_NoError;
}

static uint64_t interrupt_in(size_t vcpu, unsigned index)
{
    int interrupt = vgic.vgic_vcpu[vcpu].lr_shadow[index].virq;
    return interrupt == VIRQ_INVALID ? NO_INTERRUPT : (uint64_t)interrupt;
}
