// SPDX-License-Identifier: BSD-2-Clause
// Programs that must not outlive us, whatever ends us.
import { accessSync, constants } from 'node:fs';

/** Where setpriv (util-linux) is, the kernel ends the program should this process be killed without a chance to do so. */
export function withoutOrphan(
  tool: string,
  args: readonly string[],
): { tool: string; args: readonly string[] } {
  const setpriv = '/usr/bin/setpriv';
  try {
    accessSync(setpriv, constants.X_OK);
    return { tool: setpriv, args: ['--pdeathsig', 'KILL', '--', tool, ...args] };
  } catch {
    return { tool, args };
  }
}
