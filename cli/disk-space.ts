// SPDX-License-Identifier: BSD-2-Clause
// Whether there is room for what is still to come, in the store and in the build directory.
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { freeBytes } from '../make/free-space.ts';
import type { Diagnostic } from '../meta/diagnostic.ts';

export interface Room {
  /** `store` */
  readonly what: string;
  /** Absolute; it need not be there. */
  readonly path: string;
  readonly neededBytes: number;
}

export interface RoomFound extends Room {
  /** Undefined if the system does not say. */
  readonly freeBytes: number | undefined;
}

export const lookAtRooms = (rooms: readonly Room[]): readonly RoomFound[] =>
  rooms.map((room) => ({ ...room, freeBytes: freeBytes(room.path) }));

/** What is too small. Rooms on one file system share what is free there. */
export function judgeRooms(rooms: readonly RoomFound[]): readonly Diagnostic[] {
  return rooms.flatMap((room, at): Diagnostic[] => {
    const before = rooms.slice(0, at).filter((other) => deviceOf(other.path) === deviceOf(room.path));
    const neededBytes = [...before, room].reduce((sum, each) => sum + each.neededBytes, 0);
    if (room.neededBytes === 0 || room.freeBytes === undefined || neededBytes <= room.freeBytes) return [];
    const others = before.map(({ what }) => ` with the ${what}`).join('');
    return [
      {
        code: 'STORE121',
        severity: 'error',
        message: `the ${room.what} '${room.path}' has ${mebibytes(room.freeBytes)} MiB free, needed${others} are about ${mebibytes(neededBytes)} MiB`,
        hint: 'make room there, or choose another place with --build-dir or VMBUILD_CACHE',
      },
    ];
  });
}

/** `store '/x': 2000 MiB free, about 736 MiB needed` */
export const describeRoom = ({ what, path, freeBytes: free, neededBytes }: RoomFound): string =>
  `${what} '${path}': ${free === undefined ? 'unknown' : `${mebibytes(free)} MiB free`}, ${neededBytes === 0 ? 'nothing more needed' : `about ${mebibytes(neededBytes)} MiB needed`}`;

const mebibytes = (bytes: number): number => Math.floor(bytes / 2 ** 20);

/** Of the nearest directory that is there. */
function deviceOf(path: string): number | undefined {
  for (let at = path; ; at = dirname(at)) {
    const found = statSync(at, { throwIfNoEntry: false });
    if (found !== undefined) return found.dev;
    if (at === dirname(at)) return undefined;
  }
}
