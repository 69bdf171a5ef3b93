// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild audit [FILE.system]`: what the Microkit tool really built, held against the description capability by
// capability, and the policies that are demanded of it. Findings on stderr, the account on stdout.
import { exitCode } from '../../meta/diagnostic.ts';
import { auditSystem, provePolicies } from '../../meta/index.ts';
import { loadAuditSubject } from '../audit-subject.ts';
import { auditJson, auditTable, capabilityLines } from '../audit-table.ts';
import { printDiagnostics, say } from '../report.ts';
import type { Command } from '../vmbuild.ts';

export const run: Command = async (context) => {
  const { settings } = context;
  const { system, capdl, policies, options, place, unseen } = await loadAuditSubject(context);
  if (unseen.length > 0)
    say(
      settings,
      `not found, so that its pages are told by what fills them and not by their number and rights: ${unseen.join(', ')}`,
    );
  const report = auditSystem(system, capdl, options);
  const results = provePolicies(policies, capdl, report);
  const findings = [...report.findings, ...results.flatMap((result) => result.findings)];
  const audited = { place, capdl, report, policies: results, findings };
  printDiagnostics(findings.slice(0, maxShown));
  if (findings.length > maxShown)
    say(settings, `and ${findings.length - maxShown} findings more; --json has them all`);
  if (settings.on('json')) process.stdout.write(auditJson(audited));
  else {
    if (settings.on('verbose')) process.stdout.write(capabilityLines(audited));
    process.stdout.write(auditTable(audited));
  }
  return findings.length === 0 ? exitCode.ok : exitCode.refused;
};

/** Who has more of them looks for their cause in the first. */
const maxShown = 100;
