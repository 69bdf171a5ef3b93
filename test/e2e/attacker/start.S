// SPDX-License-Identifier: BSD-2-Clause
// An arm64 Image of our own: the header that boot loaders want (Linux, Documentation/arch/arm64/booting.rst), and vectors
// that skip what traps.
        .section .head, "ax"
        .global _start
_start: b       begin
        .word   0
        .quad   0                       // text_offset
        .quad   0x800000                // image_size, with .bss and stack
        .quad   0xa                     // little endian, 4 KiB pages, anywhere
        .quad   0, 0, 0
        .ascii  "ARM\x64"
        .word   0

begin:  adrp    x1, stack_end
        add     x1, x1, :lo12:stack_end
        mov     sp, x1
        adrp    x1, vectors
        add     x1, x1, :lo12:vectors
        msr     vbar_el1, x1
        adrp    x1, bss_start
        add     x1, x1, :lo12:bss_start
        adrp    x2, stack_end
        add     x2, x2, :lo12:stack_end
1:      str     xzr, [x1], #8
        cmp     x1, x2
        b.lo    1b
        isb
        bl      attack
2:      wfi
        b       2b

        .macro  entry function
        .balign 128
        stp     x29, x30, [sp, #-16]!
        b       \function
        .endm

        .balign 2048
vectors:
        .rept   4
        entry   trapped
        entry   interrupted
        entry   trapped
        entry   trapped
        .endr

        // x30 and x29 are on the stack; the C function may use all that a call may.
        .macro  around function
        stp     x0, x1, [sp, #-16]!
        stp     x2, x3, [sp, #-16]!
        stp     x4, x5, [sp, #-16]!
        stp     x6, x7, [sp, #-16]!
        stp     x8, x9, [sp, #-16]!
        stp     x10, x11, [sp, #-16]!
        stp     x12, x13, [sp, #-16]!
        stp     x14, x15, [sp, #-16]!
        stp     x16, x17, [sp, #-16]!
        stp     x18, xzr, [sp, #-16]!
        bl      \function
        ldp     x18, xzr, [sp], #16
        ldp     x16, x17, [sp], #16
        ldp     x14, x15, [sp], #16
        ldp     x12, x13, [sp], #16
        ldp     x10, x11, [sp], #16
        ldp     x8, x9, [sp], #16
        ldp     x6, x7, [sp], #16
        ldp     x4, x5, [sp], #16
        ldp     x2, x3, [sp], #16
        ldp     x0, x1, [sp], #16
        ldp     x29, x30, [sp], #16
        eret
        .endm

trapped:
        around  on_trap
interrupted:
        around  on_interrupt
