// SPDX-License-Identifier: BSD-2-Clause
// Finds the line of the user's TypeScript that made an object, so that a finding about the object can name it. Thousands
// of objects are made and hardly one is ever named: only which frame it is is found at once, the line when it is asked for.

import { findSourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Place } from './diagnostic.ts';

/** In the bundle the library is in two directories, one in the other. */
const ownDirectory = new URL('.', import.meta.url).href.replace(/[/]dist[/]chunks[/]$/, '/dist/');

/** Frames cost time. Most callers are the user's; systems that are made of others lie deeper. */
const depths = [1, 16];

/**
 * The nearest caller of `method` outside of this library, or undefined if there is none (in the bundle the shipped systems lie in
 * the library's own directory: their lines would tell the user nothing).
 */
export function callSite(method: (...args: never[]) => unknown): Place | undefined {
  for (const depth of depths) {
    const frame = framesAbove(method, depth).find(isForeign);
    if (frame !== undefined) return lazyPlace(frame);
  }
  return undefined;
}

type Prepare = typeof Error.prepareStackTrace;

const keepFrames = (_error: Error, frames: NodeJS.CallSite[]): NodeJS.CallSite[] => frames;

function framesAbove(above: (...args: never[]) => unknown, depth: number): readonly NodeJS.CallSite[] {
  const { prepareStackTrace, stackTraceLimit } = Error;
  const holder: { stack?: readonly NodeJS.CallSite[] } = {};
  Error.stackTraceLimit = depth;
  Error.prepareStackTrace = keepFrames;
  Error.captureStackTrace(holder, above);
  const frames = holder.stack ?? [];
  Error.prepareStackTrace = prepareStackTrace as Exclude<Prepare, undefined>;
  Error.stackTraceLimit = stackTraceLimit;
  return frames;
}

function isForeign(frame: NodeJS.CallSite): boolean {
  const file = frame.getFileName();
  if (typeof file !== 'string') return false;
  return file.startsWith('file:') ? !file.startsWith(ownDirectory) : file.startsWith('/') && !isOwnPath(file);
}

const isOwnPath = (path: string): boolean => `file://${path}`.startsWith(ownDirectory);

/** To everyone who reads, compares, copies or prints it a plain object. */
function lazyPlace(frame: NodeJS.CallSite): Place {
  let found: Place | undefined;
  const place = (): Place => (found ??= locate(frame));
  return {
    get file() {
      return place().file;
    },
    get line() {
      return place().line ?? 0;
    },
    get column() {
      return place().column ?? 0;
    },
  };
}

/** In the source that the user wrote, as whoever else knows of source maps says, or Node. */
function locate(frame: NodeJS.CallSite): Place {
  const line = frame.getLineNumber() ?? 1;
  const column = frame.getColumnNumber() ?? 1;
  const file = frame.getFileName() ?? '';
  const told = toldBy(Error.prepareStackTrace, frame);
  if (told !== undefined) return told;
  const entry = findSourceMap(file)?.findEntry(line - 1, column - 1);
  return entry !== undefined && 'originalSource' in entry
    ? { file: pathOf(entry.originalSource), line: entry.originalLine + 1, column: entry.originalColumn + 1 }
    : { file: pathOf(file), line, column };
}

function toldBy(prepare: Prepare, frame: NodeJS.CallSite): Place | undefined {
  const stack: unknown = prepare?.(new Error('where'), [frame]);
  if (typeof stack !== 'string') return undefined;
  const match = /\(?((?:file:\/\/|\/)[^()\n]*):(\d+):(\d+)\)?$/.exec(stack);
  if (match === null) return undefined;
  const [, file = '', line, column] = match;
  return { file: pathOf(file), line: Number(line), column: Number(column) };
}

const pathOf = (file: string): string => (file.startsWith('file:') ? fileURLToPath(file) : file);
