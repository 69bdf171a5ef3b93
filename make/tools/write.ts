// SPDX-License-Identifier: BSD-2-Clause
// A file whose content the plan knows, as a step.
import { digestText } from '../file-digests.ts';
import type { Step } from '../step.ts';

export const writeFile = (output: string, content: string | Uint8Array): Step => ({
  name: `write ${output}`,
  action: {
    kind: 'fn',
    key: digestText(content),
    run: (io) => io.write(output, content),
  },
  inputs: [],
  outputs: [output],
});
