// SPDX-License-Identifier: BSD-2-Clause
// What the flags say to the engine. Commands that lack a flag leave the engine's default.
import type { RunOptions } from '../make/engine.ts';
import type { Settings } from './options.ts';

export function engineOptions(
  settings: Settings,
): Pick<RunOptions, 'jobs' | 'keepGoing' | 'wait' | 'alwaysMake'> {
  const jobs = settings.number('jobs');
  return {
    ...(jobs === undefined ? {} : { jobs }),
    keepGoing: settings.on('keep-going'),
    wait: !settings.on('no-wait'),
    alwaysMake: settings.on('always-make'),
  };
}
