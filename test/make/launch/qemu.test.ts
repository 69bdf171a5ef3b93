// SPDX-License-Identifier: BSD-2-Clause
// The launcher with a fake QEMU, a script that prints what a boot prints.
import { spawnSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, type TestContext } from 'vitest';
import { boardDts, boardNames, loadBoard } from '../../../boards/index.ts';
import type { Refusal } from '../../../meta/diagnostic.ts';
import type { ConsoleLine } from '../../../make/launch/console.ts';
import { launchQemu, type LaunchOptions } from '../../../make/launch/qemu.ts';
import type { LaunchEnd } from '../../../make/launch/watch.ts';
import { searchTools } from '../../../make/tools/find.ts';
import { findMachine } from '../../../make/tools/qemu-machine.ts';
import { qemuArguments } from '../../../make/tools/qemu.ts';
import { dtc } from '../../meta/upstream.ts';
import { requireOrSkip } from '../../require.ts';
import { fakeTool, processesOf, read, runsOf, scratchDir, until, write } from '../scratch.ts';
import { hash, report, verdict } from './reports.ts';

const recv = `printf '\\033[31m${report('recv', 4)}\\033[0m'`;
const send = `printf '\\033[32m${report('send', 3)}\\033[0m'`;

interface Outcome {
  readonly directory: string;
  readonly end?: LaunchEnd;
  readonly refusal?: Refusal;
  readonly lines: ConsoleLine[];
}

/** Runs `script` as QEMU; `sleep 1000` at its end stands for a machine that stays on. */
async function launch(script: string, more: Partial<LaunchOptions> = {}): Promise<Outcome> {
  const directory = scratchDir(`it's a dir`);
  const lines: ConsoleLine[] = [];
  const options: LaunchOptions = {
    qemu: fakeTool(directory, 'qemu-system-aarch64', script),
    args: ['-machine', 'a b'],
    logDir: directory,
    guests: ['receiver', 'sender'],
    pds: ['CLIENT_VMM0', 'CLIENT_VMM1'],
    expect: { verdict },
    deadlineMs: 20_000,
    signal: new AbortController().signal,
    onLine: (line) => lines.push(line),
    ...more,
  };
  try {
    return { directory, lines, end: await launchQemu(options) };
  } catch (error) {
    if (!(error instanceof Error && error.name === 'Refusal')) throw error;
    return { directory, lines, refusal: error as Refusal };
  } finally {
    expect(processesOf(directory)).toEqual([]);
  }
}

it('verifies, ends QEMU and all it started, and keeps the logs', async () => {
  const script = `printf 'Bootstrapping kernel\\r\\n'; ${recv}; ${send}; sleep 1000 & sleep 1000`;
  const { end, directory, lines } = await launch(script);
  expect(end).toEqual({
    kind: 'verified',
    hash,
    bytes: 32768,
    transfers: [{ from: 'sender', to: 'receiver', bytes: 32768, durationUs: 3214 }],
    durationMs: expect.any(Number),
  });
  expect(runsOf(directory, 'qemu-system-aarch64')).toEqual(['-machine a b']);
  expect(read(directory, 'console.log')).toContain('Bootstrapping kernel\r\n\x1b[31mvsock recv');
  expect(read(directory, 'receiver.log')).toBe(report('recv', 4).replace('\\r\\n', '\n'));
  expect(read(directory, 'sender.log')).toBe(report('send', 3).replace('\\r\\n', '\n'));
  expect(lines.map(({ speaker }) => speaker)).toEqual(['system', 0, 1]);
});

it('refuses what contradicts the verdict a moment later', async () => {
  const { refusal } = await launch(`${recv}; ${send}; sleep 0.1; ${recv}; sleep 1000`);
  expect(refusal?.exit).toBe(1);
  expect(refusal?.diagnostics[0]?.message).toContain('reported 2 times');
});

it('says all that is wrong, and where the log is', async () => {
  const failed = (colour: number, role: string): string =>
    `printf '\\033[${colour}mvsock ${role}: FAILED no route\\n\\033[0m'`;
  const { refusal, directory } = await launch(
    `${failed(31, 'recv')}; sleep 0.1; ${failed(32, 'send')}; sleep 1000`,
  );
  expect(refusal?.exit).toBe(1);
  expect(refusal?.diagnostics).toMatchObject([
    { code: 'RUN111', hint: `see '${join(directory, 'console.log')}'` },
    { code: 'RUN111' },
  ]);
});

it('ends early when a PD dies, with the name that comes after', async () => {
  const { refusal } = await launch(
    `echo 'MON|ERROR: received message 0x6'; sleep 0.05; echo 'MON|ERROR: faulting PD: CLIENT_VMM1'; sleep 1000`,
  );
  expect(refusal?.diagnostics[0]?.message).toContain("a protection domain died ('CLIENT_VMM1')");
});

it('[QEMU] guest hangs: 124 at the deadline, with what was seen and what was not', async () => {
  const { refusal } = await launch(`${send}; sleep 1000`, { deadlineMs: 1000 });
  expect(refusal?.exit).toBe(124);
  expect(refusal?.diagnostics[0]?.message).toBe(
    "after 1 s, the deadline, the sender 'sender' (CID 4) reported, the receiver 'receiver' (CID 3) did not",
  );
});

it('waits for a line that matches', async () => {
  const { end } = await launch(`echo one; printf 'lo'; sleep 0.05; echo 'gin: '; sleep 1000`, {
    expect: { pattern: /^login:/ },
  });
  expect(end).toMatchObject({ kind: 'matched', line: { speaker: 'system', text: 'login: ' } });
  const { refusal } = await launch('sleep 1000', { expect: { pattern: /^login:/ }, deadlineMs: 200 });
  expect(refusal?.exit).toBe(124);
});

it('[QEMU] guest panics: 1 at once, with the line, and the console is kept', async () => {
  const panic = 'Kernel panic - not syncing: No working init found.';
  const { refusal, directory } = await launch(
    `${recv}; printf '\\033[32m${panic}\\r\\n\\033[0m'; sleep 1000`,
  );
  expect(refusal?.exit).toBe(1);
  expect(refusal?.diagnostics).toEqual([
    {
      code: 'RUN116',
      severity: 'error',
      message: `guest 'sender' (CID 4) stopped: ${panic}`,
      hint: `see '${join(directory, 'console.log')}'`,
    },
  ]);
  expect(read(directory, 'sender.log')).toBe(`${panic}\n`);
});

it('[QEMU] boot ROM missing: its name, and the package that has it', async () => {
  const { refusal } = await launch(
    'echo \'qemu-system-aarch64: failed to find romfile "efi-virtio.rom"\' >&2; exit 1',
  );
  expect(refusal?.exit).toBe(1);
  expect(refusal?.diagnostics).toEqual([
    {
      code: 'RUN101',
      severity: 'error',
      message:
        'qemu-system-aarch64 exited with 1 before the guests were done: failed to find romfile "efi-virtio.rom"',
      hint: 'run: apt install ipxe-qemu',
    },
  ]);
});

it('[QEMU] port in use: in the words of QEMU, which is told of none', async () => {
  const words = 'Failed to bind socket to 0.0.0.0:2222: Address already in use';
  const { refusal } = await launch(`echo 'qemu-system-aarch64: -netdev user: ${words}' >&2; exit 1`);
  expect(refusal?.exit).toBe(1);
  expect(refusal?.diagnostics[0]?.message).toContain(words);
  for (const name of boardNames()) {
    const { qemu } = await loadBoard(name);
    if (qemu === undefined) continue;
    const args = qemuArguments(qemu, { ...plain, image: '/loader.img', monitor: true });
    expect(args.join(' ')).toContain(' -nic none ');
    expect(args.join(' ')).not.toMatch(/tcp|hostfwd|socket|-gdb|-s |:\d/);
  }
});

it('QEMU that gives up is one diagnostic in its own words', async () => {
  const crash = await launch('kill -SEGV $$');
  expect(crash.refusal?.diagnostics[0]?.message).toBe(
    'qemu-system-aarch64 was ended by SIGSEGV before the guests were done: it said nothing',
  );
  const early = await launch(recv);
  expect(early.refusal?.diagnostics[0]?.message).toContain('exited with 0 before the guests were done');
  const unstarted = await launch('', { qemu: '/nowhere/qemu-system-aarch64' });
  expect(unstarted.refusal?.diagnostics[0]?.message).toContain('/nowhere/qemu-system-aarch64');
});

it('a verdict counts even if QEMU ends right after it', async () => {
  expect((await launch(`${recv}; ${send}`)).end).toMatchObject({ kind: 'verified' });
});

it('Ctrl-C ends it at once', async () => {
  const controller = new AbortController();
  const directory = scratchDir();
  const running = launchQemu({
    qemu: fakeTool(directory, 'qemu', `trap '' TERM; echo up; sleep 1000`),
    args: [],
    logDir: directory,
    guests: [],
    pds: [],
    signal: controller.signal,
    onLine: () => {
      controller.abort(new Error('received SIGINT'));
    },
  });
  await expect(running).rejects.toThrow('received SIGINT');
  expect(processesOf(directory)).toEqual([]);
});

class FakeKeyboard extends EventEmitter {
  isTTY = true;
  modes: boolean[] = [];
  setRawMode(raw: boolean): void {
    this.modes.push(raw);
  }
  resume(): void {}
  pause(): void {}
}

it('passes keys to the guest, and gives the terminal back', async () => {
  const keyboard = new FakeKeyboard();
  const running = launch('read answer; echo "got $answer"; exit 0', {
    keyboard,
    expect: { pattern: /got/ },
  });
  await until(() => keyboard.listenerCount('data') > 0);
  keyboard.emit('data', Buffer.from('hello\n'));
  const { end } = await running;
  expect(end).toMatchObject({ kind: 'matched', line: { text: 'got hello' } });
  expect(keyboard.modes).toEqual([true, false]);
  expect(keyboard.listenerCount('data')).toBe(0);
});

it('logs that cannot be written are one diagnostic', async () => {
  const directory = scratchDir();
  const file = write(directory, 'file', '');
  const { refusal } = await launch('sleep 1000', { logDir: join(file, 'x') });
  expect(refusal?.diagnostics[0]?.code).toBe('RUN103');
  expect(existsSync(file)).toBe(true);
});

const plain = {
  loadAddress: 0x41000000n,
  cpu: 'cortex-a53',
  dtb: '/board.dtb',
  properties: new Set<string>(),
};

async function needQemu(ctx: TestContext): Promise<string> {
  const { found } = await searchTools(['qemu-system-aarch64'], process.env);
  const qemu = found.get('qemu-system-aarch64')?.path;
  requireOrSkip(ctx, 'qemu', qemu !== undefined, 'no qemu-system-aarch64 on PATH');
  return qemu ?? '';
}

it('the real QEMU has words of its own for what it does not know', async (ctx) => {
  const unknown = await launch('', { qemu: await needQemu(ctx), args: ['-machine', 'vurt'] });
  expect(unknown.refusal?.diagnostics[0]?.message).toContain('unsupported machine type');
});

it('[QEMU] no output: 124 at the deadline, from the real QEMU with an image that does nothing', async (ctx) => {
  const qemu = await needQemu(ctx);
  const directory = scratchDir('a,comma');
  const image = write(directory, 'loader.img', Buffer.from([0, 0, 0, 0x14])); // b . : a loop
  const args = qemuArguments(
    {
      machine: 'virt,virtualization=on',
      cpu: 'cortex-a53',
      memory: '128M',
      serialPort: 0,
      start: 'loader',
    },
    { ...plain, image },
  );
  const { refusal } = await launch('', { qemu, args, deadlineMs: 1500 });
  expect(refusal?.diagnostics[0]?.message).toContain('after 2 s, the deadline, neither the receiver');
  expect(refusal?.exit).toBe(124);
  expect(readFileSync(image).length).toBe(4);
});

it('the real QEMU starts every board’s machine, and an image with a comma in its path', async (ctx) => {
  requireOrSkip(ctx, 'dtc', dtc !== undefined, 'no dtc');
  const qemu = await needQemu(ctx);
  const { found } = await searchTools(['qemu-system-aarch64'], process.env);
  const directory = scratchDir('a,comma');
  const image = write(directory, 'loader.img', Buffer.from([0, 0, 0, 0x14]));
  for (const name of boardNames()) {
    const board = await loadBoard(name);
    if (board.qemu === undefined) continue;
    const tool = found.get(board.qemu.system);
    const properties = tool === undefined ? new Set<string>() : await findMachine(tool, board.qemu.machine);
    const dtb = compileBoard(name, directory);
    const args = qemuArguments(board.qemu, { ...board, dtb, image, properties });
    const { refusal } = await launch('', { qemu, args, deadlineMs: 1500 });
    expect([name, refusal?.exit, refusal?.diagnostics[0]?.code]).toEqual([name, 124, 'RUN124']);
  }
});

/** Path of the board's compiled tree. */
function compileBoard(name: string, directory: string): string {
  const dtb = join(directory, `${name}.dtb`);
  const { status } = spawnSync('dtc', ['-q', '-I', 'dts', '-O', 'dtb', '-o', dtb, boardDts(name)]);
  expect(status).toBe(0);
  return dtb;
}
