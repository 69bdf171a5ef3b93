// SPDX-License-Identifier: BSD-2-Clause
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { renderBootargs } from '../../linux/bootargs.ts';
import { checkDtbFit, renderGuestDts } from '../../linux/device-tree.ts';
import { gpaRange, gpaWindow } from '../../meta/units.ts';
import { requireOrSkip } from '../require.ts';
import { testLayout, testLayoutV3 } from './layout.ts';
import { findTool } from './toolchain.ts';

const orders = { recvFrom: 4, nonce: 0x1234n } as const;

describe('bootargs', () => {
  test('the words of the protocol, the nonce with all its digits', () => {
    expect(renderBootargs(orders)).toBe(
      'console=hvc0 cma=0 panic=-1 loglevel=5 vsock_recv=4 vsock_nonce=0000000000001234',
    );
    expect(
      renderBootargs(
        { ...orders, after: 'shell' },
        { init: '/vsock_init', console: 'ttyAMA0', logLevel: 8, more: ['quiet'] },
      ),
    ).toBe(
      'console=ttyAMA0 cma=0 panic=-1 loglevel=8 rdinit=/vsock_init vsock_recv=4 vsock_nonce=0000000000001234 vsock_after=shell quiet',
    );
    expect(renderBootargs({ ...orders, after: 'poweroff' })).not.toContain('after');
    expect(renderBootargs({ ...orders, sendTo: 5 })).toContain(' vsock_recv=4 vsock_send=5 vsock_nonce=');
    expect(renderBootargs({ sendTo: 5, nonce: 1n })).not.toContain('vsock_recv');
    expect(renderBootargs({ nonce: 1n })).not.toMatch(/vsock_(recv|send)/);
  });

  test('no word of ours has a dot before its value: the kernel would take it for a module parameter', () => {
    for (const word of renderBootargs({ ...orders, after: 'shell' }).split(' '))
      expect(word.split('=')[0]).not.toContain('.');
  });

  test('BOOT101, BOOT102: words that the kernel could not take', () => {
    expect(() => renderBootargs(orders, { more: ['caf\u00e9'] })).toThrow(
      'BOOT101 the guest\'s command line holds "\u00e9"; only printable ASCII may be in it',
    );
    const room = 2047 - renderBootargs(orders).length - 1;
    expect(renderBootargs(orders, { more: ['x'.repeat(room)] })).toHaveLength(2047);
    expect(() => renderBootargs(orders, { more: ['x'.repeat(room + 1)] })).toThrow(
      "BOOT102 the guest's command line has 2048 bytes; the kernel keeps 2047",
    );
  });

  test('a nonce that is no u64 is our mistake', () => {
    expect(() => renderBootargs({ ...orders, nonce: 1n << 64n })).toThrow(/not an unsigned 64-bit number/);
  });
});

async function compile(ctx: Parameters<typeof requireOrSkip>[0], text: string): Promise<string> {
  const dtc = findTool('dtc');
  requireOrSkip(ctx, 'dtc', dtc !== undefined, 'no dtc');
  const dir = await mkdtemp(join(tmpdir(), 'vmbuild-dts-'));
  try {
    await writeFile(join(dir, 'guest.dts'), text);
    const args = ['-I', 'dts', '-O', 'dtb', '-o', join(dir, 'guest.dtb'), join(dir, 'guest.dts')];
    const { stderr } = await execa(dtc ?? '', args);
    expect(stderr).toBe('');
    const back = await execa(dtc ?? '', ['-q', '-s', '-I', 'dtb', '-O', 'dts', join(dir, 'guest.dtb')]);
    return back.stdout;
  } finally {
    await rm(dir, { recursive: true });
  }
}

describe('device tree', () => {
  test.for([
    [
      'GICv2',
      testLayout,
      [
        'compatible = "arm,cortex-a15-gic"',
        '0x8000000 0x00 0x10000 0x00 0x8010000 0x00 0x10000>',
        '<0x01 0x0d 0x104 0x01 0x0e 0x104 0x01 0x0b 0x104 0x01 0x0a 0x104>',
      ],
    ],
    [
      'GICv3',
      testLayoutV3,
      [
        'compatible = "arm,gic-v3"',
        '0x38800000 0x00 0x10000 0x00 0x38880000 0x00 0xc0000>',
        '<0x01 0x0d 0x04 0x01 0x0e 0x04 0x01 0x0b 0x04 0x01 0x0a 0x04>',
      ],
    ],
  ] as const)('dtc compiles it without a warning: %s', async ([name, layout, wanted], ctx) => {
    const text = await compile(ctx, renderGuestDts(layout, renderBootargs(orders)));
    for (const one of wanted) expect(text, name).toContain(one);
    expect(text).toContain('linux,initrd-start = <0x00 0x47000000>');
    expect(text).toContain('linux,initrd-end = <0x00 0x47f00000>');
    expect(text).toContain('method = "smc"');
    for (const [address, spi] of [
      ['130000', '0x2a'],
      ['140000', '0x2b'],
    ] as const)
      expect(text).toMatch(
        new RegExp(
          `@${address} \\{[^}]*interrupts = <0x00 ${spi} 0x04>[^}]*reg = <0x00 0x${address} 0x00 0x200>`,
        ),
      );
    expect(text).toMatch(/memory@40000000 \{[^}]*reg = <0x00 0x40000000 0x00 0x8000000>/);
  });

  test('RAM above 4 GiB takes two cells', async (ctx) => {
    const ram = gpaRange(0x8_0000_0000n, 0x1000_0000);
    const initrd = gpaWindow(0x8_0d00_0000n, 0x8_0e00_0000n);
    const text = await compile(ctx, renderGuestDts({ ...testLayout, ram, initrd }, ''));
    expect(text).toMatch(/memory@800000000 \{[^}]*reg = <0x08 0x00 0x00 0x10000000>/);
    expect(text).toContain('linux,initrd-end = <0x08 0xe000000>');
  });

  test('quotes and backslashes of bootargs come out as they went in', async (ctx) => {
    const text = await compile(ctx, renderGuestDts(testLayout, String.raw`a="b c" d\e`));
    expect(text).toContain(String.raw`bootargs = "a=\"b c\" d\\e"`);
  });

  test('a newline in bootargs is our mistake', () => {
    expect(() => renderGuestDts(testLayout, 'a\nb')).toThrow('not printable ASCII');
  });

  test('GST120: against its window, to the byte', () => {
    expect(checkDtbFit(0x10_0000, testLayout, 'x')).toEqual([]);
    expect(checkDtbFit(0x10_0001, testLayout, 'x')[0]?.message).toContain(
      "device tree 'x' takes 1048577 B (0x100001), but its window [0x47f00000..0x48000000) has 1 MiB (0x100000)",
    );
  });
});
