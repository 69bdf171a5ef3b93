// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild boards`: what boards there are, a line each; with --json everything that is said of them.
import { type Board, boardNames, loadBoard } from '../../boards/index.ts';
import { exitCode } from '../../meta/diagnostic.ts';
import { hex } from '../../meta/units.ts';
import type { Command } from '../vmbuild.ts';

export const run: Command = async ({ settings }) => {
  const boards = (await Promise.all(boardNames().map(loadBoard))).map(summary);
  process.stdout.write(
    settings.on('json') ? `${JSON.stringify({ version: 1, boards })}\n` : renderTable(boards.map(rowOf)),
  );
  return exitCode.ok;
};

interface BoardSummary {
  readonly name: string;
  readonly cpu: string;
  /** 2 or 3. */
  readonly gic: number;
  /** `0x50000000` */
  readonly loadAddress: string;
  /** Whether `vmbuild qemu` can run it. */
  readonly qemu: boolean;
  /** What is typed at the board's own boot loader; absent for a machine that only QEMU has. */
  readonly bootLine?: string;
}

const summary = ({ name, cpu, guest, loadAddress, qemu, bootLine }: Board): BoardSummary => ({
  name,
  cpu,
  gic: guest.gic.version,
  loadAddress: hex(loadAddress),
  qemu: qemu !== undefined,
  ...(bootLine === undefined ? {} : { bootLine }),
});

const rowOf = ({ name, cpu, gic, loadAddress, qemu, bootLine }: BoardSummary): readonly string[] => [
  name,
  cpu,
  `GICv${gic}`,
  loadAddress,
  [...(qemu ? [`vmbuild qemu --board ${name}`] : []), ...(bootLine === undefined ? [] : [bootLine])].join(
    ' or ',
  ),
];

/** Columns as wide as their widest cell; nothing after the last. */
function renderTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return rows.map((row) => `${line(row)}\n`).join('');
}
