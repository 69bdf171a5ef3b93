// SPDX-License-Identifier: BSD-2-Clause
// The same systems described here and with the real sdfgen 0.35.1: system text and .data bytes are equal. The variants
// are drawn from a seed, so that every run compares the same thirty; one Python process makes all of a board's.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { boardDts, boardNames, loadBoard } from '../../boards/index.ts';
import type { Board } from '../../boards/schema.ts';
import {
  type ComponentConfig,
  connectSerial,
  connectTimer,
  connectVmm,
  findNode,
  guestMachineFromTree,
  type DeviceTree,
  paddr,
  parseFdt,
  type PdBuilder,
  renderData,
  renderSdf,
  SystemBuilder,
  virtioMmioNode,
} from '../../meta/index.ts';
import { requireOrSkip } from '../require.ts';
import { dtc, sdfgenPython } from './upstream.ts';
import { compileTree } from './vsock-fixture.ts';

const variantArbitrary = fc.record({
  paddrTop: fc.constantFrom(0x5000_0000, 0x6000_0000),
  vmms: fc.integer({ min: 0, max: 3 }),
  vcpus: fc.integer({ min: 1, max: 4 }),
  priority: fc.integer({ min: 3, max: 198 }),
  stack: fc.constantFrom(0x2000, 0x4000, 0x10000),
  rx: fc.boolean(),
  clients: fc.integer({ min: 1, max: 5 }),
  device: fc.boolean(),
  colour: fc.boolean(),
  baud: fc.constantFrom(9600, 115_200, 1_500_000),
  // sdfgen takes an empty one for absent.
  begin: fc.string({ minLength: 1, maxLength: 127, unit: 'grapheme-ascii' }),
  serialFirst: fc.boolean(),
  timer: fc.option(fc.record({ device: fc.boolean(), isFirst: fc.boolean() })),
  passthroughIrq: fc.option(fc.integer({ min: 200, max: 300 })),
  regions: fc.array(
    fc.record({
      size: fc.constantFrom(0x1000, 0x3000, 0x20_0000, 0x40_0000),
      physical: fc.boolean(),
      cached: fc.boolean(),
      perms: fc.constantFrom('r' as const, 'rw' as const, 'rx' as const, 'rwx' as const),
    }),
    { maxLength: 4 },
  ),
  irqs: fc.uniqueArray(
    fc.record({
      irq: fc.integer({ min: 100, max: 150 }),
      trigger: fc.constantFrom('edge' as const, 'level' as const),
      id: fc.option(fc.integer({ min: 20, max: 61 })),
    }),
    { maxLength: 3, selector: ({ irq }) => irq },
  ),
  links: fc.array(fc.record({ id: fc.constant(null), notify: fc.option(fc.boolean()) }), { maxLength: 2 }),
});

type Drawn = typeof variantArbitrary extends fc.Arbitrary<infer Value> ? Value : never;
type Variant = ReturnType<typeof toVariant>;

/**
 * Names the regions, and drops ids that are asked for twice. A passed-through IRQ takes its id when it is added there,
 * when the VMM is connected here: only where that is the same moment are the two to be compared.
 */
const toVariant = (drawn: Drawn) => ({
  ...drawn,
  passthroughIrq: drawn.serialFirst || drawn.timer?.isFirst === true ? null : drawn.passthroughIrq,
  regions: drawn.regions.map((region, i) => ({ ...region, name: `region${i}` })),
  irqs: drawn.irqs.filter(
    ({ id }, i) => id === null || drawn.irqs.findIndex((other) => other.id === id) === i,
  ),
});

interface Answer {
  readonly system: string;
  readonly data: Readonly<Record<string, string>>;
}

test.for(boardNames())('thirty systems of %s equal those of the real package', async (name, ctx) => {
  requireOrSkip(
    ctx,
    'sdfgen',
    sdfgenPython !== undefined,
    'no Python with sdfgen 0.35.1 (VMBUILD_SDFGEN_PYTHON)',
  );
  requireOrSkip(ctx, 'dtc', dtc !== undefined, 'no dtc');
  const directory = mkdtempSync(join(tmpdir(), 'vmbuild-oracle-'));
  try {
    const variants = fc.sample(variantArbitrary, { seed: 20_250_321, numRuns: 30 }).map(toVariant);
    const board = await loadBoard(name);
    const trees = writeInputs(directory, board);
    const answers = askSdfgen(directory, board, variants);
    expect(answers.length).toBe(30);
    for (const [i, variant] of variants.entries()) compare(variant, answers[i], { board, ...trees });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

interface World {
  readonly board: Board;
  readonly host: DeviceTree;
  readonly guest: DeviceTree;
}

function compare(variant: Variant, answer: Answer | undefined, world: World): void {
  const { system, configs } = describeHere(variant, world);
  expect(system, JSON.stringify(variant)).toBe(answer?.system);
  // Padding needs no mask: the package leaves it uninitialised in structs of other classes only.
  const data = configs.map((config) => [config.dataFile, Buffer.from(renderData(config)).toString('hex')]);
  expect(Object.fromEntries(data), JSON.stringify(variant)).toEqual(answer?.data);
}

function describeHere(
  v: Variant,
  { board, host, guest }: World,
): { system: string; configs: ComponentConfig[] } {
  const sdf = new SystemBuilder({ arch: 'aarch64', paddrTop: paddr(v.paddrTop) });
  const pd = (name: string, priority: number, stack?: number): PdBuilder =>
    sdf.addPd({
      name,
      programImage: `${name}.elf`,
      priority,
      ...(stack === undefined ? {} : { stackSize: BigInt(stack) }),
    });
  const vmms = Array.from({ length: v.vmms }, (_, i) => pd(`VMM${i}`, v.priority - i, v.stack));
  const driver = pd('serial_driver', 200);
  const virtTx = pd('serial_virt_tx', 199);
  const virtRx = v.rx ? pd('serial_virt_rx', 199, v.stack) : undefined;
  const clients = Array.from({ length: v.clients }, (_, i) => pd(`client${i}`, 1));
  const [first] = clients;
  if (first === undefined) throw new Error('there is at least one');

  for (const { name, size, physical, perms, cached } of v.regions)
    first.map(sdf.addMr({ name, size: BigInt(size), physical }), { perms, cached });
  for (const { irq, trigger, id } of v.irqs) first.addIrq({ irq, trigger, ...(id === null ? {} : { id }) });
  for (const { notify } of v.links)
    sdf.addChannel({ a: { pd: first, ...(notify === null ? {} : { notify }) }, b: { pd: driver } });

  const console = virtioMmioNode(findNode(guest, 'virtio-console@130000'));
  const serial = (): ComponentConfig[] =>
    connectSerial(sdf, {
      ...(v.device
        ? { device: { at: findNode(host, board.serial.node), drivers: [board.serial.driver] } }
        : {}),
      driver,
      virtTx,
      ...(virtRx === undefined ? {} : { virtRx }),
      clients: [...vmms, ...clients],
      enableColour: v.colour,
      baudRate: v.baud,
      beginString: v.begin,
    });
  const machines = (): ComponentConfig[] =>
    vmms.flatMap((vmm, i) =>
      connectVmm(sdf, {
        pd: vmm,
        vm: { name: `linux${i}`, vcpus: Array.from({ length: v.vcpus }, (_, id) => ({ id })) },
        guest: guestMachineFromTree(guest),
        virtioDevices: [{ kind: 'console', node: console }],
        passthroughIrqs:
          v.passthroughIrq !== null && i === 0 ? [{ irq: v.passthroughIrq, trigger: 'level' }] : [],
      }),
    );
  const timerDriver = pd('timer_driver', 254);
  const timer = (): ComponentConfig[] =>
    connectTimer(sdf, {
      ...(v.timer?.device === true
        ? { device: { at: findNode(host, board.timer.node), drivers: [board.timer.driver] } }
        : {}),
      driver: timerDriver,
      clients: [...clients, ...vmms],
    });
  const others = v.serialFirst ? [serial, machines] : [machines, serial];
  const parts = v.timer === null ? others : v.timer.isFirst ? [timer, ...others] : [...others, timer];
  const configs = parts.flatMap((connect) => connect());
  return { system: renderSdf(sdf.build().system), configs };
}

/** Trees as blobs for both sides; the board's drivers as the sDDF directory that the package wants. */
function writeInputs(directory: string, board: Board): { host: DeviceTree; guest: DeviceTree } {
  const host = compileTree(boardDts(board.name));
  const guest = compileTree(new URL('guest.dts', import.meta.url).pathname);
  writeFileSync(join(directory, 'host.dtb'), host);
  writeFileSync(join(directory, 'guest.dtb'), guest);
  for (const { directory: driver, compatible, resources } of [board.serial.driver, board.timer.driver]) {
    const path = join(directory, 'sddf/drivers', driver);
    mkdirSync(path, { recursive: true });
    writeFileSync(
      join(path, 'config.json'),
      JSON.stringify({ compatible, resources }, (_, value) =>
        typeof value === 'bigint' ? Number(value) : value,
      ),
    );
  }
  return { host: parseFdt(host, 'host.dtb'), guest: parseFdt(guest, 'guest.dtb') };
}

function askSdfgen(directory: string, { serial, timer }: Board, variants: readonly Variant[]): Answer[] {
  const given = {
    sddf: join(directory, 'sddf'),
    out: join(directory, 'out'),
    host: join(directory, 'host.dtb'),
    guest: join(directory, 'guest.dtb'),
    serial: serial.node,
    timer: timer.node,
    variants,
  };
  const script = new URL('sdfgen_oracle.py', import.meta.url).pathname;
  const answer = execFileSync(`${sdfgenPython}`, [script], {
    input: JSON.stringify(given),
    maxBuffer: 1 << 28,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  return JSON.parse(answer.toString()) as Answer[];
}
