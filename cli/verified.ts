// SPDX-License-Identifier: BSD-2-Clause
// How a verified run is said to people: what went over, how fast, and that all agree.
import type { Transfer, Verified } from '../make/launch/verdict.ts';

export interface VerifiedText {
  /** A line per transfer; none if there was only one, which the summary tells then. */
  readonly transfers: readonly string[];
  /** What stands after `verified: `. */
  readonly summary: string;
}

export function describeVerified({ transfers, bytes, hash }: Verified): VerifiedText {
  const [only, ...more] = transfers;
  if (only !== undefined && more.length === 0)
    return { transfers: [], summary: `${pace(only)}, hash ${hash}, both guests agree` };
  const guests = new Set(transfers.flatMap(({ from, to }) => [from, to])).size;
  return {
    transfers: transfers.map((transfer) => `${transfer.from} to ${transfer.to}: ${pace(transfer)}`),
    summary: `${transfers.length} transfers of ${bytes} bytes, hash ${hash}, all ${guests} guests agree`,
  };
}

/** `32768 bytes in 3.2 ms (9.7 MiB/s)`; without a rate where the guest's clock has not moved. */
function pace({ bytes, durationUs }: Transfer): string {
  const text = `${bytes} bytes in ${(durationUs / 1000).toFixed(1)} ms`;
  if (durationUs === 0) return text;
  const mibPerSecond = (bytes / 2 ** 20 / durationUs) * 1e6;
  return `${text} (${mibPerSecond.toFixed(mibPerSecond < 1 ? 3 : 1)} MiB/s)`;
}
