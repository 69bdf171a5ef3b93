// SPDX-License-Identifier: BSD-2-Clause
// `npm run fuzz -- --seconds N` (default 60): the fuzzer's tests, for so long. Its corpus stays in build/fuzz.
import { spawnSync } from 'node:child_process';

const [flag, value = '60', ...rest] = process.argv.slice(2);
const seconds = Number(value);
if (
  (flag !== undefined && flag !== '--seconds') ||
  rest.length > 0 ||
  !Number.isInteger(seconds) ||
  seconds < 1
) {
  process.stderr.write('usage: npm run fuzz -- --seconds N\n');
  process.exitCode = 2;
} else {
  const words = ['vitest', 'run', '--project', 'parts', 'test/vmm/fuzz', '-t', 'no program breaks'];
  const env = { ...process.env, VMBUILD_FUZZ_SECONDS: String(seconds) };
  process.exitCode = spawnSync('npx', words, { stdio: 'inherit', env }).status ?? 1;
}
