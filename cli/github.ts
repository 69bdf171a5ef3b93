// SPDX-License-Identifier: BSD-2-Clause
// What GitHub's runners show of a run: findings as annotations, and a summary of the step. Both do nothing elsewhere.
// Source: GitHub's documentation of workflow commands.
import { appendFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Diagnostic } from '../meta/diagnostic.ts';
import type { BoardArchive } from './artifacts.ts';

/** The workflow command for a finding; undefined where no runner reads it. */
export function annotation(
  { severity, code, message, hint, place }: Diagnostic,
  env: NodeJS.ProcessEnv,
): string | undefined {
  if (env['GITHUB_ACTIONS'] !== 'true') return undefined;
  const where = [
    ['title', code],
    ['file', place?.file],
    ['line', place?.line],
    ['col', place?.column],
  ].flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${escapeProperty(String(value))}`]));
  const text = hint === undefined ? message : `${message}\n${hint}`;
  return `::${severity} ${where.join(',')}::${escapeData(text)}`;
}

const escapeData = (text: string): string =>
  text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const escapeProperty = (text: string): string =>
  escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

/** Appends a table of the archives to the step's summary. */
export async function writeStepSummary(
  env: NodeJS.ProcessEnv,
  archives: readonly BoardArchive[],
): Promise<void> {
  const file = env['GITHUB_STEP_SUMMARY'];
  if (file === undefined || file === '') return;
  await appendFile(file, renderSummary(archives));
}

export function renderSummary(archives: readonly BoardArchive[]): string {
  const rows = archives.flatMap(({ board, path, images, stepsMs }) =>
    images.map(
      ({ config, bytes, sha256 }) =>
        `| ${board} | ${config} | ${(bytes / 2 ** 20).toFixed(1)} MiB | \`${sha256.slice(0, 16)}\` | ${basename(path)} | ${(stepsMs / 1000).toFixed(1)} s |\n`,
    ),
  );
  return `### Images\n\n| board | configuration | loader.img | SHA-256 | archive | its steps |\n|---|---|---|---|---|---|\n${rows.join('')}\n`;
}
