// SPDX-License-Identifier: BSD-2-Clause
// What a guest's kernel must have, option by option, and whether it has it: built in, or as a module that somebody
// loads. The first four are those that the original example names.
import { type Diagnostic } from '../meta/diagnostic.ts';
import type { KernelConfig } from './kernel-config.ts';

interface Need {
  readonly option: string;
  /** Its module, if it can be one. */
  readonly module?: string;
  readonly why: string;
  /** Without it the transfer works all the same. */
  readonly isUseful?: boolean;
}

/** Sources: net/vmw_vsock/Kconfig, drivers/virtio/Kconfig, drivers/char/Kconfig, usr/Kconfig. */
const kernelNeeds: readonly Need[] = [
  { option: 'CONFIG_VSOCKETS', module: 'vsock', why: 'sockets of the family AF_VSOCK' },
  {
    option: 'CONFIG_VSOCKETS_LOOPBACK',
    module: 'vsock_loopback',
    why: 'connections of a guest to itself',
    isUseful: true,
  },
  {
    option: 'CONFIG_VIRTIO_VSOCKETS',
    module: 'vmw_vsock_virtio_transport',
    why: "the driver of the guests' socket device",
  },
  {
    option: 'CONFIG_VIRTIO_VSOCKETS_COMMON',
    module: 'vmw_vsock_virtio_transport_common',
    why: "the half of that driver that hosts' drivers share",
  },
  { option: 'CONFIG_VIRTIO_MMIO', module: 'virtio_mmio', why: 'devices at the addresses of the device tree' },
  { option: 'CONFIG_BLK_DEV_INITRD', why: 'the initrd' },
  { option: 'CONFIG_RD_GZIP', why: "vmbuild's programs, which are appended to the initrd packed with gzip" },
  {
    option: 'CONFIG_VIRTIO_CONSOLE',
    module: 'virtio_console',
    why: "the guests' console on seL4, /dev/hvc0",
    isUseful: true,
  },
];

export interface NeedsRequest {
  readonly path: string;
  readonly release: string | undefined;
  /** Undefined if nothing says how the kernel was configured. */
  readonly config: KernelConfig | undefined;
  /** Names of the modules that will be loaded, from whatever place. */
  readonly modules: ReadonlySet<string>;
  /** False: the initrd could not be read, and may hold further modules. */
  readonly isSure: boolean;
}

/** KERN122 and KERN123 for what is missing, KERN124 where nobody can know. */
export function checkKernelNeeds({ path, release, config, modules, isSure }: NeedsRequest): Diagnostic[] {
  const kernel = `kernel '${path}'${release === undefined ? '' : ` (${release})`}`;
  if (config === undefined) return modules.size > 0 ? [] : [unknown(kernel, path)];
  return kernelNeeds.flatMap((need): Diagnostic[] => {
    const { option, module = '', why, isUseful = false } = need;
    const state = config.state(option, need.module);
    if (state === undefined || state === 'y' || (state === 'm' && modules.has(module))) return [];
    const severity = isUseful ? 'warning' : 'error';
    const place = { file: path };
    if (state === 'n')
      return [
        {
          code: 'KERN122',
          severity,
          place,
          message: `${kernel} lacks ${option}, ${why} (by ${config.from})`,
          hint: `put ${option}=y into its .config and build it again, or use --guest debian`,
        },
      ];
    // A module that is not loaded does no harm where nobody needs what it is for.
    if (isUseful) return [];
    return [
      {
        code: 'KERN123',
        severity: isSure ? 'error' : 'warning',
        place,
        message: `${kernel} has ${option}=m, ${why} (by ${config.from}), but ${isSure ? 'nobody loads its module' : 'nobody knows whether its initrd has the module'} '${module}'`,
        hint: `put ${option}=y into its .config, or give an initrd with that module for ${release ?? 'this kernel'} in /lib/modules: --initrd`,
      },
    ];
  });
}

const unknown = (kernel: string, path: string): Diagnostic => ({
  code: 'KERN124',
  severity: 'warning',
  message: `${kernel} does not say how it was configured; it needs ${kernelNeeds
    .slice(0, 5)
    .map(({ option }) => `${option}=y`)
    .join(', ')}`,
  place: { file: path },
  hint: 'build it with CONFIG_IKCONFIG=y to have that checked, or lay its .config beside it as config-RELEASE',
});
