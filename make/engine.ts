// SPDX-License-Identifier: BSD-2-Clause
// Runs what must run of a plan: steps whose command, inputs or outputs are not as they were recorded, producers first,
// as many at a time as there are jobs.
//
// Why a killed build needs no clean-up of its own: outputs appear by rename, and a step is fresh only if the content of
// its inputs AND of its outputs is what its record says. A record that is behind what lies there only makes work.
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import { type Diagnostic, Refusal, refuse } from '../meta/diagnostic.ts';
import { describeSystemError } from './system-reason.ts';
import { type ActionResult, isSystemError, runAction, systemHint } from './action.ts';
import { nowMs } from './clock.ts';
import type { OnEvent } from './events.ts';
import { FileDigests } from './file-digests.ts';
import { commandDigest, staleReason } from './fingerprint.ts';
import { type Graph, makeGraph, type Presence } from './graph.ts';
import { takeLock } from './lock.ts';
import { makePool } from './pool.ts';
import { statsOf } from './presence.ts';
import { engineDir, readState, writeState } from './state.ts';
import { directoryOf, type Step } from './step.ts';
import { sweepTemporaries } from './temporary.ts';

export interface RunOptions {
  /** Working directory of all commands; relative paths of steps start here. Absolute. Made if absent. */
  readonly buildDir: string;
  /** Steps at a time; default: the number of cores. */
  readonly jobs?: number;
  /** Ends all commands and the run. */
  readonly signal?: AbortSignal;
  readonly onEvent?: OnEvent;
  /** After a failure go on with all that does not need the failed step; by default only running steps finish. */
  readonly keepGoing?: boolean;
  /** Wait for another build in the same directory (default) or refuse. */
  readonly wait?: boolean;
  /** Run every step, fresh or not. */
  readonly alwaysMake?: boolean;
}

export interface RunReport {
  /** Names of the steps that ran, in the order in which they finished. */
  readonly ran: readonly string[];
  readonly fresh: readonly string[];
  readonly durationMs: number;
}

/**
 * Throws a Refusal with one diagnostic or more per failed step (their output is in the `failed` events), and
 * `signal.reason` if aborted; by then no process of the run is left, and nothing is half-written.
 */
export async function runSteps(steps: readonly Step[], options: RunOptions): Promise<RunReport> {
  const startMs = nowMs();
  const { buildDir } = options;
  const graph = makeGraph(steps, buildDir, presenceOf);
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  signal.throwIfAborted();
  try {
    const release = await takeLock(engineDir(buildDir), {
      signal,
      wait: options.wait ?? true,
      onWait: (owner) => options.onEvent?.({ kind: 'waiting', owner }),
    });
    try {
      const run = await startRun(graph, signal, options);
      await Promise.all(
        // An internal error in one step ends the others before it is thrown.
        graph.order.map((step) =>
          run.finish(step).catch((error: unknown) => {
            stop.abort(error);
          }),
        ),
      );
      await run.save();
      signal.throwIfAborted();
      if (run.diagnostics.length > 0) throw new Refusal(run.diagnostics);
      return { ran: run.ran, fresh: run.fresh, durationMs: nowMs() - startMs };
    } finally {
      await release();
    }
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const hint = systemHint(error);
    return refuse(
      'STEP111',
      `cannot build in '${buildDir}': ${describeSystemError(error, buildDir)}`,
      hint === undefined ? {} : { hint },
    );
  }
}

interface Run {
  readonly ran: string[];
  readonly fresh: string[];
  readonly diagnostics: Diagnostic[];
  /** Resolves to false if the step failed or was skipped. Once per step, however often it is asked. */
  finish(step: Step): Promise<boolean>;
  save(): Promise<void>;
}

/** Records are saved this long after the first that is new, so that a kill costs little. */
const saveEveryMs = 300;

async function startRun(graph: Graph, signal: AbortSignal, options: RunOptions): Promise<Run> {
  const { buildDir, onEvent = () => undefined } = options;
  const state = await readState(buildDir);
  const digests = new FileDigests(state.files);
  const pool = makePool(options.jobs ?? availableParallelism(), signal);
  const total = graph.order.length;
  const saver = makeSaver(() => writeState(buildDir, state, digests.touched));
  const results = new Map<Step, Promise<boolean>>();
  const run: Run = {
    ran: [],
    fresh: [],
    diagnostics: [],
    // A run that found all fresh by looks alone has nothing to tell the next one.
    save: async () => (digests.hasNews ? saver.now() : undefined),
    finish: (step) => {
      const known = results.get(step);
      if (known !== undefined) return known;
      const result = finishStep(step);
      results.set(step, result);
      return result;
    },
  };
  await makeDirectories(graph, buildDir);
  return run;

  async function finishStep(step: Step): Promise<boolean> {
    const needs = await Promise.all((graph.dependencies.get(step) ?? []).map((need) => run.finish(need)));
    if (needs.includes(false) || isStopping()) return skip(step);
    const directory = directoryOf(step, buildDir);
    const command = await commandDigest(step, digests);
    const reason =
      options.alwaysMake === true
        ? 'everything is made anew'
        : await staleReason(step, command, state.steps.get(step.name), digests, directory);
    if (reason === undefined) {
      run.fresh.push(step.name);
      onEvent({ kind: 'fresh', step, total });
      return true;
    }
    return pool.run(graph.heights.get(step) ?? 0, async () => {
      if (isStopping()) return skip(step);
      onEvent({ kind: 'started', step, reason, total });
      const startMs = nowMs();
      const startedAt = Date.now();
      const inputs = await digestAll(step.inputs, directory, digests);
      const judge = (discovered: readonly string[]): Diagnostic[] => undeclared(step, discovered, graph);
      const result = await runAction(step, directory, digests, judge, signal);
      const durationMs = nowMs() - startMs;
      const { output, diagnostics } = result;
      if (diagnostics.length > 0) {
        run.diagnostics.push(...diagnostics);
        onEvent({ kind: 'failed', step, total, output, durationMs, diagnostics });
        return false;
      }
      await record(step, command, inputs, result, startedAt);
      run.ran.push(step.name);
      onEvent({ kind: 'finished', step, total, output, durationMs });
      return true;
    });
  }

  function isStopping(): boolean {
    return run.diagnostics.length > 0 && options.keepGoing !== true;
  }

  function skip(step: Step): boolean {
    onEvent({ kind: 'skipped', step, total });
    return false;
  }

  /** A step whose inputs changed while it ran leaves no record: nobody knows which content it saw. */
  async function record(
    step: Step,
    command: string,
    inputs: readonly (readonly [string, string])[],
    result: ActionResult,
    startedAt: number,
  ): Promise<void> {
    const declared = new Set(inputs.map(([path]) => path));
    const headers = result.discovered.filter((path) => !declared.has(path));
    const isSteady =
      [...declared].every((path) => digests.isUnchanged(path)) &&
      headers.every((path) => (digests.isKnown(path) ? digests.isUnchanged(path) : isOlder(path, startedAt)));
    if (isSteady)
      state.steps.set(step.name, {
        command,
        inputs: [...inputs, ...(await digestAll(headers, directoryOf(step, buildDir), digests))],
        declared: inputs.length,
        outputs: result.outputs,
      });
    else state.steps.delete(step.name);
    saver.soon();
  }
}

async function makeDirectories(graph: Graph, buildDir: string): Promise<void> {
  const directories = new Set([
    buildDir,
    engineDir(buildDir),
    ...[...graph.producers.keys()].map((path) => dirname(path)),
  ]);
  for (const directory of directories) await mkdir(directory, { recursive: true });
  await sweepTemporaries(directories);
}

async function digestAll(
  paths: readonly string[],
  directory: string,
  digests: FileDigests,
): Promise<(readonly [string, string])[]> {
  const found: (readonly [string, string])[] = [];
  for (const input of paths) {
    const path = resolve(directory, input);
    found.push([path, (await digests.digest(path)) ?? 'missing']);
  }
  return found;
}

/** A generated header that a step includes without declaring it may be made after, or never, as the jobs fall. */
function undeclared(step: Step, discovered: readonly string[], graph: Graph): Diagnostic[] {
  const reachable = new Set<Step>([step]);
  for (const need of reachable) for (const next of graph.dependencies.get(need) ?? []) reachable.add(next);
  return discovered.flatMap((path): Diagnostic[] => {
    const producer = graph.producers.get(path);
    if (producer === undefined || reachable.has(producer)) return [];
    return [
      {
        code: 'STEP108',
        severity: 'error',
        message: `step '${step.name}' read '${path}', made by step '${producer.name}', which it does not wait for`,
        hint: 'declare it as an input',
      },
    ];
  });
}

function makeSaver(save: () => Promise<void>): { soon(): void; now(): Promise<void> } {
  let last: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const now = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    last = last.catch(() => undefined).then(save);
    return last;
  };
  return {
    soon: () => {
      // A failure to save shows at the end, when it is saved once more.
      timer ??= setTimeout(() => {
        now().catch(() => undefined);
      }, saveEveryMs);
    },
    now,
  };
}

function presenceOf(path: string): Presence {
  const stats = statsOf(path);
  if (stats === undefined) return 'missing';
  return stats.isFile() ? 'file' : 'other';
}

const isOlder = (path: string, thanMs: number): boolean =>
  Number(statsOf(path)?.ctimeMs ?? Infinity) < thanMs;
