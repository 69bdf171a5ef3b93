// SPDX-License-Identifier: BSD-2-Clause
// The programs that others use for the same: the Microkit tool, and Python with sdfgen. Each says why it cannot be had.
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { boardDts, loadBoard, packageDirectory } from '../../boards/index.ts';
import { runSteps } from '../../make/engine.ts';
import { cacheDir } from '../../make/store/cache.ts';
import { openBoard } from '../../make/store/sdk-board.ts';
import { findSdk } from '../../make/store/sdk.ts';
import { findSources } from '../../make/store/sources.ts';
import { cc } from '../../make/tools/clang.ts';
import { compileDeviceTree } from '../../make/tools/dtc.ts';
import { findTools } from '../../make/tools/find.ts';
import { link } from '../../make/tools/lld.ts';
import { targetFlags } from '../../make/tools/pd-flags.ts';
import { Refusal } from '../../meta/diagnostic.ts';
import type { Run } from './time.ts';

const boardName = 'qemu_virt_aarch64';
const source = (...path: string[]): string => join(packageDirectory(), ...path);

/** Makes the program that the systems name; gives the tool's command line for a system file. */
export async function prepareTool(
  buildDir: string,
  signal: AbortSignal,
): Promise<((name: string, system: string) => Run) | string> {
  try {
    const { cpu } = await loadBoard(boardName);
    const { sdk, libmicrokit, linkerScript, includeDir } = openBoard(
      findSdk({ env: process.env }),
      boardName,
      'debug',
    );
    const { clang, lld } = await findTools(['clang', 'lld'], process.env);
    const steps = [
      cc({
        clang: clang.path,
        source: source('bench/check/component.c'),
        output: 'component.o',
        flags: targetFlags(cpu),
        includes: [includeDir],
      }),
      link({
        lld: lld.path,
        objects: ['component.o'],
        archives: [libmicrokit],
        script: linkerScript,
        output: 'component.elf',
      }),
    ];
    await runSteps(steps, { buildDir, signal });
    const words = ['--search-path', buildDir, '--board', boardName, '--config', 'debug'];
    const outputs = ['-o', join(buildDir, 'loader.img'), '-r', join(buildDir, 'report.txt')];
    return (name, system) => ({
      name,
      argv: [sdk.tool, system, ...words, ...outputs],
      env: { MICROKIT_SDK: sdk.path },
    });
  } catch (error) {
    return reasonOf(error);
  }
}

/** The shipped system by sdfgen, from a Python that the tests' setup has made. */
export async function prepareSdfgen(buildDir: string, signal: AbortSignal): Promise<Run | string> {
  const python =
    process.env['VMBUILD_SDFGEN_PYTHON'] ?? join(cacheDir(process.env), 'venv-sdfgen-0.35.1/bin/python');
  if (!existsSync(python)) return `there is no Python with sdfgen at ${python}`;
  try {
    const { serial, timer } = await loadBoard(boardName);
    const { sddf } = findSources({ env: process.env });
    const { dtc } = await findTools(['dtc'], process.env);
    const trees = [
      compileDeviceTree({ dtc: dtc.path, input: boardDts(boardName), output: 'host.dtb' }),
      compileDeviceTree({ dtc: dtc.path, input: source('test/meta/guest.dts'), output: 'guest.dtb' }),
    ];
    await runSteps(trees, { buildDir, signal });
    const out = join(buildDir, 'sdfgen');
    await mkdir(out, { recursive: true });
    const files = ['host.dtb', 'guest.dtb'].map((file) => join(buildDir, file));
    return {
      name: 'python3 with sdfgen, no socket',
      argv: [
        python,
        source('bench/check/sdfgen_system.py'),
        sddf.path,
        ...files,
        serial.node,
        timer.node,
        out,
      ],
    };
  } catch (error) {
    return reasonOf(error);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Refusal)) throw error;
  return error.message;
}
