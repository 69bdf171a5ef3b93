// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild sim`: the same guests, programs and socket device without seL4: a QEMU each, and one back end in the VMMs'
// place. The guests' verdicts decide, as with `qemu --expect`; with --interactive the terminal is one guest's console.
import { join, resolve } from 'node:path';
import type { ConsoleLine } from '../../make/launch/console.ts';
import { launchSim, type SimTerminal } from '../../make/launch/sim.ts';
import { partiesOf } from '../../make/launch/verdict.ts';
import type { LaunchEnd } from '../../make/launch/watch.ts';
import { exitCode, refuse } from '../../meta/diagnostic.ts';
import { didYouMean } from '../../meta/finding.ts';
import { vsockGuests, vsockLimits } from '../../meta/index.ts';
import { deadlineMsOf, type Expect, parseExpect } from '../expect.ts';
import { guestCount } from '../describe.ts';
import { paintLine } from '../paint.ts';
import { pictureGuests, picturePath, pictureTitle, withPicture } from '../picture.ts';
import { commandLine, describeSteps } from '../progress.ts';
import { say } from '../report.ts';
import { linesOf, reportRun } from '../run-report.ts';
import { prepareSim, type ReadySim } from '../sim.ts';
import { watchBoot } from '../boot-progress.ts';
import { describeVerified } from '../verified.ts';
import type { Settings } from '../options.ts';
import type { Command } from '../vmbuild.ts';

export const run: Command = async (context) => {
  const { settings, signal } = context;
  refuseOffLinux();
  const expect = parseExpect(settings.text('expect'));
  const interactive = interactiveGuest(settings);
  const path = picturePath(settings, interactive === undefined);
  const ready = await prepareSim(context, interactive !== undefined);
  const backendArgs = backendArguments(settings);
  if (settings.on('dry-run')) {
    process.stdout.write(describeSteps(ready.steps) + describeRun(ready, backendArgs));
    return exitCode.ok;
  }
  if (settings.on('verbose')) say(settings, describeRun(ready, backendArgs).trimEnd());

  const names = ready.guests.map(({ name }) => name);
  const logDir = join(ready.buildDir, 'logs');
  say(settings, `booting ${names.length} guests without seL4; logs in ${logDir}`);
  const boot = watchBoot(settings, ready.guests);
  const launch = (record: (line: ConsoleLine) => void): Promise<LaunchEnd> =>
    launchSim({
      qemu: ready.qemu,
      backend: ready.backend,
      backendArgs,
      guests: ready.guests,
      logDir,
      signal,
      ...(interactive === undefined
        ? {
            expect: expectation(ready, expect ?? 'verdict'),
            deadlineMs: deadlineMsOf(settings, names.length),
            onLine: (line) => {
              record(line);
              boot.see(line);
              boot.print(paintLine(line, names));
            },
          }
        : { terminal: terminalOf(interactive) }),
    });
  const scene = { path, title: pictureTitle('sim', settings), guests: pictureGuests(ready.plans) };
  const run = withPicture(settings, scene, launch, (end) => linesOf(end, verdictOf));
  const done = await run.finally(() => {
    boot.end();
  });
  return reportRun(settings, { ...done, verdictOf, extra: { sim: true } });
};

function refuseOffLinux(): void {
  if (process.platform !== 'linux')
    refuse('SIM105', `'sim' needs Linux (memfd, eventfd), and this is ${process.platform}`, {
      hint: "use 'vmbuild qemu', or a Linux machine",
      exit: exitCode.missing,
    });
}

/** The number of the guest that `--interactive` names: by its name, its CID's place or `recv` and `send`. */
function interactiveGuest(settings: Settings): number | undefined {
  const wanted = settings.text('interactive');
  if (wanted === undefined) return undefined;
  if (settings.text('expect') !== undefined)
    refuse('ARG111', '--interactive gives a guest to you, --expect judges a run without you', {
      hint: 'leave one of them out',
      exit: exitCode.usage,
    });
  const names = vsockGuests(guestCount(settings)).map(({ vm }) => vm);
  const index = names.findIndex((name, i) => wanted === name || wanted === String(i));
  if (index >= 0) return index;
  return refuse('ARG112', `no guest is called '${wanted}' (from --interactive)`, {
    hint: didYouMean(wanted, [...names, ...names.keys()].map(String)),
    exit: exitCode.usage,
  });
}

function backendArguments(settings: Settings): readonly string[] {
  const pcap = settings.text('pcap');
  const ring = ['--ring-bytes', String(vsockLimits.defaultRingBytes)];
  return pcap === undefined ? ring : [...ring, '--pcap', resolve(pcap)];
}

/** What is started, a command per line, as in a dry run. */
function describeRun({ backend, guests, qemu }: ReadySim, backendArgs: readonly string[]): string {
  const sockets = guests.map((_, i) => `SOCKETS/${i}`);
  const words = guests.flatMap(({ cid }, i) => ['--guest', `${cid}=${sockets[i]}`]);
  return [
    commandLine([backend, ...backendArgs, ...words]),
    ...guests.map(({ args }, i) => commandLine([qemu, ...args(sockets[i] ?? '')])),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

const expectation = ({ nonce, plans }: ReadySim, expect: Expect) =>
  expect === 'verdict' ? { verdict: { nonce, parties: partiesOf(plans) } } : { pattern: expect };

const terminalOf = (guest: number): SimTerminal => ({
  guest,
  keyboard: process.stdin,
  onBytes: (chunk) => process.stdout.write(chunk),
});

const verdictOf = (end: LaunchEnd): readonly string[] => {
  if (end.kind !== 'verified') return [];
  const { transfers, summary } = describeVerified(end);
  const seconds = (end.durationMs / 1000).toFixed(1);
  return [...transfers, `${summary} (${seconds} s)`, 'verified (sim: no seL4, no Microkit)'];
};
