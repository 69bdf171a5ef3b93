// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild import` as its users run it, and what `vmbuild generate --system` makes of its output.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { renderSdf } from '../../meta/sdf/render.ts';
import { parseSdf } from '../../meta/sdf/parse.ts';
import { vmbuild } from './program.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'import-'));
  writeFileSync(join(directory, 'small.system'), small);
  writeFileSync(join(directory, 'wrong.system'), small.replace('vaddr="0x1000000"', 'vaddr="0x1000001"'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const small = `<system>
  <memory_region name="shared" size="0x1000"/>
  <protection_domain name="server" priority="9">
    <program_image path="server.elf"/>
    <map mr="shared" vaddr="0x1000000" perms="rw"/>
    <protection_domain name="child" id="3" priority="1"><program_image path="child.elf"/></protection_domain>
  </protection_domain>
  <protection_domain name="client" priority="5">
    <program_image path="client.elf"/>
    <map mr="shared" vaddr="0x1000000"/>
  </protection_domain>
  <channel><end pd="client" id="1" pp="true"/><end pd="server" id="2"/></channel>
</system>
`;

const run = (...words: string[]): ReturnType<typeof vmbuild> => vmbuild(words, { cwd: directory });
const read = (name: string): string => readFileSync(join(directory, name), 'utf8');

test('what is imported makes the same description', async () => {
  const imported = await run('import', 'small.system', '--output', 'small.ts');
  expect(imported).toMatchObject({ code: 0, stdout: '' });
  expect((await run('import', 'small.system')).stdout).toBe(read('small.ts'));
  const generated = await run('generate', '--system', 'small.ts', '--output', 'out', '--sdf', 'again.system');
  expect(generated).toMatchObject({ code: 0 });
  const { system } = parseSdf(small, 'small.system', { arch: 'aarch64' });
  expect(read('out/again.system').trim()).toBe(system === undefined ? '' : renderSdf(system));
});

test('a file that was changed is not written over, unless that is wanted', async () => {
  const words = ['import', 'small.system', '--output', 'mine.ts'];
  expect((await run(...words)).code).toBe(0);
  expect((await run(...words)).code).toBe(0);
  const source = read('mine.ts');
  writeFileSync(join(directory, 'mine.ts'), '// changed\n');
  const { code, stderr } = await run(...words);
  expect({ code, content: read('mine.ts') }).toEqual({ code: 1, content: '// changed\n' });
  expect(stderr).toContain('error[IMP102]');
  expect((await run(...words, '--force')).code).toBe(0);
  expect(read('mine.ts')).toBe(source);
});

test.each([
  [[], 2, 'IMP101'],
  [['small.system', '--output', 'small.txt'], 2, 'IMP103'],
  [['wrong.system', '--output', 'wrong.ts'], 1, 'SDF'],
  [['nowhere.system'], 1, 'SDF717'],
])('import %j is refused', async (words, wanted, error) => {
  const { code, stdout, stderr } = await run('import', ...words);
  expect({ code, stdout }).toEqual({ code: wanted, stdout: '' });
  expect(stderr).toContain(`error[${error}`);
  expect(() => read('wrong.ts')).toThrow('ENOENT');
});
