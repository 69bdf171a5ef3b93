// SPDX-License-Identifier: BSD-2-Clause
// Every limit of what comes from the network or out of an archive, and why it is what it is. Tests pass smaller ones.

/** One request, and the tries of one download. */
export const networkLimits = {
  /** `npm start` goes on without the network: one that is not there must be given up within seconds. */
  connectTimeoutMs: 3_000,
  /** From a connection to the head of the answer. */
  headersTimeoutMs: 10_000,
  /** Over each window of this length the body must bring `minBytesPerWindow`: neither silence nor a trickle holds us. */
  windowMs: 30_000,
  minBytesPerWindow: 30 * 1024,
  /** As cargo: what is transient is tried three times in all. */
  tries: 3,
  /** Before the second try, with jitter; twice as long before the third. */
  retryDelayMs: 500,
  /** A server that asks for more in Retry-After is given up. */
  maxRetryAfterMs: 20_000,
  /** As browsers and curl do, roughly; the catalogue of bad inputs names 10. */
  redirects: 10,
} as const;
export type NetworkLimits = { readonly [Key in keyof typeof networkLimits]: number };

/** The SDK's archive. Version 2.3.0 has some 20 boards of up to six configurations, about 170 files each. */
export const archiveLimits = {
  /** Of the archive as it is downloaded. */
  archiveBytes: 2 * 1024 ** 3,
  entries: 200_000,
  /** Of all that is unpacked. */
  bytes: 8 * 1024 ** 3,
  /** Unpacked to packed bytes. Deflate ends at 1032; ELF files and headers stay below 20. */
  ratio: 200,
  /** The ratio is not judged before so much is unpacked: small archives of equal bytes are harmless. */
  ratioFromBytes: 64 * 1024 ** 2,
  depth: 32,
  /** NAME_MAX of Linux and macOS. */
  componentBytes: 255,
  /** PATH_MAX is 4096 on Linux and 1024 on macOS, and the store's own path comes before it. */
  nameBytes: 800,
} as const;
export type ArchiveLimits = { readonly [Key in keyof typeof archiveLimits]: number };

/** An archive with one guest image in it: libvmm's kernels have some 30 MB, the root file systems less. */
export const imageLimits: Partial<ArchiveLimits> = {
  archiveBytes: 256 * 1024 ** 2,
  entries: 16,
  bytes: 512 * 1024 ** 2,
  depth: 4,
};

/** libvmm and sDDF at depth 1 are 2 and 5 MB. */
export const gitLimits = {
  packBytes: 512 * 1024 ** 2,
  /** Without a new byte; git counts its deltas in that time as well. */
  idleMs: 60_000,
  totalMs: 20 * 60_000,
} as const;
export type GitLimits = { readonly [Key in keyof typeof gitLimits]: number };
