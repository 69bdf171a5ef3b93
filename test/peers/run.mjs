// SPDX-License-Identifier: BSD-2-Clause
// `node test/peers/run.mjs NAME ARGUMENTS` bundles test/peers/NAME.ts and runs it.
import { runBundled } from '../../bench/harness/bundle.mjs';

const [name = '', ...words] = process.argv.slice(2);
await runBundled(`test/peers/${name}.ts`, 'peers', words);
