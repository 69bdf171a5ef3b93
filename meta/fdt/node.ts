// SPDX-License-Identifier: BSD-2-Clause
// Finds nodes by path and decodes the simple kinds of property values.

import { refuse } from '../diagnostic.ts';
import { didYouMean } from '../finding.ts';
import type { DeviceTree, FdtNode } from './parse.ts';

/** A tree, a node in it, and so everything that a message about the node needs. */
export interface NodeInTree {
  readonly tree: DeviceTree;
  readonly node: FdtNode;
}

/** The node at `path`, e.g. `soc@0/bus@30800000/serial@30860000`; a leading slash is fine. Refuses FDT201. */
export function findNode(tree: DeviceTree, path: string): NodeInTree {
  let node = tree.root;
  for (const name of path.split('/').filter((part) => part !== '')) {
    const child = node.children.find((candidate) => candidate.name === name);
    if (child === undefined) refuseMissing(tree, node, name, path);
    node = child;
  }
  return { tree, node };
}

/** `/soc@0/bus@30800000`, `/` for the root. */
export function pathOf(node: FdtNode): string {
  const names: string[] = [];
  for (let at: FdtNode | undefined = node; at?.parent !== undefined; at = at.parent) names.unshift(at.name);
  return `/${names.join('/')}`;
}

/** Every node, parents first. */
export function* allNodes(tree: DeviceTree): Generator<FdtNode> {
  const pending = [tree.root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    yield node;
    // One by one: a spread of a hostile file's children would not fit the stack.
    for (const child of node.children.toReversed()) pending.push(child);
  }
}

/** The strings of a list like `compatible`; empty if the property is absent. */
export function stringsOf(node: FdtNode, property: string): string[] {
  const value = node.properties.get(property);
  if (value === undefined) return [];
  const text = new TextDecoder('latin1').decode(value);
  return text.replace(/\0$/, '').split('\0');
}

/** The big-endian words of a property, undefined if it is absent. Refuses FDT202 unless it is whole words. */
export function cellsOf({ tree, node }: NodeInTree, property: string): number[] | undefined {
  const value = node.properties.get(property);
  if (value === undefined) return undefined;
  if (value.length % 4 !== 0)
    refuseNode(
      'FDT202',
      { tree, node },
      `has ${value.length} bytes in '${property}', which is no whole number of cells`,
    );
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return Array.from({ length: value.length / 4 }, (_, i) => view.getUint32(4 * i));
}

/** A property of one or two cells, as linux,initrd-start is. Refuses FDT203 for another size. */
export function numberOf(at: NodeInTree, property: string): bigint | undefined {
  const cells = cellsOf(at, property);
  if (cells === undefined) return undefined;
  if (cells.length !== 1 && cells.length !== 2)
    refuseNode('FDT203', at, `has ${cells.length} cells in '${property}'; 1 or 2 make a number`);
  return joinCells(cells);
}

/** Most significant cell first. */
export const joinCells = (cells: readonly number[]): bigint =>
  cells.reduce((value, cell) => (value << 32n) | BigInt(cell), 0n);

/** Absent or okay (Devicetree Specification 2.3.4; `ok` is old spelling). */
export const isEnabled = (node: FdtNode): boolean => {
  const [status] = stringsOf(node, 'status');
  return status === undefined || status === 'okay' || status === 'ok';
};

export function refuseNode(code: string, { tree, node }: NodeInTree, what: string, hint?: string): never {
  return refuse(code, `node '${pathOf(node)}' of device tree '${tree.file}' ${what}`, {
    hint: hint ?? 'correct the device tree source and compile it again',
    place: { file: tree.file },
  });
}

function refuseMissing(tree: DeviceTree, parent: FdtNode, name: string, path: string): never {
  const known = parent.children.map((child) => child.name);
  refuse(
    'FDT201',
    `could not find DTB node '${path}': '${pathOf(parent)}' of device tree '${tree.file}' has no child '${name}'`,
    {
      hint: didYouMean(name, known),
      place: { file: tree.file },
    },
  );
}
