// SPDX-License-Identifier: BSD-2-Clause
// `npm run soak`: three guests that talk to each other in ways that hurt: many at once, a reader that sleeps, both sides
// full, floods, guests that reboot in the middle or stand still. Prints a line for each scene and the devices' counters.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { benchGuest } from '../../bench/harness/debian.ts';
import { news, runBench } from '../../bench/harness/program.ts';
import { benchWords } from '../../bench/harness/words.ts';
import { vsockGuests } from '../../meta/index.ts';
import {
  type Boot,
  logDirectory,
  type PeersPlan,
  type Place,
  parsePlaces,
  placeTitles,
  prepare,
  tellRefusal,
} from './boot.ts';

const scenes = ['many', 'slow', 'full', 'flood', 'reboot', 'reset', 'starve'] as const;

const usage = `usage: npm run soak -- [--on sim|sel4|both] [--scenes NAME,...] [--rounds N] [--connections N] [--bytes N]
         [--guests 2|3] [--kernel VERSION] [--verbose]
  --on           where the guests run: without seL4, on the seL4 image, or both, one after the other (default);
                 without an SDK the image is left out, visibly
  --scenes       of ${scenes.join(', ')} (default: all; with two guests all but starve)
  --rounds N     how often (default 3); starve comes once, at the end
  --connections  at the same time, of the scene many (default 128, up to 256)
  --bytes N      of an exchange each way, a multiple of 8 (default 1048576)
  --guests       default 3
  --kernel       of the guests, as --guest debian=VERSION takes it (default: the newest)
  --verbose      all lines of the guests, on stderr
`;

const line = benchWords('soak', 'npm run soak');
const deadlineMs: Readonly<Record<Place, number>> = { sim: 20 * 60_000, sel4: 60 * 60_000 };

process.exitCode = await runBench({ usage, parse: parseOptions, run });

interface Options {
  readonly places: readonly Place[];
  readonly guests: number;
  /** In the order in which they are played, each as often as it is there. */
  readonly scenes: readonly string[];
  readonly connections: number;
  readonly bytes: number;
  readonly kernel: string | undefined;
  readonly isVerbose: boolean;
}

/** Refuses BEN101. */
function parseOptions(words: readonly string[]): Options | 'help' {
  const values = line.parse(words, {
    on: { type: 'string', default: 'both' },
    scenes: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '128' },
    bytes: { type: 'string', default: '1048576' },
    guests: { type: 'string', default: '3' },
    kernel: { type: 'string' },
    verbose: { type: 'boolean' },
    help: { type: 'boolean' },
  });
  if (values.help === true) return 'help';
  const places = parsePlaces(line, values.on);
  const guests = wholeNumber('--guests', values.guests, { min: 2, max: 3 });
  const fitting = scenes.filter((scene) => scene !== 'starve' || guests > 2);
  const asked = values.scenes?.split(',') ?? fitting;
  const unknown = asked.find((scene) => !fitting.some((one) => one === scene));
  if (unknown !== undefined) return line.refuse(`--scenes: '${unknown}' is none of ${fitting.join(', ')}`);
  const rounds = wholeNumber('--rounds', values.rounds, { min: 1, max: 100 });
  const repeated = asked.filter((scene) => scene !== 'starve');
  return {
    places,
    guests,
    scenes: [
      ...Array.from({ length: rounds }, () => repeated).flat(),
      ...asked.filter((scene) => scene === 'starve').slice(0, 1),
    ],
    connections: wholeNumber('--connections', values.connections, { min: 8, max: 256 }),
    bytes: wholeNumber('--bytes', values.bytes, { min: 8, max: 2 ** 30, unit: 8 }),
    kernel: values.kernel,
    isVerbose: values.verbose === true,
  };
}

function wholeNumber(
  flag: string,
  text: string,
  { min, max, unit = 1 }: { min: number; max: number; unit?: number },
): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max && value % unit === 0) return value;
  return line.refuse(`${flag} ${text} is no multiple of ${unit} from ${min} to ${max}`);
}

async function run(options: Options, signal: AbortSignal): Promise<boolean> {
  const { places, guests, connections, bytes } = options;
  const guest = await benchGuest(signal, options.kernel);
  const plan: PeersPlan = {
    name: 'soak',
    source: 'soak.c',
    guest,
    count: guests,
    mayReset: true,
    words: [
      `soak_leader=${vsockGuests(guests)[0]?.cid}`,
      `soak_guests=${guests}`,
      `soak_connections=${connections}`,
      `soak_bytes=${bytes}`,
      `soak_scenes=${options.scenes.join(',')}`,
    ],
  };
  let isWell = true;
  for (const place of places) {
    process.stdout.write(`soak: ${guests} guests, kernel ${guest.kernel.version}, ${placeTitles[place]}\n`);
    const boot = await prepare(place, plan, { signal, isAlone: places.length === 1 });
    if (typeof boot === 'string') {
      process.stdout.write(`SKIP: ${boot}\n`);
      continue;
    }
    const passed = await runBoot(boot, deadlineMs[place], options.isVerbose, signal);
    for (const counter of await countersOf(place, plan)) process.stdout.write(`${counter}\n`);
    process.stdout.write(`soak: ${passed} of ${options.scenes.length} scenes passed\n`);
    isWell &&= passed === options.scenes.length;
  }
  return isWell;
}

/** How many scenes passed; each is printed when it has been played. */
async function runBoot(
  boot: Boot,
  limitMs: number,
  isVerbose: boolean,
  signal: AbortSignal,
): Promise<number> {
  let passed = 0;
  await boot({
    until: /^vsock soak: (?:done|FAILED)|^vsock recv: FAILED/,
    deadlineMs: limitMs,
    signal,
    onLine: (speaker, text) => {
      const [, verdict, scene] = /^vsock soak: (passed|missed) (.*)$/.exec(text) ?? [];
      if (isVerbose || (text.startsWith('vsock soak: ') && verdict === undefined))
        news(`  ${speaker}| ${text}`);
      if (verdict === undefined) return;
      process.stdout.write(`${verdict} ${scene}\n`);
      if (verdict === 'passed') passed += 1;
    },
  }).catch(tellRefusal);
  return passed;
}

/** What the back end said last of each device: `CID 3: tx packets 1234`. On seL4 the VMMs keep theirs to themselves. */
async function countersOf(place: Place, plan: PeersPlan): Promise<readonly string[]> {
  if (place !== 'sim') return [];
  const log = await readFile(join(logDirectory(place, plan), 'backend.log'), 'utf8');
  return log.split('\n').filter((text) => /^CID \d+: .* \d+$/.test(text));
}
