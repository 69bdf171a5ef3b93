// SPDX-License-Identifier: BSD-2-Clause
// What the sender sends, computed from the nonce alone: the launcher's own side of the guests' protocol.
//
// 16384 numbers of 16 bits, the high bits of Knuth's 64-bit linear congruential generator (MMIX), which the nonce seeds.

const payloadNumbers = 16_384;
export const payloadBytes = 2 * payloadNumbers;
export const vsockPort = 9999;

const mask = (1n << 64n) - 1n;

/** The payload of a nonce (16 hexadecimal digits). */
export function makePayload(nonce: string): Buffer {
  const bytes = Buffer.alloc(payloadBytes);
  let x = BigInt(`0x${nonce}`);
  for (let i = 0; i < payloadNumbers; i += 1) {
    x = (x * 6364136223846793005n + 1442695040888963407n) & mask;
    bytes.writeUInt16LE(Number(x >> 48n), 2 * i);
  }
  return bytes;
}

/** FNV-1a, 64 bits, as 16 hexadecimal digits. */
export function hashPayload(bytes: Uint8Array): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & mask;
  return hash.toString(16).padStart(16, '0');
}
