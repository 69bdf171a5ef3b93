// SPDX-License-Identifier: BSD-2-Clause
// What a person sees on stderr: diagnostics, settings, the build's progress. Results go to stdout elsewhere.
import { styleText } from 'node:util';
import { withoutCredentials } from '../make/store/origin.ts';
import type { Sdk } from '../make/store/sdk.ts';
import type { Diagnostic } from '../meta/diagnostic.ts';
import { annotation } from './github.ts';
import type { Settings } from './options.ts';

/** One format at a time: Node 20 colours for a list of them even where the stream is no terminal. */
const bold = (colour: 'red' | 'yellow', text: string): string =>
  styleText(colour, styleText('bold', text, { stream: process.stderr }), { stream: process.stderr });

/** `vmbuild: error[SDK101]: message`, its place, its way out: one finding, at most three lines. */
export function printDiagnostics(diagnostics: readonly Diagnostic[]): void {
  for (const diagnostic of diagnostics) {
    const { severity, code, message, place, hint } = diagnostic;
    const label = bold(severity === 'error' ? 'red' : 'yellow', `${severity}[${code}]`);
    console.error(`vmbuild: ${label}: ${message}`);
    if (place !== undefined)
      console.error(
        `  at ${[place.file, place.line, place.column].filter((part) => part !== undefined).join(':')}`,
      );
    // A question stands for itself; the other hints begin with a verb.
    if (hint !== undefined) console.error(hint.includes('?') ? `  ${hint}` : `  try: ${hint}`);
    const command = annotation(diagnostic, process.env);
    if (command !== undefined) console.error(command);
  }
}

/** One line of news, unless `-q`. */
export function say(settings: Settings, text: string): void {
  if (!settings.on('quiet')) console.error(text);
}

/** Which SDK of a folder was taken, and what does not quite fit. */
export function reportSdk(settings: Settings, { note, warnings }: Pick<Sdk, 'note' | 'warnings'>): void {
  if (note !== undefined) say(settings, `Microkit SDK ${note}`);
  printDiagnostics(warnings);
}

/** Warnings about settings; with `-v`, each setting and where it came from. */
export function printVerbose(settings: Settings): void {
  printDiagnostics(settings.warnings);
  if (!settings.on('verbose')) return;
  for (const { name, value, origin } of settings.all)
    console.error(`  --${name} = ${withoutCredentials(String(value))}  (${origin})`);
}
