// SPDX-License-Identifier: BSD-2-Clause
// How fetching the stack shows: what is to come, then on a terminal one line that is redrawn, elsewhere a line now and
// then.
import type { FetchStackOptions } from '../make/store/fetch-stack.ts';
import type { FetchItem, FetchProgress } from '../make/store/fetch-tasks.ts';
import { isLive } from './progress.ts';
import type { Settings } from './options.ts';
import { say } from './report.ts';

/** Callbacks for fetchStack. `clear` is for the end, however it ends: what is printed next begins on a line of its own. */
export function reportFetch(settings: Settings): Required<
  Pick<FetchStackOptions, 'onAnnounce' | 'onProgress' | 'onWait'>
> & {
  readonly onRetry: (message: string, delayMs: number) => void;
  readonly clear: () => void;
} {
  const live = isLive(settings);
  const everyMs = live ? liveMs : plainMs;
  let lastMs = performance.now();
  let isDrawn = false;
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
    onProgress: (progress) => {
      const nowMs = performance.now();
      if (nowMs - lastMs < everyMs) return;
      lastMs = nowMs;
      const text = `  ${describeProgress(progress)}`;
      if (!live) return say(settings, text);
      process.stderr.write(`\r\x1b[2K${text}`);
      isDrawn = true;
    },
  };
}

const liveMs = 100;
const plainMs = 10_000;

const describeItem = ({ name, from, to, sizeBytes, isApproximate, flag }: FetchItem): string[] => [
  `fetching ${name}: ${sizeBytes === undefined ? 'of unknown size' : `${isApproximate ? 'about ' : ''}${mebibytes(sizeBytes)} MiB`}`,
  `  from ${from}`,
  `  to   ${to} (to avoid it: ${flag})`,
];

/** `Microkit SDK 2.3.0: 12.3 of 80.0 MiB (15 %)` */
function describeProgress({ name, stage, doneBytes, totalBytes }: FetchProgress): string {
  const what = stage === 'unpack' ? `${name}: unpacking` : `${name}:`;
  if (totalBytes === undefined || totalBytes === 0) return `${what} ${mebibytes(doneBytes)} MiB`;
  const percent = Math.floor((doneBytes / totalBytes) * 100);
  return `${what} ${mebibytes(doneBytes)} of ${mebibytes(totalBytes)} MiB (${percent} %)`;
}

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
