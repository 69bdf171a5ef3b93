// SPDX-License-Identifier: BSD-2-Clause
// A file whose content the plan knows, as a step.
import { createHash } from 'node:crypto';
import type { Step } from '../step.ts';

export const writeFile = (output: string, content: string | Uint8Array): Step => ({
  name: `write ${output}`,
  action: {
    kind: 'fn',
    key: createHash('sha256').update(content).digest('hex'),
    run: (io) => io.write(output, content),
  },
  inputs: [],
  outputs: [output],
});
