// SPDX-License-Identifier: BSD-2-Clause
// Which lines a picture shows, and that a recording, which forgets most of a long run, has kept them.
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ConsoleLine, Speaker } from '../../../make/launch/console.ts';
import { maxRows } from '../../../make/launch/picture.ts';
import { chooseRows, type Row } from '../../../make/launch/picture-rows.ts';
import { keptLines, type RecordedLine, startRecording } from '../../../make/launch/recording.ts';
import { asLines, recorded, run, told } from './picture-sample.ts';

const show = (rows: readonly Row[]): string[] =>
  rows.map((row) => ('line' in row ? row.line.text : `${row.leftOut}`));
const chosen = (lines: readonly (readonly [Speaker, string])[], max: number): string[] =>
  show(chooseRows(recorded(lines), max));

function record(lines: readonly ConsoleLine[]): readonly RecordedLine[] {
  let nowMs = 1000;
  const recording = startRecording(() => nowMs);
  for (const line of lines) {
    nowMs += 100;
    recording.onLine(line);
  }
  return recording.lines();
}

it('shows a short run as it is', () => {
  expect(chosen(told, 7)).toEqual(told.map(([, text]) => text));
  expect(chosen([], 7)).toEqual([]);
});

it('gives room to the guests first, then to the stages, the beginning and the end', () => {
  const texts = told.map(([, text]) => text);
  expect(chosen(run, 8)).toEqual(['64', ...texts]);
  const more = chosen(run, 12);
  // One more would come with a gap of its own.
  expect(more).toHaveLength(11);
  expect(more.slice(-7)).toEqual(texts);
  expect(more[1]).toBe('LDR|INFO|CPU0: jumping to kernel');
  expect(chosen(run, maxRows).slice(0, 4)).toEqual([...run.slice(0, 3).map(([, text]) => text), '37']);
});

it('shows a line rather than to say that one is left out', () => {
  const lines = recorded([...run.slice(0, 40), [0, 'VSOCK RECV|INFO: a'], ['system', 'between'], ...told]);
  expect(show(chooseRows(lines, 10))).toEqual([
    '40',
    'VSOCK RECV|INFO: a',
    'between',
    ...told.map(([, text]) => text),
  ]);
});

it('keeps the last words of each guest, however much another one says', () => {
  const flood = Array.from({ length: 200 }, (_, i) => [0, `VSOCK RECV|INFO: noise ${i}`] as const);
  const texts = chosen([[1, 'vsock send: FAILED no route'], ...flood], 10);
  expect(texts[0]).toBe('vsock send: FAILED no route');
  expect(texts).toHaveLength(10);
  expect(texts.at(-1)).toBe('VSOCK RECV|INFO: noise 199');
});

it('shows what a run is refused for', () => {
  const storm = Array.from({ length: 500 }, (_, i) => ['system', `CLIENT_VMM0|ERROR: vIRQ ${i}`] as const);
  const lines = [...storm, ['system', 'MON|ERROR: faulting PD: CLIENT_VMM1'], ...storm] as const;
  expect(chosen(lines, 5)).toContain('MON|ERROR: faulting PD: CLIENT_VMM1');
  expect(chosen([...storm, [1, 'Kernel panic - not syncing: x'], ...storm], 5)).toContain(
    'Kernel panic - not syncing: x',
  );
});

const anyLine = fc.record({
  speaker: fc.constantFrom<Speaker>('system', 0, 1, 2),
  text: fc.constantFrom('noise', 'VSOCK RECV|INFO: x', 'vsock send: y', 'Bootstrapping kernel', ''),
});
const anyRun = fc
  .array(fc.tuple(anyLine, fc.integer({ min: 1, max: 90 })), { maxLength: 20 })
  .map((runs) => runs.flatMap(([line, times]) => Array.from({ length: times }, () => line)));

it('never shows more than its rows, in order, and counts every line', () => {
  fc.assert(
    fc.property(anyRun, fc.integer({ min: 1, max: 40 }), (lines, max) => {
      const rows = chooseRows(
        lines.map((line, i) => ({ ...line, atMs: 0, number: i + 1 })),
        max,
      );
      expect(rows.length).toBeLessThanOrEqual(max);
      let number = 0;
      for (const row of rows) {
        number += 'line' in row ? 1 : row.leftOut;
        if ('line' in row) expect(row.line.number).toBe(number);
      }
      // Below three rows there may be no room for a line between two gaps.
      if (max >= 3) expect(number).toBe(lines.length);
    }),
  );
});

it('a recording keeps what the picture of the whole run shows', () => {
  fc.assert(
    fc.property(anyRun, (lines) => {
      const kept = record(lines);
      expect(kept.length).toBeLessThanOrEqual(keptLines * 7);
      const whole = chooseRows(
        lines.map((line, i) => ({ ...line, atMs: (i + 1) * 100, number: i + 1 })),
        maxRows,
      );
      const rows = chooseRows(kept, maxRows);
      expect(rows).toHaveLength(whole.length);
      // A single line in a gap is shown only if it is there.
      for (const [index, row] of rows.entries())
        if (!('leftOut' in row && row.leftOut === 1)) expect(row).toEqual(whole[index]);
    }),
  );
});

it('a recording of a guest that prints without end stays small', () => {
  const lines = record(
    Array.from({ length: 20_000 }, (_, i) => ({ speaker: i % 2, text: `VSOCK RECV|INFO: ${i}` })),
  );
  expect(lines.length).toBeLessThanOrEqual(keptLines * 4);
  expect(lines.at(-1)).toMatchObject({ number: 20_000, atMs: 2_000_000 });
  expect(record(asLines(told))).toMatchObject(asLines(told));
});
