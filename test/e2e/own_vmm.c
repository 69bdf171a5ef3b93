/* SPDX-License-Identifier: BSD-2-Clause */
/* The least that a VMM of a user's own can be: libvmm, a virtio console on sDDF's serial port, and no sockets. */
#include <microkit.h>
#include <libvmm/libvmm.h>
#include <sddf/serial/queue.h>
#include SYSTEM_HEADER

/* vmbuild links these in: kernel, device tree and initrd of the guest (vmm/images.S). */
extern char _guest_kernel_image[], _guest_kernel_image_end[];
extern char _guest_dtb_image[], _guest_dtb_image_end[];
extern char _guest_initrd_image[], _guest_initrd_image_end[];

static serial_queue_handle_t rx, tx;
static struct virtio_console_device console;

void init(void)
{
    arch_guest_init_t guest = {
        .num_vcpus = 1,
        .num_guest_ram_regions = 1,
        .guest_ram_regions = { { .gpa_start = vmm_config.ram,
                                 .size = vmm_config.ram_size,
                                 .vmm_vaddr = (void *)vmm_config.ram } },
    };
    if (!guest_init(guest)) {
        return;
    }
    uintptr_t entry = linux_setup_images(
        vmm_config.ram, (uintptr_t)_guest_kernel_image, (uintptr_t)(_guest_kernel_image_end - _guest_kernel_image),
        (uintptr_t)_guest_dtb_image, vmm_config.dtb, (uintptr_t)(_guest_dtb_image_end - _guest_dtb_image),
        (uintptr_t)_guest_initrd_image, vmm_config.initrd,
        (uintptr_t)(_guest_initrd_image_end - _guest_initrd_image));
    const vmm_config_virtio_mmio_device_t *device = &vmm_config.virtio_mmio_devices[0];
    serial_queue_init(&rx, serial_config.rx.queue.vaddr, serial_config.rx.data.size, serial_config.rx.data.vaddr);
    serial_queue_init(&tx, serial_config.tx.queue.vaddr, serial_config.tx.data.size, serial_config.tx.data.vaddr);
    if (entry == 0
        || !virtio_mmio_console_init(&console, device->base, device->size,
                                     ARM_GIC_IRQ_ROUTE(GUEST_BOOT_VCPU_ID, device->irq), &rx, &tx,
                                     serial_config.tx.id, serial_config.rx.id)) {
        return;
    }
    LOG_VMM("a VMM of my own\n");
    guest_start(entry, vmm_config.dtb, vmm_config.initrd);
}

void notified(microkit_channel channel)
{
    if (channel == serial_config.rx.id || channel == serial_config.tx.id) {
        (void)virtio_console_queue_notify(&console);
    }
}

seL4_Bool fault(microkit_child vcpu, microkit_msginfo message, microkit_msginfo *reply)
{
    if (!fault_handle(vcpu, message)) {
        return seL4_False;
    }
    *reply = microkit_msginfo_new(0, 0);
    return seL4_True;
}
