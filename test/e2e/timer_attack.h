/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest without an operating system that attacks the EL1 physical timer, which sDDF's arm driver uses, from its first
 * instruction on. It takes the kernel's place in the RAM of one guest (hostile-timer.test.ts).
 */
#pragma once

extern char timer_attack_start[], timer_attack_end[];

__asm__(".pushsection .rodata\n"
        ".balign 4\n"
        "timer_attack_start:\n"
        "mov x0, #1\n"
        "mov x1, #-1\n"
        "0:\n"
        TIMER_ATTACK
        "b 0b\n"
        "timer_attack_end:\n"
        ".popsection\n");
