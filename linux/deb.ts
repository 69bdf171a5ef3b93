// SPDX-License-Identifier: BSD-2-Clause
// Takes single files out of a .deb. dpkg-deb unpacks the package's tar archive, tar lists it and prints one member; no
// name from the archive ever becomes a path on this machine, and every size has a cap.
import { createWriteStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Buffer } from 'node:buffer';
import { execa, ExecaError } from 'execa';
import { exitCode, refuse } from '../meta/diagnostic.ts';

export interface OpenDeb {
  /** All members' names as the archive spells them, e.g. `./usr/bin/busybox`. */
  readonly members: readonly string[];
  /** The bytes of one regular file. */
  read(member: string): Promise<Buffer>;
}

/** Linux' cloud flavour unpacks to 42 MB of kernel and 18 MB of modules, the full one to 52 and 86 MB. */
const maxArchiveBytes = 1024 ** 3;
const maxMemberBytes = 256 * 1024 ** 2;
const maxListBytes = 16 * 1024 ** 2;

/** Unpacks the archive inside `deb` to `tarPath` (a file of ours), and lists it. */
export async function openDeb(deb: string, tarPath: string, signal: AbortSignal): Promise<OpenDeb> {
  await naming(deb, signal, async () => {
    const unpack = execa('dpkg-deb', ['--fsys-tarfile', '--', deb], {
      cancelSignal: signal,
      buffer: { stdout: false },
    });
    await Promise.all([pipeline(unpack.stdout, capBytes(deb), createWriteStream(tarPath)), unpack]);
  });
  const list = await naming(deb, signal, () =>
    execa('tar', ['--list', '--quoting-style=literal', '--file', tarPath], {
      maxBuffer: maxListBytes,
      cancelSignal: signal,
      env: { LC_ALL: 'C.UTF-8' },
    }),
  );
  return {
    members: list.stdout.split('\n').filter((name) => name !== '' && !name.endsWith('/')),
    read: async (member) => {
      const { stdout } = await naming(deb, signal, () =>
        execa('tar', ['--extract', '--to-stdout', '--no-wildcards', '--file', tarPath, '--', member], {
          encoding: 'buffer',
          // A module's signature ends in a newline that belongs to it.
          stripFinalNewline: false,
          maxBuffer: maxMemberBytes,
          cancelSignal: signal,
        }),
      );
      return globalThis.Buffer.from(stdout);
    },
  };
}

/** Unpacks what the kernel's packages compress their modules with. `name` tells how. */
export async function unpackModule(name: string, bytes: Buffer, signal: AbortSignal): Promise<Buffer> {
  const tool = { '.xz': 'xz', '.zst': 'zstd', '.gz': 'gzip' }[/\.(xz|zst|gz)$/.exec(name)?.[0] ?? ''];
  if (tool === undefined) return bytes;
  const { stdout } = await naming(name, signal, () =>
    execa(tool, ['-dc'], {
      input: bytes,
      encoding: 'buffer',
      stripFinalNewline: false,
      maxBuffer: maxMemberBytes,
      cancelSignal: signal,
    }),
  );
  return globalThis.Buffer.from(stdout);
}

function capBytes(subject: string): Transform {
  let total = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      total += chunk.length;
      if (total <= maxArchiveBytes) done(null, chunk);
      else done(new Error(`'${subject}' unpacks to more than ${maxArchiveBytes} bytes`));
    },
  });
}

/** Runs `work` and turns the failure of its tool into a diagnostic that names `subject`. */
async function naming<T>(subject: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ExecaError && error.code === 'ENOENT')
      refuse('DEB111', `'${error.command.split(' ')[0]}' was not found; it unpacks '${subject}'`, {
        hint: 'install it: apt install dpkg tar xz-utils',
        exit: exitCode.missing,
      });
    const reason = error instanceof ExecaError ? error.shortMessage : (error as Error).message;
    return refuse('DEB112', `'${subject}' could not be unpacked: ${reason}`, { hint: 'fetch it again' });
  }
}
