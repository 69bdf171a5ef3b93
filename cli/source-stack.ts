// SPDX-License-Identifier: BSD-2-Clause
// The stack of our own fault, in lines of the sources: the bundle has few and long ones. Node could do it for us, but only
// if it read the bundle's maps whenever vmbuild starts.
import { existsSync, readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Changes the stack of `error` and of its causes, as far as there are maps beside the files. */
export function toSourceStack(error: unknown): void {
  for (let depth = 0, at = error; at instanceof Error && depth < maxCauses; depth += 1, at = at.cause)
    if (at.stack !== undefined) at.stack = at.stack.replaceAll(frame, toSource);
}

const maxCauses = 8;
const frame = /(file:\/\/[^\s()]+):(\d+):(\d+)/g;
const maps = new Map<string, SourceMap | undefined>();

function toSource(whole: string, url: string, line: string, column: string): string {
  const file = fileURLToPath(url);
  if (!maps.has(file)) maps.set(file, readMap(`${file}.map`));
  const entry = maps.get(file)?.findEntry(Number(line) - 1, Number(column) - 1);
  if (entry === undefined || !('originalSource' in entry)) return whole;
  const source = resolve(dirname(file), entry.originalSource);
  return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
}

function readMap(file: string): SourceMap | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return new SourceMap(JSON.parse(readFileSync(file, 'utf8')) as SourceMapPayload);
  } catch {
    // A damaged map, while a fault is being told: the lines of the bundle are better than another fault.
    return undefined;
  }
}
