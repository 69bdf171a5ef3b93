// SPDX-License-Identifier: BSD-2-Clause
// build.json: what an image was made from and how, in full. It is part of what is reproducible, so it has no times, and
// directories go by what they are (/microkit-sdk, /libvmm, ...) and not by where they lie.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildState } from '../state.ts';
import { directoryOf, type Step } from '../step.ts';
import { type ArchiveFile, digestOf } from './archive.ts';

export interface ManifestInputs {
  readonly board: string;
  readonly config: string;
  readonly nonce: string;
  readonly vmbuild: string;
  /** By name: version, and commit if it is known. */
  readonly parts: Readonly<Record<string, { readonly version?: string; readonly commit?: string }>>;
  /** Versions of the tools by name. */
  readonly tools: Readonly<Record<string, string>>;
  /** The kernel's release, if it says one. */
  readonly guest: { readonly kernel?: string };
  readonly buildDir: string;
  /** What the build has recorded there. */
  readonly recorded: Pick<BuildState, 'steps'>;
  /** The image's steps, those that it shares with others too. */
  readonly steps: readonly Step[];
  /** Directory and the name that it goes by. */
  readonly directories: readonly (readonly [directory: string, name: string])[];
  /** What is delivered, but for the manifest itself. */
  readonly files: readonly ArchiveFile[];
}

/** The manifest as text. The build must have succeeded: digests of inputs are those that its records have. */
export async function renderManifest(inputs: ManifestInputs): Promise<string> {
  const { board, config, nonce, vmbuild, parts, tools, guest, files } = inputs;
  const rename = renamer(inputs);
  const manifest = {
    version: 1,
    board,
    config,
    nonce,
    vmbuild,
    parts,
    tools,
    guest,
    files: await Promise.all(files.map(describeFile)),
    inputs: inputsOf(inputs, rename),
    steps: inputs.steps.map((step) => ({
      name: step.name,
      ...(step.directory === undefined ? {} : { directory: step.directory }),
      ...(step.action.kind === 'exec'
        ? { argv: [step.action.tool, ...step.action.args].map(rename) }
        : { function: true }),
      outputs: step.outputs,
    })),
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

const describeFile = async (file: ArchiveFile): Promise<unknown> => ({
  name: file.name,
  bytes: 'path' in file ? (await stat(file.path)).size : Buffer.byteLength(file.text),
  sha256: await digestOf(file),
});

/** Every file from outside of the build directory that a step read, headers too, with its SHA-256. */
function inputsOf(
  { recorded, steps, buildDir }: ManifestInputs,
  rename: (word: string) => string,
): Record<string, string> {
  const found = new Map<string, string>();
  for (const { name } of steps)
    for (const [path, digest] of recorded.steps.get(name)?.inputs ?? [])
      if (!path.startsWith(join(buildDir, '/')))
        found.set(rename(path), Buffer.from(digest, 'base64url').toString('hex'));
  return Object.fromEntries([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Replaces directories in a word, wherever they stand in it: `-I/home/me/libvmm/include` is `-I/libvmm/include`. */
function renamer({ directories, buildDir, steps }: ManifestInputs): (word: string) => string {
  const own = [...new Set(steps.map((step) => directoryOf(step, buildDir)))];
  // The longest first: sDDF may lie in libvmm.
  const all = [...directories, ...own.map((directory) => [directory, '.'] as const)].toSorted(
    ([a], [b]) => b.length - a.length,
  );
  return (word) => all.reduce((text, [directory, name]) => text.replaceAll(directory, name), word);
}
