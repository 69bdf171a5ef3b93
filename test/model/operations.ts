// SPDX-License-Identifier: BSD-2-Clause
// What can happen in a world of two or three guests: each operation is one line for the driver.

import type { Header } from './packet.ts';

export type Fault = 'none' | 'write' | 'outside' | 'wrap' | 'indirect';
export type EndKind = 'status' | 'off' | 'failed' | 'queue';

export type Operation =
  | {
      readonly do: 'boot';
      readonly guest: number;
      readonly features: number;
      readonly rx: number;
      readonly tx: number;
    }
  | { readonly do: 'end'; readonly guest: number; readonly kind: EndKind }
  | {
      readonly do: 'tx';
      readonly guest: number;
      readonly kick: boolean;
      readonly header: Omit<Header, 'fwdCnt'>;
      readonly fault: Fault;
      readonly segments: readonly number[];
    }
  | {
      readonly do: 'rx';
      readonly guest: number;
      readonly kick: boolean;
      readonly fault: Fault;
      readonly segments: readonly number[];
    }
  | {
      readonly do: 'break';
      readonly guest: number;
      readonly queue: number;
      readonly kind: 'index' | 'loop' | 'jump';
    }
  | { readonly do: 'kick'; readonly guest: number; readonly queue: number }
  | { readonly do: 'notify'; readonly guest: number; readonly peer: number }
  | { readonly do: 'ack'; readonly guest: number }
  | { readonly do: 'flags'; readonly guest: number; readonly queue: number; readonly value: number }
  | { readonly do: 'settle' };

export interface Plan {
  readonly guests: number;
  readonly ringSize: number;
  /** Where all ring positions begin, and all epochs: near 2^32 they wrap. */
  readonly start: number;
  readonly epoch: number;
  readonly operations: readonly Operation[];
}

/** `lines` of the driver's language; `serial` names a packet or a buffer. */
export function lineOf(o: Operation, serial: number): string {
  switch (o.do) {
    case 'boot':
      return `boot ${o.guest} ${0x100000000 + o.features} ${o.rx} ${o.tx}`;
    case 'end':
      return `end ${o.guest} ${o.kind}`;
    case 'tx': {
      const h = o.header;
      const fields = [
        h.srcCid,
        h.dstCid,
        h.srcPort,
        h.dstPort,
        h.len,
        h.type,
        h.op,
        h.flags,
        h.bufAlloc,
        serial,
      ];
      return `tx ${o.guest} ${o.kick ? 1 : 0} ${serial} ${fields.join(' ')} ${o.fault} ${o.segments.join(' ')}`;
    }
    case 'rx':
      return `rx ${o.guest} ${o.kick ? 1 : 0} ${serial} ${o.fault} ${o.segments.join(' ')}`;
    case 'break':
      return `break ${o.guest} ${o.queue} ${o.kind}`;
    case 'kick':
      return `kick ${o.guest} ${o.queue}`;
    case 'notify':
      return `notify ${o.guest} ${o.peer}`;
    case 'ack':
      return `ack ${o.guest}`;
    case 'flags':
      return `flags ${o.guest} ${o.queue} ${o.value}`;
    case 'settle':
      break;
  }
  return o.do;
}
