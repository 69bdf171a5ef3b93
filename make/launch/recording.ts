// SPDX-License-Identifier: BSD-2-Clause
// The lines of a run with their times, for the picture that is made of it afterwards. A guest may print without end, so
// only what a picture can show is kept: the first lines and the last, the stages, and the last telling lines of each
// speaker.
import type { ConsoleLine, Speaker } from './console.ts';
import { isStage, isTelling } from './highlights.ts';

export interface RecordedLine extends ConsoleLine {
  /** Since the recording began. */
  readonly atMs: number;
  /** Its place in the whole run, from 1: what was not kept leaves a gap. */
  readonly number: number;
}

export interface Recording {
  /** For a launch's `onLine`. */
  readonly onLine: (line: ConsoleLine) => void;
  /** What was kept, in order; the last line of the run is among it. */
  lines(): readonly RecordedLine[];
}

/** Lines that are kept of each kind; a picture has fewer rows (make/launch/picture-rows.ts). */
export const keptLines = 64;

/** Begins now. `nowMs` is a clock that only goes forward. */
export function startRecording(nowMs: () => number = () => performance.now()): Recording {
  const startMs = nowMs();
  const first: RecordedLine[] = [];
  const stages: RecordedLine[] = [];
  const last: RecordedLine[] = [];
  const telling = new Map<Speaker, RecordedLine[]>();
  let count = 0;

  return {
    onLine: ({ speaker, text }) => {
      count += 1;
      const line: RecordedLine = { speaker, text, atMs: nowMs() - startMs, number: count };
      if (first.length < keptLines) first.push(line);
      if (stages.length < keptLines && isStage(line)) stages.push(line);
      if (isTelling(line)) {
        const told = telling.get(speaker) ?? [];
        telling.set(speaker, told);
        pushLast(told, line);
      }
      pushLast(last, line);
    },
    lines: () => {
      const all = [...first, ...stages, ...[...telling.values()].flat(), ...last];
      return [...new Set(all)].toSorted((a, b) => a.number - b.number);
    },
  };
}

function pushLast(lines: RecordedLine[], line: RecordedLine): void {
  lines.push(line);
  if (lines.length > keptLines) lines.shift();
}
