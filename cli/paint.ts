// SPDX-License-Identifier: BSD-2-Clause
// A guest's line as a terminal shows it: its name and, in the serial virtualiser's own colours, its text. The first
// guest, the receiver, is red and the second, the sender, green.
import { styleText } from 'node:util';
import type { ConsoleLine } from '../make/launch/console.ts';

const colours = ['red', 'green', 'yellow', 'blue', 'magenta', 'cyan'] as const;

/** `names` of the guests in the order of their numbers; what is no guest's is dim. */
export function paintLine({ speaker, text }: ConsoleLine, names: readonly string[]): string {
  if (speaker === 'system') return styleText('dim', text, { stream: process.stderr });
  const colour = colours[speaker % colours.length] ?? 'red';
  return styleText(colour, `${names[speaker] ?? speaker}| ${text}`, { stream: process.stderr });
}
