// SPDX-License-Identifier: BSD-2-Clause
// A larger system, made from a table: a supervisor with a worker per line as its child. Each worker wakes up by the timer
// and prints over the serial port, at a pace of its own; one has a bug, and the supervisor starts it again whenever it
// faults. All workers are one program with different configs.
//
//   vmbuild qemu --system examples/supervisor/system.ts --expect 'started shaky again for the 2'
import { defineSystem, fields, noSharedMemory, struct } from 'vmbuild/meta';

const workers = [
  { name: 'steady', period_ms: 150, faults_after: 0 },
  { name: 'slow', period_ms: 400, faults_after: 0 },
  { name: 'shaky', period_ms: 100, faults_after: 3 },
];

const workerConfig = struct({
  cName: 'struct worker_config',
  fields: { name: fields.text(16), period_ms: fields.u32, faults_after: fields.u32 },
});

const supervisorConfig = struct({
  cName: 'struct supervisor_config',
  fields: { worker_count: fields.u8, names: fields.array(fields.text(16), 8) },
});

const libraries = ['sddf', 'serial_printf'] as const;

export default defineSystem(({ sdf, addTimer, addSerial, addConfig }) => {
  const supervisor = sdf.addPd({
    name: 'supervisor',
    priority: 20,
    stackSize: 0x2000n,
    program: { sources: ['supervisor.c', 'console.c'], libraries },
  });
  const children = workers.map(({ name }) =>
    supervisor.addChild({
      name,
      priority: 10,
      stackSize: 0x2000n,
      program: { sources: ['worker.c', 'console.c'], libraries },
    }),
  );

  addTimer({ clients: children });
  addSerial({ clients: [supervisor, ...children] });

  addConfig(supervisor, supervisorConfig, {
    worker_count: workers.length,
    names: workers.map(({ name }) => name),
  });
  for (const [i, child] of children.entries()) addConfig(child, workerConfig, workers[i]!);

  // A worker that goes mad harms no other: nothing connects them but their drivers and the supervisor.
  const pairs = children.flatMap((a, i) => children.slice(i + 1).map((b) => [a, b] as const));
  return { policies: pairs.map(([a, b]) => noSharedMemory(a, b)) };
});
