// SPDX-License-Identifier: BSD-2-Clause
// What a board says of the nodes that are used, against fuller trees of it: sDDF's own, those of the conformance set, and
// its own with one thing changed.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkAgreement } from '../../boards/agree.ts';
import { boardDts, boardNames, loadBoard, referenceDts } from '../../boards/index.ts';
import { type DeviceTree, parseDriverConfig, parseFdt, Refusal } from '../../meta/index.ts';
import { readTree, requireConformance, sdfgenRoot } from '../meta/conformance.ts';
import { dtc, sddf } from '../meta/upstream.ts';
import { compileBoardTree } from '../meta/vsock-fixture.ts';
import { requireOrSkip } from '../require.ts';

const disagreements = async (name: string, other: DeviceTree): Promise<string[]> =>
  checkAgreement(await loadBoard(name), compileBoardTree(name), other).map(
    ({ code, message }) => `${code} ${message}`,
  );

/** Upstream's trees are not free of dtc's warnings. */
function compileQuietly(text: string, file: string): DeviceTree {
  const { stdout, stderr, status } = spawnSync('dtc', ['-q', '-I', 'dts', '-O', 'dtb'], { input: text });
  if (status !== 0) throw new Error(`dtc ${file}: ${stderr.toString()}`);
  return parseFdt(stdout, file);
}

describe.each(boardNames())('%s', (name) => {
  test("agrees with sDDF's own device tree", async (ctx) => {
    requireOrSkip(ctx, 'dtc', dtc !== undefined, 'no dtc');
    requireOrSkip(ctx, 'sddf', sddf !== undefined, 'no sDDF (SDDF)');
    const path = referenceDts(name, sddf ?? '');
    expect(path).toBe(join(sddf ?? '', 'dts', `${name}.dts`));
    expect(await disagreements(name, compileQuietly(readFileSync(path, 'utf8'), path))).toEqual([]);
  });

  test.for(['serial', 'timer'] as const)(
    "has what sDDF's config.json says of its %s driver",
    async (device, ctx) => {
      requireOrSkip(ctx, 'sddf', sddf !== undefined, 'no sDDF (SDDF)');
      const { driver } = (await loadBoard(name))[device];
      const file = join(sddf ?? '', 'drivers', driver.directory, 'config.json');
      expect(parseDriverConfig(JSON.parse(readFileSync(file, 'utf8')), driver.directory, file)).toEqual(
        driver,
      );
    },
  );

  test('agrees with the tree of the conformance set, if that has one', async (ctx) => {
    requireOrSkip(ctx, 'dtc', dtc !== undefined, 'no dtc');
    requireConformance(ctx);
    const file = `dtb/${name}.dtb`;
    if (!existsSync(join(sdfgenRoot, file))) return;
    expect(await disagreements(name, readTree(file))).toEqual([]);
  });
});

describe('a tree that says something else', () => {
  const changed = (name: string, ...changes: readonly (readonly [string, string])[]): DeviceTree => {
    let text = readFileSync(boardDts(name), 'utf8');
    for (const [from, to] of changes) {
      expect(text).toContain(from);
      text = text.replaceAll(from, to);
    }
    return compileQuietly(text, 'fuller.dtb');
  };

  test.for<[name: string, from: string, to: string, found: string]>([
    [
      'maaxboard',
      'compatible = "fsl,imx8mq-uart"',
      'compatible = "fsl,imx6q-uart", "fsl,imx21-uart"',
      "BRD110 '/soc@0/bus@30800000/serial@30860000' of device tree 'fuller.dtb' has compatible 'fsl,imx6q-uart', 'fsl,imx21-uart', but board 'maaxboard' has 'fsl,imx8mq-uart'",
    ],
    [
      'maaxboard',
      'reg = <0x30860000 0x10000>',
      'reg = <0x30890000 0x10000>',
      "BRD111 '/soc@0/bus@30800000/serial@30860000' of device tree 'fuller.dtb' has registers [0x30890000..0x308a0000), but board 'maaxboard' has [0x30860000..0x30870000)",
    ],
    [
      'odroidc4',
      'interrupts = <0 193 1>',
      'interrupts = <0 193 4>',
      "BRD112 '/soc/bus@ff800000/serial@3000' of device tree 'fuller.dtb' has interrupts 225 (level), but board 'odroidc4' has 225 (edge)",
    ],
    [
      'zcu102',
      '<0 45 4>, <0 46 4>',
      '<0 42 4>, <0 43 4>',
      "BRD112 '/axi/timer@ff140000' of device tree 'fuller.dtb' has interrupts 74 (level), 75 (level), 79 (level), but board 'zcu102' has 77 (level), 78 (level), 79 (level)",
    ],
    [
      'odroidc4',
      'arm,gic-400',
      'arm,gic-v3',
      "BRD113 device tree 'fuller.dtb' has a GICv3, but board 'odroidc4' has a GICv2",
    ],
    [
      'odroidc4',
      '0xffc06000',
      '0xffc08000',
      "BRD114 'interrupt-controller@ffc01000' of device tree 'fuller.dtb' has its vcpuInterface at 0xffc08000, but board 'odroidc4' has it at 0xffc06000",
    ],
  ])('%s: %s', async ([name, from, to, found], ctx) => {
    requireOrSkip(ctx, 'dtc', dtc !== undefined, 'no dtc');
    expect(await disagreements(name, changed(name, [from, to]))).toEqual([found]);
  });

  test('all of it at once', async (ctx) => {
    requireOrSkip(ctx, 'dtc', dtc !== undefined, 'no dtc');
    const other = changed(
      'maaxboard',
      ['0 26 4', '0 27 4'],
      ['0x30860000 0x1', '0x30890000 0x1'],
      ['0x38880000', '0x388c0000'],
    );
    expect((await disagreements('maaxboard', other)).map((text) => text.slice(0, 6))).toEqual([
      'BRD111',
      'BRD112',
      'BRD114',
    ]);
  });

  test('another board’s tree lacks the node', async (ctx) => {
    requireOrSkip(ctx, 'dtc', dtc !== undefined, 'no dtc');
    const found = disagreements('maaxboard', compileBoardTree('odroidc4'));
    await expect(found).rejects.toThrow(Refusal);
    await expect(found).rejects.toThrow(
      /^FDT201 could not find DTB node 'soc@0\/bus@30800000\/serial@30860000'/,
    );
  });
});
