// SPDX-License-Identifier: BSD-2-Clause
// The commands that an editor or a Makefile runs many times in a row, when their line is plain. In dist/ they are one file
// of their own, without what the others need (make/bundle-quick.mjs), and cli/launch.cjs starts it faster than Node would.
import { Refusal } from '../meta/diagnostic.ts';
import { readCommandLine } from './from-memory.ts';
import { readPlainLine } from './plain-line.ts';
import { commandNames, commands, commandsOfFiles, runProcess } from './vmbuild.ts';

/** Runs the command line of this process. False if it is for cli/run.ts; nothing has been done then. */
export function runQuick(): boolean {
  if (!isQuick(process.argv.slice(2))) return false;
  void runProcess();
  return true;
}

function isQuick(argv: readonly string[]): boolean {
  try {
    const { words } = readCommandLine(argv, process.env, commandNames, commandsOfFiles);
    const line = readPlainLine(words, commands);
    // A system of one's own needs the bundler, and one copy of the library for both.
    return line !== undefined && !Object.hasOwn(line.flags, 'system');
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}
