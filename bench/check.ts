// SPDX-License-Identifier: BSD-2-Clause
// `npm run bench check`: what vmbuild's quick commands cost beside bare Node, beside the Microkit tool and beside Python
// with sdfgen; and what the library costs in a process that runs.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageDirectory } from '../boards/index.ts';
import { makeTemporaryDirectory } from '../make/temporary-directory.ts';
import { prepareSdfgen, prepareTool } from './check/others.ts';
import { measureInProcess, type Stages, sumOf } from './check/in-process.ts';
import { largeSize, loadLibrary, middleSize, placeSystem } from './check/system.ts';
import { medianOf, renderTimes, type Run, timeInTurns } from './check/time.ts';
import { describeMachine } from './harness/machine.ts';
import { news, runBench } from './harness/program.ts';
import { benchWords } from './harness/words.ts';
import { renderRows } from './vsock/table.ts';

const usage = `usage: npm run bench check -- [--turns N] [--large-turns N] [--tool-large]
  --turns N        of the short processes; the tables show medians (default 21)
  --large-turns N  of the ones with 30,000 to 120,000 maps (default 3; 0 leaves them out)
  --tool-large     the Microkit tool with 120,000 maps too, once: minutes
`;

const line = benchWords('check');
const vmbuild = join(packageDirectory(), 'dist/vmbuild.cjs');
const largeMaps = [30_000, 60_000, 120_000];

process.exitCode = await runBench({ usage, parse: parseOptions, run: bench });

async function bench({ turns, largeTurns, withToolLarge }: Options, signal: AbortSignal): Promise<void> {
  const directory = await makeTemporaryDirectory('vmbuild-bench-');
  try {
    process.stdout.write(`${describeMachine([`Node ${process.version.slice(1)}`])}; ${turns} turns\n\n`);
    process.stdout.write(`${renderStages(await measureInProcess())}\n`);
    const tool = await prepareTool(directory, signal);
    if (typeof tool === 'string') news(`SKIP: the Microkit tool: ${tool}`);
    const sdfgen = await prepareSdfgen(directory, signal);
    if (typeof sdfgen === 'string') news(`SKIP: sdfgen: ${sdfgen}`);
    const middle = await writeSystem(join(directory, 'middle.system'), middleSize);
    const node: Run = { name: 'node', argv: [process.execPath, '-e', '0'] };
    const output = join(directory, 'generated');
    const runs: Run[] = [
      node,
      ours('vmbuild boards', 'boards'),
      {
        ...ours('vmbuild generate, first', 'generate', '--output', output),
        before: () => rmSync(output, { recursive: true, force: true }),
      },
      ours('vmbuild generate, again', 'generate', '--output', output),
      ...(typeof sdfgen === 'string' ? [] : [sdfgen]),
      ours('vmbuild check, 2040 maps', 'check', middle),
      ...(typeof tool === 'string' ? [] : [tool('microkit, 2040 maps', middle)]),
    ];
    const timed = timeInTurns(runs, turns, signal);
    const [base] = timed;
    if (base !== undefined) process.stdout.write(`${renderTimes(timed, base)}\n`);
    if (largeTurns === 0) return;
    const larges: Run[] = [];
    for (const maps of largeMaps)
      larges.push(
        ours(
          `vmbuild check, ${maps} maps`,
          'check',
          await writeSystem(join(directory, `${maps}.system`), largeSize(maps)),
        ),
      );
    const large = timeInTurns([node, ...larges], largeTurns, signal);
    process.stdout.write(renderLarge(large));
    if (withToolLarge && typeof tool !== 'string') {
      const last = largeMaps.at(-1);
      const [slow] = timeInTurns(
        [tool(`microkit, ${last} maps`, join(directory, `${last}.system`))],
        1,
        signal,
      );
      process.stdout.write(`\n${slow?.name}: ${((slow?.ms[0] ?? 0) / 1000).toFixed(1)} s\n`);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function ours(name: string, ...words: string[]): Run {
  return { name, argv: [process.execPath, vmbuild, ...words, ...(words[0] === 'generate' ? ['-q'] : [])] };
}

async function writeSystem(file: string, size: typeof middleSize): Promise<string> {
  const library = await loadLibrary();
  const text = library.renderSdf(placeSystem(library, size).build().system);
  writeFileSync(file, text);
  news(`${size.maps} maps: ${(text.length / 1000).toFixed(0)} kB`);
  return file;
}

function renderStages({ first, later }: { readonly first: Stages; readonly later: Stages }): string {
  const row = (name: string, stages: Stages): string[] => [
    name,
    ...[stages.placeMs, stages.checkMs, stages.renderMs, sumOf(stages)].map((ms) => ms.toFixed(0)),
  ];
  const { pds, regions, maps, channels } = middleSize;
  const what = `${pds} protection domains, ${regions} regions, ${maps} maps, ${channels} channels; ms`;
  return renderRows([
    [what, 'placed', 'checked', 'rendered', 'in all'],
    row('the first time in a process', first),
    row('later, median of 20', later),
  ]);
}

/** Per map, without Node's start: the same in all rows if the cost is linear. */
function renderLarge([node, ...larges]: ReturnType<typeof timeInTurns>): string {
  const startMs = medianOf(node?.ms ?? []);
  return renderRows([
    ['process', 's', 'µs per map above node'],
    ...larges.map(({ name, ms }, i) => {
      const aboveMs = medianOf(ms) - startMs;
      return [name, (medianOf(ms) / 1000).toFixed(2), ((aboveMs * 1000) / (largeMaps[i] ?? 1)).toFixed(1)];
    }),
  ]);
}

interface Options {
  readonly turns: number;
  readonly largeTurns: number;
  readonly withToolLarge: boolean;
}

/** Refuses BEN101. */
function parseOptions(words: readonly string[]): Options | 'help' {
  const values = line.parse(words, {
    turns: { type: 'string', default: '21' },
    'large-turns': { type: 'string', default: '3' },
    'tool-large': { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help === true) return 'help';
  return {
    turns: count('--turns', values.turns, 1),
    largeTurns: count('--large-turns', values['large-turns'], 0),
    withToolLarge: values['tool-large'] === true,
  };
}

function count(name: string, text: string, least: number): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < least || number > 1000)
    line.refuse(`${name} is '${text}', not a whole number from ${least} to 1000`);
  return number;
}
