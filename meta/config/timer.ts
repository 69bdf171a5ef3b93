// SPDX-License-Identifier: BSD-2-Clause
// sDDF's timer struct (include/sddf/timer/config.h at a15355c7). A driver has no config but its device resources.

import { magic, u8 } from './field.ts';
import { struct } from './struct.ts';

export const timerClientConfig = struct({
  cName: 'timer_client_config_t',
  header: '<sddf/timer/config.h>',
  fields: { magic: magic('sDDF\u0006'), driver_id: u8 },
});
