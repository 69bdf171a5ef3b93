// SPDX-License-Identifier: BSD-2-Clause
// Builds in processes of their own: killed at any moment, and side by side in one directory.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Step } from '../../make/step.ts';
import { bundled } from './bundled.ts';
import { build, fakeTool, joinStep, joinTool, read, runsOf, scratchDir, until, write } from './scratch.ts';

let program = '';
beforeAll(async () => {
  program = await bundled('test/make/engine-child.ts');
});

interface Child {
  readonly process: ChildProcess;
  readonly ended: Promise<number | null>;
  said(): { kind: string; name?: string; message?: string }[];
}

/** `limit`: no file may become larger than this many blocks of 512 bytes, as on a disk that is full. */
function startBuild(
  steps: readonly Step[],
  buildDir: string,
  { limit, ...more }: { wait?: boolean; limit?: number } = {},
): Child {
  const home = scratchDir('child');
  const script = write(home, 'engine-child.mjs', program);
  const plan = write(home, 'plan.json', JSON.stringify({ steps, buildDir, jobs: 2, ...more }));
  const limited = `ulimit -f ${limit ?? 'unlimited'}; exec "$@"`;
  const child = spawn('sh', ['-c', limited, 'sh', process.execPath, script, plan], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return {
    process: child,
    ended: new Promise((resolve) => {
      child.on('close', (code) => {
        resolve(code);
      });
    }),
    said: () =>
      text
        .split('\n')
        .filter((line) => line.startsWith('{') && line.endsWith('}'))
        .map((line) => JSON.parse(line) as { kind: string }),
  };
}

/** 12 steps in 3 layers, each taking some milliseconds. */
function layers(): { buildDir: string; steps: Step[] } {
  const buildDir = scratchDir();
  const tool = fakeTool(
    buildDir,
    'slow-join',
    'out=$1; shift; printf half > "$out"; sleep 0.02; cat "$@" > "$out"',
  );
  const steps: Step[] = [];
  for (let layer = 0; layer < 3; layer += 1)
    for (let i = 0; i < 4; i += 1) {
      const inputs = [0, 1, 2, 3].map((j) => (layer === 0 ? `in${j}` : `o/${layer - 1}.${j}`));
      steps.push(joinStep(tool, `o/${layer}.${i}`, inputs.slice(0, i + 1)));
    }
  for (let i = 0; i < 4; i += 1) write(buildDir, `in${i}`, `${i}\n`);
  return { buildDir, steps };
}

const temporaries = (buildDir: string): string[] =>
  ['o', '.vmbuild'].flatMap((directory) =>
    readdirSync(join(buildDir, directory)).filter((name) => name !== 'state.json' && !/^\d\.\d$/.test(name)),
  );

describe('kill -9', () => {
  it('[Signals] kill -9 and rerun: at any moment leaves only whole outputs; the next build finishes what is missing and sweeps', async () => {
    const clean = layers();
    await build(clean.steps, clean);
    const { buildDir, steps } = layers();
    for (const delayMs of [0, 60, 110, 160, 210, 300]) {
      const child = startBuild(steps, buildDir);
      await Promise.race([until(() => child.said().length > 0), child.ended]);
      await sleep(delayMs);
      child.process.kill('SIGKILL');
      await child.ended;
      for (const { name } of steps)
        if (existsSync(join(buildDir, name))) expect(read(buildDir, name)).toBe(read(clean.buildDir, name));
      write(buildDir, 'in3', `${delayMs}\n`);
      write(clean.buildDir, 'in3', `${delayMs}\n`);
      await build(clean.steps, clean);
      // Every second time the next one is killed as well, and has to clean up after two.
      if (delayMs % 100 === 0) continue;
      expect((await build(steps, { buildDir })).refusal).toBeUndefined();
      for (const { name } of steps) expect(read(buildDir, name)).toBe(read(clean.buildDir, name));
      expect((await build(steps, { buildDir })).ran).toEqual([]);
      expect(temporaries(buildDir)).toEqual([]);
    }
  });

  it('costs no step that had been finished half a second before', async () => {
    const { buildDir, steps } = layers();
    const hang = joinStep(fakeTool(buildDir, 'hang', 'sleep 1'), 'o/never', ['o/2.3']);
    const child = startBuild([...steps, hang], buildDir);
    await until(() => child.said().some(({ kind, name }) => kind === 'started' && name === 'o/never'));
    await sleep(800);
    child.process.kill('SIGKILL');
    await child.ended;
    expect((await build(steps, { buildDir })).ran).toEqual([]);
    expect(runsOf(buildDir, 'slow-join')).toHaveLength(steps.length);
  });
});

describe('two builds in one directory', () => {
  it('[Concurrency] two builds in one directory: one waits for the other and says so; then nothing is left to do', async () => {
    const { buildDir, steps } = layers();
    const children = [startBuild(steps, buildDir), startBuild(steps, buildDir)];
    expect(await Promise.all(children.map(({ ended }) => ended))).toEqual([0, 0]);
    expect(runsOf(buildDir, 'slow-join')).toHaveLength(steps.length);
    expect(children.flatMap((child) => child.said()).filter(({ kind }) => kind === 'waiting')).toHaveLength(
      1,
    );
  });

  it('[Concurrency] two builds in one directory: or the second refuses', async () => {
    const { buildDir, steps } = layers();
    const first = startBuild(steps, buildDir);
    await until(() => first.said().length > 0);
    const { refusal } = await build(steps, { buildDir, wait: false });
    expect(refusal?.diagnostics.map(({ message }) => message)).toEqual([
      `another build (pid ${first.process.pid} on ${hostname()}) is at work in '${join(buildDir, '.vmbuild')}'`,
    ]);
    expect(await first.ended).toBe(0);
  });

  it('[Concurrency] two builds in one directory: eight at once do no harm', async () => {
    const { buildDir, steps } = layers();
    const children = Array.from({ length: 8 }, () => startBuild(steps, buildDir));
    expect(await Promise.all(children.map(({ ended }) => ended))).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect(runsOf(buildDir, 'slow-join')).toHaveLength(steps.length);
    expect(temporaries(buildDir)).toEqual([]);
  });
});

describe('a lock that is left', () => {
  const owners: readonly (readonly [string, string])[] = [
    ['of a process that is gone', JSON.stringify({ pid: 2 ** 22 + 1, started: 1, host: hostname() })],
    [
      'of a process whose pid another has now',
      JSON.stringify({ pid: process.pid, started: 1, host: hostname() }),
    ],
    ['that is damaged', '{'],
  ];
  it.each(owners)('[Concurrency] stale lock after kill -9: one %s is taken over', async (_, owner) => {
    const { buildDir, steps } = layers();
    mkdirSync(join(buildDir, '.vmbuild/lock'), { recursive: true });
    writeFileSync(join(buildDir, '.vmbuild/lock/owner.json'), owner);
    expect((await build(steps, { buildDir, wait: false })).refusal).toBeUndefined();
  });

  it('[Concurrency] NFS: a lock of another host is respected; the hint says what to remove', async () => {
    const { buildDir, steps } = layers();
    mkdirSync(join(buildDir, '.vmbuild/lock'), { recursive: true });
    write(buildDir, '.vmbuild/lock/owner.json', JSON.stringify({ pid: 1, started: 1, host: 'elsewhere' }));
    const { refusal } = await build(steps, { buildDir, wait: false });
    expect(refusal?.diagnostics[0]).toMatchObject({
      code: 'LOCK101',
      hint: `wait for it, or remove '${join(buildDir, '.vmbuild/lock')}' if that build is gone`,
    });
  });

  it('waiting for it can be aborted', async () => {
    const { buildDir, steps } = layers();
    mkdirSync(join(buildDir, '.vmbuild/lock'), { recursive: true });
    write(buildDir, '.vmbuild/lock/owner.json', JSON.stringify({ pid: 1, started: 1, host: 'elsewhere' }));
    await expect(build(steps, { buildDir, signal: AbortSignal.timeout(100) })).rejects.toThrow('timeout');
  });
});

it('a build that is ended by SIGKILL while a join tool hangs leaves a directory that builds', async () => {
  const buildDir = scratchDir();
  const steps = [joinStep(joinTool(buildDir), 'o/x', [write(buildDir, 'in', 'HANG\n')])];
  const child = startBuild(steps, buildDir);
  await until(() => existsSync(join(buildDir, 'join-tool.pids')));
  child.process.kill('SIGKILL');
  await child.ended;
  // The command, an orphan now, is none of the new build's business; it only holds a name that is swept.
  process.kill(-Number(read(buildDir, 'join-tool.pids')), 'SIGKILL');
  write(buildDir, 'in', 'x\n');
  expect((await build(steps, { buildDir })).ran).toEqual(['o/x']);
  expect(readdirSync(join(buildDir, 'o'))).toEqual(['x']);
});

describe('where no more can be written', () => {
  it('an output: the old one stays, no temporary', async () => {
    const buildDir = scratchDir();
    const tool = fakeTool(buildDir, 'make-big', 'head -c 100000 "$2" > "$1"');
    const steps = [joinStep(tool, 'o/x', [write(buildDir, 'in', 'small\n')])];
    await build(steps, { buildDir });
    write(buildDir, 'in', 'x'.repeat(100_000));
    const child = startBuild(steps, buildDir, { limit: 16 });
    expect(await child.ended).toBe(1);
    expect(child.said().at(-1)?.message).toContain("step 'o/x' failed: 'make-big'");
    expect(read(buildDir, 'o/x')).toBe('small\n');
    expect(readdirSync(join(buildDir, 'o'))).toEqual(['x']);
  });

  it('the state: one diagnostic, and the old state stays', async () => {
    const { buildDir, steps } = layers();
    await build(steps, { buildDir });
    write(buildDir, 'in3', 'new\n');
    const child = startBuild(steps, buildDir, { limit: 1 });
    expect(await child.ended).toBe(1);
    expect(child.said().at(-1)?.message).toContain('STEP111 cannot build in');
    expect(temporaries(buildDir)).toEqual([]);
    write(buildDir, 'in3', '3\n');
    expect((await build(steps, { buildDir })).refusal).toBeUndefined();
    expect((await build(steps, { buildDir })).ran).toEqual([]);
  });
});
