// SPDX-License-Identifier: BSD-2-Clause
// Processes: what they are given, how their end is named, and that nothing of them is left.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type CommandResult, describeFailure, runCommand, startProcess } from '../../make/run.ts';
import { fakeTool, processesOf, read, scratchDir, until } from './scratch.ts';

/** Runs a script in a directory of its own. */
async function run(script: string, signal?: AbortSignal): Promise<CommandResult & { directory: string }> {
  const directory = scratchDir();
  const tool = fakeTool(directory, 'tool', script);
  const result = await runCommand({ tool, args: [], cwd: directory }, signal);
  expect(processesOf(directory)).toEqual([]);
  return { ...result, directory };
}

it('names every kind of end', async () => {
  const words = async (script: string): Promise<string | undefined> =>
    describeFailure((await run(script)).end);
  expect(await words('exit 0')).toBeUndefined();
  expect(await words('exit 77')).toBe('exited with 77');
  expect(await words('kill -SEGV $$')).toBe('was ended by SIGSEGV');
  expect(await words('kill -KILL $$')).toBe('was ended by SIGKILL');
});

it('says why something cannot be started', async () => {
  const directory = scratchDir();
  const start = async (tool: string, args: string[] = []): Promise<string | undefined> =>
    describeFailure((await runCommand({ tool, args, cwd: directory })).end);
  expect(await start('/nowhere/tool')).toBe('could not be started: ENOENT');
  expect(await start(directory)).toBe('could not be started: EACCES');
  expect(await start('/bin/true', ['x'.repeat(200_000)])).toBe('could not be started: E2BIG');
});

it('gives commands nothing of the user but PATH and home', async () => {
  process.env['CPATH'] = '/evil';
  process.env['LC_ALL'] = 'de_DE.UTF-8';
  process.env['MICROKIT_SDK'] = '/other';
  try {
    const { output } = await run('env; cat');
    const names = output.split('\n').map((line) => line.split('=')[0]);
    expect(output).toContain('LC_ALL=C\n');
    expect(output).toContain('SOURCE_DATE_EPOCH=0\n');
    expect(names).not.toContain('CPATH');
    expect(names).not.toContain('MICROKIT_SDK');
  } finally {
    for (const name of ['CPATH', 'LC_ALL', 'MICROKIT_SDK']) Reflect.deleteProperty(process.env, name);
  }
});

it('[Toolchain] output that is not UTF-8: is taken, with a mark for what is none', async () => {
  expect((await run(`printf 'a\\377b'`)).output).toBe('a\ufffdb');
});

it('ends what a command leaves behind, even if it holds the output open', async () => {
  const startMs = performance.now();
  const { output } = await run('sleep 1000 & echo done');
  expect(output).toBe('done\n');
  expect(performance.now() - startMs).toBeLessThan(3_000);
});

it('does not wait for ever for a process that left its group and holds the output open', async () => {
  const startMs = performance.now();
  const directory = scratchDir();
  const script = `setsid sh -c 'touch out; sleep 6' & while ! [ -e out ]; do sleep 0.02; done; echo done`;
  const tool = fakeTool(directory, 'tool', script);
  const { output } = await runCommand({ tool, args: [], cwd: directory });
  expect(output).toBe('done\n');
  expect(performance.now() - startMs).toBeLessThan(4_000);
  for (const pid of processesOf(directory)) process.kill(pid, 'SIGKILL');
});

it('an abort ends a command that ignores SIGTERM, after a moment of grace', async () => {
  const controller = new AbortController();
  const directory = scratchDir();
  const tool = fakeTool(directory, 'tool', `trap '' TERM; touch up; while :; do sleep 0.05; done`);
  const running = runCommand({ tool, args: [], cwd: directory }, controller.signal);
  await until(() => existsSync(join(directory, 'up')));
  controller.abort();
  expect(describeFailure((await running).end)).toBe('was ended by SIGKILL');
  expect(processesOf(directory)).toEqual([]);
});

it('an abort lets a command clean up', async () => {
  const controller = new AbortController();
  const directory = scratchDir();
  const tool = fakeTool(
    directory,
    'tool',
    `trap 'echo clean > cleaned; exit 9' TERM; touch up; sleep 1000 & wait`,
  );
  const running = runCommand({ tool, args: [], cwd: directory }, controller.signal);
  await until(() => existsSync(join(directory, 'up')));
  controller.abort();
  expect(describeFailure((await running).end)).toBe('exited with 9');
  expect(read(directory, 'cleaned')).toBe('clean\n');
});

it('with a signal that is aborted already the command ends at once', async () => {
  const startMs = performance.now();
  await run('sleep 1000', AbortSignal.abort());
  expect(performance.now() - startMs).toBeLessThan(3_000);
});

it('passes what is written to a process that reads', async () => {
  const directory = scratchDir();
  const tool = fakeTool(directory, 'tool', 'read x; echo "$x$x"');
  const child = await startProcess({ tool, args: [], cwd: directory, stdin: 'pipe' });
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  child.stdin?.write('ab\n');
  expect(describeFailure(await child.ended)).toBeUndefined();
  expect(text).toBe('abab\n');
});
