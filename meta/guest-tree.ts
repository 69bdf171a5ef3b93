// SPDX-License-Identifier: BSD-2-Clause
// Reads a guest's layout out of its device tree, for users who bring their own: the memory node is RAM, /chosen names
// the initrd's window, the GIC is found by what it is compatible with.

import { refuse } from './diagnostic.ts';
import { type AddressRange, addressesOf } from './fdt/address.ts';
import { interruptsOf } from './fdt/interrupt.ts';
import { allNodes, cellsOf, findNode, type NodeInTree, numberOf, refuseNode, stringsOf } from './fdt/node.ts';
import type { DeviceTree, FdtNode } from './fdt/parse.ts';
import type { GuestGic, GuestLayout, GuestMachine, TimerPpis, VirtioMmioNode } from './guest.ts';
import { regionLimits } from './limits.ts';
import { alignDown, alignUp, type GpaRange, gpaRange, gpaWindow } from './units.ts';

/** What `connectVmm` needs. Refuses GST2xx or FDT2xx if the tree does not say it. */
export function guestMachineFromTree(tree: DeviceTree): GuestMachine {
  const ram = readRam(tree);
  const initrd = readInitrd(tree);
  return { ram, initrd, dtb: placeDtb(tree, ram, initrd), gic: gicFromTree(tree) };
}

/** The whole layout; the two nodes are named by their paths in the guest's tree. */
export function guestLayoutFromTree(
  tree: DeviceTree,
  nodes: { readonly console: string; readonly vsock: string },
): GuestLayout {
  const machine = guestMachineFromTree(tree);
  return {
    ...machine,
    cpu: cpuFromTree(tree),
    kernel: gpaWindow(machine.ram.base, machine.initrd.start),
    timerPpis: readTimer(tree),
    console: virtioMmioNode(findNode(tree, nodes.console)),
    vsock: virtioMmioNode(findNode(tree, nodes.vsock)),
  };
}

/** One register range and one SPI. Refuses GST203. */
export function virtioMmioNode(at: NodeInTree): VirtioMmioNode {
  const registers = addressesOf(at);
  const interrupts = interruptsOf(at, 'aarch64');
  const [register] = registers;
  const [interrupt] = interrupts;
  if (register === undefined || interrupt === undefined || registers.length > 1 || interrupts.length > 1)
    return refuseNode(
      'GST203',
      at,
      `has ${registers.length} entries in 'reg' and ${interrupts.length} in 'interrupts'; a virtio-mmio device has one of each`,
    );
  return { name: at.node.name, ...toGpa(register), spi: interrupt.irq - 32 };
}

const toGpa = ({ start, size }: AddressRange): GpaRange => gpaRange(start, size);

function readRam(tree: DeviceTree): GpaRange {
  const nodes = tree.root.children.filter(
    (node) =>
      stringsOf(node, 'device_type')[0] === 'memory' ||
      node.name === 'memory' ||
      node.name.startsWith('memory@'),
  );
  const ranges = nodes.flatMap((node) => addressesOf({ tree, node }));
  const [ram] = ranges;
  if (ram === undefined || ranges.length > 1)
    return refuse(
      'GST201',
      `device tree '${tree.file}' has ${ranges.length} ranges of memory in ${nodes.length} nodes; a guest has one`,
      {
        hint: "write one 'memory@…' node with one 'reg' entry",
        place: { file: tree.file },
      },
    );
  return toGpa(ram);
}

function readInitrd(tree: DeviceTree): GuestMachine['initrd'] {
  const chosen = findNode(tree, 'chosen');
  const start = numberOf(chosen, 'linux,initrd-start');
  const end = numberOf(chosen, 'linux,initrd-end');
  if (start === undefined || end === undefined || start > end)
    return refuseNode(
      'GST202',
      chosen,
      `has no window 'linux,initrd-start' to 'linux,initrd-end' (${start ?? 'absent'} to ${end ?? 'absent'})`,
    );
  return gpaWindow(start, end);
}

/** After the initrd's window if the tree fits there, else before it (sdfgen's rule). */
function placeDtb(tree: DeviceTree, ram: GpaRange, initrd: GuestMachine['initrd']): GuestMachine['dtb'] {
  const page = regionLimits.pageBytes;
  const size = alignUp(BigInt(tree.sizeBytes), page);
  const after = alignUp(initrd.end, page);
  const ramEnd = ram.base + ram.size;
  if (after + size <= ramEnd) return gpaWindow(after, ramEnd);
  const before = alignDown(initrd.start, page) - size;
  if (before < ram.base)
    refuse(
      'GST204',
      `device tree '${tree.file}' of ${tree.sizeBytes} bytes fits neither after nor before its initrd window in RAM`,
      {
        hint: 'make RAM larger or the window smaller',
        place: { file: tree.file },
      },
    );
  return gpaWindow(before, before + size);
}

const gicV2 = ['arm,gic-v2', 'arm,cortex-a15-gic', 'arm,gic-400'];
const gicV3 = ['arm,gic-v3'];

/** The interrupt controller of a guest's or a machine's tree. Refuses GST205, GST206. */
export function gicFromTree(tree: DeviceTree): GuestGic {
  for (const node of allNodes(tree)) {
    const names = stringsOf(node, 'compatible');
    const v2 = names.find((name) => gicV2.includes(name));
    if (v2 !== undefined) return gicFromNode({ tree, node }, 2, v2);
    const v3 = names.find((name) => gicV3.includes(name));
    if (v3 !== undefined) return gicFromNode({ tree, node }, 3, v3);
  }
  return refuse('GST205', `could not find GIC interrupt controller DTB node in device tree '${tree.file}'`, {
    hint: `write a node that is compatible with one of ${[...gicV2, ...gicV3].join(', ')}`,
    place: { file: tree.file },
  });
}

/** Order of `reg` as the GIC bindings have it. */
function gicFromNode(at: NodeInTree, version: 2 | 3, compatible: string): GuestGic {
  const ranges = addressesOf(at).map(toGpa);
  const [distributor, second, third, fourth, fifth] = ranges;
  if (distributor === undefined || second === undefined)
    return refuseNode('GST206', at, `has ${ranges.length} entries in 'reg'; a GIC has at least 2`);
  const named: readonly (readonly [keyof GuestGic, GpaRange | undefined])[] =
    version === 2
      ? [
          ['cpuInterface', second],
          ['hypInterface', third],
          ['vcpuInterface', fourth],
        ]
      : [
          ['redistributor', second],
          ['cpuInterface', third],
          ['hypInterface', fourth],
          ['vcpuInterface', fifth],
        ];
  return {
    version,
    compatible,
    nodeName: at.node.name,
    distributor,
    ...Object.fromEntries(named.filter(([, range]) => range !== undefined)),
  };
}

/** `compatible` of the first CPU, e.g. `arm,cortex-a53`. Refuses GST207. */
export function cpuFromTree(tree: DeviceTree): string {
  const isCpu = (node: FdtNode): boolean => stringsOf(node, 'device_type')[0] === 'cpu';
  const cpus = findNode(tree, 'cpus');
  const [compatible] = cpus.node.children.filter(isCpu).flatMap((node) => stringsOf(node, 'compatible'));
  return compatible ?? refuseNode('GST207', cpus, `has no child of device_type 'cpu' with a 'compatible'`);
}

function readTimer(tree: DeviceTree): TimerPpis {
  const node = [...allNodes(tree)].find((node) => stringsOf(node, 'compatible').includes('arm,armv8-timer'));
  if (node === undefined)
    return refuse('GST208', `device tree '${tree.file}' has no node compatible with arm,armv8-timer`, {
      hint: 'write a timer node',
      place: { file: tree.file },
    });
  const [secure, nonSecure, virtual, hypervisor] = interruptsOf({ tree, node }, 'aarch64').map(
    ({ irq }) => irq - 16,
  );
  if (secure === undefined || nonSecure === undefined || virtual === undefined || hypervisor === undefined)
    return refuseNode(
      'GST209',
      { tree, node },
      `has ${cellsOf({ tree, node }, 'interrupts')?.length ?? 0} cells in 'interrupts'; four interrupts are expected`,
    );
  return { secure, nonSecure, virtual, hypervisor };
}
