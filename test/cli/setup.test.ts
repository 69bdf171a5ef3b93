// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild setup` as its users run it, on a machine whose apt-get is a fake: with and without a terminal, refused, failing,
// interrupted.
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { settle } from '../../cli/options.ts';
import { setUp } from '../../cli/set-up.ts';
import { Refusal } from '../../meta/diagnostic.ts';
import { packageRoot, type RunOptions, vmbuild } from '../e2e/program.ts';
import { type FakeMachine, fakeMachine, runPackages } from '../make/tools/fake-machine.ts';
import { fakeTool, processesOf, read, runsOf, until } from '../make/scratch.ts';
import { onTerminal } from './terminal.ts';

/** These tests may be run by root, who needs no sudo. */
const isRoot = process.getuid?.() === 0;
const sudo = isRoot ? '' : 'sudo -n ';
const install = `install -y --no-install-recommends ${runPackages.join(' ')}`;
const all =
  'clang 19.1.7, lld 19.1.7, llvm-objcopy 19.1.7, llvm-ar 19.1.7, dtc 1.7.2, qemu-system-aarch64 10.0.2, xz, git';
const program = [process.execPath, join(packageRoot, 'dist', 'vmbuild.cjs')];

const setup = ({ env }: FakeMachine, args: readonly string[] = [], options: RunOptions = {}) =>
  vmbuild(['setup', ...args], { env, ...options });

describe('without a terminal', () => {
  it('goes ahead and says so; the second time it starts nothing', async () => {
    const machine = fakeMachine();
    const first = await setup(machine);
    expect(first.stderr).toBe(
      [
        'setup: missing: clang, lld, llvm-objcopy, llvm-ar, dtc, qemu-system-aarch64, xz, git',
        'setup: installing them (no terminal to ask on):',
        `  ${sudo}apt-get update`,
        `  ${sudo}apt-get ${install}`,
        `setup: installed: ${all}`,
        '',
      ].join('\n'),
    );
    expect(first.code).toBe(0);
    expect(machine.runs()).toEqual(['update', install]);
    const second = await setup(machine);
    expect(second).toMatchObject({ stderr: `setup: nothing is missing: ${all}\n`, stdout: '', code: 0 });
    expect(machine.runs()).toHaveLength(2);
  });

  it('asks for what is missing only, with --test for what the tests use too', async () => {
    const machine = fakeMachine();
    machine.install('clang', 'lld', 'llvm', 'xz-utils', 'git');
    expect((await setup(machine, ['--test', '--yes'])).stderr).toContain('setup: installing them (--yes):');
    expect(machine.runs()[1]).toBe(
      'install -y --no-install-recommends device-tree-compiler qemu-system-arm cpio libxml2-utils python3-venv libclang-rt-19-dev',
    );
  });

  it('a dry run prints the commands and starts none', async () => {
    const machine = fakeMachine();
    const run = await setup(machine, ['-n']);
    expect(run).toMatchObject({ stdout: `${sudo}apt-get update\n${sudo}apt-get ${install}\n`, code: 0 });
    expect(machine.runs()).toEqual([]);
  });

  it('-q says nothing, -v all', async () => {
    expect((await setup(fakeMachine(), ['-q'])).stderr).toBe('');
    expect((await setup(fakeMachine(), ['-v'])).stderr).toContain('\n  Reading package lists...\n');
  });
});

describe('is refused', () => {
  it('where there is no apt-get', async () => {
    const machine = fakeMachine();
    const run = await setup({ ...machine, env: { ...machine.env, PATH: '/nowhere' } });
    expect(run.stderr).toMatch(/error\[SETUP101\]: missing: clang, .*; there is no apt-get/);
    expect(run.stderr).toContain(`of Debian: ${runPackages.join(' ')}\n`);
    expect(run.code).toBe(69);
  });

  it('when apt-get fails, in its own words, whose last lines are shown', async () => {
    const machine = fakeMachine();
    const lock = 'Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (apt)';
    machine.onApt('install', `echo context; echo "E: ${lock}" >&2; exit 100`);
    const run = await setup(machine);
    expect(run.stderr).toContain('\n  context\n  E: Could not');
    expect(run.stderr).toContain(
      `vmbuild: error[SETUP105]: apt-get could not install ${runPackages.join(' ')}: ${lock}\n  try: wait `,
    );
    expect(run.stdout).toBe('');
    expect(run.code).toBe(1);
  });

  it('when something is still missing afterwards', async () => {
    const machine = fakeMachine();
    machine.onApt('install', `${machine.defaultInstall}; echo 'echo "DTC 1.4.0"' > '${machine.bin}/dtc'`);
    const run = await setup(machine);
    expect(run.stderr).toMatch(
      /error\[SETUP111\]: .* still missing: dtc \('.*\/dtc' is version 1\.4\.0, needed is 1\.6 or newer\)/,
    );
    expect(run.code).toBe(69);
  });
});

describe('on another system', () => {
  /** A machine with `manager` in the place of apt-get. */
  function machineWith(manager: string, script = ''): FakeMachine {
    const machine = fakeMachine();
    rmSync(join(machine.bin, 'apt-get'));
    fakeTool(machine.bin, manager, script);
    return machine;
  }
  const install = (machine: FakeMachine): string =>
    `for word in clang lld llvm device-tree-compiler qemu-system-arm xz-utils git; do /bin/cp -r '${machine.bin}/packages'/"$word"/. '${machine.bin}'; done`;

  it.skipIf(process.platform === 'darwin')('dnf installs', async () => {
    const machine = machineWith('dnf');
    fakeTool(machine.bin, 'dnf', install(machine));
    const run = await setup(machine);
    expect(run.stderr).toContain(
      `  ${sudo}dnf install -y clang lld llvm dtc qemu-system-aarch64 xz git ca-certificates\nsetup: installed: `,
    );
    expect(run.code).toBe(0);
    expect(runsOf(machine.bin, 'dnf')).toHaveLength(1);
  });

  it('brew installs, never through sudo', async () => {
    const machine = machineWith('brew');
    fakeTool(machine.bin, 'brew', install(machine));
    expect((await setup(machine, ['--yes'])).code).toBe(0);
    expect(runsOf(machine.bin, 'brew')).toEqual(['install llvm lld dtc qemu xz git ca-certificates']);
    expect(runsOf(machine.bin, 'sudo')).toEqual([]);
  });

  it('what they say when they fail is quoted, and a PATH that lacks what brew keeps off it', async () => {
    const failing = machineWith('dnf', 'echo "Error: Unable to find a match: lld"; echo more; exit 1');
    const run = await setup(failing);
    expect(run.stderr).toContain(
      'error[SETUP120]: dnf could not install clang lld llvm dtc qemu-system-aarch64 xz git ca-certificates: Unable to find a match: lld\n  try: mend what dnf says',
    );
    expect(run.code).toBe(1);
    const keg = await setup(machineWith('brew', 'exit 0'));
    expect(keg.stderr).toContain(
      'error[SETUP111]: brew has installed its packages, but still missing: clang',
    );
    expect(keg.stderr).toContain('try: run: export PATH="$(brew --prefix llvm)/bin:$PATH"');
  });

  it('nix is not run: its shell is named', async () => {
    const machine = machineWith('nix');
    const run = await setup(machine);
    expect(run.stderr).toMatch(
      /error\[SETUP121\]: missing: clang.*\n {2}try: run: nix shell nixpkgs#.*nix develop\n$/,
    );
    expect(run.code).toBe(69);
    expect(runsOf(machine.bin, 'nix')).toEqual([]);
  });
});

describe('on a terminal', () => {
  const question = 'Install these with apt-get? [Y/n] ';
  const args = [...program, 'setup'];

  it.for(['\n', 'y\n', 'YES\n'])('installs after the answer %j', async (type, ctx) => {
    const machine = fakeMachine();
    const { code, text } = await onTerminal(ctx, args, {
      env: machine.env,
      talk: [{ after: question, type }],
    });
    expect(text).toContain(`  ${isRoot ? '' : 'sudo '}apt-get ${install}\n${question}`);
    expect(text).toContain(`setup: installed: ${all}\n`);
    expect(code).toBe(0);
  });

  it.for(['n\n', 'what?\n', '\x04'])('leaves the machine alone after %j', async (type, ctx) => {
    const machine = fakeMachine();
    const { code, text } = await onTerminal(ctx, args, {
      env: machine.env,
      talk: [{ after: question, type }],
    });
    expect(text).toContain('SETUP104');
    expect(text).toContain(`apt-get update && ${isRoot ? '' : 'sudo '}apt-get ${install}\n`);
    expect(machine.runs()).toEqual([]);
    expect(code).toBe(69);
  });

  it('asks nothing with --yes, nor if nothing is missing', async (ctx) => {
    const machine = fakeMachine();
    expect((await onTerminal(ctx, [...args, '--yes'], { env: machine.env })).text).not.toContain(question);
    const { code, text } = await onTerminal(ctx, args, { env: machine.env });
    expect(text).toBe(`setup: nothing is missing: ${all}\n`);
    expect(code).toBe(0);
  });

  it('Ctrl-C at the question ends it', async (ctx) => {
    const machine = fakeMachine();
    const talk = [{ after: question, type: '\x03' }];
    const { code } = await onTerminal(ctx, args, { env: machine.env, talk });
    expect(code).toBe(130);
    expect(machine.runs()).toEqual([]);
  });

  /** An apt-get that has told dpkg to go on: the first SIGINT is only noted. */
  const patient = ({ bin }: FakeMachine): string =>
    `trap : INT; echo "Unpacking clang"; while [ ! -e '${bin}/go' ]; do /bin/sleep 0.02; done; echo over > '${bin}/dpkg'`;

  it('Ctrl-C waits for what dpkg has begun', async (ctx) => {
    const machine = fakeMachine();
    // Whatever stands here is gone when the signal has been passed on: then dpkg comes to its end.
    machine.onApt('install', patient(machine).replace('trap :', `trap ': > "${machine.bin}/go"'`));
    const { code, text } = await onTerminal(ctx, args, {
      env: machine.env,
      talk: [
        { after: question, type: '\n' },
        { after: 'Unpacking clang', type: '\x03' },
      ],
    });
    expect(text).toContain('setup: waiting for apt-get to end what it has begun');
    expect(read(machine.bin, 'dpkg')).toBe('over\n');
    expect(code).toBe(130);
  });

  it('[Signals] double Ctrl-C: the second does not wait, and nothing is left', async (ctx) => {
    const machine = fakeMachine();
    machine.onApt('install', patient(machine));
    const { code } = await onTerminal(ctx, args, {
      env: machine.env,
      talk: [
        { after: question, type: '\n' },
        { after: 'Unpacking clang', type: '\x03' },
        { after: 'waiting for apt-get', type: '\x03' },
      ],
    });
    expect(code).toBe(130);
    await until(() => processesOf(machine.bin).length === 0);
    expect(existsSync(join(machine.bin, 'dpkg'))).toBe(false);
  });
});

it('a Ctrl-C that npm repeats is one', async () => {
  const machine = fakeMachine();
  const { bin } = machine;
  machine.onApt(
    'install',
    `trap ': > ${bin}/told' INT; : > '${bin}/up'
     until [ -e '${bin}/told' ]; do /bin/sleep 0.02; done; /bin/sleep 0.3; echo over > '${bin}/dpkg'`,
  );
  let told = false;
  const run = await setup(machine, [], {
    env: { ...machine.env, npm_lifecycle_event: 'start' },
    onStderr: (_text, child) => {
      if (told) return;
      told = true;
      void until(() => existsSync(join(bin, 'up'))).then(() => {
        child.kill('SIGINT');
        return until(() => existsSync(join(bin, 'told'))).then(() => child.kill('SIGINT'));
      });
    },
  });
  expect(run.signal).toBe('SIGINT');
  expect(read(bin, 'dpkg')).toBe('over\n');
});

it('[Signals] SIGTERM: ends apt-get, and then it is 143', async () => {
  const machine = fakeMachine();
  machine.onApt('install', `echo $$ > '${machine.bin}/up'; exec /bin/sleep 1000`);
  let told = false;
  const run = await setup(machine, ['-v'], {
    onStderr: (_text, child) => {
      if (told) return;
      told = true;
      void until(() => existsSync(join(machine.bin, 'up'))).then(() => child.kill('SIGTERM'));
    },
  });
  expect(run.signal).toBe('SIGTERM');
  await until(() => processesOf(machine.bin).length === 0);
});

describe('a user who is not root', () => {
  const setUpAsUser = async ({ env }: FakeMachine): Promise<Refusal | undefined> => {
    const settings = settle({ quiet: true }, {});
    const host = { isRoot: false, hasTerminal: false };
    try {
      await setUp({ settings, env, signal: new AbortController().signal }, { host });
      return undefined;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return error;
    }
  };

  it('goes through sudo', async () => {
    const machine = fakeMachine();
    expect(await setUpAsUser(machine)).toBeUndefined();
    expect(runsOf(machine.bin, 'sudo')).toEqual(['-n apt-get update', `-n apt-get ${install}`]);
  });

  it('gets the line for root where there is no sudo, or none that lets him', async () => {
    const without = fakeMachine({ sudo: false });
    const refusal = await setUpAsUser(without);
    expect(refusal?.exit).toBe(69);
    expect(refusal?.diagnostics).toMatchObject([
      { code: 'SETUP102', hint: `run as root: apt-get update && apt-get ${install}` },
    ]);
    expect(without.runs()).toEqual([]);
    const machine = fakeMachine();
    fakeTool(machine.bin, 'sudo', 'echo "sudo: a password is required" >&2; exit 1');
    const [refused] = (await setUpAsUser(machine))?.diagnostics ?? [];
    expect(refused?.code).toBe('SETUP103');
    expect(refused?.hint).toContain(`as root: apt-get update && apt-get ${install}`);
    expect(runsOf(machine.bin, 'sudo')).toHaveLength(1);
  });
});
