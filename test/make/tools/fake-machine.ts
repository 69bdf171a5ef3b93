// SPDX-License-Identifier: BSD-2-Clause
// A machine on which nothing is installed yet: a PATH of one directory with an apt-get and a sudo that note how they
// were called. `apt-get install` puts the programs of its packages on the PATH, unless it is told to do something else.
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fakeTool, runsOf, scratchDir, write } from '../scratch.ts';

export interface FakeMachine {
  readonly bin: string;
  readonly env: Readonly<Record<string, string>>;
  /** Puts the programs of these packages on the PATH. */
  readonly install: (...packages: readonly string[]) => void;
  /** Replaces what `apt-get VERB` does: lines of sh. */
  readonly onApt: (verb: 'update' | 'install', script: string) => void;
  /** All calls of apt-get, in order. */
  readonly runs: () => string[];
  /** What `apt-get install` does if it is told nothing else. */
  readonly defaultInstall: string;
}

/** What `--version` says, and what else the tests of needs look at. */
const programs: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  clang: {
    clang: `case "$1" in
      -print-file-name=*) if [ -e "\${0%/*}/asan" ]; then echo "/lib/\${1#*=}"; else echo "\${1#*=}"; fi;;
      *) echo "Debian clang version 19.1.7";;
    esac`,
  },
  lld: { 'ld.lld': 'echo "LLD 19.1.7"' },
  llvm: { 'llvm-objcopy': 'echo "LLVM version 19.1.7"', 'llvm-ar': 'echo "LLVM version 19.1.7"' },
  'device-tree-compiler': { dtc: 'echo "Version: DTC 1.7.2"' },
  'qemu-system-arm': { 'qemu-system-aarch64': 'echo "QEMU emulator version 10.0.2"' },
  'xz-utils': { xz: '' },
  cpio: { cpio: '' },
  git: { git: '' },
  'ca-certificates': {},
  'libxml2-utils': { xmllint: '' },
  'python3-venv': { python3: '' },
  'libclang-rt-dev': { asan: '' },
  'libclang-rt-19-dev': { asan: '' },
};

export const runPackages = [
  'clang',
  'lld',
  'llvm',
  'device-tree-compiler',
  'qemu-system-arm',
  'xz-utils',
  'git',
  'ca-certificates',
] as const;

export function fakeMachine({ sudo = true } = {}): FakeMachine {
  const bin = scratchDir('bin');
  const store = join(bin, 'packages');
  for (const [name, commands] of Object.entries(programs)) {
    mkdirSync(join(store, name), { recursive: true });
    for (const [command, script] of Object.entries(commands))
      chmodSync(write(join(store, name), command, `#!/bin/sh\n${script}\n`), 0o755);
  }
  const defaultInstall = `for word; do if [ -d '${store}'/"$word" ]; then /bin/cp -r '${store}'/"$word"/. '${bin}'; fi; done`;
  // Each verb has a script of its own, so that a test can replace one.
  fakeTool(bin, 'apt-get', `verb=$1; . '${bin}'/"apt-$verb.sh"`);
  if (sudo) fakeTool(bin, 'sudo', 'if [ "$1" = -n ]; then shift; fi; exec "$@"');
  const machine: FakeMachine = {
    bin,
    env: { PATH: bin, VMBUILD_CACHE: join(bin, 'cache'), HOME: bin },
    install: (...packages) => {
      for (const name of packages)
        for (const [command, script] of Object.entries(programs[name] ?? {}))
          chmodSync(write(bin, command, `#!/bin/sh\n${script}\n`), 0o755);
    },
    onApt: (verb, script) => {
      write(bin, `apt-${verb}.sh`, `${script}\n`);
    },
    runs: () => runsOf(bin, 'apt-get'),
    defaultInstall,
  };
  machine.onApt('update', 'echo "Reading package lists..."');
  machine.onApt('install', defaultInstall);
  return machine;
}
