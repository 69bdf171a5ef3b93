// SPDX-License-Identifier: BSD-2-Clause
// Room for what is still to come: what is free where, and what is too little.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeRoom, judgeRooms, lookAtRooms, type Room } from '../../cli/disk-space.ts';
import { freeBytes } from '../../make/free-space.ts';
import { scratch } from '../e2e/program.ts';

const mebibyte = 2 ** 20;
const room = (path: string, neededBytes: number, what = 'store'): Room => ({ what, path, neededBytes });

it('a directory that is not there yet has the room of the one above it', () => {
  const directory = scratch();
  const found = freeBytes(join(directory, 'not', 'yet'));
  expect(found).toBeGreaterThan(0);
  expect(freeBytes(directory)).toBeGreaterThan(0);
});

it('enough is enough', () => {
  const rooms = lookAtRooms([room(scratch(), 1)]);
  expect(judgeRooms(rooms)).toEqual([]);
  expect(describeRoom({ ...room('/x', 3 * mebibyte), freeBytes: 5 * mebibyte })).toBe(
    "store '/x': 5 MiB free, about 3 MiB needed",
  );
  expect(describeRoom({ ...room('/x', 0), freeBytes: undefined })).toBe(
    "store '/x': unknown, nothing more needed",
  );
});

it('too little: both numbers, and two on one disk are added up', () => {
  const directory = scratch();
  const free = 10 * mebibyte;
  const [store, build] = [room(directory, 6 * mebibyte), room(directory, 6 * mebibyte, 'build directory')];
  const found = judgeRooms([
    { ...store, freeBytes: free },
    { ...build, freeBytes: free },
  ]);
  expect(found.map(({ code, message }) => `${code} ${message}`)).toEqual([
    `STORE121 the build directory '${directory}' has 10 MiB free, needed with the store are about 12 MiB`,
  ]);
  expect(
    judgeRooms([
      { ...store, freeBytes: free },
      { ...build, path: '/proc', freeBytes: free },
    ]),
  ).toEqual([]);
});
