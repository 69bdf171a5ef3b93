// SPDX-License-Identifier: BSD-2-Clause
// What users of make, cargo and west type from memory, and what it is here. Words that vmbuild has itself are not in this
// table (cli/vmbuild.ts, cli/options.ts); a word of this table is looked for only where no command has its name.

export type ForeignWord =
  /** The same, in vmbuild's words. */
  | { readonly as: readonly string[] }
  /** The same with a value; some values have another name here. */
  | { readonly flag: string; readonly values?: Readonly<Record<string, string>> }
  /** Not here; how it is done instead. Starts with a verb. */
  | { readonly hint: string };

const seeFlags = "see 'vmbuild build --help' for the flags; there is no step of configuration";
const fetchInstead =
  "run 'vmbuild fetch', which gets what is missing in the versions that vmbuild is made for";
const debugInstead =
  "run 'vmbuild qemu -- -s -S' and connect a debugger to port 1234; symbols are in the ELF files of the build directory";
const flashInstead =
  "run 'vmbuild --board BOARD', which says how that board starts its image; vmbuild does not write to boards";

/** Words that stand where a command stands. */
export const foreignCommands: Readonly<Record<string, ForeignWord>> = {
  // make
  all: { as: ['build'] },
  image: { as: ['build'] },
  clobber: { as: ['clean'] },
  distclean: { as: ['clean'] },
  mrproper: { as: ['clean'] },
  menuconfig: { hint: seeFlags },
  defconfig: { hint: seeFlags },
  configure: { hint: seeFlags },
  install: { hint: "run 'vmbuild setup' for the Debian packages, 'vmbuild fetch' for the SDK and sources" },
  // cargo
  run: { as: ['qemu'] },
  help: { as: ['--help'] },
  version: { as: ['--version'] },
  test: { hint: "run 'vmbuild qemu --expect', which judges a run; vmbuild's own tests are 'npm test'" },
  bench: { hint: "run 'npm run bench' in vmbuild's sources" },
  doc: { hint: "read docs/ in vmbuild's sources" },
  new: { hint: 'start from examples/ and README.md in the sources' },
  add: { hint: fetchInstead },
  list: { hint: "run 'vmbuild boards' for the boards, 'vmbuild --help' for the commands" },
  // west
  init: { hint: fetchInstead },
  update: { hint: fetchInstead },
  upgrade: { hint: fetchInstead },
  flash: { hint: flashInstead },
  upload: { hint: flashInstead },
  deploy: { hint: flashInstead },
  debug: { hint: debugInstead },
  gdb: { hint: debugInstead },
  attach: { hint: debugInstead },
  debugserver: { hint: debugInstead },
};

const noMakefile = "leave it out: the plan is vmbuild's own, and no Makefile is read";
const noFeatures = 'use --config, --vms and --append, which choose what is built';

export const foreignFlags: Readonly<Record<string, ForeignWord>> = {
  // make
  '-h': { as: ['--help'] },
  '-s': { as: ['--quiet'] },
  '--silent': { as: ['--quiet'] },
  '--just-print': { as: ['--dry-run'] },
  '--recon': { as: ['--dry-run'] },
  '-f': { hint: noMakefile },
  '--makefile': { hint: noMakefile },
  '-o': {
    hint: "use --build-dir DIR: the image is DIR/loader.img; 'vmbuild generate' has --output DIR",
  },
  // cargo
  '-V': { as: ['--version'] },
  '--release': { as: ['--config', 'release'] },
  '--debug': { as: ['--config', 'debug'] },
  '--profile': { flag: '--config', values: { dev: 'debug' } },
  '--target-dir': { flag: '--build-dir' },
  '--locked': { as: [] }, // versions are always those of make/stack.ts
  '--frozen': { as: ['--offline'] },
  '--message-format': { hint: 'use --json' },
  '--features': { hint: noFeatures },
  '-F': { hint: noFeatures },
  '--package': { hint: noFeatures },
  '--example': { hint: noFeatures },
  '--list': { hint: "run 'vmbuild --help' for the commands" },
  // west, cmake
  '--build': { flag: '--build-dir' },
  '-G': { hint: seeFlags },
};

/** What `-p` of west may be followed by. Its `-p` alone is `always`. */
export const pristineValues: Readonly<Record<string, readonly string[]>> = {
  always: ['--always-make'],
  auto: [],
  never: [],
};

/** Words of the form `NAME=value` that are no variables here. */
export const foreignVariables: Readonly<Record<string, ForeignWord>> = {
  'V=0': { as: [] },
  'V=1': { as: ['--verbose'] },
  'VERBOSE=1': { as: ['--verbose'] },
};

/** `-DNAME=value`, `--target aarch64-…`, `+nightly`, a file to make: there are too many to list. */
export const foreignHints = {
  define: seeFlags,
  target:
    "leave it out: the compiler's target follows from --board, and goals are commands ('vmbuild --help')",
  toolchain: "leave it out: the newest clang on PATH is taken ('vmbuild doctor' says which)",
  pristine: 'use -p always, auto or never; there are no packages to choose',
  file: "run 'vmbuild': it makes loader.img and all else that the build directory holds",
} as const;
