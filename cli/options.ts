// SPDX-License-Identifier: BSD-2-Clause
// The flags and their environment twins, in one table: flag > environment > default, and `-v` says which won.
import { resolve } from 'node:path';
import { type Diagnostic, exitCode, Refusal, refuse } from '../meta/diagnostic.ts';
import { imagesBase } from '../linux/trustworthy-names.ts';
import { vsockGuestCounts } from '../meta/vsock-guests.ts';

export interface OptionSpec {
  readonly type: 'string' | 'boolean' | 'number' | 'count';
  readonly describe: string;
  readonly alias?: string;
  /** Environment variables that stand in for the flag, the first that is set wins. */
  readonly env?: readonly string[];
  readonly fallback?: string | number | boolean;
  /** The flag may stand alone, without a value (`--expect`). */
  readonly bare?: boolean;
  /** A path, where a leading `~/` is the home directory (cli/home.ts). */
  readonly isPath?: boolean;
}

export const optionTable = {
  board: {
    type: 'string',
    alias: 'b',
    env: ['MICROKIT_BOARD', 'BOARD'],
    fallback: 'qemu_virt_aarch64',
    describe: 'board to build for',
  },
  config: {
    type: 'string',
    env: ['MICROKIT_CONFIG', 'CONFIG'],
    fallback: 'debug',
    describe: 'Microkit configuration: debug or release',
  },
  sdk: {
    type: 'string',
    isPath: true,
    env: ['MICROKIT_SDK'],
    describe: 'Microkit SDK, or a folder of SDKs',
  },
  'build-dir': {
    type: 'string',
    alias: 'd',
    isPath: true,
    env: ['BUILD_DIR'],
    fallback: 'build',
    describe: 'where outputs go',
  },
  guest: {
    type: 'string',
    describe:
      'guest images: trustworthy-systems, debian or debian=VERSION (default: what is in the store, else trustworthy-systems; sim: debian)',
  },
  images: {
    type: 'string',
    env: ['VMBUILD_IMAGES'],
    fallback: imagesBase,
    describe: 'where the images of trustworthy-systems come from (http, https, file)',
  },
  linux: {
    type: 'string',
    isPath: true,
    env: ['LINUX'],
    describe: "guest kernel: an arm64 Image, also packed with gzip, or the name of one of libvmm's",
  },
  initrd: {
    type: 'string',
    isPath: true,
    env: ['INITRD'],
    describe: "guest initrd: a cpio archive; vmbuild's programs are appended",
  },
  libvmm: { type: 'string', isPath: true, env: ['LIBVMM'], describe: 'libvmm source tree' },
  sddf: { type: 'string', isPath: true, env: ['SDDF'], describe: 'sDDF source tree' },
  vms: {
    type: 'number',
    fallback: 2,
    describe: 'number of guests; each pair is connected, and more than two pass a ring of transfers',
  },
  github: {
    type: 'string',
    env: ['VMBUILD_GITHUB'],
    fallback: 'https://github.com',
    describe:
      "where SDK and sources are fetched from: GitHub, or a mirror with GitHub's paths (http, https, file)",
  },
  dtb: {
    type: 'string',
    isPath: true,
    describe: "the board's device tree, instead of vmbuild's own minimal one",
  },
  append: { type: 'string', describe: "words appended to the guests' kernel command line" },
  jobs: { type: 'number', alias: 'j', describe: 'steps at a time (default: the number of cores)' },
  'keep-going': {
    type: 'boolean',
    alias: 'k',
    fallback: false,
    describe: 'after a failure go on with all that does not need what failed',
  },
  'always-make': {
    type: 'boolean',
    alias: 'B',
    fallback: false,
    describe: 'make everything anew, whether it is fresh or not',
  },
  'no-wait': {
    type: 'boolean',
    fallback: false,
    describe: 'refuse instead of waiting while another build is at work in the same directory',
  },
  offline: { type: 'boolean', fallback: false, describe: 'never touch the network' },
  'allow-stack': {
    type: 'boolean',
    fallback: false,
    describe: 'go on with versions that vmbuild was not made for',
  },
  'dry-run': { type: 'boolean', alias: 'n', fallback: false, describe: 'print the commands, run nothing' },
  expect: {
    type: 'string',
    bare: true,
    describe:
      'run unattended: exit 0 when the guests agree (or a line matches REGEX), 1 when not, 124 at the deadline',
  },
  interactive: {
    type: 'string',
    alias: 'i',
    describe:
      'sim: a terminal on this guest (its name or number), which stays up with a shell; Ctrl-C ends the run',
  },
  pcap: {
    type: 'string',
    isPath: true,
    describe: "sim: write the sockets' packets to this file, for Wireshark",
  },
  timeout: {
    type: 'number',
    describe: 'deadline of an unattended run in seconds (default: 90 for each guest)',
  },
  'save-svg': {
    type: 'string',
    isPath: true,
    describe: 'file for a picture of the run, if it is unattended',
  },
  output: {
    type: 'string',
    isPath: true,
    describe:
      'generate, artifacts: directory for the outputs (default: the build directory, artifacts/ in it); graph, import: file (default: stdout)',
  },
  system: {
    type: 'string',
    isPath: true,
    describe: "a system of your own: a TypeScript file that exports defineSystem(…); default: vmbuild's",
  },
  watch: {
    type: 'boolean',
    alias: 'w',
    fallback: false,
    describe: 'go on: do it again whenever a file that it read changes, until Ctrl-C',
  },
  format: {
    type: 'string',
    describe: "graph: dot, mermaid, svg or json (default: what --output's name says, else dot)",
  },
  force: { type: 'boolean', fallback: false, describe: 'import: write over a file that is there' },
  sdf: {
    type: 'string',
    fallback: 'vsock.system',
    describe: 'generate: file name of the system description',
  },
  data: { type: 'boolean', fallback: false, describe: "generate: write sdfgen's .data files too" },
  file: { type: 'string', isPath: true, describe: 'a system description, as Microkit reads it' },
  capdl: { type: 'string', isPath: true, describe: "audit: what 'microkit --capdl-json' wrote" },
  arch: {
    type: 'string',
    describe: 'check: aarch64, riscv64 or x86_64 (default: that of --board, else aarch64)',
  },
  microkit: {
    type: 'string',
    describe: "check: Microkit's version, e.g. 2.1.0 (default: that of --sdk, else the newest known)",
  },
  kernel: {
    type: 'string',
    describe:
      'check: facts of the kernel, where no SDK says them: cores=4,iommu,no-hypervisor,no-smc,domains=16,schedules=100',
  },
  'search-path': {
    type: 'string',
    isPath: true,
    describe: "folders with programs and prefill files, ':' between them, beside that of the description",
  },
  test: { type: 'boolean', fallback: false, describe: 'setup: what the tests need too' },
  yes: { type: 'boolean', alias: 'y', fallback: false, describe: 'install what is missing without asking' },
  json: { type: 'boolean', fallback: false, describe: 'results as JSON on stdout' },
  quiet: { type: 'boolean', alias: 'q', fallback: false, describe: 'errors only' },
  verbose: { type: 'count', alias: 'v', describe: 'say which setting won; print every command' },
} as const satisfies Record<string, OptionSpec>;

export type OptionName = keyof typeof optionTable;

/** Where a setting came from, as `-v` prints it. */
export type Origin = 'flag' | 'default' | `environment ${string}` | `word ${string}=`;

export interface Setting {
  readonly name: OptionName;
  readonly value: string | number | boolean;
  readonly origin: Origin;
}

export interface Settings {
  readonly all: readonly Setting[];
  readonly warnings: readonly Diagnostic[];
  text(name: OptionName): string | undefined;
  /** Only what the flag itself said: for stages that look at the environment on their own. */
  flag(name: OptionName): string | undefined;
  number(name: OptionName): number | undefined;
  on(name: OptionName): boolean;
  /** True if the user said nothing about it. */
  defaulted(name: OptionName): boolean;
}

/**
 * Settles the options `names` from parsed flags and the environment. Empty values, numbers out of range and flags that
 * contradict themselves are refused. `given` are the variables of `env` that the command line has set.
 */
export function settle(
  flags: Readonly<Record<string, unknown>>,
  env: NodeJS.ProcessEnv,
  names: readonly OptionName[] = Object.keys(optionTable) as OptionName[],
  given: ReadonlySet<string> = new Set(),
): Settings {
  const found: Diagnostic[] = [];
  const warnings: Diagnostic[] = [];
  const all: Setting[] = [];
  for (const name of names) {
    const { value: flag, contradictions } = onlyValue(name, flags[name]);
    found.push(...contradictions);
    const setting = settleOne(name, flag, { env, given }, warnings);
    if (setting === undefined) continue;
    found.push(...judge(setting));
    all.push(setting);
  }
  if (found.length > 0) throw new Refusal(found, exitCode.usage);
  const get = (name: OptionName): Setting | undefined => all.find((s) => s.name === name);
  return {
    all,
    warnings,
    text: (name) => (get(name) === undefined ? undefined : String(get(name)?.value)),
    flag: (name) => (get(name)?.origin === 'flag' ? String(get(name)?.value) : undefined),
    number: (name) => {
      const value = get(name)?.value;
      return typeof value === 'number' ? value : undefined;
    },
    on: (name) => get(name)?.value === true || Number(get(name)?.value ?? 0) > 0,
    defaulted: (name) => (get(name)?.origin ?? 'default') === 'default',
  };
}

/** Absolute. */
export const buildDirectory = (settings: Settings): string =>
  checkedDirectory(settings.text('build-dir') ?? 'build');

/** Linux's PATH_MAX, less what a build adds to the name of its directory. */
const maxDirectoryBytes = 4096 - 256;

/** Absolute; refused before anything is made if it could not hold a build. */
export function checkedDirectory(name: string): string {
  const path = resolve(name);
  if (/[\n\0]/.test(path))
    refuse('ARG101', `the build directory ${JSON.stringify(path)} holds a newline or NUL`, {
      hint: 'work in a directory without control characters in its name',
      exit: exitCode.usage,
    });
  const bytes = Buffer.byteLength(path);
  if (bytes > maxDirectoryBytes)
    refuse(
      'ARG129',
      `the build directory's name has ${bytes} bytes, and more than ${maxDirectoryBytes} leave no room`,
      {
        hint: 'choose a shorter one with --build-dir or --output',
        exit: exitCode.usage,
      },
    );
  return path;
}

/** Variables whose names Microkit's Makefiles have given up; taken, with a hint (libvmm PR 77). */
const oldNames: Readonly<Record<string, string>> = { BOARD: 'MICROKIT_BOARD', CONFIG: 'MICROKIT_CONFIG' };

/** yargs makes an array of a flag that is repeated. The same value twice does no harm. */
function onlyValue(
  name: OptionName,
  flag: unknown,
): { readonly value: unknown; readonly contradictions: readonly Diagnostic[] } {
  if (!Array.isArray(flag)) return { value: flag, contradictions: [] };
  const values = [...new Set(flag.map(String))];
  if (values.length === 1) return { value: flag[0], contradictions: [] };
  const shown = values
    .slice(0, 4)
    .map((value) => `'${value}'`)
    .join(', ');
  const message = `--${name} is given ${flag.length} times, as ${shown}`;
  const hint = 'leave all but one of them out';
  return { value: flag[0], contradictions: [{ code: 'ARG121', severity: 'error', message, hint }] };
}

function settleOne(
  name: OptionName,
  flag: unknown,
  { env, given }: { env: NodeJS.ProcessEnv; given: ReadonlySet<string> },
  warnings: Diagnostic[],
): Setting | undefined {
  const spec: OptionSpec = optionTable[name];
  if (typeof flag === 'string' || typeof flag === 'number' || typeof flag === 'boolean')
    return { name, value: flag, origin: 'flag' };
  for (const variable of spec.env ?? []) {
    const value = env[variable];
    if (value === undefined) continue;
    const newName = oldNames[variable];
    if (newName !== undefined)
      warnings.push({
        code: 'ARG110',
        severity: 'warning',
        message: `${variable}=${value} is taken for --${name}`,
        hint: `use ${newName}, the name that Microkit's tools use now`,
      });
    return {
      name,
      value: spec.type === 'number' ? Number(value) : value,
      origin: given.has(variable) ? `word ${variable}=` : `environment ${variable}`,
    };
  }
  return spec.fallback === undefined ? undefined : { name, value: spec.fallback, origin: 'default' };
}

function judge({ name, value, origin }: Setting): Diagnostic[] {
  const error = (message: string, hint: string): Diagnostic[] => [
    { code: 'ARG101', severity: 'error', message: `${message} (from ${origin})`, hint },
  ];
  if (value === '' && name !== 'expect')
    return error(`--${name} is empty`, `give --${name} a value or leave it out`);
  if (typeof value === 'string' && /[\n\0]/.test(value))
    return error(`--${name} holds a newline or NUL`, 'use a name without control characters');
  if (name === 'jobs' && !(Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 1024))
    return error(`--jobs ${value} is not a whole number from 1 to 1024`, 'leave it out to use all cores');
  const { min, max } = vsockGuestCounts;
  if (name === 'vms' && !(Number.isInteger(value) && Number(value) >= min && Number(value) <= max))
    return error(`--vms ${value} is not a whole number from ${min} to ${max}`, `use --vms ${min}`);
  if (name === 'timeout' && !(Number(value) > 0 && Number(value) <= 86_400))
    return error(`--timeout ${value} is not a number of seconds above 0, up to 86400`, 'use --timeout 180');
  return [];
}
