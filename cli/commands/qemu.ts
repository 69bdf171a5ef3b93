// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild qemu`: builds, then runs the image. With --expect nobody need be there: the guests' verdicts decide. Without,
// the terminal is the guests' serial line (Ctrl-\ 0 Enter and Ctrl-\ 1 Enter switch the input between them).
import { join } from 'node:path';
import { colourCount, type ConsoleLine } from '../../make/launch/console.ts';
import { type LaunchOptions, launchQemu } from '../../make/launch/qemu.ts';
import { partiesOf } from '../../make/launch/verdict.ts';
import type { LaunchEnd } from '../../make/launch/watch.ts';
import type { Environment } from '../../make/store/cache.ts';
import { findTools, searchTools } from '../../make/tools/find.ts';
import { findMachine } from '../../make/tools/qemu-machine.ts';
import { qemuArguments } from '../../make/tools/qemu.ts';
import { exitCode, refuse } from '../../meta/diagnostic.ts';
import { warningFinding } from '../../meta/finding.ts';
import { allPds } from '../../meta/model.ts';
import type { RunReport } from '../../make/engine.ts';
import type { Step } from '../../make/step.ts';
import { boardDtb, guestCount } from '../describe.ts';
import { deadlineMsOf, type Expect, parseExpect } from '../expect.ts';
import { type BuiltImage, buildImage } from '../image.ts';
import { paintLine } from '../paint.ts';
import { pictureGuests, picturePath, pictureTitle, withPicture } from '../picture.ts';
import { commandLine, describeSteps } from '../progress.ts';
import type { Settings } from '../options.ts';
import { printDiagnostics, say } from '../report.ts';
import { linesOf, reportRun } from '../run-report.ts';
import { guestsOf } from '../user-guests.ts';
import { buildUserSystem } from '../user-image.ts';
import { loadUserSystem } from '../user-system.ts';
import { userParties } from '../user-verdict.ts';
import { describeVerified } from '../verified.ts';
import type { Command, CommandContext } from '../vmbuild.ts';
import { type Board, loadBoard } from '../../boards/index.ts';

export const run: Command = async (context) => {
  const { settings, env } = context;
  const own = settings.text('system');
  if (own !== undefined) return runUserSystem(context, own);
  const expect = parseExpect(settings.text('expect'));
  const path = picturePath(settings, expect !== undefined);
  const machine = await machineOf(settings.text('board') ?? '');
  checkColours(settings, expect);
  const properties = await propertiesOf(machine, env);
  const built = await buildImage(context, [machine.system]);
  const { [machine.system]: qemu } = await findTools([machine.system], env);
  const args = argumentsOf(context, built, { machine, properties, isUnattended: expect !== undefined });
  if (tellCommand(settings, built, [qemu.path, ...args]) === 'dry run') return exitCode.ok;

  const logDir = join(built.buildDir, 'logs');
  say(settings, `booting ${built.system.guests.length} guests in QEMU; logs in ${logDir}`);
  const { end, findings } = await withPicture(
    settings,
    { path, title: pictureTitle('qemu', settings), guests: pictureGuests(built.system.guests) },
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
    (end) => linesOf(end, verdictOf),
  );
  return reportRun(settings, { end, findings, verdictOf });
};

/** A system of the user's own: what its clients print on the serial line is shown, and judged. */
async function runUserSystem(context: CommandContext, file: string): Promise<number> {
  const { settings, env } = context;
  const expect = parseExpect(settings.text('expect'));
  // Before anything is built.
  const parties = expect === 'verdict' ? userParties(await loadUserSystem(context, file)) : [];
  const machine = await machineOf(settings.text('board') ?? '');
  const properties = await propertiesOf(machine, env);
  const built = await buildUserSystem(context, file, { alsoTools: [machine.system] });
  const { [machine.system]: qemu } = await findTools([machine.system], env);
  const args = argumentsOf(context, built, { machine, properties, isUnattended: expect !== undefined });
  if (tellCommand(settings, built, [qemu.path, ...args]) === 'dry run') return exitCode.ok;
  const { system, serialClients } = built.described;
  // The virtualiser gives clients colours, by which they are told apart, if there are several.
  const clients = serialClients.length > 1 ? serialClients : [];
  const logDir = join(built.buildDir, 'logs');
  say(settings, `booting '${built.described.name}' in QEMU; logs in ${logDir}`);
  const end = await launchQemu({
    qemu: qemu.path,
    args,
    logDir,
    guests: clients.map((name) => `client_${name}`),
    pds: allPds(system.protectionDomains).map(({ name }) => name),
    signal: context.signal,
    ...(expect === undefined
      ? interactive
      : {
          expect: expect === 'verdict' ? { verdict: { nonce: built.nonce, parties } } : { pattern: expect },
          deadlineMs: deadlineMsOf(settings, Math.max(1, guestsOf(built.described).length)),
          onLine: (line: ConsoleLine) => say(settings, paintLine(line, clients)),
        }),
  });
  return reportRun(settings, { end, findings: [], verdictOf });
}

function argumentsOf(
  { rest = [] }: CommandContext,
  { image, board, buildDir }: { image: string; board: Board; buildDir: string },
  how: {
    machine: NonNullable<Board['qemu']>;
    properties: ReadonlySet<string>;
    isUnattended: boolean;
  },
): readonly string[] {
  const { machine, properties, isUnattended } = how;
  return [
    ...qemuArguments(machine, {
      image,
      loadAddress: board.loadAddress,
      cpu: board.cpu,
      dtb: boardDtb(buildDir),
      properties,
      monitor: !isUnattended && process.stdin.isTTY,
    }),
    ...rest,
  ];
}

/** A dry run prints all commands, and that is all. */
function tellCommand(
  settings: Settings,
  { report, steps }: { report?: RunReport; steps: readonly Step[] },
  words: readonly string[],
): 'dry run' | 'run' {
  if (report === undefined) {
    process.stdout.write(`${describeSteps(steps)}${commandLine(words)}\n`);
    return 'dry run';
  }
  if (settings.on('verbose')) say(settings, commandLine(words));
  return 'run';
}

async function machineOf(name: string): Promise<NonNullable<Board['qemu']>> {
  const { qemu, bootLine = '' } = await loadBoard(name);
  return (
    qemu ??
    refuse('RUN102', `QEMU does not have '${name}', whose own boot loader starts an image by '${bootLine}'`, {
      hint: `run 'vmbuild build --board ${name}', then type that line at the board's boot prompt`,
      exit: exitCode.usage,
    })
  );
}

/** What this QEMU's machine can be told. Without a QEMU it is nothing; the build says so with all else that is missing. */
async function propertiesOf(
  { system, machine }: NonNullable<Board['qemu']>,
  env: Environment,
): Promise<ReadonlySet<string>> {
  const { found } = await searchTools([system], env);
  const qemu = found.get(system);
  return qemu === undefined ? new Set() : findMachine(qemu, machine);
}

/** The virtualiser has a colour for each of its first clients only: what the others print cannot be told apart. */
function checkColours(settings: Settings, expect: Expect | undefined): void {
  const count = guestCount(settings);
  if (count <= colourCount) return;
  if (expect !== undefined)
    refuse(
      'RUN104',
      `--expect judges each of ${count} guests by what it prints, but on the serial line sDDF tells ${colourCount} apart`,
      { hint: `use --vms ${colourCount}, or leave --expect out`, exit: exitCode.usage },
    );
  printDiagnostics([
    warningFinding(
      'RUN105',
      `${count} guests share the serial line, where sDDF tells ${colourCount} apart: what 'client_linux${colourCount}' prints goes to the log of 'client_linux0', and so on`,
      { hint: `use --vms ${colourCount} to have a log for each` },
    ),
  ]);
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
  const names = system.guests.map(({ vm }) => vm);
  return {
    expect:
      expect === 'verdict' ? { verdict: { nonce, parties: partiesOf(system.guests) } } : { pattern: expect },
    deadlineMs: deadlineMsOf(settings, system.guests.length),
    onLine: (line) => {
      record(line);
      say(settings, paintLine(line, names));
    },
  };
}

const verdictOf = (end: LaunchEnd): readonly string[] => {
  if (end.kind !== 'verified') return [];
  const { transfers, summary } = describeVerified(end);
  return [...transfers, `verified: ${summary} (${(end.durationMs / 1000).toFixed(1)} s)`];
};
