// SPDX-License-Identifier: BSD-2-Clause
// Brings onto the machine what is missing for a run: says what and by which commands, asks once where someone can
// answer, installs, and looks again. Nothing missing: nothing is asked and nothing started.
import {
  installCommands,
  type InstallEvent,
  installPackages,
  type Privilege,
} from '../make/tools/apt-install.ts';
import { sudoRefused } from '../make/tools/apt-failure.ts';
import { onPath } from '../make/tools/find.ts';
import { type MissingNeed, packagesOf, takeInventory } from '../make/tools/needs.ts';
import { exitCode, refuse } from '../meta/diagnostic.ts';
import { askYes } from './ask.ts';
import { commandLine, isLive } from './progress.ts';
import { say } from './report.ts';
import type { CommandContext } from './vmbuild.ts';

/** The machine, as far as the decisions here depend on it. */
export interface Host {
  readonly isRoot: boolean;
  /** Someone is there to answer a question. */
  readonly hasTerminal: boolean;
}

export interface SetUpOptions {
  /** Also what only `npm test` uses. */
  readonly tests?: boolean;
  readonly host?: Host;
}

export interface SetUpReport {
  readonly outcome: 'complete before' | 'installed' | 'dry run';
  /** What is there now. */
  readonly present: readonly string[];
}

/** Refuses if something is still missing at the end. */
export async function setUp(
  context: CommandContext,
  { tests = false, host = thisHost() }: SetUpOptions = {},
): Promise<SetUpReport> {
  const { settings, env } = context;
  const { missing, present } = await takeInventory(env, { tests });
  if (missing.length === 0) return { outcome: 'complete before', present };
  const privilege = choosePrivilege(missing, context, host);
  const commands = installCommands(packagesOf(missing), privilege).map(commandLine);
  if (settings.on('dry-run')) {
    process.stdout.write(commands.map((line) => `${line}\n`).join(''));
    return { outcome: 'dry run', present };
  }
  if (host.hasTerminal && !settings.on('yes')) {
    await ask(missing, commands, context.signal);
  } else {
    say(settings, `setup: missing: ${listNames(missing)}`);
    say(settings, `setup: installing them (${settings.on('yes') ? '--yes' : 'no terminal to ask on'}):`);
    for (const line of commands) say(settings, `  ${line}`);
  }
  await install(packagesOf(missing), privilege, context);
  const after = await takeInventory(env, { tests });
  refuseIncomplete(after.missing);
  say(settings, `setup: installed: ${after.present.filter((name) => !present.includes(name)).join(', ')}`);
  return { outcome: 'installed', present: after.present };
}

const thisHost = (): Host => ({
  isRoot: process.getuid?.() === 0,
  hasTerminal: process.stdin.isTTY && process.stderr.isTTY,
});

const listNames = (missing: readonly MissingNeed[]): string =>
  missing.map(({ name, problem }) => (problem === undefined ? name : `${name} (${problem})`)).join(', ');

/** Refuses where there is no apt-get, or no way to become root. */
function choosePrivilege(missing: readonly MissingNeed[], { env }: CommandContext, host: Host): Privilege {
  const what = `missing: ${listNames(missing)}`;
  const packages = packagesOf(missing);
  if (onPath('apt-get', env) === undefined)
    return refuse('SETUP101', `${what}; there is no apt-get here to install them with`, {
      hint: `install what your system has for these packages of Debian: ${packages.join(' ')}`,
      exit: exitCode.missing,
    });
  if (host.isRoot) return 'root';
  if (onPath('sudo', env) !== undefined) return host.hasTerminal ? 'sudo' : 'sudo -n';
  return refuse('SETUP102', `${what}; to install them takes root, and this user is not, nor is there sudo`, {
    hint: `run as root: ${asRoot(packages)}`,
    exit: exitCode.missing,
  });
}

const asRoot = (packages: readonly string[]): string =>
  installCommands(packages, 'root').map(commandLine).join(' && ');

async function ask(
  missing: readonly MissingNeed[],
  commands: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  console.error(`setup: missing: ${listNames(missing)}`);
  for (const line of commands) console.error(`  ${line}`);
  if (await askYes('Install these with apt-get?', signal)) return;
  refuse('SETUP104', `not installed, as you answered; still missing: ${listNames(missing)}`, {
    hint: `run it yourself: ${commands.join(' && ')}`,
    exit: exitCode.missing,
  });
}

async function install(
  packages: readonly string[],
  privilege: Privilege,
  { settings, env, signal }: CommandContext,
): Promise<void> {
  const live = isLive(settings);
  const redraw = (text: string): void => {
    // The width is 0 where a terminal does not know it.
    if (live) process.stderr.write(`\r\x1b[2K${text.slice(0, (process.stderr.columns || 80) - 1)}`);
  };
  const onEvent = (event: InstallEvent): void => {
    if (event.kind === 'ending') {
      redraw('');
      console.error('setup: waiting for apt-get to end what it has begun (Ctrl-C again: at once)');
    } else if (settings.on('verbose')) {
      console.error(event.kind === 'command' ? commandLine(event.command) : `  ${event.line}`);
    } else if (event.kind === 'line' && !signal.aborted) {
      redraw(`  ${event.line}`);
    }
  };
  const failure = await installPackages({ packages, privilege, env, signal, onEvent });
  redraw('');
  if (failure === undefined) return;
  // A single line is in the message already.
  if (!settings.on('verbose') && failure.tail.length > 1)
    for (const line of failure.tail) console.error(`  ${line}`);
  refuse(failure.code, `apt-get could not install ${packages.join(' ')}: ${failure.said}`, {
    hint: failure.code === sudoRefused ? `${failure.hint}: ${asRoot(packages)}` : failure.hint,
  });
}

/** apt-get was content, and yet: packages of an old release bring old programs. */
function refuseIncomplete(missing: readonly MissingNeed[]): void {
  if (missing.length === 0) return;
  refuse('SETUP111', `apt-get has installed its packages, but still missing: ${listNames(missing)}`, {
    hint: 'use Debian 12 or newer, or put newer programs on PATH',
    exit: exitCode.missing,
  });
}
