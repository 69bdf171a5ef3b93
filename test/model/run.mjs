// SPDX-License-Identifier: BSD-2-Clause
// `npm run model -- --runs N --seed S`: the model-based test for as long as you like. Without a seed it takes a new one,
// which it prints.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { runs: { type: 'string' }, seed: { type: 'string' } } });
const runs = Number(values.runs ?? 5000);
const seed = Number(values.seed ?? Date.now() % 0x7fff_ffff);
if (!Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(seed)) {
  process.stderr.write('usage: npm run model -- --runs N --seed S\n');
  process.exit(2);
}
process.stderr.write(`model: ${runs} runs, seed ${seed}\n`);
const env = { ...process.env, VMBUILD_MODEL_RUNS: String(runs), VMBUILD_MODEL_SEED: String(seed) };
const { status } = spawnSync('npx', ['vitest', 'run', 'test/model/model.test.ts'], { stdio: 'inherit', env });
process.exit(status ?? 1);
