// SPDX-License-Identifier: BSD-2-Clause
// QEMU's command line from a board's data, and the question whether a QEMU has the board's machine at all.
import { describe, expect, it } from 'vitest';
import { boardNames, loadBoard } from '../../../boards/index.ts';
import { searchTools, type Tool } from '../../../make/tools/find.ts';
import { findMachine } from '../../../make/tools/qemu-machine.ts';
import { qemuArguments, type QemuMachine, type QemuOptions } from '../../../make/tools/qemu.ts';
import { exitCode } from '../../../meta/diagnostic.ts';
import { refusedBy } from '../refused.ts';
import { requireOrSkip } from '../../require.ts';
import { fakeTool, scratchDir } from '../scratch.ts';

const virt: QemuMachine = {
  machine: 'virt,virtualization=on',
  cpu: 'cortex-a53',
  memory: '2G',
  serialPort: 0,
  start: 'loader',
};
const options: QemuOptions = {
  image: '/a,b/loader.img',
  loadAddress: 0x70000000n,
  cpu: 'cortex-a72',
  dtb: '/a,b/board.dtb',
  properties: new Set(),
};
const words = (machine: Partial<QemuMachine>, more: Partial<QemuOptions> = {}): string =>
  qemuArguments({ ...virt, ...machine }, { ...options, ...more }).join(' ');

describe('arguments', () => {
  it('no network card, commas in paths doubled, the monitor only if asked for', () => {
    expect(words({})).toBe(
      '-machine virt,virtualization=on -m size=2G -display none -nic none -no-user-config -cpu cortex-a53 -serial stdio ' +
        '-monitor none -device loader,file=/a,,b/loader.img,addr=0x70000000,cpu-num=0',
    );
    expect(words({}, { monitor: true, cores: 4 })).toContain('-smp 4 -serial mon:stdio -device');
  });

  it('with a firmware the image is a kernel that finds its own place, with a device tree for QEMU', () => {
    const text = words({ start: 'firmware' });
    expect(text).toContain('-kernel /a,b/loader.img -dtb /a,b/board.dtb');
    expect(text).not.toContain('loader,file');
  });

  it('the third serial port is the console, the others are nobody', () => {
    expect(words({ serialPort: 2 })).toContain('-serial null -serial null -serial stdio -monitor none');
  });

  it('the timer of the CPU that the machine has or is given', () => {
    const { cpu: _, ...own } = virt;
    expect(words({ timerHz: 100_000_000 })).toContain('-global cortex-a53-arm-cpu.cntfrq=100000000');
    expect(qemuArguments({ ...own, timerHz: 24 }, options)).toContain('cortex-a72-arm-cpu.cntfrq=24');
    expect(qemuArguments(own, options)).not.toContain('-cpu');
  });

  it('a machine with sound gets none', () => {
    expect(words({}, { properties: new Set(['audiodev']) })).toContain(
      '-machine virt,virtualization=on,audiodev=none -audiodev none,id=none -m',
    );
  });
});

describe('machine', () => {
  const qemu = (script: string): Tool => ({
    name: 'qemu-system-aarch64',
    path: fakeTool(scratchDir(), 'qemu-system-aarch64', script),
    version: '7.2.22',
  });
  const help = (...properties: string[]): string =>
    `echo 'virt-7.2-machine options:'; ${properties.map((name) => `echo '  ${name}=<bool>   - Set on/off'`).join('; ')}`;

  it('gives the properties', async () => {
    const found = await findMachine(qemu(help('secure', 'virtualization')), 'virt,virtualization=on');
    expect([...found]).toEqual(['secure', 'virtualization']);
  });

  it('[QEMU] no `virt` with virtualization=on: both are named before anything is built', async () => {
    const none = qemu("echo 'Supported machines are:'; echo 'none   empty machine'");
    expect(await refusedBy(() => findMachine(none, 'virt,virtualization=on'))).toMatchObject({
      exit: exitCode.missing,
      diagnostics: [
        {
          code: 'RUN120',
          message: `'${none.path}' 7.2.22 has no machine 'virt'`,
          hint: 'install a QEMU that has it, and put it first on PATH',
        },
      ],
    });
    const plain = qemu(help('secure'));
    expect(await refusedBy(() => findMachine(plain, 'virt,secure=off,virtualization=on'))).toMatchObject({
      exit: exitCode.missing,
      diagnostics: [
        {
          code: 'RUN121',
          message: `'${plain.path}' 7.2.22 has the machine 'virt', but without 'virtualization=on'`,
        },
      ],
    });
  });

  it('a QEMU that cannot answer is refused in its own words', async () => {
    const broken = qemu("echo 'cannot allocate memory' >&2; exit 3");
    expect(await refusedBy(() => findMachine(broken, 'virt'))).toMatchObject({
      exit: exitCode.missing,
      diagnostics: [
        {
          code: 'RUN122',
          message: `'${broken.path} -machine virt,help' exited with 3: cannot allocate memory`,
        },
      ],
    });
    const silent = qemu('kill -SEGV $$');
    expect((await refusedBy(() => findMachine(silent, 'virt'))).message).toContain('it said nothing');
  });

  it("the real QEMU has every board's", async (ctx) => {
    const { found } = await searchTools(['qemu-system-aarch64'], process.env);
    const real = found.get('qemu-system-aarch64');
    requireOrSkip(ctx, 'qemu', real !== undefined, 'no qemu-system-aarch64 on PATH');
    for (const name of boardNames()) {
      const { qemu: machine } = await loadBoard(name);
      if (machine !== undefined)
        expect(await findMachine(real as Tool, machine.machine)).toContain('virtualization');
    }
    expect((await refusedBy(() => findMachine(real as Tool, 'vurt,virtualization=on'))).message).toContain(
      "has no machine 'vurt'",
    );
    expect((await refusedBy(() => findMachine(real as Tool, 'virt,vurt=on'))).message).toContain(
      "but without 'vurt=on'",
    );
  });
});
