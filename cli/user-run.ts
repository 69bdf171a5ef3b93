// SPDX-License-Identifier: BSD-2-Clause
// Runs a bundled description: with a deadline, also for a loop without end; with places in the user's own files; with
// what it prints on stderr, since stdout is for results.
//
// The synchronous part, which mostly is all of it, runs below `vm.Script`, whose timeout ends loops. What is awaited is
// raced against a timer.
import { Console } from 'node:console';
import { type SourceMapPayload, SourceMap } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import vm from 'node:vm';
import { Refusal, refuse } from '../meta/diagnostic.ts';
import { mapPlaces, placeInStack } from '../meta/place.ts';
import type { UserBundle } from './user-bundle.ts';
import { shortPath } from './user-place.ts';

export interface RunUserCode<Result> {
  /** Absolute path of the description. */
  readonly file: string;
  readonly bundle: UserBundle;
  /** Called with what the description exports, while the clock runs. */
  readonly use: (exported: Readonly<Record<string, unknown>>) => Promise<Result>;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
}

/** A signal to oneself takes a moment. */
const signalMs = 1000;

const seat = Symbol.for('vmbuild.description');

/** Refuses USR105 if the description throws, USR106 at the deadline. */
export async function runUserCode<Result>(options: RunUserCode<Result>): Promise<Result> {
  const { file, bundle, use, signal, deadlineMs } = options;
  // A name that no file has: frames of the script are told from those of files.
  const filename = join(dirname(file), 'vmbuild-description.js');
  mapPlaces(filename, sourceOf(bundle, dirname(file)));
  let result: Promise<Result> | undefined;
  const console = new Console(process.stderr, process.stderr);
  const shared = {
    console,
    modules: bundle.modules,
    done: (exported: Readonly<Record<string, unknown>>) => {
      result = use(exported);
      // It is awaited below; until then nobody need have heard of it.
      result.catch(() => undefined);
    },
  };
  const parameters = '{ console, modules: __vmbuild_modules, done: __vmbuild_done }';
  const global = globalThis as Record<symbol, unknown>;
  global[seat] = shared;
  const timers = new AbortController();
  try {
    const script = new vm.Script(
      `(async (${parameters}) => {\n${bundle.code}\n})(globalThis[Symbol.for('${seat.description}')])`,
      { filename, lineOffset: -1, importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER },
    );
    const loaded = script.runInThisContext({ timeout: deadlineMs, breakOnSigint: true }) as Promise<void>;
    const work = async (): Promise<Result> => {
      await loaded;
      if (result === undefined) throw new Error('the script ends by calling it');
      return result;
    };
    return await Promise.race([
      work(),
      lateness(options, timers.signal),
      interruption(signal, timers.signal),
    ]);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Refusal) throw error;
    if (codeOf(error) === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return refuseLate(options);
    if (codeOf(error) === 'ERR_SCRIPT_EXECUTION_INTERRUPTED') {
      // While it ran, Ctrl-C reached nobody else. The timer keeps the process there until the signal has come.
      process.kill(process.pid, 'SIGINT');
      await Promise.race([interruption(signal, timers.signal), sleep(signalMs)]);
    }
    return refuseThrown(error, file);
  } finally {
    timers.abort();
    delete global[seat];
  }
}

function sourceOf({ map }: UserBundle, directory: string): Parameters<typeof mapPlaces>[1] {
  const sources = new SourceMap(JSON.parse(map) as SourceMapPayload);
  return ({ line, column }) => {
    const entry = sources.findEntry(line - 1, column - 1);
    if (!('originalSource' in entry) || /^(vmbuild$|vmbuild-module:)/.test(entry.originalSource))
      return undefined;
    return {
      file: shortPath(resolve(directory, entry.originalSource)),
      line: entry.originalLine + 1,
      column: entry.originalColumn + 1,
    };
  };
}

const lateness = (options: RunUserCode<unknown>, end: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    const timer = setTimeout(() => {
      try {
        refuseLate(options);
      } catch (error) {
        reject(error);
      }
    }, options.deadlineMs);
    end.addEventListener('abort', () => clearTimeout(timer), { once: true });
  });

/** Rejects when `signal` is aborted; never resolves. */
const interruption = (signal: AbortSignal, end: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true, signal: end });
    if (signal.aborted) reject(signal.reason as Error);
  });

function refuseLate({ file, deadlineMs }: RunUserCode<unknown>): never {
  return refuse('USR106', `the description was not done after ${deadlineMs / 1000} s`, {
    place: { file: shortPath(file) },
    hint: 'look for a loop or an await without end; a description only describes',
  });
}

function refuseThrown(error: unknown, file: string): never {
  const isError = error instanceof Error;
  const name = isError && error.name !== 'Error' ? `${error.name}: ` : '';
  const message = isError ? error.message : String(error);
  const place = isError ? placeInStack(error.stack ?? '') : undefined;
  return refuse('USR105', `the description throws ${name}${message.slice(0, 1000)}`, {
    place: place ?? { file: shortPath(file) },
    hint: 'correct that line',
  });
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;
