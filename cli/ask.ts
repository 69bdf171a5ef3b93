// SPDX-License-Identifier: BSD-2-Clause
// One question to whoever sits at the terminal.
import { createInterface } from 'node:readline/promises';

/** Enter means yes; everything that does not begin with y means no, and so does the end of the input. */
export async function askYes(question: string, signal: AbortSignal): Promise<boolean> {
  // Not readline's own terminal mode: that would take Ctrl-C for itself.
  const dialogue = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  const ended = new AbortController();
  dialogue.once('close', () => {
    ended.abort();
  });
  let answer = 'n';
  try {
    answer = await dialogue.question(`${question} [Y/n] `, {
      signal: AbortSignal.any([signal, ended.signal]),
    });
  } catch (error) {
    if (!ended.signal.aborted) throw error;
    console.error();
  } finally {
    dialogue.close();
  }
  return /^\s*(y|yes)?\s*$/i.test(answer);
}
