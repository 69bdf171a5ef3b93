// SPDX-License-Identifier: BSD-2-Clause
// A board's archive: a folder per configuration with the image and all that tells what it is, and the sums of all.
import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { packageDirectory, packageVersion } from '../boards/index.ts';
import { formatNonce } from '../linux/bootargs.ts';
import { type ArchiveFile, digestOf, packArchive, sumFiles } from '../make/artifacts/archive.ts';
import { renderManifest } from '../make/artifacts/manifest.ts';
import type { BuildState } from '../make/state.ts';
import type { Step } from '../make/step.ts';
import { replaceFile } from '../make/temporary.ts';
import { type ImageInputs, outputs } from '../Makefile.ts';
import type { LoadedImages } from './image.ts';

/** Images that were built, by the names of their directories. */
export interface Built {
  readonly loaded: LoadedImages;
  readonly images: ReadonlyMap<string, ImageInputs>;
  readonly steps: readonly Step[];
  /** Of the steps that ran, in milliseconds by name. */
  readonly durations: ReadonlyMap<string, number>;
  readonly buildDir: string;
  readonly recorded: BuildState;
  /** Where what was fetched lies. */
  readonly store: string;
}

export interface BoardArchive {
  readonly board: string;
  readonly path: string;
  readonly sha256: string;
  readonly images: readonly { readonly config: string; readonly bytes: number; readonly sha256: string }[];
  /** What its steps took together in this run, the shared ones not among them; 0 if all was fresh. */
  readonly stepsMs: number;
}

/** Packs the archive, and beside it `<name>.times.json`: what the steps took is no part of what is reproducible. */
export async function packBoard(
  board: string,
  built: Built,
  path: string,
  signal: AbortSignal,
): Promise<BoardArchive> {
  const top = basename(path, '.tar.gz');
  const files: ArchiveFile[] = [];
  const images: BoardArchive['images'][number][] = [];
  const times: Record<string, number> = {};
  for (const [name, inputs] of built.images) {
    if (inputs.board.name !== board) continue;
    const { config } = inputs.sdk;
    const delivered = await deliver(inputs, join(built.buildDir, name));
    const manifest = await renderManifest(manifestInputs(name, inputs, built, delivered));
    const all: ArchiveFile[] = [...delivered, { name: 'build.json', text: manifest }];
    files.push(...all.map((file) => ({ ...file, name: `${top}/${config}/${file.name}` })));
    images.push({ config, ...(await describeImage(delivered)) });
    for (const step of stepsOf(name, built.steps)) {
      const ms = built.durations.get(step.name);
      if (ms !== undefined) times[step.name] = Math.round(ms);
    }
  }
  const sums = (await sumFiles(files)).replaceAll(`  ${top}/`, '  ');
  await packArchive(path, [...files, { name: `${top}/SHA256SUMS`, text: sums }], signal);
  await replaceFile(path.replace(/\.tar\.gz$/, '.times.json'), `${JSON.stringify(times, undefined, 2)}\n`);
  const stepsMs = Object.values(times).reduce((sum, ms) => sum + ms, 0);
  return { board, path, sha256: await digestOf({ name: top, path }), images, stepsMs };
}

/** The files that people take from a build, by their names in the archive; read once for all who tell their digests. */
async function deliver({ system }: ImageInputs, directory: string): Promise<DeliveredFile[]> {
  const headers = [...new Set(system.configs.map(({ pd }) => `config/${pd}.config.h`))];
  const trees = system.guests.map(({ vm }) => `guest/${vm}.dtb`);
  const files: DeliveredFile[] = [];
  for (const name of [...Object.values(outputs), ...headers, ...trees]) {
    const path = join(directory, name);
    files.push({ name, path, sha256: await digestOf({ name, path }) });
  }
  return files;
}

function manifestInputs(
  name: string,
  inputs: ImageInputs,
  { loaded, steps, buildDir, recorded, store }: Built,
  files: readonly ArchiveFile[],
): Parameters<typeof renderManifest>[0] {
  const { sdk, sources, tools } = loaded;
  const { release } = inputs.images.kernel;
  return {
    board: inputs.board.name,
    config: inputs.sdk.config,
    nonce: formatNonce(inputs.nonce),
    vmbuild: packageVersion(),
    parts: {
      'Microkit SDK': { version: sdk.version },
      libvmm: known(sources.libvmm),
      sDDF: known(sources.sddf),
    },
    tools: Object.fromEntries(Object.values(tools).map((tool) => [tool.name, tool.version])),
    guest: release === undefined ? {} : { kernel: release },
    buildDir,
    recorded,
    steps: stepsOf(name, steps),
    directories: [
      [sdk.path, '/microkit-sdk'],
      [sources.libvmm.path, '/libvmm'],
      [sources.sddf.path, '/sddf'],
      [packageDirectory(), '/vmbuild'],
      [store, '/store'],
    ],
    files,
  };
}

/** Those of one image, and those that it shares with others. */
const stepsOf = (name: string, steps: readonly Step[]): readonly Step[] =>
  steps.filter(({ directory }) => directory === name || directory === 'common');

const known = ({ version, commit }: { version?: string; commit?: string }) => ({
  ...(version === undefined ? {} : { version }),
  ...(commit === undefined ? {} : { commit }),
});

interface DeliveredFile {
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
}

async function describeImage(
  delivered: readonly DeliveredFile[],
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const image = delivered.find(({ name }) => name === outputs.image);
  assert(image !== undefined, 'the image is delivered');
  return { bytes: (await stat(image.path)).size, sha256: image.sha256 };
}
