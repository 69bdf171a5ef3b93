// SPDX-License-Identifier: BSD-2-Clause
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { makePool } from '../../make/pool.ts';

const never = new AbortController().signal;

it.each([1, 2, 7])('runs no more than %d at a time, and all of them', async (jobs) => {
  const pool = makePool(jobs, never);
  let running = 0;
  let most = 0;
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      pool.run(0, async () => {
        running += 1;
        most = Math.max(most, running);
        await sleep(1);
        running -= 1;
        return i;
      }),
    ),
  );
  expect(results).toEqual(Array.from({ length: 20 }, (_, i) => i));
  expect(most).toBe(jobs);
});

it('takes the highest first, and among equals the one that came first', async () => {
  const pool = makePool(1, never);
  const order: string[] = [];
  const task = async (name: string, priority: number): Promise<void> =>
    pool.run(priority, async () => {
      order.push(name);
      await sleep(1);
    });
  await Promise.all([task('a1', 1), task('b3', 3), task('c3', 3), task('d2', 2)]);
  expect(order).toEqual(['b3', 'c3', 'd2', 'a1']);
});

it('goes on after a task that failed, in whatever way', async () => {
  const pool = makePool(1, never);
  const results = await Promise.allSettled([
    pool.run(0, async () => Promise.reject(new Error('first'))),
    pool.run(0, () => {
      throw new Error('second');
    }),
    pool.run(0, async () => 'third'),
  ]);
  expect(
    results.map((result) => (result.status === 'fulfilled' ? result.value : String(result.reason))),
  ).toEqual(['Error: first', 'Error: second', 'third']);
});

it('gives up what waits when it is aborted', async () => {
  const controller = new AbortController();
  const pool = makePool(1, controller.signal);
  let ran = 0;
  const tasks = Array.from({ length: 3 }, () =>
    pool.run(0, async () => {
      ran += 1;
      await sleep(5);
    }),
  );
  await sleep(1);
  controller.abort(new Error('stop'));
  const results = await Promise.allSettled([...tasks, pool.run(0, async () => undefined)]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected']);
  expect(ran).toBe(1);
});
