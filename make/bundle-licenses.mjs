// SPDX-License-Identifier: BSD-2-Clause
// The licences of what is bundled: their texts have to go where the code goes.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One text for the packages that `inputs`, files of the bundle, belong to. */
export async function licensesOf(inputs) {
  const folders = new Set(
    inputs.flatMap((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file) ?? []),
  );
  const texts = await Promise.all([...folders].toSorted((a, b) => (a < b ? -1 : 1)).map(licenseOf));
  return `dist/ holds code of these packages.\n\n${texts.join('\n')}`;
}

async function licenseOf(folder) {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file === undefined ? '' : await readFile(join(folder, file), 'utf8');
  return `---- ${name} ${version}: ${license}\n\n${text.trim()}\n`;
}
