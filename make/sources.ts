// SPDX-License-Identifier: BSD-2-Clause
// What is compiled: our own C by paths below vmm/, that of libvmm and sDDF by paths in their source trees as of the
// commits in make/stack.ts.

/** The socket device: the same in a VMM and in sim's back end. */
const vsockSources = [
  'connections',
  'credit',
  'device',
  'event',
  'mmio',
  'names',
  'packet',
  'patience',
  'ring',
  'rx',
  'tx',
  'virtqueue',
].map((n) => `vsock/${n}.c`);

export const vmmSources = [
  'client_vmm.c',
  'libvmm/console_guard.c',
  'libvmm/cpu_interface.c',
  'libvmm/distributor.c',
  'libvmm/event_counts.c',
  'libvmm/event_window.c',
  'libvmm/generic_timer.c',
  'libvmm/guest_access.c',
  'libvmm/guest_fault.c',
  'libvmm/guest_images.c',
  'libvmm/guest_life.c',
  'libvmm/idle.c',
  'libvmm/list_registers.c',
  'libvmm/redistributor.c',
  'libvmm/vcpu_registers.c',
  'libvmm/virtual_timer.c',
  'libvmm/vsock_seat.c',
  ...vsockSources,
];

export const backendSources = [
  ...['backend', 'capture', 'guest', 'guest_memory', 'report', 'requests', 'seat', 'vhost_user'].map(
    (n) => `host/${n}.c`,
  ),
  ...vsockSources,
];

/** libvmm 0.2.0 for AArch64; what of it is not used, the linker leaves out. */
export const libvmmSources = [
  ...['fault', 'linux', 'cpuif', 'psci', 'smc', 'tcb', 'vcpu', 'virq', 'guest'].map(
    (n) => `src/arch/aarch64/${n}.c`,
  ),
  ...['vgic', 'vgic_v2', 'vgic_v3', 'vgic_v3_cpuif'].map((n) => `src/arch/aarch64/vgic/${n}.c`),
  ...['mmio', 'console', 'block', 'net', 'virtio', 'pci'].map((n) => `src/virtio/${n}.c`),
  ...['util/util', 'pci', 'guest_ram', 'uefi/table_loader', 'uefi/fw_cfg'].map((n) => `src/${n}.c`),
];

/** sDDF's utilities and its own C library; there is no other. */
export const sddfUtilSources = [
  ...['cache', 'printf', 'assert', 'bitarray', 'fsmalloc', 'arch_timestamp_counter', 'putchar_debug'].map(
    (n) => `util/${n}.c`,
  ),
  'util/custom_libc/libc.c',
  ...['memcmp', 'memcpy', 'memset', 'strcmp', 'strcpy', 'strlen', 'strncmp'].map(
    (n) => `util/custom_libc/aarch64/${n}.S`,
  ),
  'util/custom_libc/aarch64/memmove.c',
];
