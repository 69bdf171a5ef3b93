// SPDX-License-Identifier: BSD-2-Clause
// `npm run vsock-test`: Linux's own vsock_test, first over the guest kernel's loopback, then between two guests, each as
// the server once. Prints how many of those that passed over the loopback pass over ours.
import { benchGuest } from '../../bench/harness/debian.ts';
import { news, runBench } from '../../bench/harness/program.ts';
import { benchWords } from '../../bench/harness/words.ts';
import { vsockGuests } from '../../meta/index.ts';
import {
  type Boot,
  parsePlaces,
  type PeersPlan,
  type Place,
  placeTitles,
  prepare,
  tellRefusal,
} from './boot.ts';
import { judgeSuite, parseSuiteLine, type WayResult, ways } from './suite-lines.ts';
import { loadVsockTest } from './vsock-test-source.ts';

const usage = `usage: npm run vsock-test -- [--on sim|sel4|both] [--kernel VERSION] [--tests N,N,...] [--verbose]
  --on         where the guests run: without seL4, on the seL4 image, or both, one after the other (default);
               without an SDK the image is left out, visibly
  --kernel     of the guests, as --guest debian=VERSION takes it (default: the newest)
  --tests      only these, by their numbers (default: all)
  --verbose    all lines of the guests, on stderr
`;

const line = benchWords('vsock-test', 'npm run vsock-test');
/** Bits of a mask (guest/suite_process.h). */
const testsMax = 64;
const stepLimitS = { sim: 10, sel4: 60 } as const;
/** Nothing that the suite does is quiet for longer than a few steps. */
const silenceS: Readonly<Record<Place, number>> = { sim: 60, sel4: 240 };
const deadlineMs: Readonly<Record<Place, number>> = { sim: 15 * 60_000, sel4: 45 * 60_000 };

process.exitCode = await runBench({ usage, parse: parseOptions, run });

interface Options {
  readonly places: readonly Place[];
  readonly kernel: string | undefined;
  /** All, if undefined. */
  readonly tests: readonly number[] | undefined;
  readonly isVerbose: boolean;
}

/** Refuses BEN101. */
function parseOptions(words: readonly string[]): Options | 'help' {
  const values = line.parse(words, {
    on: { type: 'string', default: 'both' },
    kernel: { type: 'string' },
    tests: { type: 'string' },
    verbose: { type: 'boolean' },
    help: { type: 'boolean' },
  });
  if (values.help === true) return 'help';
  const places = parsePlaces(line, values.on);
  const tests = values.tests?.split(',').map(Number);
  if (tests?.some((test) => !Number.isInteger(test) || test < 0 || test >= testsMax) === true)
    return line.refuse(`--tests ${values.tests ?? ''} is no list of numbers below ${testsMax}`);
  return { places, kernel: values.kernel, tests, isVerbose: values.verbose === true };
}

async function run({ places, kernel, tests, isVerbose }: Options, signal: AbortSignal): Promise<boolean> {
  const guest = await benchGuest(signal, kernel);
  const suite = await loadVsockTest({ release: guest.kernel.version, signal, onNews: news });
  let isAllWell = true;
  for (const place of places) {
    const plan: PeersPlan = {
      name: 'vsock-test',
      source: 'suite.c',
      otherPrograms: [{ name: 'vsock_test', path: suite.paths[stepLimitS[place]] }],
      guest,
      count: 2,
      words: [
        `suite_leader=${vsockGuests(2)[0]?.cid}`,
        `suite_ways=${ways.join(',')}`,
        `suite_skip=${skipMask(guest.kernel.version, tests)}`,
        `suite_silence_s=${silenceS[place]}`,
      ],
    };
    process.stdout.write(
      `vsock_test of Linux ${suite.version}, guest kernel ${guest.kernel.version}, ${placeTitles[place]}\n`,
    );
    const boot = await prepare(place, plan, { signal, isAlone: places.length === 1 });
    if (typeof boot === 'string') {
      process.stdout.write(`SKIP: ${boot}\n`);
      continue;
    }
    const { isWell, lines } = await runBoot(boot, deadlineMs[place], isVerbose, signal);
    process.stdout.write(`${lines.join('\n')}\n`);
    isAllWell &&= isWell;
  }
  return isAllWell;
}

async function runBoot(boot: Boot, limitMs: number, isVerbose: boolean, signal: AbortSignal) {
  const names = new Map<number, string>();
  const results: WayResult[] = [];
  await boot({
    until: /^vsock suite: (?:done|FAILED)|^vsock recv: FAILED/,
    deadlineMs: limitMs,
    signal,
    onLine: (speaker, text) => {
      if (isVerbose || /^vsock suite: (?:result|FAILED)/.test(text)) news(`  ${speaker}| ${text}`);
      const heard = parseSuiteLine(text);
      if (heard?.kind === 'test') names.set(heard.test, heard.name);
      if (heard?.kind === 'result') results.push(heard.result);
    },
  }).catch(tellRefusal);
  return judgeSuite(names, results);
}

/**
 * A bit for each test that is not to run, in hexadecimal: those that were not asked for, and two that kernels before 6.18
 * fail by themselves, "SO_LINGER close() on unread" (32) and "small packets backpressure" (40).
 */
function skipMask(release: string, tests: readonly number[] | undefined): string {
  const [major = 0, minor = 0] = release.split('.').map(Number);
  const isOld = major < 6 || (major === 6 && minor < 18);
  const isSkipped = (test: number): boolean =>
    (isOld && (test === 32 || test === 40)) || tests?.includes(test) === false;
  const bits = Array.from({ length: testsMax }, (_, test) => (isSkipped(test) ? 1n << BigInt(test) : 0n));
  return bits
    .reduce((mask, bit) => mask | bit, 0n)
    .toString(16)
    .padStart(16, '0');
}
