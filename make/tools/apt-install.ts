// SPDX-License-Identifier: BSD-2-Clause
// Installs packages on this machine with its own apt-get, as root or through sudo. (make/tools/apt.ts is the other one:
// it fetches packages without touching the machine.) Where dnf or Homebrew stand in for it, they are run the same way.
//
// How it is ended. dpkg must not be killed in the middle of a package, or the user has to mend the machine. apt-get
// knows: SIGINT ends it at once while it downloads; once dpkg runs, it ends when dpkg is through. So an abort sends
// SIGINT to apt-get alone and waits. Whoever cannot wait presses Ctrl-C again: this process leaves, and takes all with it.
//
// sudo is root's process: a user may not signal it, but sudo may. Where there is a terminal sudo stays in our session,
// for there it asks for the password; elsewhere, and for root, apt-get gets a process group of its own, so that a
// Ctrl-C reaches it only through us.
import { spawnSync } from 'node:child_process';
import { execa } from 'execa';
import type { Environment } from '../store/cache.ts';
import { type AptFailure, judgeApt, judgeOther, sudoRefused } from './apt-failure.ts';
import { type Manager, packagesFor } from './package-managers.ts';

/** How to become root: already so, by sudo with a terminal for its password, or by sudo that must not ask. */
export type Privilege = 'root' | 'sudo' | 'sudo -n';

/** The commands as a person would type them. */
export function installCommands(
  packages: readonly string[],
  privilege: Privilege,
  manager: RunManager = 'apt',
): string[][] {
  const prefix = privilege === 'root' ? [] : privilege.split(' ');
  // Homebrew belongs to the user, and refuses root.
  if (manager === 'brew') return [['brew', 'install', ...packagesFor('brew', packages)]];
  if (manager === 'dnf') return [[...prefix, 'dnf', 'install', '-y', ...packagesFor('dnf', packages)]];
  return [
    [...prefix, 'apt-get', 'update'],
    [...prefix, 'apt-get', 'install', '-y', '--no-install-recommends', ...packages],
  ];
}

/** Those that are run; nix is a shell to enter, not a place to install to. */
export type RunManager = Exclude<Manager, 'nix'>;

export interface InstallOptions {
  /** By Debian's names. */
  readonly packages: readonly string[];
  /** Default: apt. */
  readonly manager?: RunManager;
  readonly privilege: Privilege;
  readonly env: Environment;
  readonly signal: AbortSignal;
  readonly onEvent?: (event: InstallEvent) => void;
}

export type InstallEvent =
  | { readonly kind: 'command'; readonly command: readonly string[] }
  /** Of apt-get's output. */
  | { readonly kind: 'line'; readonly line: string }
  /** After an abort: apt-get has been told and is waited for. */
  | { readonly kind: 'ending' };

/**
 * Runs both commands. Gives back why it failed, or undefined. An update that fails stops nothing: a third party's source
 * may be broken, and Debian's lists still good; should the installation fail too, both are quoted.
 */
export async function installPackages(options: InstallOptions): Promise<AptFailure | undefined> {
  const { packages, privilege, manager = 'apt' } = options;
  let lines: string[] = [];
  let end: CommandEnd = {};
  for (const command of installCommands(packages, privilege, manager)) {
    options.signal.throwIfAborted();
    options.onEvent?.({ kind: 'command', command });
    end = await runCommandLine(command, options, (line) => {
      lines.push(line);
      if (lines.length > 2 * maxLines) lines = lines.slice(-maxLines);
      options.onEvent?.({ kind: 'line', line });
    });
    options.signal.throwIfAborted();
    // Where sudo says no, it says so to every command.
    if (end.code !== 0 && (end.code === undefined || judgeApt({ lines, ...end }).code === sudoRefused)) break;
  }
  if (end.code === 0) return undefined;
  return manager === 'apt' ? judgeApt({ lines, ...end }) : judgeOther(manager, { lines, ...end });
}

/** The last lines say what went wrong. */
const maxLines = 1000;
/** How long dpkg may take to come to its end after an abort. */
const graceMs = 300_000;
/** How long output may still come after apt-get has ended. */
const drainMs = 500;
/** How long a line may be that is still passed on in one piece. */
const maxLineCharacters = 4096;

interface CommandEnd {
  readonly code?: number;
  /** Why it has no exit code: `ENOENT`, `SIGKILL`. */
  readonly reason?: string;
}

async function runCommandLine(
  [tool = '', ...args]: readonly string[],
  { privilege, env, signal, onEvent }: InstallOptions,
  onLine: (line: string) => void,
): Promise<CommandEnd> {
  const hasOwnGroup = privilege !== 'sudo';
  const child = execa(tool, args, {
    // The words that are looked for are those of no locale; nothing may ask: there is no one to answer.
    env: { ...env, LC_ALL: 'C.UTF-8', DEBIAN_FRONTEND: 'noninteractive' },
    extendEnv: false,
    stdin: 'ignore',
    all: true,
    buffer: false,
    reject: false,
    cleanup: false,
    detached: hasOwnGroup,
  });
  const { pid } = child;
  const onExit = (): void => {
    if (pid !== undefined) signalProcess(hasOwnGroup ? -pid : pid, 'SIGTERM', privilege);
  };
  let escalate: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    if (pid === undefined) return;
    signalProcess(pid, 'SIGINT', privilege);
    onEvent?.({ kind: 'ending' });
    escalate = setTimeout(onExit, graceMs);
  };
  process.on('exit', onExit);
  signal.addEventListener('abort', onAbort);
  child.once('exit', () => {
    // What apt-get has started and not waited for ends with an abort; else it may live on (a service that a package
    // has started), but its hold on our pipe does not keep us here.
    if (signal.aborted && hasOwnGroup) onExit();
    setTimeout(() => {
      for (const stream of [child.stdout, child.stderr, child.all]) stream.destroy();
    }, drainMs).unref();
  });
  splitLines(child.all, onLine);
  const result = await child;
  clearTimeout(escalate);
  signal.removeEventListener('abort', onAbort);
  process.off('exit', onExit);
  if (result.exitCode !== undefined) return { code: result.exitCode };
  return { reason: result.signal ?? result.code ?? 'unknown' };
}

/** A negative `pid` is a process group. A user's signal to root's process is passed on by sudo. */
function signalProcess(pid: number, signal: 'SIGINT' | 'SIGTERM', privilege: Privilege): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // ESRCH: it is gone already.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM' || privilege === 'root') return;
    spawnSync('sudo', ['-n', 'kill', '-s', signal.slice(3), '--', String(pid)], { stdio: 'ignore' });
  }
}

function splitLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = `${rest}${chunk}`.split(/[\n\r]/);
    rest = (lines.pop() ?? '').slice(-maxLineCharacters);
    for (const line of lines) if (line.trim() !== '') onLine(line);
  });
  stream.on('end', () => {
    if (rest.trim() !== '') onLine(rest);
  });
}
