// SPDX-License-Identifier: BSD-2-Clause
// The systems in examples/: each is generated and checked everywhere, built where the SDK is, and boots where QEMU is, as
// the first lines of its description say.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { needSdk, needStack, needTools, packageRoot, scratch, vmbuild } from './program.ts';

const directory = join(packageRoot, 'examples');
const examples = readdirSync(directory, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** The words of `vmbuild qemu --system … --expect '…'` in an example's first comment, from --expect on. */
function expectation(name: string): readonly string[] {
  const text = readFileSync(join(directory, name, 'system.ts'), 'utf8');
  const line = new RegExp(
    `^//   vmbuild qemu --system examples/${name}/system\\.ts --expect( '(.*)')?$`,
    'm',
  );
  const [, hasPattern, pattern = ''] = line.exec(text) ?? expect.unreachable(`${name} says how to run it`);
  return ['--expect', ...(hasPattern === undefined ? [] : [pattern])];
}

/** That of Linux guests wants their images, too. */
const need = (name: string) => (name === 'linux' ? needStack : needSdk);

it('are five', () => {
  expect(examples).toEqual(['hello', 'linux', 'supervisor', 'timer', 'two-pds']);
});

describe.each(examples)('examples/%s', (name) => {
  const system = join('examples', name, 'system.ts');

  it('is checked and generated', async (ctx) => {
    await needTools(ctx, 'dtc', ['dtc']);
    const checked = await vmbuild(['check', '--system', system]);
    expect(checked.stderr).toBe('');
    expect(checked.stdout).toMatch(/nothing is wrong\n$/);
    const out = scratch();
    const generated = await vmbuild(['generate', '--system', system, '--output', out]);
    expect(generated.code, generated.stderr).toBe(0);
    expect(generated.stdout.split('\n')).toContain(join(out, `${name}.system`));
  });

  it('is built without a warning, and boots', { timeout: 360_000 }, async (ctx) => {
    await need(name)(ctx);
    const out = scratch();
    const built = await vmbuild(['build', '--system', system, '--build-dir', out]);
    expect(built.stderr).not.toMatch(/warning|error/i);
    expect(built.stdout).toBe(`${join(out, 'loader.img')}\n`);

    await needTools(ctx, 'qemu', ['qemu-system-aarch64']);
    const words = expectation(name);
    const run = await vmbuild(['qemu', '--system', system, '--build-dir', out, ...words]);
    expect(run.code, run.stderr).toBe(0);
    expect(run.stdout).toMatch(
      words.length > 1 ? /^matched: / : /^verified: 32768 bytes .*both guests agree/,
    );
    if (name === 'linux')
      for (const guest of ['receiver', 'sender'])
        expect(run.stderr).toMatch(new RegExp(`inspector\\| inspector: ${guest} runs Linux version [0-9]`));
    const again = await vmbuild(['build', '--system', system, '--build-dir', out, '--json']);
    expect(JSON.parse(again.stdout)).toMatchObject({ ran: [] });
  });
});

it.for([
  ['timer', 'qemu_virt_aarch64', 'debug'],
  ['linux', 'maaxboard', 'release'],
] as const)(
  '%s is the same wherever it is built, on %s in %s',
  { timeout: 240_000 },
  async ([name, board, config], ctx) => {
    await needSdk(ctx, config, board);
    await need(name)(ctx);
    const images = [];
    const system = `examples/${name}/system.ts`;
    for (const out of [scratch(), scratch('vmbuild another place ')]) {
      const built = await vmbuild(['build', '--system', system, '-b', board, '--config', config, '-d', out]);
      expect(built.code, built.stderr).toBe(0);
      images.push(readFileSync(join(out, 'loader.img')));
    }
    expect(images[0]?.equals(images[1] ?? Buffer.alloc(0))).toBe(true);
  },
);
