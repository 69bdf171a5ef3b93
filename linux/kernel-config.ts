// SPDX-License-Identifier: BSD-2-Clause
// How a kernel was configured, from whatever says so: the configuration that CONFIG_IKCONFIG puts into the Image (a gzip
// member between the words IKCFG_ST and IKCFG_ED, kernel/configs.c), a .config file beside it, or the lists that
// `make modules_install` writes (modules.builtin, modules.dep).
import { Buffer } from 'node:buffer';
import { gunzipSync } from 'node:zlib';

/** Built in, a module, or left out. */
export type OptionState = 'y' | 'm' | 'n';

export interface KernelConfig {
  /** For messages: `its IKCONFIG`. */
  readonly from: string;
  /** Undefined if that cannot be known from here. `module` is the option's own, as `modules.dep` calls it. */
  state(option: string, module?: string): OptionState | undefined;
}

/** What CONFIG_IKCONFIG has put into the Image; undefined if it has not, or if it is damaged. */
export function readIkconfig(image: Buffer): KernelConfig | undefined {
  // The kernel's own code may hold the word as well.
  let at = image.indexOf(ikconfigStart);
  for (let tries = 0; at >= 0 && tries < maxTries; tries += 1) {
    const start = at + ikconfigStart.length - gzipMagicBytes;
    const end = image.indexOf('IKCFG_ED', start);
    if (end < 0) return undefined;
    const text = end - start > maxPackedBytes ? undefined : unpack(image.subarray(start, end));
    if (text !== undefined) return parseConfig(text, 'its IKCONFIG');
    at = image.indexOf(ikconfigStart, at + 1);
  }
  return undefined;
}

const ikconfigStart = Buffer.from('IKCFG_ST\x1f\x8b', 'latin1');
const gzipMagicBytes = 2;
const maxTries = 16;
/** An allmodconfig has 70 KiB packed, 300 KiB unpacked. */
const maxPackedBytes = 4 * 1024 ** 2;
const maxConfigBytes = 16 * 1024 ** 2;

function unpack(bytes: Buffer): string | undefined {
  try {
    return gunzipSync(bytes, { maxOutputLength: maxConfigBytes }).toString('latin1');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE' || code?.startsWith('Z_') === true) return undefined;
    throw error;
  }
}

/** The text of a .config: what it does not name is off, as Kconfig leaves out what depends on something that is off. */
export function parseConfig(text: string, from: string): KernelConfig {
  const states = new Map<string, OptionState>();
  for (const [, name = '', value = ''] of text.matchAll(/^(CONFIG_\w+)=(y|m)\r?$/gm))
    states.set(name, value as OptionState);
  return { from, state: (option) => states.get(option) ?? 'n' };
}

/** Lists of `modules_install`: they know modules only, so an option without one stays unknown. */
export function parseModuleLists(lists: { builtin: string; dep: string }, from: string): KernelConfig {
  const builtin = namesIn(lists.builtin.split('\n'));
  const loadable = namesIn(lists.dep.split('\n').map((line) => line.split(':')[0] ?? ''));
  return {
    from,
    state: (_, module) => {
      if (module === undefined) return undefined;
      if (builtin.has(module)) return 'y';
      if (loadable.has(module)) return 'm';
      // Without the first list a module that is nowhere may be built in.
      return builtin.size > 0 ? 'n' : undefined;
    },
  };
}

const namesIn = (paths: readonly string[]): ReadonlySet<string> =>
  new Set(paths.map(moduleName).filter((name) => name !== ''));

/** `kernel/net/vmw_vsock/vsock.ko.xz` is `vsock`; file names may have hyphens where modules have underscores. */
export const moduleName = (path: string): string =>
  (/([^/]+)\.ko(\.\w+)?$/.exec(path.trim())?.[1] ?? '').replaceAll('-', '_');
