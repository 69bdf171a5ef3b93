// SPDX-License-Identifier: BSD-2-Clause
// Writes tar archives byte by byte (POSIX.1-1988 ustar, with pax and GNU entries), so that a test can make what no tar
// program would.
import { gzipSync } from 'node:zlib';

export interface TarEntry {
  readonly name: string | Buffer;
  /** `0` file, `1` hard link, `2` symbolic link, `3` `4` devices, `5` directory, `6` FIFO, `x` pax, `L` GNU long name. */
  readonly type?: string;
  readonly mode?: number;
  readonly body?: Buffer | string;
  readonly link?: string;
  /** Text of the size field, if it is to lie. */
  readonly size?: string;
  /** Add to the checksum, if that is to lie. */
  readonly checksum?: number;
}

export const tarGz = (entries: readonly TarEntry[]): Buffer => gzipSync(tar(entries));

/** With its end: two blocks of zeros. */
export const tar = (entries: readonly TarEntry[]): Buffer =>
  Buffer.concat([...entries.map(renderEntry), Buffer.alloc(2 * blockBytes)]);

/** A pax header for the entry that follows. */
export function pax(records: Readonly<Record<string, string>>): TarEntry {
  const body = Object.entries(records)
    .map(([key, value]) => {
      const rest = ` ${key}=${value}\n`;
      let length = Buffer.byteLength(rest);
      while (String(length).length + Buffer.byteLength(rest) > length) length += 1;
      return `${length}${rest}`;
    })
    .join('');
  return { name: 'PaxHeader', type: 'x', body };
}

const blockBytes = 512;

function renderEntry({
  name,
  type = '0',
  mode = 0o644,
  body = '',
  link = '',
  size,
  checksum = 0,
}: TarEntry): Buffer {
  const bytes = Buffer.from(body as string);
  const header = Buffer.alloc(blockBytes);
  const octal = (value: number, at: number, length: number): void => {
    header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  };
  Buffer.from(name as string).copy(header, 0, 0, 100);
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(bytes.length, 124, 12);
  if (size !== undefined) header.write(size.padEnd(12, '\0'), 124, 'latin1');
  octal(0, 136, 12);
  header.fill(' ', 148, 156);
  header.write(type, 156, 'latin1');
  header.write(link, 157, 100, 'utf8');
  header.write('ustar\x0000', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0) + checksum;
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  const padding = Buffer.alloc((blockBytes - (bytes.length % blockBytes)) % blockBytes);
  return Buffer.concat([header, bytes, padding]);
}
