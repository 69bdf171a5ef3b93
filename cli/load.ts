// SPDX-License-Identifier: BSD-2-Clause
// The first stage of every command: from settings to boards, SDK, sources and tools. Everything that is missing is said
// in one go, whatever it is.
import { type Diagnostic, exitCode, Refusal } from '../meta/diagnostic.ts';

/** Runs all `tasks`; if some refuse, throws one Refusal with all they found. */
export async function loadAll<Tasks extends Readonly<Record<string, () => unknown>>>(
  tasks: Tasks,
): Promise<{ readonly [Key in keyof Tasks]: Awaited<ReturnType<Tasks[Key]>> }> {
  const found: Diagnostic[] = [];
  let isMissing = false;
  const results: Record<string, unknown> = {};
  for (const [name, task] of Object.entries(tasks)) {
    try {
      results[name] = await task();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      found.push(...error.diagnostics);
      isMissing ||= error.exit === exitCode.missing;
    }
  }
  if (found.length > 0) throw new Refusal(found, isMissing ? exitCode.missing : exitCode.refused);
  return results as { readonly [Key in keyof Tasks]: Awaited<ReturnType<Tasks[Key]>> };
}
