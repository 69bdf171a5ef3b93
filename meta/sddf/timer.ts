// SPDX-License-Identifier: BSD-2-Clause
// sDDF's timer subsystem: a passive driver that its clients call, and that notifies a client when its timeout is over.
//
//   client ──protected call: set a timeout, get the time──► driver
//   client ◄──notification: the timeout is over──────────── driver
//
// Names, order and ids are sdfgen's (shared facts §7).

import type { SystemBuilder } from '../builder.ts';
import { duplicates } from '../check/duplicates.ts';
import { type ComponentConfig, componentConfig } from '../config/component.ts';
import { timerClientConfig } from '../config/timer.ts';
import { errorFinding } from '../finding.ts';
import type { PdBuilder } from '../pd-builder.ts';
import { attachDevice, type Device } from './driver.ts';

export interface TimerOptions {
  /** Without a device the driver gets no resources, as on x86. */
  readonly device?: Device;
  /** Becomes passive: it runs on the time of whoever calls it. */
  readonly driver: PdBuilder;
  readonly clients: readonly PdBuilder[];
}

/** Wires the subsystem up and gives the config of each of its protection domains. */
export function connectTimer(
  sdf: SystemBuilder,
  { device, driver, clients }: TimerOptions,
): ComponentConfig[] {
  for (const { again } of duplicates([driver, ...clients], ({ name }) => name))
    sdf.report(
      errorFinding(
        'TIM101',
        `duplicate client given: '${again.name}' has two parts in the timer subsystem of '${driver.name}'`,
        {
          hint: 'give each part, driver or client, its own protection domain, and each client once',
        },
      ),
    );
  driver.makePassive();
  const resources = attachDevice(sdf, driver, device);
  return [resources, ...clients.map((client) => connectClient(sdf, driver, client))];
}

function connectClient(sdf: SystemBuilder, driver: PdBuilder, client: PdBuilder): ComponentConfig {
  const seat = {
    pd: client.name,
    symbol: 'timer_config',
    section: '.timer_client_config',
    dataFile: `timer_client_${client.name}.data`,
  };
  const [low, high] = [priorityOf(client), priorityOf(driver)];
  if (client !== driver && low >= high) {
    // Without a channel, or the rule of protected calls would say the same once more.
    sdf.report(
      errorFinding(
        'TIM102',
        `invalid timer client '${client.name}' (priority: ${low}), driver '${driver.name}' (priority: ${high}) must have greater priority than client`,
        { hint: `raise the priority of '${driver.name}' above ${low}` },
      ),
    );
    return componentConfig(seat, timerClientConfig, { driver_id: 0 });
  }
  const ids = sdf.addChannel({ a: { pd: driver }, b: { pd: client, pp: true, notify: false } });
  return componentConfig(seat, timerClientConfig, { driver_id: ids.b });
}

/** Microkit's default is 0. */
const priorityOf = ({ options }: PdBuilder): number => options.priority ?? 0;
