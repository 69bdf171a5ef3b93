// SPDX-License-Identifier: BSD-2-Clause
// When is a step fresh? When the same command has read files of the same content and left the outputs that are there
// now. Times decide nothing; an input that is written anew with its old bytes starts nothing.
import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { digestText, type FileDigests } from './file-digests.ts';
import type { StepRecord } from './state.ts';
import type { Step } from './step.ts';

/** Raise it when the engine runs the same step differently. */
const engineVersion = 1;

/** Digest of what the step runs: arguments, environment, names, and the program's own content. */
export async function commandDigest(step: Step, digests: FileDigests): Promise<string> {
  const { action } = step;
  const what =
    action.kind === 'fn'
      ? ['fn', action.key]
      : [
          'exec',
          action.tool,
          await toolDigest(action.tool, digests),
          action.args,
          Object.entries(action.env ?? {}),
        ];
  return digestText(JSON.stringify([engineVersion, what, step.outputs, step.depfile ?? null]));
}

/** A program is known by the content of what its path leads to; undefined content if it is not there. */
async function toolDigest(tool: string, digests: FileDigests): Promise<string | null> {
  try {
    return (await digests.digest(realpathSync(tool))) ?? null;
  } catch {
    // Not there or unreadable: the run itself will say so.
    return null;
  }
}

/** Why a step must run; undefined if it is fresh. */
export async function staleReason(
  step: Step,
  command: string,
  record: StepRecord | undefined,
  digests: FileDigests,
  directory: string,
): Promise<string | undefined> {
  if (record === undefined) return 'it was never finished';
  if (record.command !== command) return 'its command changed';
  const declared = step.inputs.map((input) => resolve(directory, input));
  const before = record.inputs.slice(0, record.declared).map(([path]) => path);
  if (declared.join('\0') !== before.join('\0')) return 'its inputs are others';
  for (const [path, digest] of record.inputs)
    if ((digests.peek(path) ?? (await digests.digest(path))) !== digest) return `'${path}' changed`;
  for (const [path, digest] of record.outputs)
    if ((digests.peek(path) ?? (await digests.digest(path))) !== digest)
      return `its output '${path}' is not as it left it`;
  return undefined;
}
