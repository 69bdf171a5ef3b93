// SPDX-License-Identifier: BSD-2-Clause
// What the real Microkit tool makes of a description: one small program serves for every protection domain. Each system
// is built once.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, type TestContext } from 'vitest';
import { findSdk } from '../../make/store/sdk.ts';
import { openBoard, type SdkBoard } from '../../make/store/sdk-board.ts';
import { searchTools } from '../../make/tools/find.ts';
import { type Program, parseProgram } from '../../meta/audit/program.ts';
import { Refusal } from '../../meta/diagnostic.ts';
import { allPds, renderSdf, type SystemDescription } from '../../meta/index.ts';
import { requireOrSkip } from '../require.ts';

export interface BuiltSystem {
  readonly system: SystemDescription;
  /** What --capdl-json wrote. */
  readonly json: string;
  readonly programs: ReadonlyMap<string, Program>;
  readonly prefills: ReadonlyMap<string, Uint8Array>;
}

const directory = mkdtempSync(join(tmpdir(), 'vmbuild-audit-'));
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** Skips, visibly, without an SDK or a compiler. */
export async function needMicrokit(ctx: TestContext, config = 'debug'): Promise<void> {
  const sdk = findBoard(config, 'qemu_virt_aarch64');
  requireOrSkip(ctx, 'sdk', typeof sdk !== 'string', typeof sdk === 'string' ? sdk : '');
  const { diagnostics } = await searchTools(['clang', 'lld'], process.env);
  requireOrSkip(ctx, 'clang', diagnostics.length === 0, diagnostics.map((d) => d.message).join('; '));
}

/** What the programs of `system` find in their memory is not looked at: `prefills` are files by their path. */
export async function buildSystem(
  name: string,
  system: SystemDescription,
  {
    config = 'debug',
    board = 'qemu_virt_aarch64',
    prefills = {},
  }: { config?: string; board?: string; prefills?: Record<string, Uint8Array> } = {},
): Promise<BuiltSystem> {
  const sdk = findBoard(config, board);
  if (typeof sdk === 'string') throw new Error(sdk);
  const elf = await program(sdk, config);
  const work = join(directory, `${name}-${board}-${config}`);
  mkdirSync(work, { recursive: true });
  writeFileSync(join(work, 'a.system'), renderSdf(system));
  for (const { programImage } of allPds(system.protectionDomains))
    writeFileSync(join(work, programImage), elf);
  for (const [path, bytes] of Object.entries(prefills)) writeFileSync(join(work, path), bytes);
  const outputs = ['-o', 'loader.img', '-r', 'report.txt', '--capdl-json', 'capdl.json'];
  execFileSync(
    sdk.sdk.tool,
    ['a.system', '--search-path', '.', '--board', sdk.board, '--config', config, ...outputs],
    { cwd: work, env: { MICROKIT_SDK: sdk.sdk.path }, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const read = parseProgram(elf, 'a.elf');
  return {
    system,
    json: readFileSync(join(work, 'capdl.json'), 'utf8'),
    programs: new Map([
      ...allPds(system.protectionDomains).map((pd) => [pd.name, read] as const),
      ['monitor', monitorProgram(sdk)],
    ]),
    prefills: new Map(Object.entries(prefills)),
  };
}

export const monitorProgram = (sdk: SdkBoard): Program =>
  parseProgram(readFileSync(join(sdk.directory, 'elf/monitor.elf')), 'monitor.elf');

/** Else why there is none. */
export function findBoard(config: string, board: string): SdkBoard | string {
  try {
    return openBoard(findSdk({ env: process.env }), board, config);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return error.diagnostics.map(({ message }) => message).join('; ');
  }
}

const source = `
#include <microkit.h>
#define VARIABLE(name) unsigned long name __attribute__((section(".data"))) = 1
VARIABLE(at); VARIABLE(size); VARIABLE(address);
static char much[20000];
void init(void) { much[7] = 1; }
void notified(microkit_channel ch) { much[ch] = 2; }
microkit_msginfo protected(microkit_channel ch, microkit_msginfo info) { return info; }
seL4_Bool fault(microkit_child child, microkit_msginfo info, microkit_msginfo *reply) { return seL4_False; }
`;

async function program(sdk: SdkBoard, config: string): Promise<Buffer> {
  const { found } = await searchTools(['clang', 'lld'], process.env);
  const path = (extension: string): string => join(directory, `program-${sdk.board}-${config}.${extension}`);
  writeFileSync(path('c'), source);
  const target = ['--target=aarch64-none-elf', '-mstrict-align', '-ffreestanding', '-nostdlib', '-O1'];
  const compile = [...target, '-I', sdk.includeDir, '-c', path('c'), '-o', path('o')];
  execFileSync(found.get('clang')?.path ?? '', compile);
  const link = [path('o'), sdk.libmicrokit, '-T', sdk.linkerScript, '-o', path('elf')];
  execFileSync(found.get('lld')?.path ?? '', link);
  return readFileSync(path('elf'));
}
