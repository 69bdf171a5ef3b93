// SPDX-License-Identifier: BSD-2-Clause
// `npm run bench boot`: what the boot of one guest of `sim` costs, and what each remedy takes off. Figures are of one
// machine in one state; what can be compared is what one run measured.
import { type BootFigures, measureBoot } from './boot/measure.ts';
import { bootDirectory, prepareBoot } from './boot/plan.ts';
import { type BootRow, renderBootTable } from './boot/table.ts';
import { listIdeas, listRemedies } from './boot/variants.ts';
import { describeMachine } from './harness/machine.ts';
import { news, runBench } from './harness/program.ts';
import { benchWords } from './harness/words.ts';

const usage = `usage: npm run bench boot -- [--runs N] [--guest VERSION] [--ideas] [--no-count] [--verbose]
  --runs N         boots of each configuration; the table shows the least (default 5)
  --guest VERSION  of Debian's kernel, as after --guest debian= (default: the cached, else the newest)
  --ideas          what did not pay, too
  --no-count       without the boots that count instructions
  --verbose        all lines of the guests, on stderr
`;

/** Virtual time then goes on by a nanosecond for each instruction, and jumps over what the guest sleeps. */
const countingArgs = ['-icount', 'shift=0,sleep=off'] as const;

const line = benchWords('boot');

process.exitCode = await runBench({ usage, parse: parseOptions, run: bench });

async function bench(options: Options, signal: AbortSignal): Promise<void> {
  const { runs, guest, hasIdeas, isCounting, isVerbose } = options;
  const { qemu, kernel, moduleCount, argumentsOf } = await prepareBoot(guest, signal);
  const machine = describeMachine([`QEMU ${qemu.version}`, `guest kernel ${kernel}`]);

  const variants = [...listRemedies(), ...(hasIdeas ? listIdeas() : [])];
  const boot = async (index: number, extra: readonly string[]): Promise<BootFigures> => {
    const variant = variants[index];
    if (variant === undefined) throw new Error(`no variant ${index}`);
    return measureBoot({
      name: variant.name,
      qemu: qemu.path,
      args: [...extra, ...(await argumentsOf(variant))],
      cwd: bootDirectory,
      moduleCount,
      signal,
      onLine: (text) => {
        if (isVerbose) news(`  ${text}`);
      },
    });
  };
  const counted: (BootFigures | undefined)[] = [];
  for (const [i, { name }] of variants.entries()) {
    if (isCounting) news(`counting: ${name}`);
    counted.push(isCounting ? await boot(i, countingArgs) : undefined);
  }
  const boots = variants.map((): BootFigures[] => []);
  for (let run = 1; run <= runs; run += 1) {
    news(`run ${run} of ${runs}`);
    // Side by side, so that a machine that gets slower meanwhile is so for all.
    for (const [i, list] of boots.entries()) list.push(await boot(i, []));
  }
  const rows = variants.map(({ name }, i): BootRow => ({ name, counted: counted[i], boots: boots[i] ?? [] }));
  process.stdout.write(`${machine}; least of ${runs} ${runs === 1 ? 'boot' : 'boots'}\n\n`);
  process.stdout.write(renderBootTable(rows));
}

interface Options {
  readonly runs: number;
  readonly guest: string | undefined;
  readonly hasIdeas: boolean;
  readonly isCounting: boolean;
  readonly isVerbose: boolean;
}

/** Refuses BEN101. */
function parseOptions(words: readonly string[]): Options | 'help' {
  const values = line.parse(words, {
    runs: { type: 'string', default: '5' },
    guest: { type: 'string' },
    ideas: { type: 'boolean' },
    'no-count': { type: 'boolean' },
    verbose: { type: 'boolean' },
    help: { type: 'boolean' },
  });
  if (values.help === true) return 'help';
  const runs = /^\d{1,3}$/.test(values.runs) ? Number(values.runs) : 0;
  if (runs < 1 || runs > 100) line.refuse(`--runs is '${values.runs}', expected a number from 1 to 100`);
  return {
    runs,
    guest: values.guest,
    hasIdeas: values.ideas === true,
    isCounting: values['no-count'] !== true,
    isVerbose: values.verbose === true,
  };
}
