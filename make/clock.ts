// SPDX-License-Identifier: BSD-2-Clause
// A clock that only goes forward, for how long things took.

/** Milliseconds. `performance`, the same clock, is loaded at its first use, which takes longer than many a step. */
export const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;
