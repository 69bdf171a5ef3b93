// SPDX-License-Identifier: BSD-2-Clause
// Whether guest, VMM and system mean the same: RAM, initrd and the two virtio devices, each said in the guest's device
// tree, in the VMM's config sections and, RAM, in the maps; and the CPU, which the kernel's configuration says too.
import type { Diagnostic } from '../../meta/diagnostic.ts';
import { errorFinding } from '../../meta/finding.ts';
import { addressesOf, allNodes, hex, interruptsOf, stringsOf } from '../../meta/index.ts';
import type { Evidence, JudgedVmm } from './evidence.ts';
import { ConfigBytes } from './probe.ts';

export const judgeGuests = (evidence: Evidence): Diagnostic[] => [
  ...judgeTarget(evidence),
  ...evidence.vmms.flatMap((vmm) => [
    ...judgeCpu(evidence, vmm),
    ...judgeRam(evidence, vmm),
    ...judgeDevices(evidence, vmm),
  ]),
];

function judgeTarget({ board, sdk }: Evidence): Diagnostic[] {
  if (sdk.cpu === undefined || sdk.cpu === board.cpu) return [];
  return [
    errorFinding(
      'JDG150',
      `'${board.name}' was compiled for a ${board.cpu}, but its kernel is for a ${sdk.cpu}`,
      {
        hint: `write ${sdk.cpu} as cpu in board.ts`,
      },
    ),
  ];
}

function judgeCpu({ sdk }: Evidence, { elf, cpu }: JudgedVmm): Diagnostic[] {
  if (sdk.cpu === undefined || sdk.cpu === cpu) return [];
  return [
    errorFinding(
      'JDG151',
      `the guest of '${elf.file}' is told of a ${cpu}, but the board's kernel is for a ${sdk.cpu}`,
      {
        hint: `write arm,${sdk.cpu} as guest.cpu in board.ts`,
      },
    ),
  ];
}

function judgeRam({ probe, systemPath }: Evidence, { elf, pd, machine }: JudgedVmm): Diagnostic[] {
  const config = new ConfigBytes(elf, '.vmm_config', probe);
  const { ram, initrd } = machine;
  const found = [
    ...compare(elf.file, 'start of RAM', ram.base, config.u64('vmm_config_t.ram')),
    ...compare(elf.file, 'size of RAM', ram.size, config.u64('vmm_config_t.ram_size')),
    ...compare(elf.file, 'start of the initrd', initrd.start, config.u64('vmm_config_t.initrd')),
  ];
  const ofGuest = pd.guestMaps.find(({ vaddr }) => vaddr === ram.base)?.region;
  const ofVmm = pd.maps.find(({ vaddr }) => vaddr === ram.base)?.region;
  if (ofGuest === undefined || ofGuest !== ofVmm || ofGuest.size !== ram.size)
    found.push(
      errorFinding(
        'JDG131',
        `the guest of '${pd.name}' is told of ${hex(ram.size)} bytes of RAM at ${hex(ram.base)}, where ${named(ofGuest)} is mapped for it and ${named(ofVmm)} for its VMM`,
        { hint: "run 'vmbuild clean' and build again; report it if it stays", place: { file: systemPath } },
      ),
    );
  return found;
}

const named = (region: { name: string; size: bigint } | undefined): string =>
  region === undefined ? 'nothing' : `'${region.name}' of ${hex(region.size)} bytes`;

/** Every virtio device that the VMM will emulate is one that the guest will find, and the reverse. */
function judgeDevices({ probe }: Evidence, { elf, tree }: JudgedVmm): Diagnostic[] {
  const told = [...allNodes(tree)]
    .filter((node) => stringsOf(node, 'compatible').includes('virtio,mmio'))
    .map((node) =>
      device(
        addressesOf({ tree, node })[0]?.start ?? 0n,
        interruptsOf({ tree, node }, 'aarch64')[0]?.irq ?? 0,
      ),
    );
  const config = new ConfigBytes(elf, '.vmm_config', probe);
  const vsock = new ConfigBytes(elf, '.vsock_config', probe);
  const type = 'vmm_config_virtio_mmio_device_t';
  const emulated = [
    ...config
      .elements('vmm_config_t.virtio_mmio_devices', type, config.u8('vmm_config_t.num_virtio_mmio_devices'))
      .map((entry) => device(entry.u64(`${type}.base`), entry.u32(`${type}.irq`))),
    device(vsock.u64('struct vsock_config.mmio_base'), vsock.u32('struct vsock_config.irq')),
  ];
  const same = told.toSorted().join(', ') === emulated.toSorted().join(', ');
  return same
    ? []
    : [
        errorFinding(
          'JDG132',
          `the guest of '${elf.file}' is told of virtio devices at ${told.join(', ')}, but its VMM's config has ${emulated.join(', ')}`,
          { hint: "run 'vmbuild clean' and build again; report it if it stays" },
        ),
      ];
}

const device = (base: bigint, irq: number): string => `${hex(base)} with interrupt ${irq}`;

const compare = (file: string, what: string, told: bigint, configured: bigint): Diagnostic[] =>
  told === configured
    ? []
    : [
        errorFinding(
          'JDG130',
          `the guest of '${file}' is told that the ${what} is ${hex(told)}, but its VMM's config says ${hex(configured)}`,
          { hint: "run 'vmbuild clean' and build again; report it if it stays" },
        ),
      ];
