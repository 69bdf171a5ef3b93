// SPDX-License-Identifier: BSD-2-Clause
// `interrupts` as the numbers that the kernel counts: the interrupt parent says how many cells make one
// (Devicetree Specification 2.4), and on Arm the GIC binding says what they mean: type 0 is SPI n = IRQ n + 32, type 1
// is PPI n = IRQ n + 16, the low bits of the third cell are the trigger.

import type { Architecture, Trigger } from '../model.ts';
import { cellCount, checkEntries } from './address.ts';
import { allNodes, cellsOf, type NodeInTree, refuseNode } from './node.ts';
import type { DeviceTree, FdtNode } from './parse.ts';

export interface Interrupt {
  /** As Microkit's `irq` attribute counts. */
  readonly irq: number;
  /** On RISC-V the PLIC decides: absent. */
  readonly trigger?: Trigger;
}

/** The node's interrupts in order; empty if it has none. Refuses FDT22x. */
export function interruptsOf(at: NodeInTree, arch: Architecture): Interrupt[] {
  const cells = cellsOf(at, 'interrupts');
  if (cells === undefined) return [];
  const stride = cellCount(interruptParent(at), '#interrupt-cells', 1);
  if (stride === 0 || cells.length % stride !== 0)
    refuseNode(
      'FDT221',
      at,
      `has ${cells.length} cells in 'interrupts', which is no multiple of the ${stride} of its interrupt parent`,
    );
  checkEntries(at, 'interrupts', cells.length / stride);
  return Array.from({ length: cells.length / stride }, (_, i) =>
    decode(at, cells.slice(i * stride, (i + 1) * stride), arch),
  );
}

function decode(at: NodeInTree, cells: readonly number[], arch: Architecture): Interrupt {
  const [kind, number, flags] = cells;
  if (arch !== 'aarch64') {
    if (cells.length !== 1 || kind === undefined)
      return refuseNode('FDT222', at, `has an interrupt of ${cells.length} cells; 1 is expected on ${arch}`);
    return { irq: kind };
  }
  if (number === undefined || flags === undefined || (kind !== 0 && kind !== 1))
    return refuseNode(
      'FDT223',
      at,
      `has the interrupt <${cells.join(' ')}>; <type number flags> with type 0 (SPI) or 1 (PPI) is expected on aarch64`,
    );
  const irq = number + (kind === 0 ? 32 : 16);
  const end = kind === 0 ? 1020 : 32;
  if (irq >= end)
    refuseNode(
      'FDT224',
      at,
      `has ${kind === 0 ? 'SPI' : 'PPI'} ${number}; the GIC has ${kind === 0 ? '0..987' : '0..15'}`,
    );
  return { irq, trigger: triggerOf(at, flags & 0xf) };
}

function triggerOf(at: NodeInTree, flags: number): Trigger {
  if (flags === 1 || flags === 2) return 'edge';
  if (flags === 4 || flags === 8) return 'level';
  return refuseNode(
    'FDT225',
    at,
    `has the interrupt trigger ${flags}; 1 or 2 (edge), 4 or 8 (level) are expected`,
  );
}

/** The controller that the node, or the nearest node above it, names; else the parent itself. */
function interruptParent(at: NodeInTree): NodeInTree {
  for (let node: FdtNode | undefined = at.node; node !== undefined; node = node.parent) {
    const [phandle] = cellsOf({ tree: at.tree, node }, 'interrupt-parent') ?? [];
    if (phandle === undefined) continue;
    const found = phandlesOf(at.tree).get(phandle);
    if (found === undefined)
      return refuseNode('FDT226', at, `has an interrupt parent with phandle ${phandle}, which no node has`);
    return { tree: at.tree, node: found };
  }
  return refuseNode('FDT227', at, `has 'interrupts' but no 'interrupt-parent' on it or above it`);
}

const phandles = new WeakMap<DeviceTree, ReadonlyMap<number, FdtNode>>();

function phandlesOf(tree: DeviceTree): ReadonlyMap<number, FdtNode> {
  const known = phandles.get(tree);
  if (known !== undefined) return known;
  const found = new Map<number, FdtNode>();
  for (const node of allNodes(tree)) {
    const [phandle] = cellsOf({ tree, node }, 'phandle') ?? cellsOf({ tree, node }, 'linux,phandle') ?? [];
    if (phandle !== undefined) found.set(phandle, node);
  }
  phandles.set(tree, found);
  return found;
}
