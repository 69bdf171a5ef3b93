// SPDX-License-Identifier: BSD-2-Clause
// Where a picture goes. The place is looked at before the run, which takes its time; the file is replaced after it, and
// all at once.
import { accessSync, constants, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Diagnostic } from '../../meta/diagnostic.ts';
import { isSystemError } from '../action.ts';
import { temporaryFor } from '../temporary.ts';

/** Findings if no picture can be written to `path` (absolute). */
export function checkPicturePlace(path: string): readonly Diagnostic[] {
  try {
    const directory = dirname(path);
    if (!statSync(directory).isDirectory()) return [unwritable(path, `'${directory}' is no directory`)];
    accessSync(directory, constants.W_OK);
    // A rename would put a file in the place of a device, such as /dev/stdout.
    const there = statSync(path, { throwIfNoEntry: false });
    return there === undefined || there.isFile() ? [] : [unwritable(path, 'it is there and is no file')];
  } catch (error) {
    if (isSystemError(error)) return [unwritable(path, error.message)];
    throw error;
  }
}

/**
 * Writes `svg` to `path` (absolute), or says why it cannot; then what was there is as it was. Synchronous, so that no
 * second Ctrl-C comes between the temporary file and its new name.
 */
export function writePicture(path: string, svg: string): readonly Diagnostic[] {
  const findings = checkPicturePlace(path);
  if (findings.length > 0) return findings;
  const target = throughLinks(path);
  const temporary = temporaryFor(target);
  try {
    writeFileSync(temporary, svg);
    renameSync(temporary, target);
    return [];
  } catch (error) {
    if (isSystemError(error)) return [unwritable(path, error.message)];
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** A link stays a link, and the file that it names is replaced. */
function throughLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (isSystemError(error)) return path; // not there yet
    throw error;
  }
}

const unwritable = (path: string, reason: string): Diagnostic => ({
  code: 'RUN106',
  severity: 'error',
  message: `cannot write the run's picture to '${path}': ${reason}`,
  hint: 'name a file with --save-svg in a directory that is there and may be written',
});
