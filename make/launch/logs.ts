// SPDX-License-Identifier: BSD-2-Clause
// What a run leaves behind: `console.log`, byte for byte what came over the serial line, and a file of lines per guest.
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Refusal } from '../../meta/diagnostic.ts';
import { isSystemError } from '../action.ts';
import type { ConsoleLine } from './console.ts';

/** A guest that prints without end fills no disk. */
const maxLogBytes = 256 * 1024 * 1024;

export interface Logs {
  /** Throws the system's error if it cannot write. */
  bytes(chunk: Buffer): void;
  line(line: ConsoleLine): void;
  close(): void;
  readonly consolePath: string;
}

/** `guests`: names in the order of their client numbers. Logs of an earlier run are replaced. Refuses RUN103. */
export function openLogs(directory: string, guests: readonly string[]): Logs {
  try {
    return openAll(directory, guests);
  } catch (error) {
    return refuseLogError(error, directory);
  }
}

/** Throws what a log's write threw: the system's reasons as RUN103. */
export function refuseLogError(error: unknown, directory: string): never {
  if (!isSystemError(error)) throw error;
  throw new Refusal([
    {
      code: 'RUN103',
      severity: 'error',
      message: `cannot write the run's logs in '${directory}': ${error.message}`,
      hint: 'make room, or build elsewhere with --build-dir',
    },
  ]);
}

function openAll(directory: string, guests: readonly string[]): Logs {
  mkdirSync(directory, { recursive: true });
  const consolePath = join(directory, 'console.log');
  const console = openLog(consolePath);
  const guestLogs = guests.map((guest) => openLog(join(directory, `${guest}.log`)));
  return {
    consolePath,
    bytes: (chunk) => {
      console.write(chunk);
    },
    line: ({ speaker, text }) => {
      if (speaker !== 'system') guestLogs[speaker]?.write(Buffer.from(`${text}\n`));
    },
    close: () => {
      for (const log of [console, ...guestLogs]) log.close();
    },
  };
}

function openLog(path: string): { write(bytes: Buffer): void; close(): void } {
  // Written at once, so that a run that is killed leaves all that it saw.
  const file = openSync(path, 'w');
  let size = 0;
  return {
    write: (bytes) => {
      if (size > maxLogBytes) return;
      size += bytes.length;
      writeSync(file, size > maxLogBytes ? Buffer.from('\n[log ends: 256 MiB]\n') : bytes);
    },
    close: () => {
      closeSync(file);
    },
  };
}
