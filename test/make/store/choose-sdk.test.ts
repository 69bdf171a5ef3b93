// SPDX-License-Identifier: BSD-2-Clause
// What is taken of a folder of SDKs, and what is said where nothing of it fits, or too much.
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chooseSdk } from '../../../make/store/choose-sdk.ts';
import { findSdk } from '../../../make/store/sdk.ts';
import { refusedBy } from '../refused.ts';
import { scratchDir, write } from '../scratch.ts';
import { fakeSdk } from './fake-sdk.ts';

/** `sdks`: directory names with their versions. */
function folderOf(sdks: Readonly<Record<string, string>>, name = 'sd ks'): string {
  const folder = scratchDir(name);
  for (const [directory, version] of Object.entries(sdks)) fakeSdk(join(folder, directory), { version });
  return folder;
}

const choose = (folder: string) => chooseSdk(folder, '--sdk');

describe('a folder of SDKs', () => {
  it('the stack\u2019s own version, and the others are named', () => {
    const folder = folderOf({ 'microkit-sdk-2.2.0': '2.2.0', b: '2.3.1', c: '2.3.0', d: '2.4.0' });
    expect(choose(folder)).toEqual({
      path: join(folder, 'c'),
      note: `of '${folder}': c (version 2.3.0); also there: b (version 2.3.1), d (version 2.4.0), microkit-sdk-2.2.0 (version 2.2.0)`,
    });
    expect(findSdk({ sdk: folder, env: {} }).note).toContain('c (version 2.3.0)');
  });

  it('else the newest of its minor version, which is warned about', () => {
    const folder = folderOf({ a: '2.3.2', b: '2.3.10', c: '2.4.0' });
    const { version, warnings } = findSdk({ env: { MICROKIT_SDK: folder } });
    expect(version).toBe('2.3.10');
    expect(warnings.map(({ message }) => message)).toEqual([
      'Microkit SDK is version 2.3.10, vmbuild is made for 2.3.0',
    ]);
  });

  it('several that fit as well: the user chooses', async () => {
    const folder = folderOf({ one: '2.3.0', two: '2.3.0', old: '2.2.0' });
    const { code, message, hint } = await refusedBy(() => choose(folder));
    expect(code).toBe('SDK120');
    expect(message).toBe(
      `'${folder}', given by --sdk, holds 2 SDKs that fit as well: one (version 2.3.0), two (version 2.3.0)`,
    );
    expect(hint).toBe(`name one of them: --sdk '${join(folder, 'one')}'`);
  });

  it('none that fits: all that are there, with their versions', async () => {
    const folder = folderOf({ old: '2.2.0', new: '2.4.0' });
    const { code, message, hint } = await refusedBy(() => choose(folder));
    expect(code).toBe('SDK103');
    expect(message).toBe(
      `'${folder}', given by --sdk, holds only new (version 2.4.0), old (version 2.2.0); needed is 2.3.0`,
    );
    expect(hint).toContain('name a Microkit SDK 2.3.0');
    rmSync(join(folder, 'new'), { recursive: true });
    // A single one is judged like a given one.
    expect(choose(folder)).toEqual({ path: join(folder, 'old') });
  });

  it('a version file that is none is not shown whole', async () => {
    const folder = folderOf({ a: 'x'.repeat(5000), b: '1.0' });
    expect((await refusedBy(() => choose(folder))).message.length).toBeLessThan(folder.length + 200);
  });
});

describe('an archive that is not unpacked', () => {
  const name = 'microkit-sdk-2.3.0-linux-x86-64.tar.gz';

  it('is said with the command that unpacks it, which then does', async () => {
    const folder = folderOf({ 'microkit-sdk-2.3.0': '2.3.0' }, "it's here");
    execFileSync('tar', ['-C', folder, '-czf', join(folder, name), 'microkit-sdk-2.3.0']);
    rmSync(join(folder, 'microkit-sdk-2.3.0'), { recursive: true });
    for (const given of [folder, join(folder, name)]) {
      const { code, exit, message, hint } = await refusedBy(() => choose(given));
      expect([code, exit]).toEqual(['SDK121', 69]);
      expect(message).toContain(
        given === folder
          ? `holds an archive, '${name}', and no SDK is unpacked there`
          : 'is an archive, and no SDK is unpacked there',
      );
      expect(hint).toMatch(/^run: tar -xzf /);
      execFileSync('sh', ['-c', hint.slice('run: '.length)]);
      expect(choose(folder).path).toBe(join(folder, 'microkit-sdk-2.3.0'));
      renameSync(join(folder, 'microkit-sdk-2.3.0'), join(dirname(folder), `done-${given.length}`));
    }
  });

  it('of another version is none that would do', async () => {
    const folder = scratchDir();
    write(folder, 'microkit-sdk-2.2.0-linux-x86-64.tar.gz', '');
    expect((await refusedBy(() => choose(folder))).code).toBe('SDK102');
  });

  it('beside an SDK that does not fit, both are named', async () => {
    const folder = folderOf({ old: '2.2.0', older: '2.1.0' });
    writeFileSync(join(folder, name), '');
    mkdirSync(join(folder, 'microkit-sdk-2.3.0.tar.gz'));
    const { code, message } = await refusedBy(() => choose(folder));
    expect(code).toBe('SDK121');
    expect(message).toContain(`'${name}', and of SDKs only old (version 2.2.0), older (version 2.1.0)`);
  });
});
