// SPDX-License-Identifier: BSD-2-Clause
// `npm run bench idle`: what two guests cost that have nothing to do, and how late one of them wakes up, with VMMs that
// block an idle guest and with VMMs that let it spin, as libvmm does.
import { measureIdle, type IdleFigures } from './idle/boot.ts';
import { describeMachine } from './harness/machine.ts';
import { news, newsOf, runBench } from './harness/program.ts';
import { benchWords } from './harness/words.ts';
import { prepareImage } from './sel4/plan.ts';
import { type BootChoice, bootWords, parseBootWords } from './sel4/words.ts';
import { renderRows } from './vsock/table.ts';

const usage = `usage: npm run bench idle -- [--board BOARD] [--config debug|release] [--mode icount|plain|both] [--no-spin]
         [--timeout S] [--verbose]
  --board      one that QEMU has (default qemu_virt_aarch64)
  --config     configuration of Microkit (default release)
  --mode       guest time by instructions (QEMU's -icount), by the host's clock, or both (default both)
  --no-spin    without the VMMs that let an idle guest spin
  --timeout S  for one boot (default 900)
  --verbose    all lines of guests and VMMs, on stderr
`;

const line = benchWords('idle');

const ways = [
  { name: 'blocks', build: 'idle', vmmDefines: {} },
  { name: 'spins', build: 'idle-spin', vmmDefines: { VMM_SPINS_WHEN_IDLE: '1' } },
] as const;

process.exitCode = await runBench({ usage, parse: parseOptions, run: bench });

async function bench(options: Options, signal: AbortSignal): Promise<void> {
  const rows: [string, IdleFigures][] = [];
  let machine = '';
  for (const { name, build, vmmDefines } of ways.slice(0, options.isComparing ? 2 : 1)) {
    const image = await prepareImage(
      {
        name: build,
        config: options.config,
        ...(options.board === undefined ? {} : { board: options.board }),
        receiver: 'idle_waiter.c',
        sender: 'idle_sleeper.c',
        words: [],
        vmmDefines,
      },
      signal,
    );
    if (typeof image === 'string') {
      news(`SKIP: ${image}`);
      return;
    }
    machine ||= describeMachine([
      `Microkit SDK ${image.sdk} (${image.board}, ${options.config})`,
      `QEMU ${image.qemu.version}`,
      `guest kernel ${image.kernel}`,
    ]);
    for (const mode of options.modes) {
      news(`an idle guest ${name}: ${mode}`);
      const onLine = newsOf('idle bench: ', options.isVerbose);
      rows.push([name, await measureIdle({ mode, image, deadlineMs: options.timeoutMs, signal, onLine })]);
    }
  }
  process.stdout.write(`${machine}\n\n${renderIdle(rows)}`);
}

/** A function: the bench runs before constants below it have their values. */
function renderIdle(rows: readonly [string, IdleFigures][]): string {
  return renderRows([
    ['an idle guest', 'time', 'CPU, both idle', 'late after 10 ms, µs: mean', 'p50', 'p99'],
    ...rows.map(([name, { mode, cpuPercent, meanUs, p50Us, p99Us }]) => [
      name,
      mode,
      cpuPercent === undefined ? '–' : `${cpuPercent.toFixed(1)} %`,
      String(meanUs),
      String(p50Us),
      String(p99Us),
    ]),
  ]);
}

interface Options extends BootChoice {
  readonly board: string | undefined;
  readonly isComparing: boolean;
}

/** Refuses BEN101. */
function parseOptions(words: readonly string[]): Options | 'help' {
  const values = line.parse(words, {
    ...bootWords,
    board: { type: 'string' },
    'no-spin': { type: 'boolean' },
  });
  if (values.help === true) return 'help';
  return { ...parseBootWords(line, values), board: values.board, isComparing: values['no-spin'] !== true };
}
