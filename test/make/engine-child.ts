// SPDX-License-Identifier: BSD-2-Clause
// A build in a process of its own, for tests that kill it: `node engine-child.mjs PLAN.json`.
import { readFileSync } from 'node:fs';
import { runSteps } from '../../make/engine.ts';
import type { Step } from '../../make/step.ts';

const { steps, buildDir, jobs, wait } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as {
  steps: Step[];
  buildDir: string;
  jobs: number;
  wait?: boolean;
};
const say = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`);
};
try {
  const report = await runSteps(steps, {
    buildDir,
    jobs,
    wait: wait ?? true,
    onEvent: (event) => {
      say({ kind: event.kind, name: 'step' in event ? event.step.name : undefined });
    },
  });
  say({ kind: 'report', ...report });
} catch (error) {
  say({ kind: 'error', message: String(error) });
  process.exitCode = 1;
}
