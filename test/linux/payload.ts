// SPDX-License-Identifier: BSD-2-Clause
// The payload and its hash, written a second time from the protocol's text, to compare the guest programs with.

export function expectedHash(nonce: bigint): string {
  const mask = (1n << 64n) - 1n;
  let x = nonce;
  let hash = 0xcbf29ce484222325n;
  for (let i = 0; i < 16384; i += 1) {
    x = (x * 6364136223846793005n + 1442695040888963407n) & mask;
    for (const byte of [(x >> 48n) & 255n, (x >> 56n) & 255n]) hash = ((hash ^ byte) * 0x100000001b3n) & mask;
  }
  return hash.toString(16).padStart(16, '0');
}
