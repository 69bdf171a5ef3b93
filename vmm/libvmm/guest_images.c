/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks the images against each other and against RAM, which libvmm does only in part, then lets libvmm copy them. */
#include <string.h>
#include <microkit.h>
#include <libvmm/libvmm.h>
#include "guest_images.h"

/* Both from Linux, Documentation/arch/arm64/booting.rst; libvmm asserts on them. */
#define DTB_SIZE_MAX 0x200000
#define DTB_ALIGNMENT 8

/* Defined by images.S. */
extern char _guest_kernel_image[], _guest_kernel_image_end[];
extern char _guest_dtb_image[], _guest_dtb_image_end[];
extern char _guest_initrd_image[], _guest_initrd_image_end[];

struct span {
    const char *name;
    uint64_t start;
    uint64_t end;
};

static bool are_apart(const struct span *ram, const struct span *spans, unsigned count);

uint64_t guest_images_place(const vmm_config_t *config)
{
    uint64_t kernel_size = (uint64_t)(_guest_kernel_image_end - _guest_kernel_image);
    uint64_t dtb_size = (uint64_t)(_guest_dtb_image_end - _guest_dtb_image);
    uint64_t initrd_size = (uint64_t)(_guest_initrd_image_end - _guest_initrd_image);

    struct linux_image_header header;
    if (kernel_size < sizeof(header)) {
        LOG_VMM_ERR("the kernel has %lu bytes, too few for an arm64 Image\n", kernel_size);
        return 0;
    }
    memcpy(&header, _guest_kernel_image, sizeof(header));
    if (header.magic != LINUX_IMAGE_MAGIC) {
        LOG_VMM_ERR("the kernel is no arm64 Image\n");
        return 0;
    }
    if (dtb_size > DTB_SIZE_MAX || config->dtb % DTB_ALIGNMENT != 0) {
        LOG_VMM_ERR("the device tree, 0x%lx bytes at 0x%lx, must have at most 0x%x bytes and be aligned to %u\n",
                    dtb_size, config->dtb, DTB_SIZE_MAX, DTB_ALIGNMENT);
        return 0;
    }

    /* A kernel takes more room than its file: image_size includes .bss. */
    uint64_t kernel_start = config->ram + header.text_offset;
    uint64_t kernel_room = MAX(kernel_size, header.image_size);
    struct span ram = { "guest RAM", config->ram, config->ram + config->ram_size };
    struct span spans[] = {
        { "kernel", kernel_start, kernel_start + kernel_room },
        { "device tree", config->dtb, config->dtb + dtb_size },
        { "initial RAM disk", config->initrd, config->initrd + initrd_size },
    };
    if (!are_apart(&ram, spans, ARRAY_SIZE(spans))) {
        return 0;
    }
    uint64_t entry = linux_setup_images(config->ram, (uintptr_t)_guest_kernel_image, kernel_size,
                                        (uintptr_t)_guest_dtb_image, config->dtb, dtb_size,
                                        (uintptr_t)_guest_initrd_image, config->initrd, initrd_size);
    if (entry == 0) {
        LOG_VMM_ERR("the guest's images could not be placed\n");
    }
    return entry;
}

static bool are_apart(const struct span *ram, const struct span *spans, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct span *span = &spans[i];
        if (span->start < ram->start || span->end < span->start || span->end > ram->end) {
            LOG_VMM_ERR("%s [0x%lx..0x%lx) is not inside guest RAM [0x%lx..0x%lx)\n", span->name, span->start,
                        span->end, ram->start, ram->end);
            return false;
        }
        for (unsigned j = 0; j < i; j++) {
            const struct span *other = &spans[j];
            if (span->start < other->end && other->start < span->end) {
                LOG_VMM_ERR("%s [0x%lx..0x%lx) overlaps %s [0x%lx..0x%lx)\n", span->name, span->start, span->end,
                            other->name, other->start, other->end);
                return false;
            }
        }
    }
    return true;
}
