// SPDX-License-Identifier: BSD-2-Clause
// What the system says when it refuses a file, in words: Node has none for a quota, and nobody says how much room is left.
import { constants } from 'node:os';
import { freeBytes } from './free-space.ts';

/** `ENOSPC`; also for numbers that Node has no name for. */
export function systemCode({ code = '' }: NodeJS.ErrnoException): string {
  const number = /^Unknown system error -(\d+)$/.exec(code)?.[1];
  const name = Object.entries(constants.errno).find(([, value]) => value === Number(number))?.[0];
  return name ?? code;
}

/** The reason, and for what has to do with room, how much there is where it was to be written. */
export function describeSystemError(error: NodeJS.ErrnoException, directory: string): string {
  const code = systemCode(error);
  const what = words[code];
  const path = error.path === undefined ? '' : ` '${error.path}'`;
  const reason = what === undefined ? error.message : `${code}: ${what}, ${error.syscall ?? 'write'}${path}`;
  const free = aboutRoom.has(code) ? freeBytes(directory) : undefined;
  return free === undefined
    ? reason
    : `${reason} (in '${directory}' ${Math.floor(free / 2 ** 20)} MiB are free)`;
}

/** Those that Node calls unknown. */
const words: Readonly<Record<string, string>> = { EDQUOT: 'disk quota exceeded' };

const aboutRoom: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO']);
