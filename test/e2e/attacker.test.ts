// SPDX-License-Identifier: BSD-2-Clause
// Two Linux guests and three bare-metal ones that attack at EL1 (test/e2e/attacker), on the real seL4: the honest two must
// not notice, and no protection domain may fault. What each attacker does last is another thing every time.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, it, type TestContext } from 'vitest';
import { findTools } from '../../make/tools/find.ts';
import { copyPackage, mutate, needQemu, packageRoot, scratch, vmbuild } from './program.ts';

const minutes = 60_000;
const honest = 2;
const attackers = 3;
const verdict = String.raw`^vsock send: peer=3 .* verified`;
const args = ['--guest', 'debian', '--timeout', '700', '--expect', verdict];

const ends = [
  {
    first: 0,
    title: 'reset in a handler, reset in a loop, store with writeback',
    wanted: [
      // In its second life, after one that ended in the handler of an interrupt.
      /HOSTILE: life 2 gets interrupts/,
      /HOSTILE: CID 5 goes on after [1-9]/,
      /CLIENT_VMM3\|ERROR .*guest stopped: it was reset more than 8 times/,
      /CLIENT_VMM4\|ERROR .*guest stopped at PC .* address 0x8000100/,
    ],
  },
  {
    first: 3,
    title: 'broken console queues, a wait without end, an unknown hypercall',
    wanted: [
      /CLIENT_VMM2\|ERROR .*guest stopped at PC .* its console queues are broken/,
      /HOSTILE: CID 7 was answered/,
    ],
  },
  {
    first: 6,
    title: 'load from nowhere, instructions from a device',
    wanted: [
      /CLIENT_VMM2\|ERROR .*unexpected memory fault on address: 0xdead0000/,
      /CLIENT_VMM3\|ERROR .*guest stopped at PC .* an instruction was fetched/,
    ],
  },
];

for (const { first, title, wanted } of ends)
  it(`guests that attack at EL1 stop nobody but themselves: ${title}`, {
    timeout: 14 * minutes,
  }, async (ctx) => {
    await needQemu(ctx);
    const run = await vmbuild(
      ['qemu', ...args, '--vms', String(honest + attackers), '--build-dir', scratch()],
      { root: await withAttackers(ctx, first) },
    );
    expect(run.code, run.stderr.slice(-4000)).toBe(0);
    expect(run.stderr).toMatch(/client_linux0\| vsock recv: peer=4 .* verified/);
    expect(run.stderr).toMatch(/client_linux1\| vsock send: peer=3 .* verified/);
    expect(run.stderr).not.toMatch(/MON\|ERROR|faulting PD|Failed assertion|was not stopped|no interrupts/);
    for (let cid = 5; cid < 5 + attackers; cid += 1)
      expect(run.stderr).toMatch(new RegExp(`HOSTILE: CID ${cid} survived [1-9]`));
    for (const pattern of wanted) expect(run.stderr).toMatch(pattern);
  });

/** A copy of vmbuild that gives all guests but the first two our own kernel. */
async function withAttackers(ctx: TestContext, firstEnding: number): Promise<string> {
  const root = copyPackage();
  const kernel = join(await buildAttacker(ctx, firstEnding), 'attacker.img');
  // The device tree's name says whose images these are.
  const honestNames = Array.from({ length: honest }, (_, i) => `client_linux${i}.dtb`);
  mutate(
    join(root, 'vmm/images.S'),
    '        .incbin GUEST_KERNEL_IMAGE_PATH\n',
    [
      '        .set is_honest, 0',
      ...honestNames.map(
        (name) =>
          `        .ifeqs GUEST_DTB_IMAGE_PATH, "guest/${name}"\n        .set is_honest, 1\n        .endif`,
      ),
      '        .if is_honest\n        .incbin GUEST_KERNEL_IMAGE_PATH',
      `        .else\n        .incbin "${kernel}"\n        .endif\n`,
    ].join('\n'),
  );
  mutate(
    join(root, 'vmm/images.S'),
    '        .incbin GUEST_INITRD_IMAGE_PATH\n',
    '        .if is_honest\n        .incbin GUEST_INITRD_IMAGE_PATH\n        .else\n        .quad 0\n        .endif\n',
  );
  return root;
}

/** Returns the directory that `attacker.img` is in. */
async function buildAttacker(ctx: TestContext, firstEnding: number): Promise<string> {
  const tools = await findTools(['clang', 'lld', 'llvm-objcopy'], process.env);
  const source = join(packageRoot, 'test/e2e/attacker');
  const out = join(scratch(), 'attacker');
  mkdirSync(out);
  const flags =
    '--target=aarch64-none-elf -std=c11 -O1 -ffreestanding -fno-pic -mgeneral-regs-only -mstrict-align -fno-stack-protector -Wall -Wextra -Werror -nostdlib -static -Wl,--build-id=none';
  const elf = join(out, 'attacker.elf');
  const files = ['start.S', 'attacker.c'].map((name) => join(source, name));
  const options = { cancelSignal: ctx.signal };
  const link = [
    `-DFIRST_ENDING=${firstEnding}`,
    `--ld-path=${tools.lld.path}`,
    `-Wl,-T,${join(source, 'image.ld')}`,
    '-o',
    elf,
  ];
  await execa(tools.clang.path, [...flags.split(' '), ...link, ...files], options);
  await execa(tools['llvm-objcopy'].path, ['-O', 'binary', elf, join(out, 'attacker.img')], options);
  return out;
}
