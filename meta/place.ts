// SPDX-License-Identifier: BSD-2-Clause
// Finds the line of the user's TypeScript that made an object, so that a finding about the object can name it.

import { fileURLToPath } from 'node:url';
import type { Place } from './diagnostic.ts';

const ownDirectory = new URL('.', import.meta.url).href;

/**
 * The nearest caller outside of this library, or undefined if there is none (in the bundle the shipped systems lie in
 * the library's own directory: their lines would tell the user nothing).
 */
export function callSite(): Place | undefined {
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, callSite);
  const frames = holder.stack?.split('\n').slice(1) ?? [];
  for (const frame of frames) {
    const place = parseFrame(frame);
    if (place !== undefined) return place;
  }
  return undefined;
}

function parseFrame(frame: string): Place | undefined {
  const match = /\(?((?:file:\/\/|\/)[^()]*):(\d+):(\d+)\)?$/.exec(frame);
  if (match === null) return undefined;
  const [, location = '', line, column] = match;
  const url = location.startsWith('file:') ? location : `file://${location}`;
  if (url.startsWith(ownDirectory)) return undefined;
  return { file: fileURLToPath(url), line: Number(line), column: Number(column) };
}
