// SPDX-License-Identifier: BSD-2-Clause
// `npm start`, in a clone: makes it ready, then runs `vmbuild start`, in this process so that a signal has one receiver.
// Words after `npm start --` go to that command. Plain JavaScript without dependencies: see ready.mjs.
import { join } from 'node:path';
import { makeReady, root } from './ready.mjs';

void makeReady().then(() => {
  const program = join(root, 'dist', 'vmbuild.cjs');
  process.argv.splice(1, 1, program, 'start');
  return import(program);
});
