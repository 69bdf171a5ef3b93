// SPDX-License-Identifier: BSD-2-Clause
// The command line: make-style words, yargs, one lazily imported file per command, exit codes, signals.
import { constants } from 'node:os';
import yargs from 'yargs';
import { isSystemError } from '../make/action.ts';
import { exitCode, Refusal } from '../meta/diagnostic.ts';
import { expandFlags, expandVariables } from './home.ts';
import { takeMakeWords } from './make-words.ts';
import { type OptionName, type OptionSpec, optionTable, settle, type Settings } from './options.ts';
import { printDiagnostics, printVerbose } from './report.ts';
import { usageRefusal } from './usage.ts';

/** What a command gets, and what it gives back: an exit code. */
export interface CommandContext {
  readonly settings: Settings;
  readonly env: NodeJS.ProcessEnv;
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

interface CommandSpec {
  readonly describe: string;
  readonly options: readonly OptionName[];
  readonly load: () => Promise<{ run: Command }>;
}

const stack = ['board', 'config', 'sdk', 'libvmm', 'sddf', 'allow-stack'] as const;
const guests = ['guest', 'images', 'linux', 'initrd', 'offline', 'append'] as const;
const building = [
  ...stack,
  ...guests,
  'vms',
  'dtb',
  'build-dir',
  'jobs',
  'dry-run',
  'json',
  'quiet',
  'verbose',
] as const;

const commands: Readonly<Record<string, CommandSpec>> = {
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
    describe: 'build the image of the virtio-socket system (the default)',
    options: building,
    load: () => import('./commands/build.ts'),
  },
  qemu: {
    describe: 'build it and run it in QEMU; --expect judges the run',
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
      'jobs',
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
      'vms',
      'dtb',
      'sddf',
      'output',
      'sdf',
      'data',
      'build-dir',
      'quiet',
      'verbose',
      'json',
    ],
    load: () => import('./commands/generate.ts'),
  },
  boards: {
    describe: 'list the boards: CPU, interrupt controller, load address, how an image is started',
    options: ['json', 'quiet', 'verbose'],
    load: () => import('./commands/boards.ts'),
  },
  fetch: {
    describe: 'fetch the Microkit SDK, libvmm, sDDF and the guest images into the store, if they are missing',
    options: [...stack, 'github', 'guest', 'images', 'offline', 'json', 'quiet', 'verbose'],
    load: () => import('./commands/fetch.ts'),
  },
  doctor: {
    describe: 'say what is here and what is missing',
    options: [...stack, ...guests, 'build-dir', 'json', 'quiet', 'verbose'],
    load: () => import('./commands/doctor.ts'),
  },
  clean: {
    describe: 'remove what vmbuild built, and nothing else',
    options: ['build-dir', 'dry-run', 'quiet', 'verbose'],
    load: () => import('./commands/clean.ts'),
  },
};

process.exitCode = await main(process.argv.slice(2), process.env);

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
    const { words, env: givenEnv } = takeMakeWords(argv, processEnv);
    const chosen = await parse(words);
    if (chosen === undefined) return exitCode.ok; // --help and --version have printed
    const env = expandVariables(givenEnv);
    const settings = settle(expandFlags(chosen.flags, env), env, chosen.command.options);
    wantsJson = settings.on('json');
    printVerbose(settings);
    const { run } = await chosen.command.load();
    const context = { settings, env, signal: interrupt.signal };
    return await run(context, otherCommands(context));
  } catch (error) {
    if (interrupt.signal.aborted) return exitCode.refused;
    if (error instanceof Refusal) {
      printDiagnostics(error.diagnostics);
      if (wantsJson)
        process.stdout.write(
          `${JSON.stringify({ version: 1, exit: error.exit, diagnostics: error.diagnostics })}\n`,
        );
      return error.exit;
    }
    if (isSystemError(error)) {
      printDiagnostics([
        {
          code: 'SYS101',
          severity: 'error',
          message: `the system refused: ${error.message}`,
          hint: `check that '${error.path ?? 'the place'}' exists, may be written and has room`,
        },
      ]);
      return exitCode.refused;
    }
    console.error('vmbuild: internal error; please report it with this text:');
    console.error(error);
    return exitCode.bug;
  } finally {
    interrupt.reraise();
  }
}

function otherCommands({ env, signal }: CommandContext): OtherCommands {
  const others: OtherCommands = {
    takes: (name, flags) =>
      Object.keys(flags).every((flag) => commands[name]?.options.some((option) => option === flag) ?? true),
    run: async (name, flags) => {
      const command = commands[name];
      if (command === undefined)
        throw usageRefusal(`Unknown command: ${name}`, { commands: Object.keys(commands), options: [] });
      const { run } = await command.load();
      return run({ settings: settle(flags, env, command.options), env, signal }, others);
    },
  };
  return others;
}

async function parse(
  words: readonly string[],
): Promise<{ command: CommandSpec; flags: Record<string, unknown> } | undefined> {
  let chosen: { command: CommandSpec; flags: Record<string, unknown> } | undefined;
  let parser = yargs([...words])
    .scriptName('vmbuild')
    .usage('$0 [command] [options]\n\nVirtual machines on seL4/Microkit: describe, build, run.')
    .strict()
    .recommendCommands()
    .parserConfiguration({ 'duplicate-arguments-array': false, 'camel-case-expansion': false })
    .exitProcess(false)
    .wrap(110)
    .fail((message, error) => {
      // yargs throws its own usage errors; anything else is ours.
      if (error !== undefined && error !== null && error.name !== 'YError') throw error;
      const command = commands[words.find((word) => word in commands) ?? 'build'];
      throw usageRefusal(message ?? error.message, {
        commands: Object.keys(commands),
        options: command?.options ?? [],
      });
    })
    .epilogue(
      "A command's own flags: vmbuild COMMAND --help.\n" +
        'Flags can be given as make-style words too: MICROKIT_BOARD=qemu_virt_aarch64 MICROKIT_SDK=~/sdk.\n' +
        'Exit codes: 0 done, 1 refused or failed, 2 usage, 69 a tool or the SDK is missing, 124 deadline.',
    );
  for (const [name, command] of Object.entries(commands)) {
    const names = name === 'build' ? ['build', '$0'] : [name];
    parser = parser.command(
      names,
      command.describe,
      (y) => y.options(Object.fromEntries(command.options.map((o) => [o, yargsOption(o)]))),
      (flags) => {
        chosen = { command, flags };
      },
    );
  }
  await parser.parseAsync();
  return chosen;
}

function yargsOption(name: OptionName): Record<string, unknown> {
  const spec: OptionSpec = optionTable[name];
  const twin = spec.env === undefined ? '' : ` [${spec.env[0]}]`;
  const fallback =
    spec.fallback === undefined || spec.fallback === false ? '' : ` (default: ${String(spec.fallback)})`;
  return {
    type: spec.type === 'count' ? undefined : spec.type,
    count: spec.type === 'count',
    describe: `${spec.describe}${twin}${fallback}`,
    alias: spec.alias,
    // A value is demanded unless the flag may stand alone; otherwise `--board --sdk x` would set board to ''.
    requiresArg: (spec.type === 'string' || spec.type === 'number') && !('bare' in spec),
  };
}

/**
 * Signals abort the running command, which ends its children and removes what is half-written; then the signal is
 * raised again with its default action, so that a shell sees 130 or 143 (facts/bad-inputs.md §1).
 */
function onSignals(): { signal: AbortSignal; reraise: () => void } {
  const controller = new AbortController();
  let received: NodeJS.Signals | undefined;
  // npm and npx pass on a Ctrl-C that the terminal has sent to all already: one of ours is no second one of the user's.
  let echoes = process.env['npm_lifecycle_event'] === undefined ? 0 : 1;
  const handler = (signal: NodeJS.Signals): void => {
    if (received === 'SIGINT' && signal === received && echoes > 0) {
      echoes -= 1;
      return;
    }
    // The second one does not wait for anything; make/run.ts ends the process groups on exit.
    if (received !== undefined) process.exit(128 + constants.signals[signal]);
    received = signal;
    controller.abort(new Error(`received ${signal}`));
  };
  const names: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const name of names) process.on(name, handler);
  return {
    signal: controller.signal,
    reraise: () => {
      for (const name of names) process.off(name, handler);
      if (received !== undefined) process.kill(process.pid, received);
    },
  };
}
