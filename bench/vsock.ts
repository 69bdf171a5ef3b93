// SPDX-License-Identifier: BSD-2-Clause
// `npm run bench vsock`: how quick the socket device is, next to the guest's own loopback and to rust-vmm's back end for
// the same QEMUs. Figures are of one machine in one state; what can be compared is what one run measured.
import { vsockLimits } from '../meta/index.ts';
import { describeMachine } from './harness/machine.ts';
import { news, newsOf, runBench } from './harness/program.ts';
import { benchWords } from './harness/words.ts';
import { type Backend, loadPeer, ourBackend, peerCrate } from './vsock/backends.ts';
import { measureBoot } from './vsock/boot.ts';
import { type Counted, renderCounts } from './vsock/counts.ts';
import { benchDirectory, prepareBench, type Workload } from './vsock/plan.ts';
import { renderTables, type Sample } from './vsock/table.ts';
import { parseCount, parseWrites } from './vsock/workload.ts';

const usage = `usage: npm run bench vsock -- [--bytes N] [--writes N,N,...] [--pings N] [--runs N] [--only stream|ping]
         [--ring-bytes N] [--no-peer] [--verbose]
  --bytes N    bytes of a stream, a multiple of 8 (default 67108864)
  --writes     sizes of a write, multiples of 8 up to 1048576 (default 3600,16384,65536,262144)
  --pings N    one-byte messages there and back, up to 10000 (default 1000)
  --runs N     boots with each back end; the table shows medians (default 3)
  --only       streams only, or the ping-pong only
  --ring-bytes bytes of a ring of our back end: a page and a power of two (default ${vsockLimits.defaultRingBytes})
  --no-peer    without ${peerCrate.name}
  --verbose    all lines of the guests and the back ends, on stderr
`;

const line = benchWords('vsock');

/** Above the call, which runs before what is below it is. */
const countNames = {
  title: 'in the back end and on the processors',
  rows: {
    processor_us: "µs of the guest's emulated processor",
    carrier_us: "µs of QEMU's other thread",
    backend_us: "µs of the back end's thread",
  },
};

process.exitCode = await runBench({ usage, parse: parseOptions, run: bench });

async function bench(options: Options, signal: AbortSignal): Promise<void> {
  const { runs, workload } = options;
  const prepared = await prepareBench(signal);
  const peer = options.hasPeer ? await loadPeer(signal, news) : undefined;
  if (typeof peer === 'string') news(`SKIP: ${peer}`);
  const backends = [
    ourBackend(prepared.backend, options.ringBytes),
    ...(typeof peer === 'object' ? [peer] : []),
  ];
  const machine = describeMachine([`QEMU ${prepared.qemu.version}`, `guest kernel ${prepared.kernel}`]);

  const samples: Sample[] = [];
  for (let run = 1; run <= runs; run += 1)
    for (const backend of backends) {
      const work = within(workload, backend);
      if (work.writes.length === 0 && work.pings === 0) continue;
      news(`run ${run} of ${runs}: ${backend.name}`);
      const boot = {
        ...prepared.guests(work),
        run,
        backend,
        qemu: prepared.qemu.path,
        cwd: benchDirectory,
        signal,
        onLine: newsOf('vsock bench: ', options.isVerbose),
      };
      samples.push(...(await measureBoot(boot)));
    }
  process.stdout.write(`${machine}; ${runs === 1 ? 'one run' : `medians of ${runs} runs`}\n\n`);
  process.stdout.write(`${renderTables(samples)}\n`);
  process.stdout.write(renderCounts(samples.flatMap(countedIn), countNames));
}

/** What our back end and the processors did, for the device and for the loopback of the same boots. */
function countedIn({ backend, test, figures, route, client, server }: Sample): readonly Counted[] {
  if (backend !== 'ours') return [];
  const { processor_us = 0 } = client;
  const ends = route === 'device' ? { sender: client, receiver: server } : { loopback: { processor_us } };
  return [{ test, figures, ends }];
}

/** What a back end can carry. */
function within(workload: Workload, { maxWriteBytes }: Backend): Workload {
  return { ...workload, writes: workload.writes.filter((size) => size <= maxWriteBytes) };
}

interface Options {
  readonly workload: Workload;
  readonly runs: number;
  readonly ringBytes: number;
  readonly hasPeer: boolean;
  readonly isVerbose: boolean;
}

/** Refuses BEN101. */
function parseOptions(words: readonly string[]): Options | 'help' {
  const values = line.parse(words, {
    bytes: { type: 'string', default: String(64 * 2 ** 20) },
    writes: { type: 'string', default: '3600,16384,65536,262144' },
    pings: { type: 'string', default: '1000' },
    runs: { type: 'string', default: '3' },
    only: { type: 'string' },
    'ring-bytes': { type: 'string', default: String(vsockLimits.defaultRingBytes) },
    'no-peer': { type: 'boolean' },
    verbose: { type: 'boolean' },
    help: { type: 'boolean' },
  });
  if (values.help === true) return 'help';
  const { only } = values;
  if (only !== undefined && only !== 'stream' && only !== 'ping')
    line.refuse(`--only is '${only}', expected stream or ping`);
  const writes = parseWrites(line, values.writes);
  return {
    workload: {
      bytes: parseCount(line, '--bytes', values.bytes, { max: 2 ** 32 - 8, unit: 8 }),
      writes: only === 'ping' ? [] : writes,
      pings: only === 'stream' ? 0 : parseCount(line, '--pings', values.pings, { max: 10_000, unit: 1 }),
    },
    runs: parseCount(line, '--runs', values.runs, { max: 100, unit: 1 }),
    ringBytes: parseCount(line, '--ring-bytes', values['ring-bytes'], { max: 2 ** 30, unit: 4096 }),
    hasPeer: values['no-peer'] !== true,
    isVerbose: values.verbose === true,
  };
}
