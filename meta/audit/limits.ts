// SPDX-License-Identifier: BSD-2-Clause
// What is read of a capDL specification, at most. Ours, each far above what the Microkit tool makes: 63 protection domains
// whose memory takes all of a machine.

export const auditLimits = {
  /** The JSON of a system of two guests has 26 MB; Node's longest string is 512 MiB. */
  fileBytes: 400 * 1024 * 1024,
  /** The tool's deepest is 12. */
  depth: 32,
  /** Names of objects. */
  stringChars: 4096,
  /** 2^64 - 1 has 20. */
  digits: 20,
  /** 8 GiB in pages of 4 KiB. */
  objects: 2_200_000,
  /** seL4_SlotBits and the largest CNode that a 64-bit machine has memory for. */
  cnodeBits: 24,
  /** Findings that are shown and kept; more are counted. */
  findings: 2_000,
} as const;
