// SPDX-License-Identifier: BSD-2-Clause
// A disk that refuses: test/make/fault_injector.c, compiled once and preloaded into what is run.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, type TestContext } from 'vitest';
import { requireOrSkip } from '../require.ts';
import { packageRoot } from './program.ts';

export interface Fault {
  /** `open` is one that could write. */
  readonly call: 'write' | 'open' | 'fsync' | 'rename' | 'mkdir' | 'link';
  readonly error: 'ENOSPC' | 'EDQUOT' | 'EROFS' | 'EACCES' | 'EIO' | 'EPERM';
  /** Part of the path. */
  readonly path: string;
  /** Which of each process's calls; default: all. */
  readonly nth?: number;
}

let made: string | undefined;
afterAll(() => {
  if (made !== undefined) rmSync(made, { recursive: true, force: true });
});

/** Environment with which a program meets `fault`. Skips, visibly, where that cannot be made. */
export function meet(ctx: TestContext, { call, error, path, nth = 0 }: Fault): Record<string, string> {
  made ??= compile(ctx);
  return {
    LD_PRELOAD: join(made, 'fault.so'),
    VMBUILD_FAULT: `${call}:${constants.errno[error]}:${path}:${nth}`,
  };
}

function compile(ctx: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'vmbuild-fault-'));
  const source = join(packageRoot, 'test/make/fault_injector.c');
  const warnings = ['-Wall', '-Wextra', '-Werror'];
  try {
    execFileSync(
      'clang',
      ['-shared', '-fPIC', ...warnings, '-o', join(directory, 'fault.so'), source, '-ldl'],
      {
        stdio: 'ignore',
      },
    );
  } catch {
    rmSync(directory, { recursive: true });
    requireOrSkip(ctx, 'clang', false, 'clang cannot make a shared library for this machine');
  }
  return directory;
}
