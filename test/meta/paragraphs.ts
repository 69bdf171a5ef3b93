// SPDX-License-Identifier: BSD-2-Clause
// The paragraphs of docs/errors.md, by code.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const documentOfCodes = join(import.meta.dirname, '../../docs/errors.md');

/** Of the SDF family. */
export const paragraphs = (): { code: string; text: string }[] =>
  readFileSync(documentOfCodes, 'utf8')
    .split(/\n\n+/)
    .map((text) => ({
      code: /^\*\*(SDF[0-9]{3})\*\*/.exec(text)?.[1] ?? '',
      text: text.trim().replaceAll('\n', ' '),
    }))
    .filter(({ code }) => code !== '');
