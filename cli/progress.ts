// SPDX-License-Identifier: BSD-2-Clause
// How a build and a download show: on a terminal one line that is redrawn, elsewhere a line for what takes time.
import type { DebianProgress } from '../linux/debian.ts';
import type { BuildEvent, OnEvent } from '../make/events.ts';
import { shellWord } from '../make/shell-word.ts';
import type { Step } from '../make/step.ts';
import type { Settings } from './options.ts';
import { printDiagnostics, say } from './report.ts';

/** Whether a line on stderr may be redrawn. */
export const isLive = (settings: Settings): boolean =>
  process.stderr.isTTY &&
  !settings.on('quiet') &&
  !settings.on('verbose') &&
  process.env['TERM'] !== 'dumb' &&
  // A log of lines that were redrawn is hard to read.
  (process.env['CI'] ?? '') === '';

/** A reporter of the engine's events. Output of commands (warnings, errors) is always shown. */
export function reportBuild(settings: Settings): OnEvent {
  let done = 0;
  const live = isLive(settings);
  const clear = (): void => {
    if (live) process.stderr.write('\r\x1b[2K');
  };
  return (event: BuildEvent) => {
    switch (event.kind) {
      case 'waiting':
        say(settings, `waiting for the build of process ${event.owner.pid} in the same directory`);
        return;
      case 'started':
        if (settings.on('verbose')) say(settings, `run ${event.step.name}  (${event.reason})`);
        if (settings.on('verbose') && event.step.action.kind === 'exec')
          say(settings, `    ${commandLine([event.step.action.tool, ...event.step.action.args])}`);
        if (live) process.stderr.write(`\r\x1b[2K[${done}/${event.total}] ${event.step.name}`.slice(0, 120));
        return;
      case 'fresh':
      case 'skipped':
        done += 1;
        return;
      case 'finished':
      case 'failed':
        done += 1;
        clear();
        if (
          event.output.trim() !== '' &&
          (event.kind === 'failed' || settings.on('verbose') || hasWarning(event.output))
        )
          process.stderr.write(event.output.endsWith('\n') ? event.output : `${event.output}\n`);
        return;
    }
  };
}

/** The Microkit tool talks on stdout when all is well; compilers only when something is not. */
const hasWarning = (output: string): boolean => /\b(warning|error)\b/i.test(output);

/** A command as a POSIX shell would take it. */
export const commandLine = (words: readonly string[]): string => words.map(shellWord).join(' ');

/** What a dry run prints: a command per line, and what vmbuild would do itself as a comment. */
export const describeSteps = (steps: readonly Step[]): string =>
  steps
    .map(({ name, action, directory }) => {
      if (action.kind === 'fn') return `# ${name}`;
      const command = commandLine([action.tool, ...action.args]);
      return directory === undefined ? command : `(cd ${commandLine([directory])} && ${command})`;
    })
    .map((line) => `${line}\n`)
    .join('');

/** News of the Debian guest's download, one line each. */
export function reportDebian(settings: Settings): (progress: DebianProgress) => void {
  return (progress) => {
    switch (progress.stage) {
      case 'announce':
        say(settings, `fetching Debian's ${progress.release}: ${(progress.bytes / 2 ** 20).toFixed(1)} MiB`);
        say(settings, `  from ${progress.from}`);
        say(settings, `  to   ${progress.to} (to avoid it: --linux FILE --initrd FILE)`);
        return;
      case 'lists':
        say(settings, `asking ${progress.from} for its package lists`);
        return;
      case 'download':
        say(
          settings,
          `  ${progress.index}/${progress.of} ${progress.name} ${(progress.bytes / 2 ** 20).toFixed(1)} MiB`,
        );
        return;
      case 'unpack':
        if (settings.on('verbose')) say(settings, `  unpacking ${progress.name}`);
        return;
      case 'warning':
        printDiagnostics([progress.diagnostic]);
        return;
    }
  };
}
