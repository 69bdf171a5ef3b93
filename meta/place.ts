// SPDX-License-Identifier: BSD-2-Clause
// Finds the line of the user's TypeScript that made an object, so that a finding about the object can name it. Thousands
// of objects are made and hardly one is ever named: only whose frame it is is found at once, the line when it is asked for.

import { fileURLToPath } from 'node:url';
import type { Place } from './diagnostic.ts';

/** This library: `meta/` in the sources, all of `dist/` in the bundle, where chunks lie below. */
const ownDirectory = new URL('.', import.meta.url).href.replace(/\/chunks\/$/, '/');

/** Frames cost time. Most often the user has called who asks here, or who called that; whole subsystems lie deeper. */
const depths = [3, 16];

/**
 * The nearest caller outside of this library, or undefined if there is none (in the bundle the shipped
 * systems lie in the library's own directory: their lines would tell the user nothing).
 */
export function callSite(): Place | undefined {
  for (const depth of depths)
    for (const frame of framesAbove(callSite, depth)) {
      const file = fileOf(frame);
      if (file === undefined) continue;
      const place = generated.has(file) ? locate(frame, file) : lazyPlace(frame, file);
      if (place !== undefined) return place;
    }
  return undefined;
}

/** The first line of a stack that lies outside of this library and of Node. */
export function placeInStack(stack: string): Place | undefined {
  for (const frame of stack.split('\n').slice(1)) {
    const place = parseFrame(frame);
    if (place !== undefined) return place;
  }
  return undefined;
}

type ToSource = (place: Required<Place>) => Place | undefined;

/** Files that were made from others, by their path. */
const generated = new Map<string, ToSource>();

/** From now on, a place in `file` is told as that of the source which `toSource` gives. */
export function mapPlaces(file: string, toSource: ToSource): void {
  generated.set(file, toSource);
}

function framesAbove(above: () => unknown, depth: number): readonly NodeJS.CallSite[] {
  // oxlint-disable-next-line typescript/unbound-method -- it is put back
  const { prepareStackTrace, stackTraceLimit } = Error;
  const holder: { stack?: readonly NodeJS.CallSite[] } = {};
  Error.stackTraceLimit = depth;
  Error.prepareStackTrace = keepFrames;
  Error.captureStackTrace(holder, above);
  const frames = holder.stack ?? [];
  Error.prepareStackTrace = prepareStackTrace;
  Error.stackTraceLimit = stackTraceLimit;
  return frames;
}

const keepFrames = (_error: Error, frames: NodeJS.CallSite[]): NodeJS.CallSite[] => frames;

/** Path of the frame's file, unless it is this library's or Node's. */
const fileOf = (frame: NodeJS.CallSite): string | undefined => foreignPath(frame.getFileName() ?? '');

function foreignPath(location: string): string | undefined {
  const isUrl = location.startsWith('file:');
  if (!isUrl && !location.startsWith('/')) return undefined;
  if ((isUrl ? location : `file://${location}`).startsWith(ownDirectory)) return undefined;
  return isUrl ? pathOfUrl(location) : location;
}

/** Objects come from few files. */
const paths = new Map<string, string>();

function pathOfUrl(url: string): string {
  const path = paths.get(url) ?? fileURLToPath(url);
  paths.set(url, path);
  return path;
}

/** To everyone who reads, compares, copies or prints it a plain object. */
function lazyPlace(frame: NodeJS.CallSite, file: string): Place {
  let found: Place | undefined;
  return {
    file,
    get line() {
      found ??= locate(frame, file);
      return found?.line ?? 1;
    },
    get column() {
      found ??= locate(frame, file);
      return found?.column ?? 1;
    },
  };
}

/** As a stack would say it: whoever maps the lines of stacks to others (a test runner) maps these too. */
function locate(frame: NodeJS.CallSite, file: string): Place | undefined {
  const stack: unknown = Error.prepareStackTrace?.(new Error('a place'), [frame]);
  if (typeof stack === 'string') return placeInStack(stack);
  return toldFrom({ file, line: frame.getLineNumber() ?? 1, column: frame.getColumnNumber() ?? 1 });
}

function parseFrame(frame: string): Place | undefined {
  const match = /^\s+at (?:.*? \()?((?:file:\/\/|\/).*?):(\d+):(\d+)\)?$/.exec(frame);
  if (match === null) return undefined;
  const [, location = '', line, column] = match;
  const file = foreignPath(location);
  return file === undefined ? undefined : toldFrom({ file, line: Number(line), column: Number(column) });
}

function toldFrom(place: Required<Place>): Place | undefined {
  const toSource = generated.get(place.file);
  return toSource === undefined ? place : toSource(place);
}
