// SPDX-License-Identifier: BSD-2-Clause
// `npm start`: what it does to a clone before the run, with fakes for npm, for the bundler and for vmbuild; and which run
// `vmbuild start` chooses.
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run as start } from '../../cli/commands/start.ts';
import { settle } from '../../cli/options.ts';
import { stack } from '../../make/stack.ts';
import { packageRoot } from '../e2e/program.ts';
import { fakeLibvmm, fakeSddf, fakeSdk } from '../make/store/fake-sdk.ts';
import { fakeMachine, runPackages } from '../make/tools/fake-machine.ts';
import { fakeTool, processesOf, read, runsOf, scratchDir, until, write } from '../make/scratch.ts';

interface Clone {
  readonly directory: string;
  readonly bin: string;
  readonly run: (
    ...words: readonly string[]
  ) => Promise<{ code: number | null; signal: string | null; text: string }>;
}

const lock = (version: string): string =>
  JSON.stringify({
    packages: {
      '': { name: 'vmbuild' },
      'node_modules/one': { version, integrity: 'sha512-1' },
      'node_modules/other-platform': { version: '1.0.0', integrity: 'sha512-2', optional: true },
    },
  });
const installed = (version: string): string =>
  JSON.stringify({ packages: { 'node_modules/one': { version, integrity: 'sha512-1' } } });

/** A clone with the real scripts, and a vmbuild, npm and bundler that say how they were called. */
function clone({ node = '>=20.19' } = {}): Clone {
  const directory = scratchDir('a clone');
  const bin = scratchDir('bin');
  for (const part of ['cli', 'boards', 'linux', 'make', 'meta']) mkdirSync(join(directory, part));
  for (const name of ['ready.mjs', 'start.mjs'])
    copyFileSync(join(packageRoot, 'cli', name), join(directory, 'cli', name));
  const { scripts } = JSON.parse(read(packageRoot, 'package.json')) as { scripts: { start: string } };
  write(
    directory,
    'package.json',
    JSON.stringify({ type: 'module', engines: { node }, scripts: { start: scripts.start } }),
  );
  write(directory, 'package-lock.json', lock('1.0.0'));
  write(directory, 'Makefile.ts', '');
  const vmbuild = 'console.log(`vmbuild ${JSON.stringify(process.argv.slice(2))}`);';
  const bundler = `import { mkdirSync, writeFileSync } from 'node:fs';
    console.error('bundled');
    mkdirSync(new URL('../dist', import.meta.url), { recursive: true });
    writeFileSync(new URL('../dist/vmbuild.cjs', import.meta.url), ${JSON.stringify(vmbuild)});`;
  write(directory, 'make/bundle.mjs', bundler);
  fakeTool(
    bin,
    'npm',
    `'${process.execPath}' make/bundle.mjs; /bin/mkdir -p node_modules
     echo '${installed('1.0.0')}' > node_modules/.package-lock.json`,
  );
  return {
    directory,
    bin,
    run: (...words) => ended(spawnStart({ directory, bin }, words)),
  };
}

const spawnStart = ({ directory, bin }: Pick<Clone, 'directory' | 'bin'>, words: readonly string[]) =>
  spawn(process.execPath, [join(directory, 'cli', 'start.mjs'), ...words], {
    env: { PATH: bin },
    stdio: ['ignore', 'pipe', 'pipe'],
  });

async function ended(child: ChildProcess): ReturnType<Clone['run']> {
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      resolve({ code, signal, text });
    });
  });
}

const announced = 'setup: npm ci (the packages of package-lock.json, into node_modules)\n';

describe('npm start', () => {
  it('installs the npm packages of a fresh clone; the second time it goes straight to the run', async () => {
    const { bin, run } = clone();
    expect(await run('--timeout', '60')).toEqual({
      code: 0,
      signal: null,
      text: `${announced}vmbuild ["start","--timeout","60"]\n`,
    });
    expect(runsOf(bin, 'npm')).toHaveLength(1);
    expect(runsOf(bin, 'npm')[0]).toMatch(/^ci /);
    expect(await run('a b', '')).toMatchObject({ code: 0, text: 'vmbuild ["start","a b",""]\n' });
    expect(runsOf(bin, 'npm')).toHaveLength(1);
  });

  it.each([
    ['another version is installed', installed('0.9.0')],
    ['another content is installed', installed('1.0.0').replace('sha512-1', 'sha512-9')],
    ['one is not installed', '{"packages":{}}'],
    ['the note of npm is cut short', '{"packages":'],
  ])('installs again if %s', async (_name, note) => {
    const { directory, bin, run } = clone();
    await run();
    write(directory, 'node_modules/.package-lock.json', note);
    expect((await run()).text).toBe(`${announced}vmbuild ["start"]\n`);
    expect(runsOf(bin, 'npm')).toHaveLength(2);
  });

  it.each(['cli/vmbuild.ts', 'meta/deep/down/model.ts', 'Makefile.ts', 'make/bundle.mjs'])(
    'bundles again if %s is newer',
    async (name) => {
      const { directory, run } = clone();
      await run();
      const path = join(directory, name);
      if (!existsSync(path)) write(directory, name, '');
      const laterS = Date.now() / 1000 + 10;
      utimesSync(path, laterS, laterS);
      expect((await run()).text).toBe('bundled\nvmbuild ["start"]\n');
    },
  );

  it('bundles if dist/ is gone, and not for what is no source', async () => {
    const { directory, run } = clone();
    await run();
    rmSync(join(directory, 'dist'), { recursive: true });
    expect((await run()).text).toBe('bundled\nvmbuild ["start"]\n');
    const laterS = Date.now() / 1000 + 10;
    utimesSync(write(directory, 'meta/notes.md', ''), laterS, laterS);
    expect((await run()).text).toBe('vmbuild ["start"]\n');
  });

  it('says in one line that Node is too old, and does nothing', async () => {
    const { bin, run } = clone({ node: '>=99.1' });
    const { code, text } = await run();
    expect(text).toBe(
      `vmbuild needs Node 99.1 or newer, and this is ${process.versions.node}; get one from ` +
        'https://nodejs.org/en/download, or try: npx -y -p node@22 npm start\n',
    );
    expect(code).toBe(1);
    expect(runsOf(bin, 'npm')).toEqual([]);
  });

  it("shows npm's output only if it fails", async () => {
    const { bin, run } = clone();
    fakeTool(bin, 'npm', 'echo "npm error network"; exit 7');
    const { code, text } = await run();
    expect(text).toBe(
      `${announced}npm error network\nsetup: npm ci failed (exit code 7); mend what it says above, then try again\n`,
    );
    expect(code).toBe(1);
  });

  it('a missing npm, a bundler that fails', async () => {
    const { directory, bin, run } = clone();
    rmSync(join(bin, 'npm'));
    expect((await run()).text).toContain('setup: npm could not be started: spawn npm ENOENT');
    write(directory, 'node_modules/.package-lock.json', installed('1.0.0'));
    write(directory, 'make/bundle.mjs', 'process.exit(3)');
    expect(await run()).toEqual({ code: 1, signal: null, text: '' });
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s ends npm and all that it has started',
    async (name) => {
      const { directory, bin } = clone();
      fakeTool(
        bin,
        'npm',
        `trap "echo told > '${bin}/told'; exit 1" TERM; /bin/sh -c ": > '${bin}/up'; exec /bin/sleep 1000" & wait`,
      );
      const child = spawnStart({ directory, bin }, []);
      const over = ended(child);
      await until(() => existsSync(join(bin, 'up')));
      child.kill(name);
      expect((await over).signal).toBe(name);
      expect(read(bin, 'told')).toBe('told\n');
      await until(() => processesOf(directory).length === 0);
    },
  );
});

it.each(['SIGINT', 'SIGTERM'] as const)('%s to npm itself reaches the run', async (name) => {
  const { directory, run } = clone();
  await run();
  const vmbuild = "require('node:fs').writeFileSync('up', ''); setInterval(() => {}, 1000);";
  write(directory, 'dist/vmbuild.cjs', vmbuild);
  const npm = spawn('npm', ['start'], { cwd: directory, stdio: 'ignore' });
  const over = ended(npm);
  await until(() => existsSync(join(directory, 'up')));
  npm.kill(name);
  expect(await over).toMatchObject({ signal: name });
  await until(() => processesOf(directory).length === 0);
});

describe('vmbuild start', () => {
  /** Which command it ends by running, with which flags. Here all tools are, and of the rest what `prepare` makes. */
  async function choose(
    flags: Readonly<Record<string, unknown>>,
    prepare: (cache: string) => void = () => undefined,
  ): Promise<[string, Readonly<Record<string, unknown>>]> {
    const { env, install } = fakeMachine();
    install(...runPackages);
    prepare(env['VMBUILD_CACHE'] ?? '');
    const chosen: [string, Readonly<Record<string, unknown>>][] = [];
    const code = await start(
      {
        settings: settle({ quiet: true, offline: true, ...flags }, env),
        env,
        signal: new AbortController().signal,
      },
      {
        takes: (name, given) => !(name === 'sim' ? 'sdk' in given : 'data' in given),
        run: (name, given) => {
          chosen.push([name, given]);
          return Promise.resolve(42);
        },
      },
    );
    expect(code).toBe(42);
    return chosen[0] ?? ['none', {}];
  }

  const withStack = (cache: string): void => {
    fakeSdk(join(cache, `sdk/microkit-sdk-${stack.microkit}`));
    fakeLibvmm(join(cache, `src/libvmm-${stack.libvmm.commit}`));
    fakeSddf(join(cache, `src/sddf-${stack.sddf.commit}`));
  };

  it('runs qemu where the SDK and the sources are, else sim', async () => {
    expect(await choose({}, withStack)).toEqual(['qemu', { expect: '', quiet: true, offline: true }]);
    expect(await choose({})).toEqual(['sim', { expect: '', quiet: true, offline: true }]);
  });

  it('hands its flags on, all but --yes', async () => {
    const given = { yes: true, timeout: 60, expect: 'x+' };
    expect(await choose(given)).toEqual(['sim', { quiet: true, offline: true, timeout: 60, expect: 'x+' }]);
  });

  it('a flag that only one of them has decides', async () => {
    expect((await choose({ sdk: '/nowhere' }))[0]).toBe('qemu');
    expect((await choose({ data: true }, withStack))[0]).toBe('sim');
  });
});
