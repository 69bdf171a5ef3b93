// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild qemu`: builds, then runs the image. With --expect nobody need be there: the guests' verdicts decide. Without,
// the terminal is the guests' serial line (Ctrl-\ 0 Enter and Ctrl-\ 1 Enter switch the input between them).
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type LaunchOptions, launchQemu } from '../../make/launch/qemu.ts';
import { partiesOf } from '../../make/launch/verdict.ts';
import type { LaunchEnd } from '../../make/launch/watch.ts';
import { findTools } from '../../make/tools/find.ts';
import { qemuArguments } from '../../make/tools/qemu.ts';
import { exitCode, refuse } from '../../meta/diagnostic.ts';
import { type Expect, parseExpect } from '../expect.ts';
import { type BuiltImage, buildImage } from '../image.ts';
import { paintLine } from '../paint.ts';
import { commandLine, describeSteps } from '../progress.ts';
import { say } from '../report.ts';
import { describeVerified } from '../verified.ts';
import type { Command, CommandContext } from '../vmbuild.ts';
import { loadBoard } from '../../boards/index.ts';

export const run: Command = async (context) => {
  const { settings, env } = context;
  const expect = parseExpect(settings.text('expect'));
  await refuseRealBoard(settings.text('board') ?? '');
  const built = await buildImage(context, ['qemu-system-aarch64']);
  const { 'qemu-system-aarch64': qemu } = await findTools(['qemu-system-aarch64'], env);
  const { qemu: machine, loadAddress } = built.board;
  assert(machine !== undefined, 'refuseRealBoard has seen to it');
  const args = qemuArguments(
    { ...machine, loadAddress },
    { image: built.image, monitor: expect === undefined && process.stdin.isTTY },
  );
  if (built.report === undefined) {
    process.stdout.write(`${describeSteps(built.steps)}${commandLine([qemu.path, ...args])}\n`);
    return exitCode.ok;
  }
  if (settings.on('verbose')) say(settings, commandLine([qemu.path, ...args]));

  const logDir = join(built.buildDir, 'logs');
  say(settings, `booting ${built.system.guests.length} guests in QEMU; logs in ${logDir}`);
  const end = await launchQemu({
    qemu: qemu.path,
    args,
    logDir,
    guests: built.system.guests.map(({ vm }) => vm),
    pds: built.system.system.protectionDomains.map(({ name }) => name),
    signal: context.signal,
    ...(expect === undefined ? interactive : unattended(context, built, expect)),
  });
  return report(context, end);
};

async function refuseRealBoard(name: string): Promise<void> {
  const board = await loadBoard(name);
  if (board.qemu === undefined)
    refuse('RUN102', `QEMU does not have '${name}'`, {
      hint: `build the image and start it on the board${board.bootLine === undefined ? '' : `: ${board.bootLine}`}`,
      exit: exitCode.usage,
    });
}

/** The serial line as it is, colours and all, and the keyboard. */
const interactive = {
  keyboard: process.stdin,
  onBytes: (chunk: Buffer) => process.stdout.write(chunk),
} as const;

function unattended(
  { settings }: CommandContext,
  { system, nonce }: BuiltImage,
  expect: Expect,
): Pick<LaunchOptions, 'expect' | 'deadlineMs' | 'onLine'> {
  const names = system.guests.map(({ vm }) => vm);
  return {
    expect:
      expect === 'verdict' ? { verdict: { nonce, parties: partiesOf(system.guests) } } : { pattern: expect },
    deadlineMs: (settings.number('timeout') ?? 180) * 1000,
    onLine: (line) => {
      say(settings, paintLine(line, names));
    },
  };
}

function report({ settings }: CommandContext, end: LaunchEnd): number {
  const seconds = (end.durationMs / 1000).toFixed(1);
  if (settings.on('json')) process.stdout.write(`${JSON.stringify({ version: 1, ...end })}\n`);
  else if (end.kind === 'verified') {
    const { transfers, summary } = describeVerified(end);
    process.stdout.write([...transfers, `verified: ${summary} (${seconds} s)`, ''].join('\n'));
  } else if (end.kind === 'matched') process.stdout.write(`matched: ${end.line.text} (${seconds} s)\n`);
  return exitCode.ok;
}
