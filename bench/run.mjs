// SPDX-License-Identifier: BSD-2-Clause
// `npm run bench NAME -- ARGUMENTS` bundles bench/NAME.ts and runs it.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root, runBundled } from './harness/bundle.mjs';

const names = readdirSync(join(root, 'bench'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length));
const [name, ...words] = process.argv.slice(2);

if (name === undefined || !names.includes(name)) {
  process.stderr.write(
    `usage: npm run bench NAME -- ARGUMENTS\nbenchmarks: ${names.toSorted().join(', ')}\n`,
  );
  process.exitCode = 2;
} else await runBundled(`bench/${name}.ts`, 'bench', words);
