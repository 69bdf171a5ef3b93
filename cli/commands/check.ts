// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild check [FILE.system]`: everything that is wrong with a description, at once. Findings on stderr, the verdict on
// stdout.
import { type Diagnostic, exitCode } from '../../meta/diagnostic.ts';
import { allPds, type SystemDescription } from '../../meta/model.ts';
import { loadCheckTarget } from '../check-target.ts';
import { printDiagnostics, say } from '../report.ts';
import { loadSubject } from '../subject.ts';
import type { Command, CommandContext } from '../vmbuild.ts';
import { type Seen, watching } from '../watch.ts';

export const run: Command = async (context) => watching(context, (seen) => check(context, seen));

async function check(context: CommandContext, seen: Seen): Promise<number> {
  const { settings } = context;
  const target = await loadCheckTarget(context);
  const { system, findings, place } = await loadSubject(context, target, seen);
  const errors = findings.filter(({ severity }) => severity === 'error');
  const shown = settings.on('quiet') ? errors : findings;
  printDiagnostics(shown.slice(0, maxShown));
  if (shown.length > maxShown)
    say(settings, `and ${shown.length - maxShown} findings more; --json has them all`);
  const warnings = findings.length - errors.length;
  if (settings.on('json'))
    process.stdout.write(
      `${JSON.stringify({ version: 1, place, ok: errors.length === 0, errors: errors.length, warnings, diagnostics: findings })}\n`,
    );
  else if (!settings.on('quiet'))
    process.stdout.write(
      `${place}: ${system === undefined ? '' : `${contents(system)}: `}${verdict(errors, warnings)}\n`,
    );
  return errors.length === 0 ? exitCode.ok : exitCode.refused;
}

/** Who has more of them to mend wants to see the first. */
const maxShown = 100;

function contents({ protectionDomains, memoryRegions, channels }: SystemDescription): string {
  const pds = allPds(protectionDomains);
  const vms = pds.filter(({ virtualMachine }) => virtualMachine !== undefined).length;
  const counts = [
    count(pds.length, 'protection domain'),
    ...(vms === 0 ? [] : [count(vms, 'virtual machine')]),
    count(memoryRegions.length, 'memory region'),
    count(channels.length, 'channel'),
  ];
  return counts.join(', ');
}

const verdict = (errors: readonly Diagnostic[], warnings: number): string =>
  errors.length + warnings === 0
    ? 'nothing is wrong'
    : [
        ...(errors.length === 0 ? [] : [count(errors.length, 'error')]),
        ...(warnings === 0 ? [] : [count(warnings, 'warning')]),
      ].join(', ');

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
