// SPDX-License-Identifier: BSD-2-Clause
// Brings onto the machine what is missing for a run: says what and by which commands, asks once where someone can
// answer, installs, and looks again. Nothing missing: nothing is asked and nothing started.
import {
  installCommands,
  type InstallEvent,
  installPackages,
  type Privilege,
  type RunManager,
} from '../make/tools/apt-install.ts';
import { sudoRefused } from '../make/tools/apt-failure.ts';
import { onPath } from '../make/tools/on-path.ts';
import { findManager, installLines, packagesFor, programs } from '../make/tools/package-managers.ts';
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
  const manager = chooseManager(missing, context, host);
  const privilege = choosePrivilege(manager, missing, context, host);
  const commands = installCommands(packagesOf(missing), privilege, manager).map(commandLine);
  if (settings.on('dry-run')) {
    process.stdout.write(commands.map((line) => `${line}\n`).join(''));
    return { outcome: 'dry run', present };
  }
  if (host.hasTerminal && !settings.on('yes')) {
    await ask(missing, { commands, program: programs[manager] }, context.signal);
  } else {
    say(settings, `setup: missing: ${listNames(missing)}`);
    say(settings, `setup: installing them (${settings.on('yes') ? '--yes' : 'no terminal to ask on'}):`);
    for (const line of commands) say(settings, `  ${line}`);
  }
  await install(packagesOf(missing), { manager, privilege }, context);
  const after = await takeInventory(env, { tests });
  refuseIncomplete(after.missing, manager);
  say(settings, `setup: installed: ${after.present.filter((name) => !present.includes(name)).join(', ')}`);
  return { outcome: 'installed', present: after.present };
}

const thisHost = (): Host => ({
  isRoot: process.getuid?.() === 0,
  hasTerminal: process.stdin.isTTY && process.stderr.isTTY,
});

const listNames = (missing: readonly MissingNeed[]): string =>
  missing.map(({ name, problem }) => (problem === undefined ? name : `${name} (${problem})`)).join(', ');

/** Refuses where nothing is here that could install: what one would type elsewhere is in the hint. */
function chooseManager(missing: readonly MissingNeed[], { env }: CommandContext, host: Host): RunManager {
  const what = `missing: ${listNames(missing)}`;
  const lines = installLines(packagesOf(missing), { env, isRoot: host.isRoot });
  const manager = findManager(env);
  if (manager === 'nix')
    return refuse('SETUP121', `${what}; nix does not install them, but has a shell with them`, {
      hint: `run: ${lines[0]?.command ?? 'nix develop'}; or in a clone of vmbuild: nix develop`,
      exit: exitCode.missing,
    });
  if (manager !== undefined) return manager;
  return refuse('SETUP101', `${what}; there is no apt-get here to install them with, nor dnf, brew or nix`, {
    hint: `install what your system has for these packages of Debian: ${packagesOf(missing).join(' ')}`,
    exit: exitCode.missing,
  });
}

/** Refuses where there is no way to become root. */
function choosePrivilege(
  manager: RunManager,
  missing: readonly MissingNeed[],
  { env }: CommandContext,
  host: Host,
): Privilege {
  const what = `missing: ${listNames(missing)}`;
  if (host.isRoot || manager === 'brew') return 'root';
  if (onPath('sudo', env) !== undefined) return host.hasTerminal ? 'sudo' : 'sudo -n';
  return refuse('SETUP102', `${what}; to install them takes root, and this user is not, nor is there sudo`, {
    hint: `run as root: ${asRoot(packagesOf(missing), manager)}`,
    exit: exitCode.missing,
  });
}

const asRoot = (packages: readonly string[], manager: RunManager): string =>
  installCommands(packages, 'root', manager).map(commandLine).join(' && ');

async function ask(
  missing: readonly MissingNeed[],
  { commands, program }: { readonly commands: readonly string[]; readonly program: string },
  signal: AbortSignal,
): Promise<void> {
  console.error(`setup: missing: ${listNames(missing)}`);
  for (const line of commands) console.error(`  ${line}`);
  if (await askYes(`Install these with ${program}?`, signal)) return;
  refuse('SETUP104', `not installed, as you answered; still missing: ${listNames(missing)}`, {
    hint: `run it yourself: ${commands.join(' && ')}`,
    exit: exitCode.missing,
  });
}

async function install(
  packages: readonly string[],
  { manager, privilege }: { readonly manager: RunManager; readonly privilege: Privilege },
  { settings, env, signal }: CommandContext,
): Promise<void> {
  const program = programs[manager];
  const live = isLive(settings);
  const redraw = (text: string): void => {
    // The width is 0 where a terminal does not know it.
    if (live) process.stderr.write(`\r\x1b[2K${text.slice(0, (process.stderr.columns || 80) - 1)}`);
  };
  const onEvent = (event: InstallEvent): void => {
    if (event.kind === 'ending') {
      redraw('');
      console.error(`setup: waiting for ${program} to end what it has begun (Ctrl-C again: at once)`);
    } else if (settings.on('verbose')) {
      console.error(event.kind === 'command' ? commandLine(event.command) : `  ${event.line}`);
    } else if (event.kind === 'line' && !signal.aborted) {
      redraw(`  ${event.line}`);
    }
  };
  const failure = await installPackages({ packages, manager, privilege, env, signal, onEvent });
  redraw('');
  if (failure === undefined) return;
  // A single line is in the message already.
  if (!settings.on('verbose') && failure.tail.length > 1)
    for (const line of failure.tail) console.error(`  ${line}`);
  const names = packagesFor(manager, packages).join(' ');
  refuse(failure.code, `${program} could not install ${names}: ${failure.said}`, {
    hint: failure.code === sudoRefused ? `${failure.hint}: ${asRoot(packages, manager)}` : failure.hint,
  });
}

/** It was content, and yet: packages of an old release bring old programs, and Homebrew's LLVM is not on PATH. */
function refuseIncomplete(missing: readonly MissingNeed[], manager: RunManager): void {
  if (missing.length === 0) return;
  const what = `${programs[manager]} has installed its packages, but still missing: ${listNames(missing)}`;
  refuse('SETUP111', what, {
    hint:
      manager === 'brew'
        ? 'run: export PATH="$(brew --prefix llvm)/bin:$PATH"'
        : 'use Debian 12 or newer, or put newer programs on PATH',
    exit: exitCode.missing,
  });
}
