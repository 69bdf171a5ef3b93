// SPDX-License-Identifier: BSD-2-Clause
// The command line as yargs reads it: all of the grammar, help, completion, and words for what is wrong.
import yargs, { type Argv } from 'yargs';
import { packageVersion } from '../boards/index.ts';
import { complete, completionCommand } from './completion.ts';
import { type OptionName, type OptionSpec, optionTable } from './options.ts';
import { usageRefusal } from './usage.ts';
import type { CommandSpec } from './vmbuild.ts';

/** A parser of `words`. `onChosen` hears of the command, if there is one to run: --help and --version only print. */
export function makeParser(
  words: readonly string[],
  commands: Readonly<Record<string, CommandSpec>>,
  onChosen: (chosen: {
    readonly command: CommandSpec;
    readonly flags: Readonly<Record<string, unknown>>;
  }) => void,
): Argv {
  let parser = yargs([...words])
    .scriptName('vmbuild')
    // One language: usage.ts reads yargs's words, and a script must not depend on LANG.
    .locale('en')
    // yargs would look for that of the folder it is installed in.
    .version(packageVersion())
    .usage('$0 [command] [options]\n\nVirtual machines on seL4/Microkit: describe, build, run.')
    .strict()
    .recommendCommands()
    .parserConfiguration({ 'boolean-negation': false, 'camel-case-expansion': false })
    .exitProcess(false)
    .completion(completionCommand, 'print a completion script for bash or zsh', complete)
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
    const names = name === 'build' ? ['build', '$0'] : [command.takesFile === true ? `${name} [file]` : name];
    parser = parser.command(
      names,
      command.describe,
      (y) =>
        y.options(
          Object.fromEntries(command.options.map((o) => [o, { ...yargsOption(o), hidden: o === 'file' }])),
        ),
      (flags) => {
        onChosen({ command, flags });
      },
    );
  }
  return parser;
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
