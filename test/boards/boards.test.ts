// SPDX-License-Identifier: BSD-2-Clause
// Every board: its data, its tree, and the system that is described for it.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, type TestContext } from 'vitest';
import { boardDts, boardNames, loadBoard } from '../../boards/index.ts';
import { findSdk, type Sdk } from '../../make/store/sdk.ts';
import { addressesOf, exitCode, findDriver, findNode, interruptsOf, Refusal } from '../../meta/index.ts';
import { compileBoardTree, describeForBoard } from '../meta/vsock-fixture.ts';
import { dtc } from '../meta/upstream.ts';
import { requireOrSkip } from '../require.ts';
import type { BoardInput } from '../../boards/schema.ts';
import { refusedBy } from './plain-board.ts';

test('the boards that there are', () => {
  expect(boardNames()).toEqual(
    expect.arrayContaining(['maaxboard', 'odroidc4', 'qemu_virt_aarch64', 'zcu102']),
  );
});

test('another name is refused with the one that was meant', async () => {
  const refusal = await loadBoard('qemu_virt_arch64').catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(Refusal);
  expect(refusal).toMatchObject({
    exit: exitCode.usage,
    diagnostics: [
      {
        code: 'BRD201',
        message: "there is no board 'qemu_virt_arch64'",
        hint: "did you mean 'qemu_virt_aarch64'?",
      },
    ],
  });
  await expect(loadBoard('../meta')).rejects.toThrow(Refusal);
});

describe.each(boardNames())('%s', (name) => {
  test('is called like its folder', async () => {
    expect((await loadBoard(name)).name).toBe(name);
  });

  test('dtc has nothing to say about its tree', (ctx) => {
    requireOrSkip(ctx, 'dtc', dtc !== undefined, 'no dtc');
    const { stderr, status } = spawnSync('dtc', ['-I', 'dts', '-O', 'dtb', boardDts(name)]);
    expect(stderr.toString()).toBe('');
    expect(status).toBe(0);
  });

  test.for(['serial', 'timer'] as const)(
    'its %s node is in the tree, with what its driver wants',
    async (device, ctx) => {
      requireOrSkip(ctx, 'dtc', dtc !== undefined, 'no dtc');
      const board = await loadBoard(name);
      const { node, driver } = board[device];
      const at = findNode(compileBoardTree(name), node);
      expect(findDriver([driver], at.node)).toBe(driver);
      const { regions, irqs } = driver.resources;
      const highest = (wanted: readonly { readonly dt_index?: number | undefined }[]): number =>
        Math.max(-1, ...wanted.map(({ dt_index = -1 }) => dt_index));
      expect(addressesOf(at).length).toBeGreaterThan(highest(regions));
      expect(interruptsOf(at, board.arch).length).toBeGreaterThan(highest(irqs));
      expect(irqs.length).toBeGreaterThan(0);
    },
  );

  test.for([1, 2, 3, 16])('a system of %d VMMs', async (vms, ctx) => {
    requireOrSkip(ctx, 'dtc', dtc !== undefined, 'no dtc');
    const { system, configs, guests, warnings } = await describeForBoard(name, vms);
    expect(warnings).toEqual([]);
    expect(guests.map(({ pd, cid }) => [pd, cid])).toEqual(
      Array.from({ length: vms }, (_, i) => [`CLIENT_VMM${i}`, 3 + i]),
    );
    // Between VMMs, for the serial port, to the timer, and from the heartbeat.
    expect(system.channels.length).toBe((vms * (vms - 1)) / 2 + 2 * (vms + 1) + vms + vms);
    expect(configs.filter(({ section }) => section === '.vsock_config').length).toBe(vms);
  });

  test('its heartbeat is slow only where VMMs can read the counter, and they know its pace', async (ctx) => {
    requireOrSkip(ctx, 'dtc', dtc !== undefined, 'no dtc');
    const { system, configs } = await describeForBoard(name, 2);
    const [period, beats] = name === 'qemu_virt_aarch64' ? [100_000, 1] : [4000, 25];
    expect(system.protectionDomains.find((pd) => pd.name === 'heartbeat')).toMatchObject({ period });
    const told = configs.filter(({ section }) => section === '.heartbeat_listener_config');
    expect(told.map((config) => config.bytes()[6])).toEqual([beats, beats]);
  });

  test('17 VMMs are too many', async (ctx) => {
    requireOrSkip(ctx, 'dtc', dtc !== undefined, 'no dtc');
    await expect(describeForBoard(name, 17)).rejects.toThrow(/^VSK104 17 VMMs/);
  });
});

/** QEMU's own, where a board says nothing. */
const defaultTimerHz = 62_500_000;

test("in QEMU each board's timer runs as fast as the SDK's kernel counts", async (ctx) => {
  const sdk = findSdkOrSkip(ctx);
  for (const name of boardNames()) {
    const { qemu } = await loadBoard(name);
    if (qemu === undefined || !sdk.boards.has(name)) continue;
    const file = join(sdk.path, 'board', name, 'debug/include/kernel/gen_config.json');
    const kernel = JSON.parse(readFileSync(file, 'utf8')) as { TIMER_FREQUENCY: string };
    expect([name, qemu.timerHz ?? defaultTimerHz]).toEqual([name, Number(kernel.TIMER_FREQUENCY)]);
  }
});

function findSdkOrSkip(ctx: TestContext): Sdk {
  try {
    return findSdk({ env: process.env });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    requireOrSkip(ctx, 'sdk', false, error.message);
    throw error;
  }
}

describe('schema', () => {
  test('a good board', () => {
    expect(refusedBy(() => undefined)).toEqual([]);
  });

  test('[Board file] unknown key: is refused and named', () => {
    expect(refusedBy((input) => Object.assign(input, { colour: 'red' }))).toEqual([
      `BRD101 board 'x': the whole: Unrecognized key: "colour"`,
    ]);
  });

  test('several faults at once', () => {
    const found = refusedBy((input) => {
      input.paddrBottom = 0x7000_0000n;
      input.loadAddress = 0x7000_0001n;
      input.guest.vsock.spi = input.guest.console.spi;
    });
    expect(found).toEqual([
      "BRD102 board 'x' has paddrBottom 0x70000000 and paddrTop 0x60000000, which are not a range of whole pages",
      "BRD103 board 'x' has the load address 0x70000001, which no page starts at",
      "GST110 'virtio-console@130000' and 'virtio-socket@140000' of board 'x' both use SPI 42",
    ]);
  });

  test('a controller without the part that its driver looks for', () => {
    expect(refusedBy((input) => delete input.guest.gic.cpuInterface)).toEqual([
      "BRD104 board 'x' has a GICv2 without 'cpuInterface'",
    ]);
    expect(refusedBy((input) => (input.guest.gic.version = 3))).toEqual([
      "BRD104 board 'x' has a GICv3 without 'redistributor'",
    ]);
  });

  test('how QEMU runs it', () => {
    const qemu: NonNullable<BoardInput['qemu']> = {
      system: 'qemu-system-aarch64',
      machine: 'virt,virtualization=on',
      memory: '2G',
      serialPort: 1,
      start: 'loader',
    };
    expect(refusedBy((input) => (input.qemu = qemu))).toEqual([]);
    expect(refusedBy((input) => (input.qemu = { ...qemu, machine: 'virt, -s' }))[0]).toMatch(
      /^BRD101 board 'x': qemu\.machine: /,
    );
    expect(refusedBy((input) => (input.qemu = { ...qemu, serialPort: -1 }))[0]).toMatch(
      /^BRD101 board 'x': qemu\.serialPort: /,
    );
    expect(refusedBy((input) => (input.qemu = { ...qemu, timerHz: 0.5 }))[0]).toMatch(
      /^BRD101 board 'x': qemu\.timerHz: /,
    );
    expect(refusedBy((input) => Object.assign(input, { qemu: { ...qemu, start: 'magic' } }))[0]).toMatch(
      /^BRD101 board 'x': qemu\.start: /,
    );
  });

  test('no way to start it', () => {
    expect(refusedBy((input) => delete input.bootLine)).toEqual([
      "BRD105 board 'x' says neither how QEMU runs it nor how its boot loader starts an image",
    ]);
  });
});
