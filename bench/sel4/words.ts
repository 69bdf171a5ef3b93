// SPDX-License-Identifier: BSD-2-Clause
// The words that all benchmarks on seL4 take: which image, how time goes, for how long, and how much is shown.
import type { BenchWords } from '../harness/words.ts';
import { parseCount } from '../vsock/workload.ts';
import { type Mode, modes } from './boot.ts';

/** For BenchWords.parse(). */
export const bootWords = {
  config: { type: 'string', default: 'release' },
  mode: { type: 'string', default: 'both' },
  timeout: { type: 'string', default: '900' },
  verbose: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

export interface BootChoice {
  readonly config: string;
  readonly modes: readonly Mode[];
  readonly timeoutMs: number;
  readonly isVerbose: boolean;
}

/** Refuses BEN101. */
export function parseBootWords(
  line: BenchWords,
  values: {
    readonly config: string;
    readonly mode: string;
    readonly timeout: string;
    readonly verbose?: boolean | undefined;
  },
): BootChoice {
  const { config, mode } = values;
  if (config !== 'debug' && config !== 'release')
    line.refuse(`--config is '${config}', expected debug or release`);
  const wanted = modes.filter((name) => mode === 'both' || mode === name);
  if (wanted.length === 0) line.refuse(`--mode is '${mode}', expected icount, plain or both`);
  return {
    config,
    modes: wanted,
    timeoutMs: parseCount(line, '--timeout', values.timeout, { max: 86_400, unit: 1 }) * 1000,
    isVerbose: values.verbose === true,
  };
}
