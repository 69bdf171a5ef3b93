// SPDX-License-Identifier: BSD-2-Clause
// What is made of the words with which apt-get 2.6 (Debian 12), 3.0 (Debian 13) and sudo fail; they were taken down there.
import { describe, expect, it } from 'vitest';
import { judgeApt } from '../../../make/tools/apt-failure.ts';

const unlocated = [
  'E: Unable to locate package clang',
  "E: Package 'xz-utils' has no installation candidate",
];

const cases: readonly (readonly [string, readonly string[], string, string])[] = [
  [
    'no network, no lists',
    [
      'Err:1 http://deb.debian.org/debian trixie InRelease',
      "W: Failed to fetch http://deb.debian.org/debian/dists/trixie/InRelease  Temporary failure resolving 'deb.debian.org'",
      'W: Some index files failed to download. They have been ignored, or old ones used instead.',
      ...unlocated,
    ],
    'SETUP108',
    "Failed to fetch http://deb.debian.org/debian/dists/trixie/InRelease Temporary failure resolving 'deb.debian.org'; Unable to locate package clang",
  ],
  [
    'a suite that the mirror does not have',
    [
      "E: The repository 'http://deb.debian.org/debian nosuch Release' does not have a Release file.",
      ...unlocated,
    ],
    'SETUP108',
    "The repository 'http://deb.debian.org/debian nosuch Release' does not have a Release file.; Unable to locate package clang",
  ],
  [
    'no source that has it',
    ['Reading package lists...', ...unlocated],
    'SETUP109',
    "Unable to locate package clang; Package 'xz-utils' has no installation candidate",
  ],
  [
    'a held lock',
    [
      'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 3618 (perl)',
      'E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?',
    ],
    'SETUP105',
    'Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 3618 (perl); ' +
      'Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?',
  ],
  [
    'a dpkg that was interrupted',
    ["E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem. "],
    'SETUP107',
    "dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.",
  ],
  [
    'a full disk',
    [
      'E: Write error - write (28: No space left on device)',
      'E: IO Error saving source cache',
      'E: The package lists or status file could not be parsed or opened.',
    ],
    'SETUP106',
    'Write error - write (28: No space left on device); IO Error saving source cache',
  ],
  ['sudo without a terminal', ['sudo: a password is required'], 'SETUP103', 'sudo: a password is required'],
  [
    'a wrong password',
    ['Sorry, try again.', 'sudo: 3 incorrect password attempts'],
    'SETUP103',
    'sudo: 3 incorrect password attempts',
  ],
  [
    'a user that sudo does not know',
    ['x is not in the sudoers file.'],
    'SETUP103',
    'x is not in the sudoers file.',
  ],
  ['something else', ['E: The sky fell.'], 'SETUP110', 'The sky fell.'],
];

describe('apt-get failed because of', () => {
  it.each(cases)('%s', (_name, lines, code, said) => {
    expect(judgeApt({ lines, code: 100 })).toMatchObject({ code, said });
  });
});

it('silence is quoted as how it ended', () => {
  expect(judgeApt({ lines: [], code: 100 }).said).toBe('it exited with 100');
  expect(judgeApt({ lines: [], reason: 'SIGKILL' }).said).toBe('it ended by SIGKILL');
});

it('keeps the last lines only', () => {
  const lines = Array.from({ length: 1000 }, (_, index) => `line ${index}`);
  const { tail } = judgeApt({ lines, code: 1 });
  expect(tail).toHaveLength(10);
  expect(tail.at(-1)).toBe('line 999');
});
