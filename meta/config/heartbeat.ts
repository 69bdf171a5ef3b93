// SPDX-License-Identifier: BSD-2-Clause
// The configs of our heartbeat and of those who listen to it. C twin: vmm/heartbeat_config.h.

import { heartbeatLimits } from '../limits.ts';
import { array, magic, u8 } from './field.ts';
import { struct } from './struct.ts';

const header = '"heartbeat_config.h"';

export const heartbeatConfig = struct({
  cName: 'struct heartbeat_config',
  header,
  fields: { magic: magic('pulse'), num_listeners: u8, listeners: array(u8, heartbeatLimits.listeners) },
});

export const heartbeatListenerConfig = struct({
  cName: 'struct heartbeat_listener_config',
  header,
  fields: { magic: magic('pulse'), channel: u8, beats_per_pulse: u8 },
});
