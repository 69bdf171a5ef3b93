// SPDX-License-Identifier: BSD-2-Clause
// Installing with a fake apt-get: what is called and how, what stops it, and how it is ended.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  installCommands,
  type InstallEvent,
  installPackages,
  type Privilege,
} from '../../../make/tools/apt-install.ts';
import type { AptFailure } from '../../../make/tools/apt-failure.ts';
import { processesOf, read, runsOf, until, write } from '../scratch.ts';
import { type FakeMachine, fakeMachine } from './fake-machine.ts';

const never = new AbortController().signal;

async function install(
  { env }: FakeMachine,
  { privilege = 'root', signal = never }: { privilege?: Privilege; signal?: AbortSignal } = {},
): Promise<{ failure: AptFailure | undefined; events: InstallEvent[] }> {
  const events: InstallEvent[] = [];
  const failure = await installPackages({
    packages: ['clang', 'lld'],
    privilege,
    env,
    signal,
    onEvent: (event) => events.push(event),
  });
  return { failure, events };
}

const linesOf = (events: readonly InstallEvent[]): string[] =>
  events.flatMap((event) => (event.kind === 'line' ? [event.line] : []));

it('prints the commands as a person would type them', () => {
  const lines = (privilege: Privilege): string[] =>
    installCommands(['clang', 'lld'], privilege).map((words) => words.join(' '));
  expect(lines('root')).toEqual(['apt-get update', 'apt-get install -y --no-install-recommends clang lld']);
  expect(lines('sudo')[0]).toBe('sudo apt-get update');
  expect(lines('sudo -n')[1]).toBe('sudo -n apt-get install -y --no-install-recommends clang lld');
});

describe('runs', () => {
  it('update, then install, and passes on what they print, line by line', async () => {
    const machine = fakeMachine();
    machine.onApt('install', `printf 'one\\rtwo\\n\\nthree'`);
    const { failure, events } = await install(machine);
    expect(failure).toBeUndefined();
    expect(machine.runs()).toEqual(['update', 'install -y --no-install-recommends clang lld']);
    expect(linesOf(events)).toEqual(['Reading package lists...', 'one', 'two', 'three']);
    expect(runsOf(machine.bin, 'sudo')).toEqual([]);
  });

  it('them to their end, not to that of a service which a package has started', async () => {
    const machine = fakeMachine();
    machine.onApt('install', `/bin/sleep 1000 & echo $! > "${machine.bin}/service"; echo end`);
    const { failure, events } = await install(machine);
    const service = Number(read(machine.bin, 'service'));
    expect(process.kill(service, 0)).toBe(true);
    process.kill(service);
    expect(failure).toBeUndefined();
    expect(linesOf(events)).toContain('end');
  });

  it.each(['sudo', 'sudo -n'] as const)('both through %s', async (privilege) => {
    const machine = fakeMachine();
    await install(machine, { privilege });
    const flag = privilege === 'sudo' ? '' : '-n ';
    expect(runsOf(machine.bin, 'sudo')).toEqual([
      `${flag}apt-get update`,
      `${flag}apt-get install -y --no-install-recommends clang lld`,
    ]);
  });

  it('them without a locale, without questions, and without an input', async () => {
    const machine = fakeMachine();
    machine.onApt('install', 'read -r answer; echo "$LC_ALL $DEBIAN_FRONTEND<$answer>"');
    const env = { ...machine.env, LC_ALL: 'de_DE.UTF-8' };
    const { events } = await install({ ...machine, env });
    expect(linesOf(events)).toContain('C.UTF-8 noninteractive<>');
  });
});

describe('a failure', () => {
  it('of update stops nothing', async () => {
    const machine = fakeMachine();
    machine.onApt('update', `echo "E: The repository 'http://x y' is not signed." >&2; exit 100`);
    expect((await install(machine)).failure).toBeUndefined();
    expect(machine.runs()).toHaveLength(2);
  });

  it('of install is told with what update said', async () => {
    const machine = fakeMachine();
    machine.onApt('update', `echo "W: Failed to fetch http://m/  Temporary failure resolving 'm'"`);
    machine.onApt('install', 'echo "E: Unable to locate package clang" >&2; exit 100');
    const { failure } = await install(machine);
    expect(failure?.code).toBe('SETUP108');
    expect(failure?.said).toContain("Temporary failure resolving 'm'");
  });

  it('of sudo stops at once', async () => {
    const machine = fakeMachine();
    machine.onApt('update', 'echo "sudo: a password is required" >&2; exit 1');
    expect((await install(machine)).failure?.code).toBe('SETUP103');
    expect(machine.runs()).toEqual(['update']);
  });

  it('by a signal, or to start at all', async () => {
    const machine = fakeMachine();
    machine.onApt('install', 'kill -KILL $$');
    expect((await install(machine)).failure).toMatchObject({
      code: 'SETUP110',
      said: 'Reading package lists...',
    });
    const without = { ...machine, env: { PATH: '/nowhere' } };
    expect((await install(without)).failure?.said).toBe('it ended by ENOENT');
  });

  it('after very much output keeps its last words', async () => {
    const machine = fakeMachine();
    machine.onApt(
      'install',
      `/usr/bin/head -c 5000000 /dev/zero | /usr/bin/tr '\\0' '\\n' | /bin/sed 's/$/unpacking/' | /usr/bin/head -n 100000
       echo "E: No space left on device"; exit 100`,
    );
    expect((await install(machine)).failure).toMatchObject({
      code: 'SETUP106',
      said: 'No space left on device',
    });
  });
});

describe('an abort', () => {
  it('before anything starts nothing', async () => {
    const machine = fakeMachine();
    await expect(install(machine, { signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop');
    expect(machine.runs()).toEqual([]);
  });

  it('ends apt-get by SIGINT, and what it leaves behind', async () => {
    const machine = fakeMachine();
    machine.onApt(
      'update',
      `trap 'echo INT > "${machine.bin}/got"; exit 130' INT
       /bin/sh -c 'trap "" INT; while :; do /bin/sleep 0.1; done' "${machine.bin}" & : > "${machine.bin}/up"; wait`,
    );
    const controller = new AbortController();
    const running = install(machine, { signal: controller.signal });
    await until(() => existsSync(join(machine.bin, 'up')));
    controller.abort(new Error('stop'));
    await expect(running).rejects.toThrow('stop');
    expect(read(machine.bin, 'got')).toBe('INT\n');
    expect(machine.runs()).toEqual(['update']);
    await until(() => processesOf(machine.bin).length === 0);
  });

  it('waits for a dpkg that is at work, which is not signalled', async () => {
    const machine = fakeMachine();
    // As apt-get does: the signal is noted, and dpkg, in the same process group, goes on to its end.
    machine.onApt(
      'install',
      `trap : INT
       /bin/sh -c 'trap "echo killed > $0/dpkg" INT TERM; : > $0/up; while [ ! -e $0/go ]; do /bin/sleep 0.02; done; echo done >> $0/dpkg' "${machine.bin}" &
       wait $!; wait $!`,
    );
    const controller = new AbortController();
    const running = install(machine, { signal: controller.signal });
    let isOver = false;
    const over = running.catch((error: unknown) => {
      isOver = true;
      return error;
    });
    await until(() => existsSync(join(machine.bin, 'up')));
    controller.abort(new Error('stop'));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(isOver).toBe(false);
    write(machine.bin, 'go', '');
    expect(await over).toMatchObject({ message: 'stop' });
    expect(read(machine.bin, 'dpkg')).toBe('done\n');
  });
});
