// SPDX-License-Identifier: BSD-2-Clause
// `npm run bench vsock-sel4`: how quick the socket device is on seL4, next to the guest's own loopback on the same image
// in the same run, and what the VMMs are called for while it works.
import { describeMachine } from './harness/machine.ts';
import { news, newsOf, runBench } from './harness/program.ts';
import { benchWords } from './harness/words.ts';
import { measureSel4, type Sel4Sample } from './sel4/boot.ts';
import { prepareSel4, type Sel4Workload } from './sel4/plan.ts';
import { renderSel4 } from './sel4/table.ts';
import { type BootChoice, bootWords, parseBootWords } from './sel4/words.ts';
import { vsockLimits } from '../meta/index.ts';
import { parseCount, parseWrites } from './vsock/workload.ts';

const usage = `usage: npm run bench vsock-sel4 -- [--config debug|release] [--mode icount|plain|both] [--bytes N]
         [--writes N,N,...] [--pings N] [--connects N] [--ring-bytes N,N,...] [--runs N] [--timeout S] [--verbose]
  --config     configuration of Microkit (default release)
  --mode       guest time by instructions (QEMU's -icount), by the host's clock, or first one and then the other
               (default both)
  --bytes N    bytes of a stream, a multiple of 8 (default 8388608)
  --writes     sizes of a write, multiples of 8 up to 1048576 (default 1024,3600,16384,65536,262144)
  --pings N    one-byte messages there and back, up to 10000 (default 500)
  --connects N connections, one after the other, up to 10000 (default 50)
  --ring-bytes bytes of a region between two VMMs; an image and tables for each (default ${vsockLimits.defaultRingBytes})
  --runs N     boots in each mode; the tables show medians (default 1)
  --timeout S  for one boot (default 900)
  --verbose    all lines of guests and VMMs, on stderr
`;

const line = benchWords('vsock-sel4');

process.exitCode = await runBench({ usage, parse: parseOptions, run: bench });

async function bench(options: Options, signal: AbortSignal): Promise<void> {
  for (const [index, ringBytes] of options.rings.entries()) {
    const tables = await benchRing({ ...options.workload, ringBytes }, options, signal);
    if (tables === undefined) return;
    process.stdout.write(`${index > 0 ? '\n' : ''}${tables}`);
  }
}

/** Undefined after saying why there are none. */
async function benchRing(
  workload: Sel4Workload,
  options: Options,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { runs } = options;
  const prepared = await prepareSel4(workload, signal);
  if (typeof prepared === 'string') {
    news(`SKIP: ${prepared}`);
    return undefined;
  }
  const machine = describeMachine([
    `Microkit SDK ${prepared.sdk} (${workload.config})`,
    `QEMU ${prepared.qemu.version}`,
    `guest kernel ${prepared.kernel}`,
    `regions of 0x${workload.ringBytes.toString(16)} bytes`,
  ]);
  const samples: Sel4Sample[] = [];
  for (let run = 1; run <= runs; run += 1)
    for (const mode of options.modes) {
      news(`run ${run} of ${runs}: ${mode}`);
      const onLine = newsOf('vsock bench: ', options.isVerbose);
      const boot = { mode, run, bench: prepared, deadlineMs: options.timeoutMs, signal, onLine };
      samples.push(...(await measureSel4(boot)));
    }
  return `${machine}; ${runs === 1 ? 'one run' : `medians of ${runs} runs`}\n\n${renderSel4(samples)}`;
}

interface Options extends Omit<BootChoice, 'config'> {
  readonly workload: Omit<Sel4Workload, 'ringBytes'>;
  readonly rings: readonly number[];
  readonly runs: number;
}

/** Refuses BEN101. */
function parseOptions(words: readonly string[]): Options | 'help' {
  const values = line.parse(words, {
    ...bootWords,
    bytes: { type: 'string', default: String(8 * 2 ** 20) },
    writes: { type: 'string', default: '1024,3600,16384,65536,262144' },
    pings: { type: 'string', default: '500' },
    connects: { type: 'string', default: '50' },
    'ring-bytes': { type: 'string', default: String(vsockLimits.defaultRingBytes) },
    runs: { type: 'string', default: '1' },
  });
  if (values.help === true) return 'help';
  const { config, ...choice } = parseBootWords(line, values);
  const count = (flag: string, text: string, max: number, unit = 1): number =>
    parseCount(line, flag, text, { max, unit });
  return {
    workload: {
      config,
      bytes: count('--bytes', values.bytes, 2 ** 32 - 8, 8),
      writes: parseWrites(line, values.writes),
      pings: count('--pings', values.pings, 10_000),
      connects: count('--connects', values.connects, 10_000),
    },
    rings: values['ring-bytes'].split(',').map((size) => count('--ring-bytes', size, 2 ** 26)),
    runs: count('--runs', values.runs, 100),
    ...choice,
  };
}
