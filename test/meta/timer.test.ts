// SPDX-License-Identifier: BSD-2-Clause
// The timer subsystem by itself: what it refuses, and what a client is told.

import { expect, test } from 'vitest';
import { connectTimer, paddr, type PdBuilder, renderSdf, SystemBuilder } from '../../meta/index.ts';

const builder = (): SystemBuilder => new SystemBuilder({ arch: 'aarch64', paddrTop: paddr(0x6000_0000n) });

const pd = (sdf: SystemBuilder, name: string, priority?: number): PdBuilder =>
  sdf.addPd({ name, programImage: `${name}.elf`, ...(priority === undefined ? {} : { priority }) });

const messagesOf = (sdf: SystemBuilder): string[] =>
  sdf.findings.map(({ code, message }) => `${code} ${message}`);

test('a client twice, and the driver as its own client', () => {
  const sdf = builder();
  const [driver, client] = [pd(sdf, 'driver', 2), pd(sdf, 'client', 1)];
  connectTimer(sdf, { driver, clients: [client, client] });
  expect(messagesOf(sdf)).toEqual([
    "TIM101 duplicate client given: 'client' has two parts in the timer subsystem of 'driver'",
  ]);
  const other = builder();
  const alone = pd(other, 'driver', 2);
  connectTimer(other, { driver: alone, clients: [alone] });
  expect(messagesOf(other)).toEqual([
    "TIM101 duplicate client given: 'driver' has two parts in the timer subsystem of 'driver'",
  ]);
});

test('a client that the driver does not outrank, with its priority or with the default', () => {
  const sdf = builder();
  connectTimer(sdf, { driver: pd(sdf, 'driver', 5), clients: [pd(sdf, 'low', 4), pd(sdf, 'same', 5)] });
  const wanted =
    "TIM102 invalid timer client 'same' (priority: 5), driver 'driver' (priority: 5) must have greater priority than client";
  expect(messagesOf(sdf)).toEqual([wanted]);
  // The rule of protected calls does not say it once more.
  expect(() => sdf.build()).toThrow(wanted);
  expect(() => sdf.build()).not.toThrow(/SDF404/);

  const defaults = builder();
  connectTimer(defaults, { driver: pd(defaults, 'driver'), clients: [pd(defaults, 'client')] });
  expect(messagesOf(defaults)).toEqual([
    expect.stringMatching(/^TIM102 .*\(priority: 0\), .*\(priority: 0\)/),
  ]);
});

test('without a device: a passive driver without resources, whose clients know their channel', () => {
  const sdf = builder();
  const [driver, client] = [pd(sdf, 'driver', 2), pd(sdf, 'client', 1)];
  client.addIrq({ irq: 50 });
  const configs = connectTimer(sdf, { driver, clients: [client] });
  expect(renderSdf(sdf.build().system)).toContain(
    '<protection_domain name="driver" priority="2" passive="true">',
  );
  const [resources, timer] = configs.map((config) => Buffer.from(config.bytes()));
  expect(resources?.subarray(0, 7)).toEqual(Buffer.from('sDDF\u0001\0\0', 'latin1'));
  expect(timer).toEqual(Buffer.from('sDDF\u0006\u0001', 'latin1'));
});
