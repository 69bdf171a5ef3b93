// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild completion [bash|zsh]` prints a script; the shell then asks `vmbuild --get-yargs-completions` at each TAB.
// Commands and flags are yargs's matter; the values of flags that are few come from here.
import type { Argv } from 'yargs';
import { exitCode, Refusal, refuse } from '../meta/diagnostic.ts';

export const completionCommand = 'completion';
const asked = '--get-yargs-completions';
const shells = ['bash', 'zsh'];

/** Whether the words are for yargs as they are, and not a command line to be run. */
export const isCompletion = (argv: readonly string[]): boolean =>
  argv[0] === asked || argv[0] === completionCommand;

/** `parser` has the words. Once yargs has answered, it goes on to judge them as a command line; that is of no interest. */
export async function runCompletion([first, ...words]: readonly string[], parser: Argv): Promise<void> {
  if (first === asked) {
    try {
      await parser.parseAsync();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
    return;
  }
  chooseShell(words.find((word) => !word.startsWith('-')));
  parser.showCompletionScript();
}

/** yargs chooses the script by SHELL; here the word behind the command comes first. */
function chooseShell(shell: string | undefined): void {
  if (shell === undefined) return;
  if (!shells.includes(shell))
    refuse('ARG127', `there is no completion for '${shell}'`, {
      hint: `use one of ${shells.join(', ')}`,
      exit: exitCode.usage,
    });
  process.env['SHELL'] = `/bin/${shell}`;
  process.env['ZSH_NAME'] = shell === 'zsh' ? shell : '';
}

/** Called by yargs with the word at the cursor; `standard` completes commands and flags. */
export function complete(
  current: string,
  _argv: unknown,
  standard: (onDone: (error: Error | null, completions: string[] | undefined) => void) => void,
  done: (completions: string[]) => void,
): void {
  const before = process.argv.at(-2) ?? '';
  void valuesOf(before).then((values) => {
    if (values !== undefined) done(values.filter((value) => value.startsWith(current)));
    // Letters come with two dashes.
    else
      standard((_error, completions) => done((completions ?? []).filter((word) => !/^--\w(:|$)/.test(word))));
  });
}

async function valuesOf(flag: string): Promise<readonly string[] | undefined> {
  switch (flag) {
    case '-b':
    case '--board':
      return (await import('../boards/index.ts')).boardNames();
    case '--config':
      return ['debug', 'release'];
    default:
      return undefined;
  }
}
