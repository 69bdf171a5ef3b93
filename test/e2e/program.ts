// SPDX-License-Identifier: BSD-2-Clause
// vmbuild as its users run it: the bundle, by a process of its own. And what these tests need of the machine.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, type TestContext } from 'vitest';
import { fetchDebianGuest } from '../../linux/debian.ts';
import { cacheDir } from '../../make/store/cache.ts';
import { findSdk } from '../../make/store/sdk.ts';
import { openBoard } from '../../make/store/sdk-board.ts';
import { findSources } from '../../make/store/sources.ts';
import { searchTools, type ToolName } from '../../make/tools/find.ts';
import { Refusal } from '../../meta/diagnostic.ts';
import { requireOrSkip } from '../require.ts';

export const packageRoot = new URL('../..', import.meta.url).pathname;
export const board = 'qemu_virt_aarch64';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Default: for vmbuild() this package's directory, for runScript() that of the package to run. */
  readonly cwd?: string;
  /** On top of this process's environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Directory of the package to run; default: this one. */
  readonly root?: string;
  /** Called with all of stderr whenever more of it has come. */
  readonly onStderr?: (text: string, child: ChildProcess) => void;
}

export function vmbuild(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const settings = ['MICROKIT_BOARD', 'MICROKIT_CONFIG', 'BUILD_DIR', 'LINUX', 'INITRD', 'FORCE_COLOR'];
  // A test run's own settings are not the user's.
  const none = Object.fromEntries(settings.map((name) => [name, undefined]));
  // No test asks a server outside, nor has it another guest than the store's.
  const env = { ...none, VMBUILD_IMAGES: 'file:///nowhere/', ...options.env };
  return runScript('dist/vmbuild.cjs', args, { cwd: packageRoot, ...options, env });
}

/** Runs a program of the package: `script` is its path there. */
export function runScript(script: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const root = options.root ?? packageRoot;
  const child = spawn(process.execPath, [join(root, script), ...args], {
    cwd: options.cwd ?? root,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
    options.onStderr?.(stderr, child);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      resolve({ code, signal, stdout, stderr });
    });
  });
}

/** A directory that is removed when the test is over. */
export function scratch(name = 'vmbuild-e2e-'): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), name)));
  onTestFinished(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/** A copy of vmbuild as it is installed, so that a test can change its sources. */
export function copyPackage(): string {
  const root = join(scratch(), 'vmbuild');
  for (const part of ['package.json', 'dist', 'boards', 'vmm', 'linux'])
    cpSync(join(packageRoot, part), join(root, part), { recursive: true });
  symlinkSync(join(packageRoot, 'node_modules'), join(root, 'node_modules'));
  return root;
}

/** A directory for PATH with a shell script in place of QEMU; `script` is told where the real one is. */
export async function scriptedQemu(script: (real: string) => string): Promise<string> {
  const { found } = await searchTools(['qemu-system-aarch64'], process.env);
  const directory = scratch();
  const program = join(directory, 'qemu-system-aarch64');
  writeFileSync(program, script(found.get('qemu-system-aarch64')?.path ?? ''));
  chmodSync(program, 0o755);
  return directory;
}

/** Replaces the only place where `find` stands. */
export function mutate(file: string, find: string, replace: string): void {
  const text = readFileSync(file, 'utf8');
  const places = text.split(find).length - 1;
  if (places !== 1) throw new Error(`'${find}' stands ${places} times in ${file}, expected is once`);
  writeFileSync(file, text.replace(find, replace));
}

/** Why nothing can be built for the board, if so. */
export function sdkReason(config = 'debug', name = board): string | undefined {
  const [isThere, reason] = availability(() => {
    openBoard(findSdk({ env: process.env }), name, config);
    findSources({ env: process.env });
  });
  return isThere ? undefined : reason;
}

/** Skips, visibly, unless an image of a system without guests can be built here. */
export async function needSdk(ctx: TestContext, config = 'debug', name = board): Promise<void> {
  const reason = sdkReason(config, name);
  requireOrSkip(ctx, 'sdk', reason === undefined, reason ?? '');
  await needTools(ctx, 'clang', ['clang', 'lld', 'llvm-ar', 'llvm-objcopy', 'dtc']);
}

/** Skips, visibly, unless an image of the system with its guests can be built here. */
export async function needStack(ctx: TestContext, config = 'debug', name = board): Promise<void> {
  await needSdk(ctx, config, name);
  await needGuestImages(ctx);
}

async function needGuestImages(ctx: TestContext): Promise<void> {
  const guest = await availabilityOf(() =>
    fetchDebianGuest({
      cacheDir: cacheDir(process.env),
      offline: false,
      signal: AbortSignal.timeout(240_000),
    }),
  );
  requireOrSkip(ctx, 'guest-images', ...guest);
}

/** Skips, visibly, unless `sim` can run here: that needs Debian packages only. */
export async function needSim(ctx: TestContext): Promise<void> {
  await needTools(ctx, 'qemu', ['qemu-system-aarch64']);
  await needTools(ctx, 'clang', ['clang', 'lld']);
  await needGuestImages(ctx);
}

/** An official SDK has every board, so with VMBUILD_REQUIRE=sdk one that lacks a board fails the tests of that board. */
export async function needQemu(ctx: TestContext, config = 'debug', name = board): Promise<void> {
  await needTools(ctx, 'qemu', ['qemu-system-aarch64']);
  await needStack(ctx, config, name);
}

export async function needTools(
  ctx: TestContext,
  requirement: 'clang' | 'dtc' | 'qemu',
  names: readonly ToolName[],
): Promise<void> {
  const { diagnostics } = await searchTools(names, process.env);
  requireOrSkip(
    ctx,
    requirement,
    diagnostics.length === 0,
    diagnostics.map(({ message }) => message).join('; '),
  );
}

function availability(look: () => unknown): [boolean, string] {
  try {
    look();
    return [true, ''];
  } catch (error) {
    return [false, reasonOf(error)];
  }
}

async function availabilityOf(look: () => Promise<unknown>): Promise<[boolean, string]> {
  try {
    await look();
    return [true, ''];
  } catch (error) {
    return [false, reasonOf(error)];
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Refusal)) throw error;
  return error.diagnostics.map(({ message }) => message).join('; ');
}

/** Processes whose working directory is `directory` or below it: `<pid> <command line>`. */
export function processesIn(directory: string): string[] {
  return listProcesses().flatMap(({ pid, cwd, command }) =>
    cwd === directory || cwd.startsWith(`${directory}/`) ? [`${pid} ${command}`] : [],
  );
}

/** Ends the one process in `directory` whose command line matches. */
export function killIn(directory: string, pattern: RegExp, signal: NodeJS.Signals = 'SIGKILL'): void {
  const found = processesIn(directory).filter((process) => pattern.test(process));
  if (found.length !== 1) throw new Error(`${found.length} processes match ${String(pattern)}`);
  process.kill(Number.parseInt(found[0] ?? '', 10), signal);
}

function listProcesses(): { pid: string; cwd: string; command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const cwd = readlinkSync(`/proc/${pid}/cwd`);
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        // A zombie has no command line; it is nobody's trouble.
        return command === '' ? [] : [{ pid, cwd, command }];
      } catch {
        return []; // it ended while we looked
      }
    });
}
