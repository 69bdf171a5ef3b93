// SPDX-License-Identifier: BSD-2-Clause
// The command line: make-style words, yargs, one lazily imported file per command, exit codes, signals.
import { exitCode, refuse } from '../meta/diagnostic.ts';
import { isCompletion, runCompletion } from './completion.ts';
import { readCommandLine } from './from-memory.ts';
import { reportFailure } from './failure.ts';
import { expandFlags, expandVariables } from './home.ts';
import { type OptionName, settle, type Settings } from './options.ts';
import { refuseOverwriting } from './overwriting.ts';
import { readPlainLine } from './plain-line.ts';
import { printVerbose } from './report.ts';
import { onSignals } from './signals.ts';
import { usageRefusal } from './usage.ts';
import { enterDirectories } from './working-directory.ts';

/** What a command gets, and what it gives back: an exit code. */
export interface CommandContext {
  readonly settings: Settings;
  readonly env: NodeJS.ProcessEnv;
  /** What stands behind `--` on the command line; only commands that `take` it get any. */
  readonly rest?: readonly string[];
  /** Variables of `env` that the command line has set (`MICROKIT_BOARD=…`). */
  readonly given?: ReadonlySet<string>;
  /** Aborted by SIGINT, SIGTERM and SIGHUP. */
  readonly signal: AbortSignal;
}

/** For a command that ends by running another one, in the same process and with the same environment. */
export interface OtherCommands {
  /** Whether `name` has all these flags. */
  takes(name: string, flags: Readonly<Record<string, unknown>>): boolean;
  run(name: string, flags: Readonly<Record<string, unknown>>): Promise<number>;
}

export type Command = (context: CommandContext, others: OtherCommands) => Promise<number>;

export interface CommandSpec {
  readonly describe: string;
  readonly options: readonly OptionName[];
  /** A word behind the command is the file that it is about; it becomes --file. */
  readonly takesFile?: true;
  /** Words behind `--` have a meaning. */
  readonly takesRest?: true;
  readonly load: () => Promise<{ run: Command }>;
}

const stack = ['board', 'config', 'sdk', 'libvmm', 'sddf', 'allow-stack'] as const;
const guests = ['guest', 'images', 'linux', 'initrd', 'offline', 'append'] as const;
const running = ['jobs', 'keep-going', 'always-make', 'no-wait'] as const;
/** What a description is judged for. */
const judged = ['arch', 'board', 'config', 'sdk', 'microkit', 'kernel'] as const;
const building = [
  ...stack,
  ...guests,
  'vms',
  'dtb',
  'build-dir',
  ...running,
  'system',
  'search-path',
  'dry-run',
  'json',
  'quiet',
  'verbose',
] as const;

export const commands: Readonly<Record<string, CommandSpec>> = {
  start: {
    describe: 'set up what is missing, then run the system: qemu if it can be, else sim',
    // What it does not use itself goes on to one of these.
    get options() {
      const own = ['yes', 'github', 'quiet', 'verbose'] as const;
      return [...new Set([...own, ...['qemu', 'sim'].flatMap((name) => commands[name]?.options ?? [])])];
    },
    load: () => import('./commands/start.ts'),
  },
  build: {
    describe: 'build the image of the virtio-socket system (the default), or with --system of your own',
    options: [...building, 'watch'],
    load: () => import('./commands/build.ts'),
  },
  qemu: {
    describe: 'build it and run it in QEMU; --expect judges the run; QEMU gets the words behind --',
    takesRest: true,
    options: [...building, 'expect', 'timeout', 'save-svg'],
    load: () => import('./commands/qemu.ts'),
  },
  sim: {
    describe: 'the same guests and sockets without seL4 and without an SDK; judged by their verdicts',
    options: [
      ...guests,
      'vms',
      'interactive',
      'expect',
      'timeout',
      'pcap',
      'save-svg',
      'build-dir',
      ...running,
      'dry-run',
      'json',
      'quiet',
      'verbose',
    ],
    load: () => import('./commands/sim.ts'),
  },
  artifacts: {
    describe:
      'an archive per board: --board B,…|all --config C,…; image, description, headers, what it was made from',
    options: [...building, 'output'],
    load: () => import('./commands/artifacts.ts'),
  },
  setup: {
    describe: 'install the packages that are missing, with apt, dnf or Homebrew',
    options: ['test', 'yes', 'dry-run', 'quiet', 'verbose'],
    load: () => import('./commands/setup.ts'),
  },
  generate: {
    describe: 'write the system description and the config headers only (needs Node and dtc)',
    options: [
      'board',
      'system',
      'watch',
      'vms',
      'dtb',
      'sddf',
      'output',
      'sdf',
      'data',
      'build-dir',
      'always-make',
      'no-wait',
      'quiet',
      'verbose',
      'json',
    ],
    load: () => import('./commands/generate.ts'),
  },
  graph: {
    describe: 'draw the system: who talks to whom, who maps what, and what stands out; --output FILE.svg',
    takesFile: true,
    options: [
      'file',
      'system',
      'watch',
      ...judged,
      'search-path',
      'vms',
      'dtb',
      'format',
      'output',
      'json',
      'quiet',
      'verbose',
    ],
    load: () => import('./commands/graph.ts'),
  },
  import: {
    describe:
      'write the TypeScript that describes the system in a file of Microkit: import FILE.system --output FILE.ts',
    takesFile: true,
    options: ['file', ...judged, 'search-path', 'output', 'force', 'quiet', 'verbose'],
    load: () => import('./commands/import.ts'),
  },
  check: {
    describe: "say everything that is wrong with a system description, before Microkit's tool does",
    takesFile: true,
    options: ['file', 'system', 'watch', ...judged, 'search-path', 'vms', 'dtb', 'json', 'quiet', 'verbose'],
    load: () => import('./commands/check.ts'),
  },
  audit: {
    describe:
      'account for every capability of what Microkit built by a line of the description; prove policies',
    takesFile: true,
    options: ['file', ...building.filter((name) => name !== 'dry-run'), 'capdl'],
    load: () => import('./commands/audit.ts'),
  },
  boards: {
    describe: 'list the boards: CPU, interrupt controller, load address, how an image is started',
    options: ['json', 'quiet', 'verbose'],
    load: () => import('./commands/boards.ts'),
  },
  fetch: {
    describe: 'fetch the Microkit SDK, libvmm, sDDF and the guest images into the store, if they are missing',
    options: [...stack, 'github', 'guest', 'images', 'offline', 'no-wait', 'json', 'quiet', 'verbose'],
    load: () => import('./commands/fetch.ts'),
  },
  doctor: {
    describe: 'say what is here and what is missing',
    options: [...stack, ...guests, 'build-dir', 'json', 'quiet', 'verbose'],
    load: () => import('./commands/doctor.ts'),
  },
  clean: {
    describe: 'remove what vmbuild built, and nothing else',
    options: ['build-dir', 'dry-run', 'no-wait', 'quiet', 'verbose'],
    load: () => import('./commands/clean.ts'),
  },
};

export const commandNames = Object.keys(commands);
export const commandsOfFiles = commandNames.filter((name) => commands[name]?.takesFile === true);

/** Runs the command line of this process. */
export async function runProcess(): Promise<void> {
  // Whoever leaves before it is done, whatever the reason, has not succeeded.
  process.exitCode = exitCode.bug;
  process.exitCode = await main(process.argv.slice(2), process.env);
}

/** Runs one command line. Never throws: what goes wrong is printed on stderr and becomes the exit code. */
async function main(argv: readonly string[], processEnv: NodeJS.ProcessEnv): Promise<number> {
  // A reader that went away (`vmbuild … | head`) changes nothing: the run goes to its own end and exit code.
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  const interrupt = onSignals();
  let wantsJson = false;
  try {
    if (isCompletion(argv)) {
      const { makeParser } = await import('./yargs-line.ts');
      await runCompletion(
        argv,
        makeParser(argv, commands, () => undefined),
      );
      return exitCode.ok;
    }
    const { words, before, rest, directories, given, ...line } = readCommandLine(
      argv,
      processEnv,
      commandNames,
      commandsOfFiles,
    );
    enterDirectories(directories);
    const chosen = await parse(words);
    if (chosen === undefined) return exitCode.ok; // --help, --version and completion have printed
    checkRest(chosen.command, rest);
    const env = expandVariables(line.env);
    const flags = expandFlags(chosen.flags, env);
    const settings = settle(flags, env, chosen.command.options, given);
    wantsJson = settings.on('json');
    printVerbose(settings);
    refuseOverwriting(settings);
    const context = { settings, env, given, rest, signal: interrupt.signal };
    for (const name of before) {
      const code = await otherCommands(context).run(name, only(flags, commands[name]));
      if (code !== exitCode.ok) return code;
    }
    const { run } = await chosen.command.load();
    return await run(context, otherCommands(context));
  } catch (error) {
    if (interrupt.signal.aborted) return exitCode.refused;
    const code = reportFailure(error, { json: wantsJson });
    if (code !== undefined) return code;
    console.error('vmbuild: internal error; please report it with this text:');
    const { toSourceStack } = await import('./source-stack.ts');
    toSourceStack(error);
    console.error(error);
    return exitCode.bug;
  } finally {
    interrupt.reraise();
    endSoon();
  }
}

/** What a description of the user's has opened, a server or a timer, must not keep the program alive. */
function endSoon(): void {
  setTimeout(() => process.exit(), 1000).unref();
}

/** The flags that `command` has too. */
function only(
  flags: Readonly<Record<string, unknown>>,
  command: CommandSpec | undefined,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(flags).filter(([name]) => command?.options.some((o) => o === name)),
  );
}

function checkRest({ takesRest }: CommandSpec, rest: readonly string[]): void {
  if (rest.length > 0 && takesRest !== true)
    refuse('ARG124', `nothing is done with what follows '--' here: '${rest[0]}'`, {
      hint: "leave it out; 'vmbuild qemu -- …' hands it to QEMU",
      exit: exitCode.usage,
    });
}

function otherCommands(context: CommandContext): OtherCommands {
  const { env, given } = context;
  const others: OtherCommands = {
    takes: (name, flags) =>
      Object.keys(flags).every((flag) => commands[name]?.options.some((option) => option === flag) ?? true),
    run: async (name, flags) => {
      const command = commands[name];
      if (command === undefined)
        throw usageRefusal(`Unknown command: ${name}`, { commands: commandNames, options: [] });
      const { run } = await command.load();
      const settings = settle(flags, env, command.options, given);
      return run({ ...context, settings }, others);
    },
  };
  return others;
}

interface Chosen {
  readonly command: CommandSpec;
  readonly flags: Readonly<Record<string, unknown>>;
}

/** yargs is loaded for what is not plain: mistakes above all, and help. */
async function parse(words: readonly string[]): Promise<Chosen | undefined> {
  const plain = readPlainLine(words, commands);
  if (plain !== undefined) return plain;
  const { makeParser } = await import('./yargs-line.ts');
  let chosen: Chosen | undefined;
  await makeParser(words, commands, (choice) => {
    chosen = choice;
  }).parseAsync();
  return chosen;
}
