// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild audit` on the real stack: the shipped system is explained without a rest and keeps its policies; what somebody
// changes in it is found, with the line that it is about.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { array, assert, nat, property, record } from 'fast-check';
import { afterAll, expect, it, type TestContext } from 'vitest';
import { auditSystem } from '../../meta/audit/audit.ts';
import type { Capdl, CapdlObject } from '../../meta/audit/capdl.ts';
import { parseCapdl } from '../../meta/audit/parse.ts';
import { parseProgram } from '../../meta/audit/program.ts';
import { allPds } from '../../meta/model.ts';
import { parseSdf } from '../../meta/sdf/parse.ts';
import { needStack, packageRoot, vmbuild } from './program.ts';

const minutes = 60_000;
const root = mkdtempSync(join(tmpdir(), 'vmbuild-audit-e2e-'));
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

/** Build directory and what the audit of it printed; made once per configuration. */
const builds = new Map<string, Promise<{ readonly directory: string; readonly printed: string }>>();

async function built(ctx: TestContext, config: string) {
  await needStack(ctx, config);
  const made = builds.get(config) ?? build(config);
  builds.set(config, made);
  return made;
}

async function build(config: string) {
  const directory = join(root, config);
  const { code, stdout, stderr } = await vmbuild(['audit', '-d', directory, '--config', config, '-q']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return { directory, printed: stdout };
}

for (const config of ['debug', 'release'])
  it(`explains the shipped system, ${config}, and proves its policies`, {
    timeout: 5 * minutes,
  }, async (ctx) => {
    const { printed } = await built(ctx, config);
    const [counts = '', explained, all] = /capabilities explained ([0-9]+) of ([0-9]+)/.exec(printed) ?? [];
    expect(Number(all)).toBeGreaterThan(1000);
    expect(explained).toBe(all);
    const [policies = '', proved, stated] = /policies proved ([0-9]+) of ([0-9]+)/.exec(printed) ?? [];
    expect(Number(stated)).toBeGreaterThan(8);
    expect(proved).toBe(stated);
    process.stdout.write(`the shipped system, ${config}: ${counts}, ${policies}\n`);
  });

const examples = ['hello', 'two-pds', 'timer', 'supervisor', 'linux'];

for (const name of examples)
  it(`explains the example ${name}`, { timeout: 5 * minutes }, async (ctx) => {
    await needStack(ctx);
    const file = join(packageRoot, 'examples', name, 'system.ts');
    const { code, stdout, stderr } = await vmbuild(['audit', '--system', file, '-d', join(root, name), '-q']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [counts = '', explained, all] = /capabilities explained ([0-9]+) of ([0-9]+)/.exec(stdout) ?? [];
    expect(explained).toBe(all);
    process.stdout.write(`example ${name}: ${counts}\n`);
  });

it('audits a description and what the tool made of it, without SDK and guest images', {
  timeout: 5 * minutes,
}, async (ctx) => {
  await needStack(ctx);
  const system = join(packageRoot, 'examples/linux/system.ts');
  const directory = join(root, 'linux');
  const built = await vmbuild(['audit', '--system', system, '-d', directory, '-q']);
  expect(built.code, built.stderr).toBe(0);
  const capdl = join(directory, 'audit/capdl.json');
  const nothing = join(root, 'nothing');
  const run = await vmbuild(['audit', '--system', system, '--capdl', capdl, '-d', nothing], {
    env: { MICROKIT_SDK: undefined, VMBUILD_CACHE: nothing, XDG_CACHE_HOME: nothing },
  });
  expect(run.code, run.stderr).toBe(0);
  expect(run.stderr).toContain('receiver_vmm.elf');
  expect(run.stdout).toMatch(/capabilities explained ([0-9]+) of \1\n/);
  expect(run.stdout).toContain('policies proved 2 of 2\n');
});

it('audits an SDF file and what the tool made of it, and names the line', {
  timeout: 5 * minutes,
}, async (ctx) => {
  const { directory } = await built(ctx, 'debug');
  const sdf = join(directory, 'vsock.system');
  const capdl = join(directory, 'audit/capdl.json');
  const good = await vmbuild(['audit', sdf, '--capdl', capdl, '-b', 'qemu_virt_aarch64', '--json']);
  expect(good.stderr).toBe('');
  expect(good.code).toBe(0);
  const json = JSON.parse(good.stdout) as {
    ok: boolean;
    capabilities: { because: { place?: object } | null }[];
  };
  expect(json.ok).toBe(true);
  expect(json.capabilities.every(({ because }) => because !== null)).toBe(true);

  // The page through which one guest's VMM may only read becomes writable.
  const text = readFileSync(capdl, 'utf8');
  const changed = join(root, 'changed.json');
  const readOnly = /("name": "pt_CLIENT_VMM0_vaddr_0x20000000",[^]*?"slot": 33,[^]*?"write": )false/;
  expect(text).toMatch(readOnly);
  writeFileSync(changed, text.replace(readOnly, '$1true'));
  const bad = await vmbuild(['audit', sdf, '--capdl', changed]);
  expect(bad.code).toBe(1);
  const line =
    readFileSync(sdf, 'utf8')
      .split('\n')
      .findIndex((row) => row.includes('vaddr="0x20021000"')) + 1;
  expect(bad.stderr).toContain('error[AUD204]');
  expect(bad.stderr).toContain(
    `rights rw instead of r: map of 'vsock/CLIENT_VMM1/CLIENT_VMM0' at 0x20021000`,
  );
  expect(bad.stderr).toContain(`at ${sdf}:${line}`);
  expect(bad.stdout).toMatch(/^1 finding$/m);
});

it('runs the tool on an SDF file, and lists each capability', { timeout: 5 * minutes }, async (ctx) => {
  const { directory } = await built(ctx, 'debug');
  const file = join(directory, 'vsock.system');
  const run = await vmbuild(['audit', file, '-d', join(root, 'tool'), '-v']);
  expect(run.code).toBe(0);
  expect(run.stdout).toContain(
    "cnode_timer_driver 138: ArmIrqHandler capability to 'irq_30_timer_driver': interrupt 30 of protection domain 'timer_driver' (id 0)",
  );
  expect(run.stdout).not.toContain('UNEXPLAINED');
});

it('finds what is given to others in the shipped system, at random', {
  timeout: 5 * minutes,
}, async (ctx) => {
  const { directory } = await built(ctx, 'debug');
  const sdf = join(directory, 'vsock.system');
  const { system } = parseSdf(readFileSync(sdf, 'utf8'), sdf, { arch: 'aarch64' });
  expect(system).toBeDefined();
  if (system === undefined) return;
  const capdl = parseCapdl(readFileSync(join(directory, 'audit/capdl.json'), 'utf8'), 'capdl.json');
  const programs = new Map(
    allPds(system.protectionDomains).map(({ name, programImage }) => [
      name,
      parseProgram(readFileSync(join(directory, programImage)), programImage),
    ]),
  );
  expect(auditSystem(system, capdl, { programs }).findings).toEqual([]);
  let count = 0;
  let found = 0;
  const pick = record({ holder: nat(), slot: nat(), giver: nat(), given: nat(), how: nat(3) });
  assert(
    property(array(pick, { minLength: 1, maxLength: 3 }), (picks) => {
      const mutated = picks.reduce(mutate, capdl);
      if (mutated === capdl) return true;
      count += 1;
      const isFound = auditSystem(system, mutated, { programs }).findings.length > 0;
      found += isFound ? 1 : 0;
      return isFound;
    }),
    { numRuns: 60 },
  );
  process.stdout.write(`the shipped system, changed at random: found ${found} of ${count}\n`);
  expect(count).toBeGreaterThan(30);
});

interface Pick {
  readonly holder: number;
  readonly slot: number;
  readonly giver: number;
  readonly given: number;
  readonly how: number;
}

/** One capability added (somebody else's), taken away, or with more rights. */
function mutate(capdl: Capdl, { holder, slot, giver, given, how }: Pick): Capdl {
  const isHolder = ({ kind }: CapdlObject): boolean =>
    kind === 'CNode' || kind === 'PageTable' || kind === 'Tcb';
  const holders = capdl.objects.flatMap((object, id) => (isHolder(object) ? [id] : []));
  const id = holders[holder % holders.length] ?? 0;
  const object = capdl.objects[id];
  if (object === undefined) return capdl;
  const givers = capdl.objects.filter(({ slots }) => slots.length > 0);
  const from = givers[giver % givers.length]?.slots ?? [];
  const cap = from[given % from.length]?.cap;
  const at = slot % Math.max(1, object.slots.length);
  const entry = object.slots[at];
  const free = object.kind === 'CNode' && object.attributes['sizeBits'] === 6n ? 64 : 512;
  const taken = new Set(object.slots.map((other) => other.slot));
  if (how < 2 || entry === undefined) {
    const place = slot % free;
    if (cap === undefined || taken.has(place)) return capdl;
    return withSlots(capdl, id, [...object.slots, { slot: place, cap }]);
  }
  if (how === 2) return withSlots(capdl, id, object.slots.toSpliced(at, 1));
  const { rights } = entry.cap.attributes;
  if (typeof rights !== 'string' || rights.endsWith('p')) return capdl;
  const attributes = { ...entry.cap.attributes, rights: `${rights}p` };
  return withSlots(capdl, id, object.slots.with(at, { ...entry, cap: { ...entry.cap, attributes } }));
}

const withSlots = (capdl: Capdl, id: number, slots: CapdlObject['slots']): Capdl => ({
  ...capdl,
  objects: capdl.objects.map((object, i) => (i === id ? { ...object, slots } : object)),
});

it('refuses what it cannot audit', async () => {
  const file = join(root, 'bad.system');
  writeFileSync(
    file,
    '<system><protection_domain name="a"><program_image path="nowhere.elf" /></protection_domain></system>\n',
  );
  const damaged = join(root, 'damaged.json');
  writeFileSync(damaged, '{"objects": [');
  const latin = join(root, 'latin.json');
  writeFileSync(latin, Buffer.from([0x22, 0xe4, 0x22]));
  for (const [args, code, exit] of [
    [[file, '--capdl', join(root, 'nowhere.json')], 'AUD403', 1],
    [[file, '--capdl', root], 'AUD403', 1],
    [[file, '--capdl', damaged], 'AUD101', 1],
    [[file, '--capdl', latin], 'AUD101', 1],
    [[file, '--system', 'a.ts'], 'ARG160', 2],
  ] as const) {
    const run = await vmbuild(['audit', ...args]);
    expect(run.stderr).toContain(`error[${code}]`);
    expect(run.code).toBe(exit);
  }
});

it('says which programs it lacks', async (ctx) => {
  await needStack(ctx);
  const run = await vmbuild(['audit', join(root, 'bad.system'), '-d', join(root, 'none')]);
  expect(run.stderr).toContain("error[AUD402]: 'nowhere.elf' of");
  expect(run.code).toBe(1);
});
