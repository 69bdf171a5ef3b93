// SPDX-License-Identifier: BSD-2-Clause
// Where a command works: where it was started, or where `-C` says.
import { isSystemError } from '../make/action.ts';
import { exitCode, refuse } from '../meta/diagnostic.ts';

/** Enters the directories of `-C`, one after the other, and sees that there is one at all. */
export function enterDirectories(directories: readonly string[]): void {
  directories.forEach(enter);
  checkWorkingDirectory();
}

/** It may have been deleted under the shell, and then not even `.` has a name. */
function checkWorkingDirectory(): void {
  try {
    process.cwd();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    refuse('SYS120', `the working directory is not there any more: ${error.code}`, {
      hint: 'change to a directory that is there, or name one with -C',
    });
  }
}

/** `-C`: as if started there. */
function enter(directory: string): void {
  try {
    process.chdir(directory);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    refuse('ARG126', `-C '${directory}' cannot be entered: ${error.code}`, {
      hint: 'name a directory that is there',
      exit: exitCode.usage,
    });
  }
}
