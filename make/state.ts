// SPDX-License-Identifier: BSD-2-Clause
// What the last builds left behind: `<buildDir>/.vmbuild/state.json`. It only ever saves work. A file that is absent,
// damaged or of another version reads as empty, and everything is built again.
//
// The file is one line of head, with the digest of all that follows it, and the body. It is replaced by a rename, so a
// process that is killed at any point leaves the old one or the new one.
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFor } from './temporary.ts';

/** What a step was run with, and what it made. Digests are SHA-256 in base64url. */
export interface StepRecord {
  /** Digest of its command; see make/fingerprint.ts. */
  readonly command: string;
  /** Digest of each declared input and of each file that its depfile named, by absolute path. */
  readonly inputs: readonly (readonly [path: string, digest: string])[];
  /** How many of `inputs`, from the front, were declared; the others came from the depfile. */
  readonly declared: number;
  readonly outputs: readonly (readonly [path: string, digest: string])[];
}

/** The digest that a file had when it looked like `look` (make/file-digests.ts). */
export interface FileRecord {
  readonly look: string;
  readonly digest: string;
}

export interface BuildState {
  readonly steps: Map<string, StepRecord>;
  readonly files: Map<string, FileRecord>;
}

/** Directory of the engine's own files. */
export const engineDir = (buildDir: string): string => join(buildDir, '.vmbuild');

const stateVersion = 1;
/** Beyond this the records of files that the last run did not look at are dropped. */
const maxFileRecords = 20_000;

export async function readState(buildDir: string): Promise<BuildState> {
  try {
    return parseState(await readFile(statePath(buildDir), 'utf8'));
  } catch {
    // Absent, unreadable or a directory: whatever it is, it is no state. writeState reports what cannot be replaced.
    return emptyState();
  }
}

/** Writes `state`; `touched` are the files that this run looked at. */
export async function writeState(
  buildDir: string,
  state: BuildState,
  touched: ReadonlySet<string>,
): Promise<void> {
  const files = [...state.files];
  const body = JSON.stringify({
    steps: [...state.steps],
    files: files.length > maxFileRecords ? files.filter(([path]) => touched.has(path)) : files,
  });
  const path = statePath(buildDir);
  const temporary = temporaryFor(path);
  await mkdir(engineDir(buildDir), { recursive: true });
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(head(body) + body + tail);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Everything that steps made in `buildDir` and recorded, absolute paths; what `clean` may remove. */
export async function recordedOutputs(buildDir: string): Promise<readonly string[]> {
  const { steps } = await readState(buildDir);
  return [...steps.values()].flatMap((record) => record.outputs.map(([path]) => path));
}

/** Everything that steps read which no step made, headers that their compilers found among it; absolute paths. */
export async function recordedInputs(buildDir: string): Promise<readonly string[]> {
  const { steps } = await readState(buildDir);
  const records = [...steps.values()];
  const made = new Set(records.flatMap(({ outputs }) => outputs.map(([path]) => path)));
  const read = records.flatMap(({ inputs }) => inputs.map(([path]) => path));
  return [...new Set(read)].filter((path) => !made.has(path));
}

const statePath = (buildDir: string): string => join(engineDir(buildDir), 'state.json');

const emptyState = (): BuildState => ({ steps: new Map(), files: new Map() });

const tail = '}\n';
const head = (body: string): string =>
  `{"version":${stateVersion},"sha256":"${createHash('sha256').update(body).digest('base64url')}",\n"state":`;

function parseState(text: string): BuildState {
  const at = text.indexOf('"state":') + '"state":'.length;
  const body = text.slice(at, -tail.length);
  // The digest says that the body is what writeState wrote, so its shape needs no check.
  if (text !== head(body) + body + tail) return emptyState();
  const { steps, files } = JSON.parse(body) as {
    steps: [string, StepRecord][];
    files: [string, FileRecord][];
  };
  return { steps: new Map(steps), files: new Map(files) };
}
