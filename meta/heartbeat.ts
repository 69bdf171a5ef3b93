// SPDX-License-Identifier: BSD-2-Clause
// A protection domain that notifies others at a steady pace which no guest can disturb: its pace is its scheduling
// period, and the kernel's scheduler has a timer of its own. Why there is one: vmm/heartbeat.c.

import type { SystemBuilder } from './builder.ts';
import { type ComponentConfig, componentConfig } from './config/component.ts';
import { heartbeatConfig, heartbeatListenerConfig } from './config/heartbeat.ts';
import type { PdBuilder, PdOptions } from './pd-builder.ts';
import type { DriverConfig } from './sddf/driver-config.ts';

export interface HeartbeatOptions {
  readonly priority: number;
  readonly listeners: readonly PdBuilder[];
  /** For guests whose VMM cannot tell when they are to wake up: they look with every beat. */
  readonly isFast: boolean;
}

/**
 * A VMM may read the machine's counter where the kernel gives user space the EL1 physical timer, which sDDF's driver of
 * the generic timer needs. It looks for itself (vmm/libvmm/generic_timer.h); this decides how often it is woken if not.
 */
export const isCounterReadable = ({
  timer,
}: {
  readonly timer: { readonly driver: DriverConfig };
}): boolean => timer.driver.compatible.includes('arm,armv8-timer');

/**
 * A listener counts longer times in tenths of a second. A guest whose timer was missed is late by one of them at most; a
 * guest that looks with every beat, by a fast period: a jiffy of Linux, chosen by measurement (docs/idle.md).
 */
const pulseUs = 100_000;
const fastPeriodUs = 4000;

/** What a beat may take, with room for 62 listeners on a slow machine; all of it is given up after each. */
const budgetUs = 1000;

/** Adds the protection domain and gives its config and those of its listeners. */
export const addHeartbeat = (
  sdf: SystemBuilder,
  { listeners, ...options }: HeartbeatOptions,
): ComponentConfig[] => connectHeartbeat(sdf, addHeartbeatPd(sdf, options), listeners);

/** For who does not know all listeners yet. */
export const addHeartbeatPd = (
  sdf: SystemBuilder,
  { priority, isFast, ...made }: Omit<HeartbeatOptions, 'listeners'> & Pick<PdOptions, 'program'>,
): PdBuilder =>
  sdf.addPd({
    ...made,
    name: 'heartbeat',
    programImage: 'heartbeat.elf',
    priority,
    budget: budgetUs,
    period: isFast ? fastPeriodUs : pulseUs,
  });

export function connectHeartbeat(
  sdf: SystemBuilder,
  pd: PdBuilder,
  listeners: readonly PdBuilder[],
): ComponentConfig[] {
  const periodUs = pd.options.period ?? pulseUs;
  const ids = listeners.map((listener) => sdf.addChannel({ a: { pd }, b: { pd: listener, notify: false } }));
  return [
    componentConfig(
      {
        pd: pd.name,
        symbol: 'heartbeat_config',
        section: '.heartbeat_config',
        dataFile: 'heartbeat.data',
      },
      heartbeatConfig,
      { num_listeners: listeners.length, listeners: ids.map(({ a }) => a) },
    ),
    ...listeners.map((listener, i) =>
      componentConfig(
        {
          pd: listener.name,
          symbol: 'heartbeat_listener_config',
          section: '.heartbeat_listener_config',
          dataFile: `heartbeat_listener_${listener.name}.data`,
        },
        heartbeatListenerConfig,
        { channel: ids[i]?.b ?? 0, beats_per_pulse: pulseUs / periodUs },
      ),
    ),
  ];
}
