// SPDX-License-Identifier: BSD-2-Clause
// A fuller device tree of a board, the user's or sDDF's, says the same as the board does of the nodes that are used: the
// serial port and the timer, whose registers and interrupts the system takes from the tree, and the interrupt controller.
import { type Diagnostic, formatRange } from '../meta/diagnostic.ts';
import { errorFinding } from '../meta/finding.ts';
import { type AddressRange, addressesOf } from '../meta/fdt/address.ts';
import { type Interrupt, interruptsOf } from '../meta/fdt/interrupt.ts';
import { allNodes, findNode, pathOf, stringsOf } from '../meta/fdt/node.ts';
import type { DeviceTree } from '../meta/fdt/parse.ts';
import { gicFromTree } from '../meta/guest-tree.ts';
import { hex } from '../meta/units.ts';
import type { Board } from './schema.ts';

/** `own` is compiled from board.dts. Refuses FDT201 and its kin where `other` lacks a node or has it damaged. */
export const checkAgreement = (board: Board, own: DeviceTree, other: DeviceTree): Diagnostic[] => [
  ...[board.serial, board.timer].flatMap(({ node }) => checkDevice(board, node, own, other)),
  ...checkController(board, other),
];

function checkDevice({ name, arch }: Board, node: string, own: DeviceTree, other: DeviceTree): Diagnostic[] {
  const ours = findNode(own, node);
  const theirs = findNode(other, node);
  const path = pathOf(ours.node);
  const disagree = (code: string, what: string, given: string, wanted: string): Diagnostic[] =>
    given === wanted
      ? []
      : [
          errorFinding(
            code,
            `'${path}' of device tree '${other.file}' has ${what} ${given}, but board '${name}' has ${wanted}`,
            { hint: `use a device tree of '${name}', or correct its board.dts`, place: { file: other.file } },
          ),
        ];
  const [model = 'nothing'] = stringsOf(ours.node, 'compatible');
  const models = stringsOf(theirs.node, 'compatible');
  return [
    ...(models.includes(model) ? [] : disagree('BRD110', 'compatible', quoted(models), `'${model}'`)),
    ...disagree('BRD111', 'registers', ranges(addressesOf(theirs)), ranges(addressesOf(ours))),
    ...disagree(
      'BRD112',
      'interrupts',
      interrupts(interruptsOf(theirs, arch)),
      interrupts(interruptsOf(ours, arch)),
    ),
  ];
}

const quoted = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ') || 'nothing';

const ranges = (list: readonly AddressRange[]): string =>
  list.map(({ start, size }) => formatRange(start, start + size)).join(', ') || 'nothing';

const interrupts = (list: readonly Interrupt[]): string =>
  list.map(({ irq, trigger }) => `${irq} (${trigger ?? 'any'})`).join(', ') || 'nothing';

/** Of what both have: the guest has fewer parts, and smaller ones, than the machine. */
function checkController({ name, guest }: Board, other: DeviceTree): Diagnostic[] {
  if (![...allNodes(other)].some((node) => node.properties.has('interrupt-controller'))) return [];
  const theirs = gicFromTree(other);
  const hint = `use a device tree of '${name}', or correct guest.gic in its board.ts`;
  const place = { file: other.file };
  if (theirs.version !== guest.gic.version)
    return [
      errorFinding(
        'BRD113',
        `device tree '${other.file}' has a GICv${theirs.version}, but board '${name}' has a GICv${guest.gic.version}`,
        { hint, place },
      ),
    ];
  const parts = ['distributor', 'redistributor', 'cpuInterface', 'vcpuInterface'] as const;
  return parts.flatMap((part) => {
    const given = theirs[part]?.base;
    const wanted = guest.gic[part]?.base;
    if (given === undefined || wanted === undefined || given === wanted) return [];
    return [
      errorFinding(
        'BRD114',
        `'${theirs.nodeName}' of device tree '${other.file}' has its ${part} at ${hex(given)}, but board '${name}' has it at ${hex(wanted)}`,
        { hint, place },
      ),
    ];
  });
}
