// SPDX-License-Identifier: BSD-2-Clause
// What was counted while tests ran, as a table in Markdown: a row for each thing, and for each test a column of the
// sender's end and one of the receiver's, per MiB of a stream or per round trip.
import type { Counts, Figures, TestName } from './lines.ts';
import { formatBytes, median, renderRows } from './table.ts';

/** One test, and what each of its ends counted meanwhile. */
export interface Counted {
  readonly test: TestName;
  readonly figures: Figures;
  /** By the words for a column: `sender`, `receiver`, ... */
  readonly ends: Readonly<Record<string, Counts>>;
}

export interface CountNames {
  /** Of the whole table. */
  readonly title: string;
  /** Of a row, if not the name of what was counted. */
  readonly rows?: Readonly<Record<string, string>>;
  /** By which what was counted is multiplied. */
  readonly scales?: Readonly<Record<string, number>>;
}

/** Medians of the runs; '' if nothing was counted. */
export function renderCounts(
  samples: readonly Counted[],
  { title, rows = {}, scales = {} }: CountNames,
): string {
  const columns = columnsOf(samples);
  if (columns.length === 0) return '';
  const keys = [
    ...new Set(columns.flatMap(({ column }) => column.flatMap(({ counts }) => Object.keys(counts)))),
  ];
  const head = [`${title}, per MiB or round trip`, ...columns.map(({ name }) => name)];
  return renderRows([
    head,
    ...keys.map((key) => [
      rows[key] ?? key.replaceAll('_', ' '),
      ...columns.map(({ column }) => {
        const rates = column.map(({ counts, units }) => (counts[key] ?? 0) / units);
        return formatCount(median(rates) * (scales[key] ?? 1));
      }),
    ]),
  ]);
}

interface Column {
  /** With the test's in the first of its columns. */
  readonly name: string;
  /** Run by run. */
  readonly column: readonly { readonly counts: Counts; readonly units: number }[];
}

function columnsOf(samples: readonly Counted[]): readonly Column[] {
  const tests = [...new Set(samples.map(({ test }) => test))];
  return tests.flatMap((test) => {
    const ofTest = samples.filter((sample) => sample.test === test);
    const short = test === 'ping' ? 'ping' : formatBytes(Number(test.split(' ')[1]));
    const ends = [...new Set(ofTest.flatMap((sample) => Object.keys(sample.ends)))];
    const columns = ends.map((end) => ({
      end,
      column: ofTest.flatMap(({ ends: { [end]: counts }, figures }) =>
        counts === undefined || Object.keys(counts).length === 0 ? [] : [{ counts, units: unitsOf(figures) }],
      ),
    }));
    return columns
      .filter(({ column }) => column.length > 0)
      .map(({ end, column }, i) => ({ name: i === 0 ? `${short}: ${end}` : end, column }));
  });
}

const unitsOf = (figures: Figures): number =>
  figures.kind === 'stream' ? figures.bytes / 2 ** 20 : figures.count;

const formatCount = (value: number): string => {
  if (!Number.isFinite(value)) return '–';
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
};
