// SPDX-License-Identifier: BSD-2-Clause
// How fetching the stack shows: what is to come, then on a terminal one line that is redrawn, elsewhere a line now and
// then, and one for each part that has come.
import type { FetchStackOptions } from '../make/store/fetch-stack.ts';
import type { FetchItem, FetchProgress } from '../make/store/fetch-tasks.ts';
import type { Settings } from './options.ts';
import { isLive } from './progress.ts';
import { say } from './report.ts';
import { formatEta, makeTransferRate } from './transfer-rate.ts';

/** Callbacks for fetchStack. `clear` is for the end, however it ends: what is printed next begins on a line of its own. */
export function reportFetch(settings: Settings): Required<
  Pick<FetchStackOptions, 'onAnnounce' | 'onProgress' | 'onWait' | 'onFetched'>
> & {
  readonly onRetry: (message: string, delayMs: number) => void;
  readonly clear: () => void;
} {
  const live = isLive(settings);
  const everyMs = live ? liveMs : plainMs;
  let lastMs = performance.now();
  let isDrawn = false;
  let subject = '';
  let rate = makeTransferRate();
  const clear = (): void => {
    if (isDrawn) process.stderr.write('\r\x1b[2K');
    isDrawn = false;
  };
  const news = (text: string): void => {
    clear();
    say(settings, text);
  };
  return {
    clear,
    onAnnounce: (items) => {
      for (const line of items.flatMap(describeItem)) news(line);
    },
    onWait: (pid) => {
      news(`waiting for process ${pid}, which fetches into the same store`);
    },
    onRetry: (message, delayMs) => {
      news(`${message}; another try in ${(delayMs / 1000).toFixed(1)} s`);
    },
    onFetched: ({ name }, durationMs) => {
      news(`  ${name} is there, after ${(durationMs / 1000).toFixed(1)} s`);
    },
    onProgress: (progress) => {
      const nowMs = performance.now();
      const about = `${progress.stage} ${progress.name}`;
      if (about !== subject) rate = makeTransferRate();
      subject = about;
      rate.note(progress.doneBytes, nowMs);
      if (nowMs - lastMs < everyMs) return;
      lastMs = nowMs;
      const line = describeProgress(progress, rate.bytesPerSecond);
      if (!live) return say(settings, `  ${line}`);
      // The width is 0 where a terminal does not know it.
      process.stderr.write(`\r\x1b[2K${line.slice(0, (process.stderr.columns || 80) - 1)}`);
      isDrawn = true;
    },
  };
}

const liveMs = 100;
const plainMs = 10_000;

const describeItem = ({ name, from, to, sizeBytes, isApproximate, flag }: FetchItem): string[] => [
  `fetching ${name}: ${sizeBytes === undefined ? 'of a size that the server does not say' : `${isApproximate ? 'about ' : ''}${mebibytes(sizeBytes)} MiB`}`,
  `  from ${from}`,
  `  to   ${to} (to avoid it: ${flag})`,
];

/** `Microkit SDK 2.3.0 [====>      ] 12.3 of 80.0 MiB (15 %), 5.1 MiB/s, 0:13 to go` */
export function describeProgress(
  { name, stage, doneBytes, totalBytes }: FetchProgress,
  bytesPerSecond: number | undefined,
): string {
  const what = stage === 'unpack' ? `${name}: unpacking` : name;
  const speed = bytesPerSecond === undefined ? '' : `, ${mebibytes(bytesPerSecond)} MiB/s`;
  if (totalBytes === undefined || totalBytes === 0) return `${what} ${mebibytes(doneBytes)} MiB${speed}`;
  const percent = Math.floor((doneBytes / totalBytes) * 100);
  const eta = bytesPerSecond === undefined ? undefined : formatEta(totalBytes - doneBytes, bytesPerSecond);
  const rest = eta === undefined ? '' : `, ${eta} to go`;
  return `${what} ${bar(doneBytes / totalBytes)} ${mebibytes(doneBytes)} of ${mebibytes(totalBytes)} MiB (${percent} %)${speed}${rest}`;
}

function bar(part: number): string {
  const done = Math.min(barCharacters, Math.floor(part * barCharacters));
  const head = done < barCharacters ? '>' : '';
  return `[${'='.repeat(done)}${head}${' '.repeat(barCharacters - done - head.length)}]`;
}

const barCharacters = 12;

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
