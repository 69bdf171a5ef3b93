// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild import FILE.system`: the TypeScript that describes the same system, for `--system`.
import { readFile } from 'node:fs/promises';
import { basename, extname, resolve } from 'node:path';
import { isSystemError } from '../../make/action.ts';
import { replaceFile } from '../../make/temporary.ts';
import { exitCode, refuse, refuseErrors } from '../../meta/diagnostic.ts';
import { findComments } from '../../meta/import/comments.ts';
import { renderSource } from '../../meta/import/render-source.ts';
import { loadCheckTarget } from '../check-target.ts';
import type { Settings } from '../options.ts';
import { refuseOverwriting } from '../overwriting.ts';
import { printDiagnostics, say } from '../report.ts';
import { loadSubject } from '../subject.ts';
import type { Command } from '../vmbuild.ts';

export const run: Command = async (context) => {
  const { settings } = context;
  if (settings.text('file') === undefined)
    refuse('IMP101', 'no system description to import is named', {
      hint: 'write: vmbuild import my.system --output my-system.ts',
      exit: exitCode.usage,
    });
  const output = outputPath(settings);
  const { system, findings, place, text = '' } = await loadSubject(context, await loadCheckTarget(context));
  // Half of a system, or one that contradicts itself, would come out as something else.
  printDiagnostics(refuseErrors(findings));
  if (system === undefined) throw new Error('a description that cannot be read has errors');
  const source = renderSource(system, basename(place), findComments(text, system));
  if (output === undefined) {
    process.stdout.write(source);
    return exitCode.ok;
  }
  await refuseEdited(settings, output, source);
  await replaceFile(output, source);
  say(settings, `import: written to ${output}`);
  return exitCode.ok;
};

const extensions = ['.ts', '.mts', '.js', '.mjs'];

function outputPath(settings: Settings): string | undefined {
  const given = settings.text('output');
  if (given === undefined) return undefined;
  if (!extensions.includes(extname(given)))
    refuse(
      'IMP103',
      `the description would be written to '${given}', which ends in none of ${extensions.join(', ')}`,
      {
        hint: 'name a file that ends in .ts',
        exit: exitCode.usage,
      },
    );
  const output = resolve(given);
  refuseOverwriting(settings, [output]);
  return output;
}

/** What is there may have been worked on since; nobody else has it. */
async function refuseEdited(settings: Settings, output: string, source: string): Promise<void> {
  if (settings.on('force')) return;
  try {
    if ((await readFile(output, 'utf8')) === source) return;
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') return;
    throw error;
  }
  refuse('IMP102', `'${output}' is there, and is not what would be written`, {
    hint: 'name another file with --output, or write over it with --force',
  });
}
