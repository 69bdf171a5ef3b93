// SPDX-License-Identifier: BSD-2-Clause
// A build step is a value: what runs, what it reads, what it makes. The plan is a list of steps; the engine, a dry
// run, compile_commands.json and the graph picture are all folds over that list.
import { join, resolve } from 'node:path';

/** A program to run, by argument array; never a shell string. */
export interface ExecAction {
  readonly kind: 'exec';
  /** Absolute path of the program. */
  readonly tool: string;
  /**
   * An argument that EQUALS a declared output, or the depfile, is replaced by a temporary path in the same directory;
   * the outputs are renamed in place when the command has succeeded.
   */
  readonly args: readonly string[];
  /** Variables set on top of the engine's fixed environment (see make/run.ts). */
  readonly env?: Readonly<Record<string, string>>;
}

/** What a `fn` step may touch. Paths are those of the step, absolute or relative to its directory. */
export interface StepFiles {
  /** The bytes of a declared input. */
  read(path: string): Promise<Buffer>;
  /** Sets the bytes of a declared output. Nothing shows under its name until the whole step has succeeded. */
  write(path: string, bytes: Uint8Array | string): Promise<void>;
}

/** A function of this program: pure in its inputs' bytes and in `key`. */
export interface FunctionAction {
  readonly kind: 'fn';
  /** Fingerprint of the function's other arguments and of its version; the step runs again when it changes. */
  readonly key: string;
  readonly run: (io: StepFiles) => Promise<void> | void;
}

export type Action = ExecAction | FunctionAction;

export interface Step {
  /** Where the command runs and its relative paths start, itself relative to the build directory; default: there. */
  readonly directory?: string;
  /** Unique within a plan; what reports, events and `ran` call it. */
  readonly name: string;
  readonly action: Action;
  /** Files whose content decides whether the step is fresh. Absolute, or relative to the step's directory. */
  readonly inputs: readonly string[];
  /** Files that exist after the step has succeeded. */
  readonly outputs: readonly string[];
  /** Makefile-syntax file written by the command (clang -MD -MF) that names further inputs. */
  readonly depfile?: string;
}

/** A plan as part of a larger one: in a directory of its own, which its steps' names tell. */
export const inDirectory = (directory: string, steps: readonly Step[]): readonly Step[] =>
  steps.map((step) => ({
    ...step,
    name: `${directory}: ${step.name}`,
    directory: join(directory, step.directory ?? ''),
  }));

/** Absolute, as `buildDir` is. */
export const directoryOf = (step: Step, buildDir: string): string => resolve(buildDir, step.directory ?? '');
