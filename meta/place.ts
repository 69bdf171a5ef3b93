// SPDX-License-Identifier: BSD-2-Clause
// Finds the line of the user's TypeScript that made an object, so that a finding about the object can name it.

import { fileURLToPath } from 'node:url';
import type { Place } from './diagnostic.ts';

/** This library: `meta/` in the sources, all of `dist/` in the bundle, where chunks lie below. */
const ownDirectory = new URL('.', import.meta.url).href.replace(/\/chunks\/$/, '/');

/**
 * The nearest caller outside of this library, or undefined if there is none (in the bundle the shipped systems lie in
 * the library's own directory: their lines would tell the user nothing).
 */
export function callSite(): Place | undefined {
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, callSite);
  return placeInStack(holder.stack ?? '');
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

function parseFrame(frame: string): Place | undefined {
  const match = /^\s+at (?:.*? \()?((?:file:\/\/|\/).*?):(\d+):(\d+)\)?$/.exec(frame);
  if (match === null) return undefined;
  const [, location = '', line, column] = match;
  const url = location.startsWith('file:') ? location : `file://${location}`;
  if (url.startsWith(ownDirectory)) return undefined;
  const file = location.startsWith('file:') ? fileURLToPath(url) : location;
  const place = { file, line: Number(line), column: Number(column) };
  const toSource = generated.get(file);
  return toSource === undefined ? place : toSource(place);
}
