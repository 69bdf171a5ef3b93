// SPDX-License-Identifier: BSD-2-Clause
// What the guests' payload derives from. It is part of the image, so that the same inputs make the same image, and an
// image or a log of another board, configuration, kernel or number of guests does not pass for this one's.
import { createHash } from 'node:crypto';

export const nonceOf = (...parts: readonly string[]): bigint =>
  createHash('sha256').update(parts.join('\0')).digest().readBigUInt64BE();
