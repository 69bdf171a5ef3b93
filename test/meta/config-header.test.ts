// SPDX-License-Identifier: BSD-2-Clause
// The generated C headers, compiled against the real headers of sDDF and libvmm: they compile without a warning, and
// what the compiler puts into each section is what the layout table puts into the .data file.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadBoard } from '../../boards/index.ts';
import {
  type ComponentConfig,
  configuredPds,
  connectSerial,
  renderConfigHeader,
  renderData,
  SystemBuilder,
} from '../../meta/index.ts';
import { requireOrSkip } from '../require.ts';
import { describeForBoard } from './vsock-fixture.ts';
import { clangs, dtc, libvmm, objcopy, sddf, sdkInclude } from './upstream.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'vmbuild config header-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const systems: Record<string, () => Promise<readonly ComponentConfig[]>> = {
  'the vsock system of 2': async () => (await describeForBoard('qemu_virt_aarch64', 2)).configs,
  // The fullest table of peers; one VMM stands for all.
  'the vsock system of 16': async () =>
    (await describeForBoard('qemu_virt_aarch64', 16)).configs.filter(
      ({ pd }) => pd === 'CLIENT_VMM0' || pd?.startsWith('serial'),
    ),
  'serial with odd names and strings': describeOddSerial,
};

describe.each(['clang', 'clang-19', 'clang-14'])('%s', (clang) => {
  for (const [name, configsOf] of Object.entries(systems))
    test(`${name}: section bytes equal .data bytes`, async (ctx) => {
      requireOrSkip(ctx, 'clang', clangs.length > 0 && objcopy !== undefined, 'no clang with llvm-objcopy');
      if (!clangs.includes(clang)) ctx.skip(`no ${clang} here`);
      requireOrSkip(ctx, 'dtc', dtc !== undefined, 'no dtc');
      requireOrSkip(ctx, 'sddf', sddf !== undefined, 'no sDDF sources, SDDF is not set');
      requireOrSkip(ctx, 'libvmm', libvmm !== undefined, 'no libvmm sources, LIBVMM is not set');
      requireOrSkip(ctx, 'sdk', sdkInclude !== undefined, 'no Microkit SDK, MICROKIT_SDK is not set');
      const configs = await configsOf();
      const pds = configuredPds(configs);
      expect(pds.length).toBeGreaterThan(0);
      for (const pd of pds) {
        const object = compile(clang, renderConfigHeader(pd, configs));
        for (const config of configs.filter((config) => config.pd === pd))
          expect(sectionOf(object, config.section), `${pd} ${config.section}`).toBe(
            Buffer.from(renderData(config)).toString('hex'),
          );
      }
    });
});

/** Sixty-three bytes of name with everything that C, XML and UTF-8 could stumble over; a full begin string. */
async function describeOddSerial(): Promise<readonly ComponentConfig[]> {
  const sdf = new SystemBuilder(await loadBoard('qemu_virt_aarch64'));
  const pd = (name: string) => sdf.addPd({ name, programImage: `${name}.elf`, priority: 1 });
  const names = ['quote"back\\slash', 'tri??/graph\\', 'ünïcode 9digits7', `${'x'.repeat(62)}8`, 'a*/b//c'];
  const configs = connectSerial(sdf, {
    driver: pd('serial_driver'),
    virtTx: pd('serial_virt_tx'),
    virtRx: pd('serial_virt_rx'),
    clients: names.map(pd),
    enableColour: false,
    baudRate: 2 ** 40 + 1,
    beginString: `\x017\x1b[0m0${'?'.repeat(120)}`,
  });
  expect(sdf.findings).toEqual([]);
  return configs;
}

/** As Makefile.ts compiles it, with every warning an error; the header's own unused statics excepted. */
function compile(clang: string, text: string): string {
  const source = join(directory, 'pd.config.h');
  const object = join(directory, 'pd.config.o');
  writeFileSync(source, text);
  const includes = [
    `${sdkInclude}`,
    `${libvmm}/include`,
    `${sddf}/include`,
    `${sddf}/include/sddf/util/custom_libc`,
    `${sddf}/include/microkit`,
    new URL('../../vmm', import.meta.url).pathname,
  ];
  const flags = '-target aarch64-none-elf -mcpu=cortex-a53 -ffreestanding -O2 -Wall -Wextra -Werror';
  const own = '-Wno-unused-function -Wno-unused-variable -Wno-unused-parameter -Wno-sign-compare';
  const args = [...flags.split(' '), ...own.split(' '), ...includes.map((path) => `-I${path}`)];
  execFileSync(clang, [...args, '-x', 'c', '-c', source, '-o', object], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return object;
}

function sectionOf(object: string, section: string): string {
  const output = join(directory, 'section.bin');
  execFileSync(`${objcopy}`, ['-O', 'binary', `--only-section=${section}`, object, output]);
  return readFileSync(output).toString('hex');
}
