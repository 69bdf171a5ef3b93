// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild qemu`: builds, then runs the image. With --expect nobody need be there: the guests' verdicts decide. Without,
// the terminal is the guests' serial line (Ctrl-\ 0 Enter and Ctrl-\ 1 Enter switch the input between them).
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { styleText } from 'node:util';
import type { ConsoleLine } from '../../make/launch/console.ts';
import type { PictureGuest } from '../../make/launch/picture-window.ts';
import { type LaunchEnd, type LaunchOptions, launchQemu } from '../../make/launch/qemu.ts';
import type { Party } from '../../make/launch/verdict.ts';
import { findTools } from '../../make/tools/find.ts';
import { qemuArguments } from '../../make/tools/qemu.ts';
import { type Diagnostic, exitCode, refuse } from '../../meta/diagnostic.ts';
import type { VsockSystem } from '../../meta/index.ts';
import { type BuiltImage, buildImage } from '../image.ts';
import { picturePath, pictureTitle, withPicture } from '../picture.ts';
import { commandLine, describeSteps } from '../progress.ts';
import { printDiagnostics, say } from '../report.ts';
import type { Command, CommandContext } from '../vmbuild.ts';
import { loadBoard } from '../../boards/index.ts';

export const run: Command = async (context) => {
  const { settings, env } = context;
  const expect = expectation(settings.text('expect'));
  const path = picturePath(settings);
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
  const { end, findings } = await withPicture(
    settings,
    { path, title: pictureTitle('qemu', settings), guests: pictureGuests(built.system) },
    (record) =>
      launchQemu({
        qemu: qemu.path,
        args,
        logDir,
        guests: built.system.guests.map(({ vm }) => vm),
        pds: built.system.system.protectionDomains.map(({ name }) => name),
        signal: context.signal,
        ...(expect === undefined ? interactive : unattended(context, built, expect, record)),
      }),
    verdictOf,
  );
  return report(context, end, findings);
};

type Expect = 'verdict' | RegExp;

function expectation(text: string | undefined): Expect | undefined {
  if (text === undefined) return undefined;
  if (text === '') return 'verdict';
  try {
    return new RegExp(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return refuse('ARG105', `--expect '${text}' is no regular expression: ${reason}`, {
      exit: exitCode.usage,
    });
  }
}

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
  record: (line: ConsoleLine) => void,
): Pick<LaunchOptions, 'expect' | 'deadlineMs' | 'onLine'> {
  return {
    expect: expect === 'verdict' ? { verdict: { nonce, parties: parties(system) } } : { pattern: expect },
    deadlineMs: (settings.number('timeout') ?? 180) * 1000,
    onLine: (line) => {
      record(line);
      say(settings, paint(line, system));
    },
  };
}

/** Who must report what: the receiver and the sender of each pair. */
export const parties = (system: VsockSystem): Party[] =>
  system.guests.flatMap(({ vm, cid, role }, client) =>
    role === undefined ? [] : [{ role: role.role, client, name: vm, cid, peer: role.peerCid }],
  );

/** The virtualiser's own colours: the first guest, the receiver, is red and the second, the sender, green. */
const colours = ['red', 'green', 'yellow', 'blue', 'magenta', 'cyan'] as const;

function paint({ speaker, text }: ConsoleLine, { guests }: VsockSystem): string {
  if (speaker === 'system') return styleText('dim', text, { stream: process.stderr });
  const colour = colours[speaker % colours.length] ?? 'red';
  return styleText(colour, `${guests[speaker]?.vm ?? speaker}| ${text}`, { stream: process.stderr });
}

const pictureGuests = ({ guests }: VsockSystem): PictureGuest[] =>
  guests.map(({ vm, role }) => ({
    name: vm,
    ...(role === undefined ? {} : { role: role.role === 'recv' ? 'receiver' : 'sender' }),
  }));

function report({ settings }: CommandContext, end: LaunchEnd, findings: readonly Diagnostic[]): number {
  const result = { version: 1, ...end, ...(findings.length === 0 ? {} : { diagnostics: findings }) };
  process.stdout.write(
    settings.on('json')
      ? `${JSON.stringify(result)}\n`
      : verdictOf(end)
          .map((line) => `${line}\n`)
          .join(''),
  );
  printDiagnostics(findings);
  return findings.length === 0 ? exitCode.ok : exitCode.refused;
}

function verdictOf(end: LaunchEnd): readonly string[] {
  const seconds = (end.durationMs / 1000).toFixed(1);
  if (end.kind === 'verified')
    return [`verified: ${end.bytes} bytes, hash ${end.hash}, both guests agree (${seconds} s)`];
  return end.kind === 'matched' ? [`matched: ${end.line.text} (${seconds} s)`] : [];
}
