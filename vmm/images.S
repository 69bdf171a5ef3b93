/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's images, taken into the VMM's ELF: assembled once per guest, because the paths come in as macros whose
 * values are quoted strings. A guest without an initial RAM disk leaves its macro out; the symbols then enclose
 * nothing.
 */

        .macro image name:req
        .section .guest_\name\()_image, "aw", %progbits
        .balign 16
        .global _guest_\name\()_image
_guest_\name\()_image:
        .endm

        .macro image_end name:req
        .global _guest_\name\()_image_end
_guest_\name\()_image_end:
        .endm

        image kernel
        .incbin GUEST_KERNEL_IMAGE_PATH
        image_end kernel

        image dtb
        .incbin GUEST_DTB_IMAGE_PATH
        image_end dtb

        image initrd
#ifdef GUEST_INITRD_IMAGE_PATH
        .incbin GUEST_INITRD_IMAGE_PATH
#endif
        image_end initrd

        .section .note.GNU-stack, "", %progbits
