// SPDX-License-Identifier: BSD-2-Clause
// `reg` as addresses of the CPU: cells are counted as the parent says, then each bus above translates through its
// `ranges` (Devicetree Specification 2.3.5, 2.3.6, 2.3.8).

import { refuseNode, cellsOf, joinCells, type NodeInTree } from './node.ts';
import { type DeviceTree, type FdtNode } from './parse.ts';
import { fdtLimits } from '../limits.ts';
import { hex } from '../units.ts';

export interface AddressRange {
  readonly start: bigint;
  readonly size: bigint;
}

/** The node's registers as the CPU sees them; empty without `reg`. Refuses FDT21x. */
export function addressesOf(at: NodeInTree): AddressRange[] {
  const cells = cellsOf(at, 'reg');
  if (cells === undefined) return [];
  const parent = at.node.parent;
  if (parent === undefined) return refuseNode('FDT210', at, `is the root and has 'reg'`);
  const addressCells = cellCount({ tree: at.tree, node: parent }, '#address-cells', 2);
  const sizeCells = cellCount({ tree: at.tree, node: parent }, '#size-cells', 1);
  const stride = addressCells + sizeCells;
  if (stride === 0 || cells.length % stride !== 0)
    refuseNode(
      'FDT211',
      at,
      `has ${cells.length} cells in 'reg', which is no multiple of the ${addressCells} + ${sizeCells} that its parent says`,
    );
  checkEntries(at, 'reg', cells.length / stride);
  return Array.from({ length: cells.length / stride }, (_, i) => {
    const entry = cells.slice(i * stride, (i + 1) * stride);
    const range = {
      start: joinCells(entry.slice(0, addressCells)),
      size: joinCells(entry.slice(addressCells)),
    };
    return { ...range, start: translate(at, parent, range) };
  });
}

/** From the address space of `bus` up to the CPU's. The loop is as long as the tree is deep, which is bounded. */
function translate(at: NodeInTree, bus: FdtNode, range: AddressRange): bigint {
  let address = range.start;
  for (let node = bus; node.parent !== undefined; node = node.parent)
    address = throughRanges(at, { tree: at.tree, node }, node.parent, { start: address, size: range.size });
  if (address + range.size >= 1n << 64n)
    refuseNode(
      'FDT212',
      at,
      `has an address range at ${hex(address)} of ${hex(range.size)} bytes that reaches the end of 64 bits`,
    );
  return address;
}

function throughRanges(at: NodeInTree, bus: NodeInTree, parent: FdtNode, range: AddressRange): bigint {
  const cells = cellsOf(bus, 'ranges');
  if (cells === undefined)
    return refuseNode(
      'FDT213',
      at,
      `cannot be addressed by the CPU: its bus '${bus.node.name}' has no 'ranges'`,
    );
  if (cells.length === 0) return range.start;
  const childCells = cellCount(bus, '#address-cells', 2);
  const parentCells = cellCount({ tree: at.tree, node: parent }, '#address-cells', 2);
  const sizeCells = cellCount(bus, '#size-cells', 1);
  const stride = childCells + parentCells + sizeCells;
  if (cells.length % stride !== 0)
    refuseNode(
      'FDT214',
      bus,
      `has ${cells.length} cells in 'ranges', which is no multiple of ${childCells} + ${parentCells} + ${sizeCells}`,
    );
  checkEntries(bus, 'ranges', cells.length / stride);
  for (let i = 0; i < cells.length; i += stride) {
    const from = joinCells(cells.slice(i, i + childCells));
    const to = joinCells(cells.slice(i + childCells, i + childCells + parentCells));
    const size = joinCells(cells.slice(i + childCells + parentCells, i + stride));
    if (range.start >= from && range.start + range.size <= from + size) return range.start - from + to;
  }
  return refuseNode(
    'FDT215',
    at,
    `has the address ${hex(range.start)} that no entry of 'ranges' of its bus '${bus.node.name}' covers`,
  );
}

/** `#address-cells` and its kin: one cell, at most 4 (PCI has 3). */
export function cellCount(
  at: { tree: DeviceTree; node: FdtNode },
  property: string,
  fallback: number,
): number {
  const cells = cellsOf(at, property);
  if (cells === undefined) return fallback;
  const [count] = cells;
  if (cells.length !== 1 || count === undefined || count > 4)
    return refuseNode(
      'FDT216',
      at,
      `has '${property}' = <${cells.join(' ')}>; one number up to 4 is expected`,
    );
  return count;
}

export function checkEntries(at: NodeInTree, property: string, count: number): void {
  if (count > fdtLimits.entries)
    refuseNode('FDT217', at, `has ${count} entries in '${property}'; at most ${fdtLimits.entries} are read`);
}
