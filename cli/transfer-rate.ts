// SPDX-License-Identifier: BSD-2-Clause
// How fast something arrives and when it will be there, from what has arrived so far. The rate is that of the last
// seconds: a line that has become slow shows, and what an earlier run brought does not count.

export interface TransferRate {
  /** Notes how much is there. `nowMs` never goes back. */
  note(doneBytes: number, nowMs: number): void;
  /** Undefined until there is enough to go by. */
  readonly bytesPerSecond: number | undefined;
}

export function makeTransferRate(windowMs = 5_000): TransferRate {
  let samples: Sample[] = [];
  let latest: Sample | undefined;
  return {
    note: (doneBytes, atMs) => {
      // Begun anew (the file has changed on the server): what was before says nothing.
      if (latest !== undefined && doneBytes < latest.doneBytes) samples = [];
      latest = { doneBytes, atMs };
      if (atMs - (samples.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) >= sampleMs) samples.push(latest);
      // One sample stays from before the window, so that the rest spans all of it.
      while ((samples[1]?.atMs ?? Number.POSITIVE_INFINITY) <= atMs - windowMs) samples.shift();
    },
    get bytesPerSecond() {
      const [first] = samples;
      if (first === undefined || latest === undefined) return undefined;
      const spanMs = latest.atMs - first.atMs;
      return spanMs < leastSpanMs ? undefined : ((latest.doneBytes - first.doneBytes) * 1000) / spanMs;
    },
  };
}

interface Sample {
  readonly doneBytes: number;
  readonly atMs: number;
}

/** Chunks come by the thousand; so many samples are enough. */
const sampleMs = 100;
/** In less, a buffer that came at once would pass for the line's speed. */
const leastSpanMs = 500;

/** `0:07`, `12:34`, `1:02:03` until `restBytes` are there; undefined if that is beyond a day. */
export function formatEta(restBytes: number, bytesPerSecond: number): string | undefined {
  const seconds = Math.ceil(restBytes / bytesPerSecond);
  if (!(seconds < 86_400)) return undefined;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const two = (value: number): string => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
