// SPDX-License-Identifier: BSD-2-Clause
// Runs the action of one step on temporary outputs. Whatever happens, no temporary is left; the outputs are renamed
// into place only if all of it succeeded.
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import assert from 'node:assert/strict';
import { type Diagnostic, Refusal, refuseErrors } from '../meta/diagnostic.ts';
import { parseDepfile } from './depfile.ts';
import type { FileDigests } from './file-digests.ts';
import { describeFailure, runCommand } from './run.ts';
import type { ExecAction, FunctionAction, Step } from './step.ts';
import { describeSystemError, systemCode } from './system-reason.ts';
import { temporaryFor } from './temporary.ts';

export interface ActionResult {
  /** Empty if the step succeeded. */
  readonly diagnostics: readonly Diagnostic[];
  readonly output: string;
  /** Absolute paths that the depfile named. */
  readonly discovered: readonly string[];
  readonly outputs: readonly (readonly [path: string, digest: string])[];
}

/**
 * `judge` may refuse what the depfile named. Rejects with the signal's reason if aborted, and with the error itself if a `fn` step threw no
 * Refusal.
 */
export async function runAction(
  step: Step,
  directory: string,
  digests: FileDigests,
  judge: (discovered: readonly string[]) => readonly Diagnostic[],
  signal: AbortSignal,
): Promise<ActionResult> {
  const { action, depfile } = step;
  const temporaries = new Map<string, string>();
  for (const output of step.outputs) temporaries.set(output, temporaryFor(resolve(directory, output)));
  if (depfile !== undefined) temporaries.set(depfile, temporaryFor(resolve(directory, depfile)));
  let output = '';
  try {
    if (action.kind === 'exec') output = await runExec(step, action, directory, temporaries, signal);
    else await runFunction(step, action, directory, temporaries);
    signal.throwIfAborted();
    const discovered = await readDiscovered(step, directory, temporaries);
    refuseErrors(judge(discovered));
    const outputs = await settle(step, directory, temporaries, digests);
    return { diagnostics: [], output, discovered, outputs };
  } catch (error) {
    signal.throwIfAborted();
    const failed = { discovered: [], outputs: [] };
    if (error instanceof CommandFailure)
      return { diagnostics: [error.diagnostic], output: error.output, ...failed };
    if (error instanceof Refusal) return { diagnostics: error.diagnostics, output, ...failed };
    if (isSystemError(error)) {
      const reason = describeSystemError(error, directory);
      return { diagnostics: [failure(step, `: ${reason}`, systemHint(error))], output, ...failed };
    }
    throw error;
  } finally {
    for (const temporary of temporaries.values()) await rm(temporary, { recursive: true, force: true });
  }
}

class CommandFailure extends Error {
  readonly diagnostic: Diagnostic;
  readonly output: string;
  constructor(diagnostic: Diagnostic, output: string) {
    super(diagnostic.message);
    this.diagnostic = diagnostic;
    this.output = output;
  }
}

async function runExec(
  step: Step,
  action: ExecAction,
  directory: string,
  temporaries: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<string> {
  const { end, output } = await runCommand(
    {
      tool: action.tool,
      args: action.args.map((arg) => temporaries.get(arg) ?? arg),
      cwd: directory,
      ...(action.env === undefined ? {} : { env: action.env }),
    },
    signal,
  );
  const tool = basename(action.tool);
  const what = describeFailure(end);
  if (what !== undefined)
    throw new CommandFailure(
      failure(
        step,
        `: '${tool}' ${what}`,
        end.kind === 'unstarted' ? 'check that it is installed' : undefined,
      ),
      output,
    );
  for (const name of [...step.outputs, ...(step.depfile === undefined ? [] : [step.depfile])]) {
    const made = await stat(temporaries.get(name) ?? name).catch(() => undefined);
    if (made?.isFile() !== true)
      throw new CommandFailure(
        failure(step, `: '${tool}' exited with 0 but did not write '${name}'`),
        output,
      );
  }
  return output;
}

async function runFunction(
  step: Step,
  action: FunctionAction,
  directory: string,
  temporaries: ReadonlyMap<string, string>,
): Promise<void> {
  const byPath = new Map([...temporaries].map(([name, temporary]) => [resolve(directory, name), temporary]));
  const inputs = new Set(step.inputs.map((input) => resolve(directory, input)));
  const missing = new Set(step.outputs.map((output) => resolve(directory, output)));
  await action.run({
    read: async (path) => {
      assert(
        inputs.has(resolve(directory, path)),
        `step '${step.name}' reads '${path}', which is no input of it`,
      );
      return readFile(resolve(directory, path));
    },
    write: async (path, bytes) => {
      const temporary = byPath.get(resolve(directory, path));
      assert(temporary !== undefined, `step '${step.name}' writes '${path}', which is no output of it`);
      await writeFile(temporary, bytes);
      missing.delete(resolve(directory, path));
    },
  });
  assert(missing.size === 0, `step '${step.name}' did not write ${[...missing].join(', ')}`);
}

async function readDiscovered(
  step: Step,
  directory: string,
  temporaries: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  if (step.depfile === undefined) return [];
  const text = await readFile(temporaries.get(step.depfile) ?? step.depfile, 'utf8');
  return parseDepfile(text).map((name) => resolve(directory, name));
}

/**
 * Renames the outputs into place. A kill in between leaves a mix that no record matches, so it is made again. Nothing is
 * flushed to the disk here: that cost a third of a build's time when it was measured. What is left is a power failure in
 * the seconds after a build; `vmbuild clean` is the way out.
 */
async function settle(
  step: Step,
  directory: string,
  temporaries: ReadonlyMap<string, string>,
  digests: FileDigests,
): Promise<ActionResult['outputs']> {
  const made = await Promise.all(
    step.outputs.map(async (output) => {
      const temporary = temporaries.get(output) ?? output;
      return { temporary, path: resolve(directory, output), digest: await digests.digestNew(temporary) };
    }),
  );
  for (const { temporary, path } of made) await rename(temporary, path);
  for (const { path, digest } of made) digests.settle(path, digest);
  return made.map(({ path, digest }) => [path, digest] as const);
}

const failure = (step: Step, what: string, hint?: string): Diagnostic => ({
  code: 'STEP110',
  severity: 'error',
  message: `step '${step.name}' failed${what}`,
  ...(hint === undefined ? {} : { hint }),
});

export const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'syscall' in error && 'code' in error;

const unwritable = 'make that directory writable, or build elsewhere with --build-dir';
const full = 'make room on that disk, or build elsewhere with --build-dir';
const hints: Readonly<Record<string, string>> = {
  ENOSPC: full,
  EDQUOT: full,
  EACCES: unwritable,
  EPERM: unwritable,
  EROFS: unwritable,
  EFBIG: 'raise the limit on file sizes (ulimit -f), or build on another file system with --build-dir',
  EISDIR: 'remove that directory; a file of this name is to be made',
};

/** The way out of the system errors that have an obvious one. */
export const systemHint = (error: NodeJS.ErrnoException): string | undefined => hints[systemCode(error)];
