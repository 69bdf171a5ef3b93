// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild setup`: installs the Debian packages that are missing for a run, with --test those of the tests too.
import { exitCode } from '../../meta/diagnostic.ts';
import { say } from '../report.ts';
import { setUp } from '../set-up.ts';
import type { Command } from '../vmbuild.ts';

export const run: Command = async (context) => {
  const { settings } = context;
  const { outcome, present } = await setUp(context, { tests: settings.on('test') });
  if (outcome === 'complete before') say(settings, `setup: nothing is missing: ${present.join(', ')}`);
  return exitCode.ok;
};
