// SPDX-License-Identifier: BSD-2-Clause
// sim's launcher with fake programs: a back end that says it is ready, QEMUs that print what guests print.
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import type { ConsoleLine } from '../../../make/launch/console.ts';
import { launchSim, type SimOptions } from '../../../make/launch/sim.ts';
import type { LaunchEnd } from '../../../make/launch/watch.ts';
import { Refusal } from '../../../meta/diagnostic.ts';
import { fakeTool, processesOf, read, runsOf, scratchDir } from '../scratch.ts';
import { hash, report, verdict } from './reports.ts';

const recv = `printf '${report('recv', 4)}'`;
const send = `printf '${report('send', 3)}'`;

interface Scripts {
  readonly backend?: string;
  /** `$1` is the number of the guest. */
  readonly qemu: string;
}

interface Outcome {
  readonly directory: string;
  readonly lines: ConsoleLine[];
  readonly end?: LaunchEnd;
  readonly refusal?: Refusal;
  readonly error?: unknown;
}

const backendIsUp = 'echo ready; exec sleep 1000';

async function launch(scripts: Scripts, more: Partial<SimOptions> = {}): Promise<Outcome> {
  const directory = scratchDir(`it's a dir`);
  const lines: ConsoleLine[] = [];
  const guest = (name: string, cid: number, number: number) => ({
    name,
    cid,
    args: (socket: string) => [String(number), socket],
  });
  const options: SimOptions = {
    qemu: fakeTool(directory, 'qemu', scripts.qemu),
    backend: fakeTool(directory, 'backend', scripts.backend ?? backendIsUp),
    backendArgs: ['--ring-bytes', '69632'],
    guests: [guest('receiver', 3, 0), guest('sender', 4, 1)],
    logDir: directory,
    expect: { verdict },
    deadlineMs: 20_000,
    signal: new AbortController().signal,
    onLine: (one) => lines.push(one),
    ...more,
  };
  try {
    return { directory, lines, end: await launchSim(options) };
  } catch (error) {
    return error instanceof Refusal ? { directory, lines, refusal: error } : { directory, lines, error };
  } finally {
    expect(processesOf(directory)).toEqual([]);
    expect(socketDirectories()).toEqual([]);
  }
}

const socketDirectories = (): string[] =>
  readdirSync(tmpdir()).filter((name) => name.startsWith(`vmbuild-sim-${process.pid}-`));

const codes = ({ refusal }: Outcome): string[] => refusal?.diagnostics.map(({ code }) => code) ?? [];

it('verifies when both guests have reported, though they power themselves off', async () => {
  const outcome = await launch({ qemu: `case $1 in 0) ${recv};; 1) ${send}; exec sleep 1000;; esac` });
  expect(outcome.end).toMatchObject({ kind: 'verified', hash, bytes: 32768 });
  const [backend = ''] = runsOf(outcome.directory, 'backend');
  expect(backend).toMatch(/^--ring-bytes 69632 --guest 3=(\/.*)\/0 --guest 4=\1\/1$/);
  expect(read(outcome.directory, 'receiver.log')).toBe(report('recv', 4).replace('\\r\\n', '\n'));
  expect(read(outcome.directory, 'backend.log')).toBe('ready\n');
  expect(read(outcome.directory, 'console.log')).toContain('sender| vsock send: peer=3');
  expect(new Set(outcome.lines.map(({ speaker }) => speaker))).toEqual(new Set([0, 1, 'system']));
});

it('a guest that ends before it has reported is named, and what the other says of it', async () => {
  const outcome = await launch({
    qemu: `case $1 in
      0) echo 'out of luck' >&2; sleep 0.2; kill -KILL $$;;
      1) sleep 0.6; echo 'vsock send: FAILED write ECONNRESET (104)'; exec sleep 1000;; esac`,
  });
  expect(codes(outcome)).toEqual(['SIM101', 'RUN111']);
  expect(outcome.refusal?.exit).toBe(1);
  expect(outcome.refusal?.diagnostics[0]?.message).toBe(
    "guest 'receiver' (CID 3) is gone: its qemu was ended by SIGKILL: out of luck",
  );
});

it('a guest that powers itself off without a report is named', async () => {
  const outcome = await launch({ qemu: 'case $1 in 0) exit 0;; 1) exec sleep 1000;; esac' });
  expect(outcome.refusal?.diagnostics[0]?.message).toBe(
    "guest 'receiver' (CID 3) powered itself off or was reset before it was done",
  );
});

it.each([
  ['cannot set up guest memory: Cannot allocate memory', /^free some memory, or run fewer guests/],
  ["'vhost-user-vsock-device' is not a valid device model name", /^install a QEMU that has vhost-user/],
])('a QEMU that says "%s" comes with a hint', async (words, hint) => {
  const outcome = await launch({ qemu: `echo "qemu-system-aarch64: ${words}" >&2; exit 1` });
  expect(outcome.refusal?.diagnostics[0]?.message).toContain(`exited with 1: ${words}`);
  expect(outcome.refusal?.diagnostics[0]?.hint).toMatch(hint);
});

it('a back end that crashes ends the run', async () => {
  const outcome = await launch({ backend: 'echo ready; sleep 0.3; kill -SEGV $$', qemu: 'exec sleep 1000' });
  expect(codes(outcome)).toEqual(['SIM102']);
  expect(outcome.refusal?.diagnostics[0]?.message).toContain('was ended by SIGSEGV before');
});

it('a back end that cannot start says why, and no guest is started', async () => {
  const outcome = await launch({
    backend: `echo "vsock-backend: cannot write the capture 'x': No space left on device" >&2; exit 1`,
    qemu: 'exec sleep 1000',
  });
  expect(outcome.refusal?.diagnostics[0]?.message).toContain(
    "exited with 1 before the guests were done: cannot write the capture 'x': No space left on device",
  );
  expect(runsOf(outcome.directory, 'qemu')).toEqual([]);
});

it('the deadline gives 124, and says who has not reported', async () => {
  const outcome = await launch(
    { qemu: `case $1 in 0) ${recv};; esac; exec sleep 1000` },
    { deadlineMs: 1_500 },
  );
  expect(codes(outcome)).toEqual(['RUN124']);
  expect(outcome.refusal?.exit).toBe(124);
  expect(outcome.refusal?.message).toContain("the sender 'sender' (CID 4) did not");
});

it('a pattern ends the run at its line; a guest may end before, as long as another is left', async () => {
  const outcome = await launch(
    { qemu: `case $1 in 0) exit 0;; 1) sleep 0.5; echo 'all set'; exec sleep 1000;; esac` },
    { expect: { pattern: /^all s/ } },
  );
  expect(outcome.end).toMatchObject({ kind: 'matched', line: { speaker: 1, text: 'all set' } });
  const none = await launch({ qemu: 'exit 0' }, { expect: { pattern: /never/ } });
  expect(codes(none)).toEqual(['SIM101']);
});

it('an interrupted run throws its reason and leaves nothing', async () => {
  const reason = new Error('enough');
  const controller = new AbortController();
  const outcome = await launch(
    { qemu: 'echo booting; exec sleep 1000' },
    {
      signal: controller.signal,
      onLine: ({ text }) => {
        if (text === 'booting') controller.abort(reason);
      },
    },
  );
  expect(outcome.error).toBe(reason);
});

it('the guest at the terminal has the keyboard, and its end is the end of the run', async () => {
  const { PassThrough } = await import('node:stream');
  const keyboard = new PassThrough();
  let seen = '';
  const running = launch(
    { qemu: `case $1 in 0) exec sleep 1000;; 1) echo 'what?'; read word; echo "got $word"; exit 0;; esac` },
    {
      expect: undefined,
      deadlineMs: undefined,
      terminal: {
        guest: 1,
        keyboard,
        onBytes: (chunk) => {
          seen += chunk.toString();
          if (seen === 'what?\n') keyboard.write('hello\n');
        },
      },
    },
  );
  const outcome = await running;
  expect(outcome.end).toMatchObject({ kind: 'ended' });
  expect(seen).toBe('what?\ngot hello\n');
});
