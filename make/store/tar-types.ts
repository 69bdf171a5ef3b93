// SPDX-License-Identifier: BSD-2-Clause
// Looks at the type of every entry in a tar, beside the decoder: that one takes all types that it does not know for
// files (GNU's sparse files, parts of volumes, labels), and would bring out something else than what was packed.
//
// A tar is blocks of 512 bytes: a header, in which byte 156 is the type and 124 to 135 the size (octal, or base 256 if
// the first bit is set), then the body, filled up to a whole block. Sizes in pax records are refused (unpack.ts), so the
// header's is the only one.
import { refuse } from '../../meta/diagnostic.ts';

export interface TarTypes {
  /** Refuses ARC103 at the first entry of a type that is not known. */
  take(chunk: Uint8Array): void;
}

export function watchTarTypes(): TarTypes {
  const header = Buffer.alloc(blockBytes);
  let filledBytes = 0;
  let skipBytes = 0;
  return {
    take: (chunk) => {
      for (let at = 0; at < chunk.length; ) {
        if (skipBytes > 0) {
          const passed = Math.min(skipBytes, chunk.length - at);
          skipBytes -= passed;
          at += passed;
          continue;
        }
        const part = chunk.subarray(at, at + blockBytes - filledBytes);
        header.set(part, filledBytes);
        filledBytes += part.length;
        at += part.length;
        if (filledBytes < blockBytes) return;
        filledBytes = 0;
        judgeType(header);
        skipBytes = Math.ceil(sizeOf(header) / blockBytes) * blockBytes;
      }
    },
  };
}

const blockBytes = 512;

/** POSIX.1-2001's `pax`: files, links, devices, directories, FIFOs, contiguous files and pax headers; GNU's long names. */
const known = new Set(['\0', '0', '1', '2', '3', '4', '5', '6', '7', 'x', 'g', 'L', 'K']);

function judgeType(header: Buffer): void {
  const type = String.fromCharCode(header[156] ?? 0);
  if (known.has(type)) return;
  const name = header.toString('latin1', 0, 100).replace(/\0.*$/s, '');
  const what = type === 'S' ? 'a sparse file' : `of type ${JSON.stringify(type)}, which no SDK needs`;
  refuse('ARC103', `the archive's entry ${JSON.stringify(name)} is ${what}`, {
    hint: 'do not use this archive: it is damaged, or made to do harm',
  });
}

/** What is no number counts as 0: the decoder refuses it. */
function sizeOf(header: Buffer): number {
  const field = header.subarray(124, 136);
  if (((field[0] ?? 0) & 0x80) !== 0)
    return field
      .subarray(1)
      .reduce((value, byte) => Math.min(value * 256 + byte, Number.MAX_SAFE_INTEGER), 0);
  return Number.parseInt(field.toString('latin1').trim(), 8) || 0;
}
