// SPDX-License-Identifier: BSD-2-Clause
// --save-svg: when it is refused, and what it leaves of a run that passes, fails or is interrupted.
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { settle, type Settings } from '../../cli/options.ts';
import { picturePath, pictureTitle, withPicture } from '../../cli/picture.ts';
import { exitCode, Refusal } from '../../meta/diagnostic.ts';
import { read, scratchDir } from '../make/scratch.ts';

const settled = (flags: Record<string, unknown>, env: NodeJS.ProcessEnv = {}): Settings =>
  settle({ quiet: true, ...flags }, env);
const scene = (path: string | undefined): Parameters<typeof withPicture>[1] => ({
  path,
  title: 'vmbuild qemu --expect',
  guests: [{ name: 'client_linux0', role: 'receiver' }],
});

const refusalOf = async (task: () => unknown): Promise<Refusal> => {
  try {
    await task();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};

it('is refused without --expect, and where it cannot be written, before anything runs', async () => {
  const directory = scratchDir();
  const path = join(directory, 'log.svg');
  const alone = await refusalOf(() => picturePath(settled({ 'save-svg': path }), false));
  expect(alone).toMatchObject({
    exit: exitCode.usage,
    diagnostics: [{ code: 'ARG107', hint: 'add --expect' }],
  });
  const nowhere = join(directory, 'none', 'log.svg');
  const lost = await refusalOf(() => picturePath(settled({ 'save-svg': nowhere, expect: '' }), true));
  expect(lost).toMatchObject({ exit: exitCode.refused, diagnostics: [{ code: 'RUN106' }] });
  expect(picturePath(settled({ 'save-svg': path, expect: '' }), true)).toBe(path);
  expect(picturePath(settled({}), true)).toBeUndefined();
  expect(readdirSync(directory)).toEqual([]);
});

it('shows a run that passed, with its verdict', async () => {
  const path = join(scratchDir(), 'log.svg');
  const result = await withPicture(
    settled({}),
    scene(path),
    async (onLine) => {
      onLine({ speaker: 0, text: 'VSOCK RECV|INFO: own CID 3' });
      await Promise.resolve();
      return 17;
    },
    (end) => [`verified: ${end}`],
  );
  expect(result).toEqual({ end: 17, findings: [] });
  const svg = read(join(path, '..'), 'log.svg');
  expect(svg).toContain('VSOCK RECV|INFO: own CID 3');
  expect(svg).toContain('>verified: 17</text>');
});

const fail = async (): Promise<never> => {
  await Promise.resolve();
  throw new Refusal(
    [{ code: 'RUN111', severity: 'error', message: 'the receiver failed' }],
    exitCode.timeout,
  );
};

it('shows a run that failed, and lets it fail', async () => {
  const directory = scratchDir();
  const path = join(directory, 'log.svg');
  const refusal = await refusalOf(() => withPicture(settled({}), scene(path), fail, () => []));
  expect(refusal).toMatchObject({ exit: exitCode.timeout, diagnostics: [{ code: 'RUN111' }] });
  expect(read(directory, 'log.svg')).toContain('>error[RUN111]: the receiver failed</text>');
});

it('a picture that cannot be written takes no verdict away', async () => {
  const directory = join(scratchDir(), 'docs');
  mkdirSync(directory);
  const path = join(directory, 'log.svg');
  rmSync(directory, { recursive: true });
  const { end, findings } = await withPicture(
    settled({}),
    scene(path),
    () => Promise.resolve(17),
    () => [],
  );
  expect(end).toBe(17);
  expect(findings).toMatchObject([{ code: 'RUN106' }]);
  const refusal = await refusalOf(() => withPicture(settled({}), scene(path), fail, () => []));
  expect(refusal.diagnostics.map(({ code }) => code)).toEqual(['RUN111', 'RUN106']);
  expect(refusal.exit).toBe(exitCode.timeout);
});

it('an interrupted run, or one without the flag, leaves none', async () => {
  const path = join(scratchDir(), 'log.svg');
  const interrupted = withPicture(
    settled({}),
    scene(path),
    () => Promise.reject(new Error('SIGINT')),
    () => [],
  );
  await expect(interrupted).rejects.toThrow('SIGINT');
  expect(existsSync(path)).toBe(false);
  const plain = await withPicture(
    settled({}),
    scene(undefined),
    () => Promise.resolve(1),
    () => ['x'],
  );
  expect(plain).toEqual({ end: 1, findings: [] });
});

it('its title is the command without paths of this machine', () => {
  expect(pictureTitle('qemu', settled({ expect: '' }))).toBe('vmbuild qemu --expect');
  const flags = {
    expect: 'login: ',
    linux: '/home/me/Image',
    sdk: '/home/me/sdk',
    'save-svg': 'x.svg',
    jobs: 1,
  };
  expect(pictureTitle('qemu', settled(flags, { MICROKIT_CONFIG: 'release' }))).toBe(
    "vmbuild qemu --expect 'login: ' --config release --linux Image",
  );
});
