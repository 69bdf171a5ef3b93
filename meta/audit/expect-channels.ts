// SPDX-License-Identifier: BSD-2-Clause
// What a channel is in capabilities: at each end that may notify, the other's notification with a badge that says which
// channel it was; at the end that makes protected calls, the other's endpoint.

import type { Channel, ChannelEnd } from '../model.ts';
import { because } from './because.ts';
import type { PdObjects } from './expect-pd.ts';
import { endpointCap, notificationCap } from './expect-thread.ts';
import { badge, pdSlot } from './microkit.ts';

export function expectChannel({ a, b, place }: Channel, pds: ReadonlyMap<string, PdObjects>): void {
  const expectEnd = (from: ChannelEnd, to: ChannelEnd): void => {
    const holder = pds.get(from.pd);
    const other = pds.get(to.pd);
    if (holder === undefined || other === undefined) return;
    const line = from.place ?? place ?? to.place;
    const ends = `'${from.pd}' (id ${from.id}) ${from.pp === true ? '⇒' : '→'} '${to.pd}' (id ${to.id})`;
    if (from.notify !== false)
      holder.cnode.slots.set(
        pdSlot.notifications + from.id,
        notificationCap(
          other.notification,
          1n << BigInt(to.id),
          because('channel', `channel ${ends}: notify`, line),
        ),
      );
    if (from.pp === true && other.endpoint !== undefined)
      holder.cnode.slots.set(
        pdSlot.endpoints + from.id,
        endpointCap(
          other.endpoint,
          badge.call | BigInt(to.id),
          because('channel', `channel ${ends}: protected call`, line),
        ),
      );
  };
  expectEnd(a, b);
  expectEnd(b, a);
}
