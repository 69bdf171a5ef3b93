// SPDX-License-Identifier: BSD-2-Clause
// What bench/guest/*.c print, as values.

/** Where a test went: to a server in the same guest, or over the device to the other guest. */
export type Route = 'loopback' | 'device';

/** `stream 3600` (bytes of a write), `ping` or `connect`. */
export type TestName = string;

export type BenchLine =
  | { readonly kind: 'listening' | 'done' }
  | { readonly kind: 'begin'; readonly test: TestName; readonly route: Route }
  | { readonly kind: 'result'; readonly test: TestName; readonly route: Route; readonly figures: Figures }
  /** What a VMM counted during the test whose `begin` was last. */
  | { readonly kind: 'counted'; readonly counts: Counts }
  | { readonly kind: 'failed'; readonly reason: string };

/** By the names of vmm/libvmm/event_names.h, those that are not 0; `ticks` of 16 ns, in the test and in its VMM. */
export type Counts = Readonly<Record<string, number>>;

export type Figures =
  | { readonly kind: 'stream'; readonly bytes: number; readonly durationUs: number }
  | {
      readonly kind: 'ping' | 'connect';
      readonly count: number;
      readonly meanUs: number;
      readonly leastUs: number;
      readonly p50Us: number;
      readonly p99Us: number;
    };

/** Undefined: a line of somebody else. */
export function parseBenchLine(text: string): BenchLine | undefined {
  // PID 1 speaks for a program that could not.
  const [, said] = /^vsock (?:bench|send|recv): (.*)$/.exec(text) ?? [];
  if (said === undefined) return undefined;
  if (said === 'listening' || said === 'done') return { kind: said };
  if (said.startsWith('FAILED ')) return { kind: 'failed', reason: said.slice('FAILED '.length) };
  if (said.startsWith('counted ')) return { kind: 'counted', counts: parseCounts(said) };
  return parseTest(said);
}

const parseCounts = (said: string): Counts =>
  Object.fromEntries(
    [...said.matchAll(/ (\w+)=(\d+)/g)].map(([, name = '', value]) => [name, Number(value)]),
  );

function parseTest(said: string): BenchLine | undefined {
  const pattern = /^(begin )?(stream|ping|connect) via=(loopback|device)(?: write=(\d+))?(.*)$/;
  const [, begin, kind, route, write, rest = ''] = pattern.exec(said) ?? [];
  if (route !== 'loopback' && route !== 'device') return undefined;
  const timed = kind === 'ping' || kind === 'connect' ? kind : undefined;
  const test = timed ?? `stream ${write}`;
  if (begin !== undefined) return { kind: 'begin', test, route };
  const figures = timed === undefined ? parseStream(rest) : parseTimes(timed, rest);
  return figures === undefined ? undefined : { kind: 'result', test, route, figures };
}

function parseStream(rest: string): Figures | undefined {
  const [, bytes, us] = /^ bytes=(\d+) us=(\d+) verified$/.exec(rest) ?? [];
  return us === undefined ? undefined : { kind: 'stream', bytes: Number(bytes), durationUs: Number(us) };
}

function parseTimes(kind: 'ping' | 'connect', rest: string): Figures | undefined {
  const pattern = /^ count=(\d+) mean_us=(\d+) least_us=(\d+) p50_us=(\d+) p99_us=(\d+) verified$/;
  const [, count, mean, least, p50, p99] = pattern.exec(rest) ?? [];
  return p99 === undefined
    ? undefined
    : {
        kind,
        count: Number(count),
        meanUs: Number(mean),
        leastUs: Number(least),
        p50Us: Number(p50),
        p99Us: Number(p99),
      };
}
