// SPDX-License-Identifier: BSD-2-Clause
import { describe, expect, it } from 'vitest';
import { takeMakeWords } from '../../cli/make-words.ts';
import { settle } from '../../cli/options.ts';
import { exitCode, Refusal } from '../../meta/diagnostic.ts';

const refusalOf = (task: () => unknown): Refusal => {
  try {
    task();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};

describe('settle', () => {
  it('takes the flag before the environment before the default', () => {
    const env = { MICROKIT_BOARD: 'from_env' };
    expect(settle({ board: 'from_flag' }, env).text('board')).toBe('from_flag');
    expect(settle({}, env).text('board')).toBe('from_env');
    expect(settle({}, {}).text('board')).toBe('qemu_virt_aarch64');
  });

  it('knows where each setting came from', () => {
    const settings = settle({ board: 'x' }, { MICROKIT_CONFIG: 'release' });
    const origins = Object.fromEntries(settings.all.map(({ name, origin }) => [name, origin]));
    expect(origins).toMatchObject({ board: 'flag', config: 'environment MICROKIT_CONFIG', vms: 'default' });
    expect(settings.flag('board')).toBe('x');
    expect(settings.flag('config')).toBeUndefined();
    expect(settings.defaulted('guest')).toBe(true);
  });

  it('accepts the old names with a hint', () => {
    const settings = settle({}, { CONFIG: 'release' });
    expect(settings.text('config')).toBe('release');
    expect(settings.warnings).toMatchObject([
      { code: 'ARG110', hint: expect.stringContaining('MICROKIT_CONFIG') },
    ]);
    expect(settle({}, { MICROKIT_CONFIG: 'debug', CONFIG: 'release' }).text('config')).toBe('debug');
  });

  it('tells a word of the command line from the environment', () => {
    const { words, env, given } = takeMakeWords(['MICROKIT_BOARD=x'], { MICROKIT_CONFIG: 'release' });
    const origins = settle({}, env, ['board', 'config'], given).all.map(({ origin }) => origin);
    expect([words, origins]).toEqual([[], ['word MICROKIT_BOARD=', 'environment MICROKIT_CONFIG']]);
  });

  it('refuses a flag that contradicts itself, and takes one that repeats itself', () => {
    expect(settle({ board: ['x', 'x'], offline: [true, true] }, {}).text('board')).toBe('x');
    expect(refusalOf(() => settle({ vms: [2, 3, 2] }, {})).message).toBe(
      "ARG121 --vms is given 3 times, as '2', '3'",
    );
  });

  it('refuses everything that is wrong, at once, as usage', () => {
    const refusal = refusalOf(() => settle({ jobs: 0, timeout: -1, 'build-dir': '', sdf: 'a\nb' }, {}));
    expect(refusal.diagnostics).toHaveLength(4);
    expect(refusal.exit).toBe(exitCode.usage);
  });

  it('[Board file] one, zero or three VMs where two are meant: 2 to 16 are taken, two if nothing is said', () => {
    expect(settle({}, {}).number('vms')).toBe(2);
    for (const vms of [2, 3, 16]) expect(settle({ vms }, {}).number('vms')).toBe(vms);
    for (const vms of [1, 0, -3, 17, 2.5, Number.NaN]) {
      const refusal = refusalOf(() => settle({ vms }, {}));
      expect(refusal.message).toContain(`ARG101 --vms ${vms} is not a whole number from 2 to 16`);
      expect(refusal.exit).toBe(exitCode.usage);
    }
  });

  it('takes no number for a flag that holds none', () => {
    expect(refusalOf(() => settle({ jobs: Number.NaN }, {})).message).toContain('--jobs NaN');
  });
});

describe('takeMakeWords', () => {
  it('splits NAME=value off, also with = and blanks in the value', () => {
    const argv = ['MICROKIT_SDK=/a b/c=d', 'qemu', '--expect'];
    const { words, env } = takeMakeWords(argv, { HOME: '/h' });
    expect(words).toEqual(['qemu', '--expect']);
    expect(env).toEqual({ HOME: '/h', MICROKIT_SDK: '/a b/c=d' });
  });

  it('wins over the environment, as with make', () => {
    expect(takeMakeWords(['MICROKIT_BOARD=b'], { MICROKIT_BOARD: 'a' }).env['MICROKIT_BOARD']).toBe('b');
  });

  it('leaves words alone that only look like it', () => {
    for (const words of [
      ['--append', 'quiet=1', 'x=Y'],
      ['--append', 'DEBUG=1'],
      ['--linux=A=b', '-vd', 'BUILD_DIR=x'],
    ])
      expect(takeMakeWords(words, {}).words).toEqual(words);
  });

  it('names the nearest variable', () => {
    const refusal = refusalOf(() => takeMakeWords(['MICROKIT_CONFG=debug'], {}));
    expect(refusal.exit).toBe(exitCode.usage);
    expect(refusal.diagnostics[0]?.hint).toContain("'MICROKIT_CONFIG'");
  });
});
