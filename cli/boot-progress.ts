// SPDX-License-Identifier: BSD-2-Clause
// That a boot is going on: on a terminal a line below the guests' that is redrawn, elsewhere a line now and then. Ends
// when all drivers are up, since from there on the guests speak for themselves.
import type { ConsoleLine } from '../make/launch/console.ts';
import type { Settings } from './options.ts';
import { isLive } from './progress.ts';
import { say } from './report.ts';

export interface BootProgress {
  /** Every line of the run, to see how far the guests are. */
  see(line: ConsoleLine): void;
  /** Prints a line above the progress. */
  print(text: string): void;
  end(): void;
}

const redrawMs = 100;
const sayEveryMs = 10_000;

export function watchBoot(
  settings: Settings,
  guests: readonly { readonly name: string; readonly cid: number }[],
): BootProgress {
  const startMs = performance.now();
  const live = isLive(settings);
  const stages = new Map(guests.map(({ cid }) => [cid, 'starting']));
  let timer: NodeJS.Timeout | undefined;
  const seconds = (digits: number): string => ((performance.now() - startMs) / 1000).toFixed(digits);
  const clear = (): void => {
    if (live && timer !== undefined) process.stderr.write('\r\x1b[2K');
  };
  const draw = (): void => {
    const parts = guests.map(({ name, cid }) => `${name} ${stages.get(cid)}`);
    if (live)
      process.stderr.write(`\r\x1b[2K${`${seconds(1)} s  ${parts.join(', ')}`.slice(0, columns() - 1)}`);
    else say(settings, `still booting (${seconds(0)} s): ${parts.join(', ')}`);
  };
  const end = (): void => {
    clear();
    clearInterval(timer);
    timer = undefined;
  };
  if (!settings.on('quiet')) timer = setInterval(draw, live ? redrawMs : sayEveryMs);

  return {
    see: ({ speaker, text }) => {
      const [, cid, what] = /^backend\| CID (\d+): (QEMU has connected|driver is up)$/.exec(text) ?? [];
      if (speaker !== 'system' || cid === undefined) return;
      stages.set(Number(cid), what === 'driver is up' ? 'up' : 'booting');
      if ([...stages.values()].every((stage) => stage === 'up')) end();
    },
    print: (text) => {
      clear();
      say(settings, text);
      if (live && timer !== undefined) draw();
    },
    end,
  };
}

const columns = (): number => process.stderr.columns ?? 80;
