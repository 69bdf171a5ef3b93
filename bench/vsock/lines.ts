// SPDX-License-Identifier: BSD-2-Clause
// What bench/guest/*.c print, as values.

/** Where a test went: to a server in the same guest, or over the device to the other guest. */
export type Route = 'loopback' | 'device';

/** `stream 3600` (bytes of a write) or `ping`. */
export type TestName = string;

export type BenchLine =
  | { readonly kind: 'listening' | 'done' }
  | { readonly kind: 'begin'; readonly test: TestName; readonly route: Route }
  | { readonly kind: 'result'; readonly test: TestName; readonly route: Route; readonly figures: Figures }
  | { readonly kind: 'failed'; readonly reason: string };

export type Figures =
  | { readonly kind: 'stream'; readonly bytes: number; readonly durationUs: number }
  | {
      readonly kind: 'ping';
      readonly count: number;
      readonly meanUs: number;
      readonly leastUs: number;
      readonly p99Us: number;
    };

/** Undefined: a line of somebody else. */
export function parseBenchLine(text: string): BenchLine | undefined {
  // PID 1 speaks for a program that could not.
  const [, said] = /^vsock (?:bench|send|recv): (.*)$/.exec(text) ?? [];
  if (said === undefined) return undefined;
  if (said === 'listening' || said === 'done') return { kind: said };
  if (said.startsWith('FAILED ')) return { kind: 'failed', reason: said.slice('FAILED '.length) };
  return parseTest(said);
}

function parseTest(said: string): BenchLine | undefined {
  const pattern = /^(begin )?(stream|ping) via=(loopback|device)(?: write=(\d+))?(.*)$/;
  const [, begin, kind, route, write, rest = ''] = pattern.exec(said) ?? [];
  if (route !== 'loopback' && route !== 'device') return undefined;
  const test = kind === 'ping' ? 'ping' : `stream ${write}`;
  if (begin !== undefined) return { kind: 'begin', test, route };
  const figures = kind === 'ping' ? parsePing(rest) : parseStream(rest);
  return figures === undefined ? undefined : { kind: 'result', test, route, figures };
}

function parseStream(rest: string): Figures | undefined {
  const [, bytes, us] = /^ bytes=(\d+) us=(\d+) verified$/.exec(rest) ?? [];
  return us === undefined ? undefined : { kind: 'stream', bytes: Number(bytes), durationUs: Number(us) };
}

function parsePing(rest: string): Figures | undefined {
  const pattern = /^ count=(\d+) mean_us=(\d+) least_us=(\d+) p99_us=(\d+) verified$/;
  const [, count, mean, least, p99] = pattern.exec(rest) ?? [];
  return p99 === undefined
    ? undefined
    : {
        kind: 'ping',
        count: Number(count),
        meanUs: Number(mean),
        leastUs: Number(least),
        p99Us: Number(p99),
      };
}
