// SPDX-License-Identifier: BSD-2-Clause
// A word as a POSIX shell would take it, for commands that are shown to people. What vmbuild itself starts goes through
// no shell.

export const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
