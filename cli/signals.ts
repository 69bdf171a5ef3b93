// SPDX-License-Identifier: BSD-2-Clause
// What Ctrl-C and its kin do to a running command.
import { constants } from 'node:os';

/**
 * Signals abort the running command, which ends its children and removes what is half-written; then the signal is
 * raised again with its default action, so that a shell sees 130 or 143 (facts/bad-inputs.md §1).
 */
export function onSignals(): { signal: AbortSignal; reraise: () => void } {
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
