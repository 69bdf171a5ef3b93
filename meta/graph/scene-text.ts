// SPDX-License-Identifier: BSD-2-Clause
// What is written in the boxes of a picture.

import { formatSize } from '../diagnostic.ts';
import { pdLimits } from '../limits.ts';
import { hex } from '../units.ts';
import { visible } from './node-id.ts';
import type {
  IoPortNode,
  IoSpaceNode,
  IrqNode,
  PdNode,
  RegionNode,
  Scheduled,
  VmNode,
} from './system-graph.ts';

export const pdTitle = ({ name }: PdNode): string => visible(name);

export function pdLines(pd: PdNode, irqs: readonly IrqNode[], ports: readonly IoPortNode[]): string[] {
  const traits = [
    ...(pd.isPassive ? ['passive'] : []),
    ...(pd.maySmc ? ['SMC'] : []),
    ...(pd.hasFpu ? [] : ['no FPU']),
    ...(pd.domain === undefined ? [] : [`domain ${visible(pd.domain)}`]),
  ];
  return [
    scheduling(pd),
    ...(traits.length === 0 ? [] : [traits.join(', ')]),
    visible(pd.programImage),
    ...some(
      irqs.map(({ source, channelId, trigger }) => `IRQ ${visible(source)}, ${trigger}, id ${channelId}`),
    ),
    ...some(
      ports.map(
        ({ address, size, portId }) => `ports [${hex(address)}..${hex(address + size)}), id ${portId}`,
      ),
    ),
  ];
}

export function vmLines(vm: VmNode): string[] {
  const cpus = vm.vcpus.map(({ id, cpu }) => `vCPU ${id}${cpu === vm.cpu ? '' : ` on CPU ${cpu}`}`);
  return ['virtual machine', scheduling(vm), ...some(cpus)];
}

export const spaceLines = ({ peripheralId, domainId }: IoSpaceNode): string[] => [
  'I/O address space',
  `device ${visible(peripheralId)}${domainId === undefined ? '' : `, domain ${domainId}`}`,
];

/** Regions that one box lists. */
const shownRegions = 8;

export function regionLines(regions: readonly RegionNode[], sizeBytes: bigint): string[] {
  const shown = regions.length > shownRegions ? regions.slice(0, shownRegions - 1) : regions;
  return [
    ...shown.map(({ name, sizeBytes: size, paddr, prefill }) =>
      [
        visible(name),
        `${shortSize(size)}${paddr === undefined ? '' : ` at ${hex(paddr)}`}`,
        ...(prefill === undefined ? [] : [`from ${visible(prefill)}`]),
      ].join('  '),
    ),
    ...(shown.length < regions.length
      ? [`… and ${regions.length - shown.length} more, ${shortSize(sizeBytes)} in all`]
      : []),
  ];
}

/** `128 MiB` */
export const shortSize = (sizeBytes: bigint): string => formatSize(sizeBytes).replace(/ \(.*/, '');

function scheduling({ priority, budgetUs, periodUs, cpu }: Scheduled): string {
  const isUsual = budgetUs === pdLimits.defaultBudgetUs && periodUs === budgetUs;
  return [
    `priority ${priority}`,
    ...(isUsual ? [] : [`${budgetUs} of ${periodUs} µs`]),
    ...(cpu === 0 ? [] : [`CPU ${cpu}`]),
  ].join(', ');
}

/** At most four lines. */
const some = (lines: readonly string[]): readonly string[] =>
  lines.length <= 4 ? lines : [...lines.slice(0, 3), `… and ${lines.length - 3} more`];
