// SPDX-License-Identifier: BSD-2-Clause
// From the figures of several runs to two tables in Markdown: medians, and ratios that are medians of each run's own.
import type { Counts, Figures, Route, TestName } from './lines.ts';

/** One test of one run. */
export interface Sample {
  readonly run: number;
  readonly backend: BackendName;
  readonly test: TestName;
  readonly route: Route;
  readonly figures: Figures;
  /** What the back end's process used meanwhile. */
  readonly cpuS: number;
  /** Of the guest that measures, of the other one, and of the back end for them: see meter.ts. */
  readonly client: Counts;
  readonly server: Counts;
}

export type BackendName = 'ours' | 'vhost-device-vsock';

/** Figures beside the loopback's of the same boot, and beside the other back end's of the same run. */
export function renderTables(samples: readonly Sample[]): string {
  const tests = [...new Set(samples.map(({ test }) => test))];
  const streams = tests.filter((test) => test !== 'ping');
  return [
    ...(streams.length === 0 ? [] : [renderTable(streamTable, samples, streams)]),
    ...(tests.includes('ping') ? [renderTable(pingTable, samples, ['ping'])] : []),
  ].join('\n');
}

interface TableKind {
  readonly title: (samples: readonly Sample[]) => string;
  readonly row: (test: TestName) => string;
  readonly cell: (samples: readonly Sample[]) => string;
}

const streamTable: TableKind = {
  title: ([sample]) =>
    `${sample?.figures.kind === 'stream' ? formatBytes(sample.figures.bytes) : ''} stream, MiB/s`,
  row: (test) => `writes of ${formatBytes(Number(test.split(' ')[1]))}`,
  cell: (samples) => formatSpeed(median(samples.map(({ figures }) => speedOf(figures)))),
};

const pingTable: TableKind = {
  title: ([sample]) =>
    `1 byte there and back${sample !== undefined && sample.figures.kind !== 'stream' ? `, ${sample.figures.count} times` : ''}, µs`,
  row: () => 'mean (least, 99th percentile)',
  cell: (samples) => {
    const pings = samples.flatMap(({ figures }) => (figures.kind === 'stream' ? [] : [figures]));
    const middle = (values: readonly number[]): string => median(values).toFixed(0);
    const [mean, least, p99] = [
      middle(pings.map(({ meanUs }) => meanUs)),
      middle(pings.map(({ leastUs }) => leastUs)),
      middle(pings.map(({ p99Us }) => p99Us)),
    ];
    return `${mean} (${least}, ${p99})`;
  },
};

function renderTable(kind: TableKind, all: readonly Sample[], tests: readonly TestName[]): string {
  const head = [
    kind.title(all.filter(({ test }) => test === tests[0])),
    'ours',
    'its CPU s',
    'loopback',
    'ours / loopback',
    'vhost-device-vsock',
    'its CPU s',
    'ours / vhost-device-vsock',
  ];
  const rows = tests.map((test) => {
    const of = (backend: BackendName, route: Route): readonly Sample[] =>
      all.filter((s) => s.test === test && s.backend === backend && s.route === route);
    const ours = of('ours', 'device');
    const loopback = of('ours', 'loopback');
    const theirs = of('vhost-device-vsock', 'device');
    return [
      kind.row(test),
      orDash(ours, kind.cell),
      orDash(ours, cpuCell),
      orDash(loopback, kind.cell),
      ratioCell(ours, loopback),
      orDash(theirs, kind.cell),
      orDash(theirs, cpuCell),
      ratioCell(ours, theirs),
    ];
  });
  return renderRows([head, ...rows]);
}

/** A table in Markdown, numbers to the right. */
export const renderRows = ([head = [], ...rows]: readonly (readonly string[])[]): string =>
  [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |\n`)
    .join('');

const orDash = (samples: readonly Sample[], cell: (samples: readonly Sample[]) => string): string =>
  samples.length === 0 ? '–' : cell(samples);

const cpuCell = (samples: readonly Sample[]): string => median(samples.map(({ cpuS }) => cpuS)).toFixed(2);

/** More than 1: the first is quicker. Of pairs of the same run only. */
function ratioCell(first: readonly Sample[], second: readonly Sample[]): string {
  const ratios = first.flatMap(({ run, figures }) => {
    const other = second.find((sample) => sample.run === run);
    return other === undefined ? [] : [speedOf(figures) / speedOf(other.figures)];
  });
  return ratios.length === 0 ? '–' : median(ratios).toFixed(2);
}

/** MiB/s, or round trips per microsecond. */
export const speedOf = (figures: Figures): number =>
  figures.kind === 'stream' ? figures.bytes / 2 ** 20 / (figures.durationUs / 1e6) : 1 / figures.meanUs;

export const formatSpeed = (mibPerS: number): string =>
  mibPerS.toFixed(mibPerS < 1 ? 2 : mibPerS < 10 ? 1 : 0);

export function formatBytes(bytes: number): string {
  for (const [unit, size] of [
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ] as const)
    if (bytes >= size && bytes % size === 0) return `${bytes / size} ${unit}`;
  return `${bytes} B`;
}

/** Of an even number of values: the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
  return (lower + upper) / 2;
}
