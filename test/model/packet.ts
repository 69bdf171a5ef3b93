// SPDX-License-Identifier: BSD-2-Clause
// Packets of a virtio socket as the model sees them (virtio 5.10.6), and the bytes that its guests send.

export interface Header {
  readonly srcCid: number;
  readonly dstCid: number;
  readonly srcPort: number;
  readonly dstPort: number;
  readonly len: number;
  readonly type: number;
  readonly op: number;
  readonly flags: number;
  readonly bufAlloc: number;
  readonly fwdCnt: number;
}

export const headerSize = 44;
export const payloadMax = 64 * 1024;

export const op = {
  request: 1,
  response: 2,
  rst: 3,
  shutdown: 4,
  rw: 5,
  update: 6,
  creditRequest: 7,
} as const;
export const type = { stream: 1, seqpacket: 2 } as const;

const opNames = ['op 0', 'REQUEST', 'RESPONSE', 'RST', 'SHUTDOWN', 'RW', 'CREDIT_UPDATE', 'CREDIT_REQUEST'];

/** Flags of OP_RW that belong to the end of a message: EOM and EOR. */
export const endFlags = 3;

export const describe = (h: Header): string =>
  `${opNames[h.op] ?? `op ${h.op}`} ${h.srcCid}:${h.srcPort} > ${h.dstCid}:${h.dstPort}` +
  ` len ${h.len} type ${h.type} flags ${h.flags} buf_alloc ${h.bufAlloc} fwd_cnt ${h.fwdCnt}`;

/** The RST that answers a packet: 5.10.6.4.2 and 5.10.6.5; what no socket has as its type is answered as a stream. */
export const resetOf = (h: Header): Header => ({
  srcCid: h.dstCid,
  dstCid: h.srcCid,
  srcPort: h.dstPort,
  dstPort: h.srcPort,
  len: 0,
  type: h.type === type.seqpacket ? type.seqpacket : type.stream,
  op: op.rst,
  flags: 0,
  bufAlloc: 0,
  fwdCnt: 0,
});

/** FNV-1a of the payload bytes [from, to) that the driver sends with a serial number. */
export function payloadHash(serial: number, from: number, to: number): number {
  let hash = 2166136261;
  const start = Math.imul(serial, 2654435761);
  for (let i = from; i < to; i++) {
    const byte = ((start + Math.imul(i, 40503) + (i >>> 8) * 31) >>> 5) & 0xff;
    hash = Math.imul(hash ^ byte, 16777619);
  }
  return hash >>> 0;
}
