// SPDX-License-Identifier: BSD-2-Clause
// The boards as users see them: the list, what is generated for each, and device trees that are given with --dtb.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { boardNames, loadBoard } from '../../boards/index.ts';
import { renderSdf } from '../../meta/index.ts';
import { sddf } from '../meta/upstream.ts';
import { compileTree, describeForBoard } from '../meta/vsock-fixture.ts';
import { needStack, needTools, scratch, vmbuild } from './program.ts';
import { write } from '../make/scratch.ts';
import { boardDts } from '../../boards/index.ts';
import { bare } from './refusal.ts';

it('lists the boards, a line each, on stdout', async () => {
  const run = await vmbuild(['boards'], { env: bare(scratch()) });
  expect(run.code).toBe(0);
  expect(run.stderr).toBe('');
  const lines = run.stdout.trimEnd().split('\n');
  expect(lines.map((line) => line.split(' ')[0])).toEqual(boardNames());
  expect(lines).toContain(
    'maaxboard          cortex-a53  GICv3  0x50000000  tftpboot 0x50000000 loader.img; go 0x50000000',
  );
});

it('lists them for programs', async () => {
  const run = await vmbuild(['boards', '--json'], { env: bare(scratch()) });
  expect(run.code).toBe(0);
  const { version, boards } = JSON.parse(run.stdout) as {
    version: number;
    boards: readonly { name: string }[];
  };
  expect(version).toBe(1);
  expect(boards.map(({ name }) => name)).toEqual(boardNames());
  expect(boards).toContainEqual({
    name: 'odroidc4',
    cpu: 'cortex-a55',
    gic: 2,
    loadAddress: '0x20000000',
    qemu: false,
    bootLine: 'tftpboot 0x20000000 loader.img; go 0x20000000',
  });
});

it.for(boardNames())(
  'generates what is described for %s, from its own tree, a given one and sDDF',
  async (name, ctx) => {
    await needTools(ctx, 'dtc', ['dtc']);
    const directory = scratch();
    const given = join(directory, 'given.dtb');
    write(directory, 'given.dtb', compileTree(boardDts(name)));
    const variants: readonly (readonly string[])[] = [
      [],
      ['--dtb', given],
      ...(sddf === undefined ? [] : [['--sddf', sddf]]),
    ];
    const wanted = renderSdf((await describeForBoard(name, 2)).system);
    for (const [i, more] of variants.entries()) {
      const output = join(directory, String(i));
      const run = await vmbuild(['generate', '--board', name, '--output', output, ...more]);
      expect(run.stderr).toBe('');
      expect(run.code).toBe(0);
      expect(readFileSync(join(output, 'vsock.system'), 'utf8')).toBe(wanted);
    }
  },
);

it.for([
  ['generate', '--output', 'out'],
  ['build', '--build-dir', 'out'],
])('%s refuses a --dtb that says something else of the serial port', async ([command, ...flags], ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  if (command === 'build') await needStack(ctx, 'debug', 'maaxboard');
  const directory = scratch();
  const text = readFileSync(boardDts('maaxboard'), 'utf8').replace('<0 26 4>', '<0 1 4>');
  write(directory, 'wrong.dts', text);
  write(directory, 'wrong.dtb', compileTree(join(directory, 'wrong.dts')));
  const args = [command ?? '', '--board', 'maaxboard', '--dtb', 'wrong.dtb', ...flags];
  const run = await vmbuild(args, { cwd: directory });
  expect(run.stderr).toContain(
    "error[BRD112]: '/soc@0/bus@30800000/serial@30860000' of device tree 'wrong.dtb' has interrupts 33 (level), but board 'maaxboard' has 58 (level)",
  );
  expect(run.stdout).toBe('');
  expect(run.code).toBe(1);
  expect(existsSync(join(directory, 'out/vsock.system'))).toBe(false);
});

it('says how a board is started that QEMU does not have', async () => {
  for (const name of boardNames()) {
    const { qemu, bootLine = '' } = await loadBoard(name);
    if (qemu !== undefined) continue;
    const directory = scratch();
    const run = await vmbuild(['qemu', '--board', name, '--expect'], {
      cwd: directory,
      env: bare(directory),
    });
    expect(run.stderr).toContain(bootLine);
    expect(run.stderr).toContain(`try: run 'vmbuild build --board ${name}'`);
    expect(run.code).toBe(2);
  }
});
