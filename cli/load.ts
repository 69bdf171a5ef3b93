// SPDX-License-Identifier: BSD-2-Clause
// The first stage of every command: from settings to boards, SDK, sources and tools. Everything that is missing is said
// in one go, whatever it is.
import { type ExitCode, exitCode, Refusal } from '../meta/diagnostic.ts';

/** Says that a task has nothing to add: what it would do is of no use any more. */
export const giveUp = (): never => {
  throw new Refusal([]);
};

/**
 * Runs all `tasks`, one after the other; if some refuse, throws one Refusal with all they found. A task is told whether
 * an earlier one has refused, so that nothing is fetched in vain.
 */
export async function loadAll<Tasks extends Readonly<Record<string, (isDoomed: boolean) => unknown>>>(
  tasks: Tasks,
): Promise<{ readonly [Key in keyof Tasks]: Awaited<ReturnType<Tasks[Key]>> }> {
  const refusals: Refusal[] = [];
  const results: Record<string, unknown> = {};
  for (const [name, task] of Object.entries(tasks)) {
    try {
      results[name] = await task(refusals.length > 0);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refusals.push(error);
    }
  }
  if (refusals.length > 0)
    throw new Refusal(
      refusals.flatMap(({ diagnostics }) => diagnostics),
      exitOf(refusals.map(({ exit }) => exit)),
    );
  return results as { readonly [Key in keyof Tasks]: Awaited<ReturnType<Tasks[Key]>> };
}

/** What is missing comes first; a usage error is one only if there is nothing else. */
function exitOf(exits: readonly ExitCode[]): ExitCode {
  if (exits.includes(exitCode.missing)) return exitCode.missing;
  return exits.every((exit) => exit === exitCode.usage) ? exitCode.usage : exitCode.refused;
}
