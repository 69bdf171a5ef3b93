// SPDX-License-Identifier: BSD-2-Clause
// How a kernel was configured: out of the Image, out of a .config, out of the module lists; and what is said of it.
import { Buffer } from 'node:buffer';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type KernelConfig, parseConfig, parseModuleLists, readIkconfig } from '../../linux/kernel-config.ts';
import { checkKernelNeeds } from '../../linux/kernel-needs.ts';
import { goodConfig, makeImage } from './kernels.ts';

const four = [
  'CONFIG_VSOCKETS',
  'CONFIG_VSOCKETS_LOOPBACK',
  'CONFIG_VIRTIO_VSOCKETS',
  'CONFIG_VIRTIO_VSOCKETS_COMMON',
];

describe('IKCONFIG in an Image', () => {
  it('is read, wherever the kernel has the words besides', () => {
    const image = Buffer.concat([
      Buffer.from('a string IKCFG_ST in the code, and IKCFG_ST\x1f\x8b that is no gzip IKCFG_ED', 'latin1'),
      makeImage({ config: goodConfig }),
    ]);
    const config = readIkconfig(image);
    expect(four.map((option) => config?.state(option))).toEqual(['y', 'y', 'y', 'y']);
    expect(config?.state('CONFIG_SOMETHING')).toBe('n');
  });

  const marked = (bytes: Buffer, end = 'IKCFG_ED'): Buffer =>
    Buffer.concat([makeImage(), Buffer.from('IKCFG_ST'), bytes, Buffer.from(end)]);
  it.each([
    ['none', makeImage()],
    ['cut off', marked(gzipSync(goodConfig).subarray(0, -9))],
    ['without its end', marked(gzipSync(goodConfig), '')],
    ['a bomb', marked(gzipSync(Buffer.alloc(17 * 1024 ** 2)))],
  ])('%s: as good as none', (_, image) => {
    expect(readIkconfig(image)).toBeUndefined();
  });
});

it('a .config: y, m and everything else', () => {
  const text =
    'CONFIG_VSOCKETS=y\r\nCONFIG_A=m\n# CONFIG_B is not set\nCONFIG_C="y"\n CONFIG_D=y\nCONFIG_E=yes\n';
  const config = parseConfig(text, 'x');
  expect(['VSOCKETS', 'A', 'B', 'C', 'D', 'E'].map((name) => config.state(`CONFIG_${name}`))).toEqual([
    'y',
    'm',
    'n',
    'n',
    'n',
    'n',
  ]);
});

it('modules.builtin and modules.dep: hyphens are underscores, packed files count', () => {
  const lists = parseModuleLists(
    {
      builtin: 'kernel/drivers/virtio/virtio-mmio.ko\n',
      dep: 'kernel/net/vmw_vsock/vsock.ko.xz:\nkernel/a/b.ko: kernel/net/vmw_vsock/vsock.ko.xz\n',
    },
    'x',
  );
  expect(lists.state('CONFIG_VIRTIO_MMIO', 'virtio_mmio')).toBe('y');
  expect(lists.state('CONFIG_VSOCKETS', 'vsock')).toBe('m');
  expect(lists.state('CONFIG_VIRTIO_VSOCKETS', 'vmw_vsock_virtio_transport')).toBe('n');
  expect(lists.state('CONFIG_RD_GZIP')).toBeUndefined();
  const half = parseModuleLists({ builtin: '', dep: 'a/vsock.ko:\n' }, 'x');
  expect(half.state('CONFIG_VSOCKETS', 'vsock')).toBe('m');
  expect(half.state('CONFIG_VIRTIO_MMIO', 'virtio_mmio')).toBeUndefined();
});

const judge = (config: KernelConfig | undefined, modules: readonly string[] = [], isSure = true): string[] =>
  checkKernelNeeds({ path: 'Image', release: '6.13.1', config, modules: new Set(modules), isSure }).map(
    ({ code, severity, message, hint }) => `${code} ${severity}: ${message} | ${hint}`,
  );
const without = (option: string, line = `# ${option} is not set`): KernelConfig =>
  parseConfig(goodConfig.replace(`${option}=y`, line), 'its IKCONFIG');
const transport = 'CONFIG_VIRTIO_VSOCKETS';

describe('what a kernel needs', () => {
  it('all there: nothing to say', () => {
    expect(judge(parseConfig(goodConfig, 'x'))).toEqual([]);
  });

  it.each([
    ['CONFIG_VSOCKETS', 'error'],
    ['CONFIG_VSOCKETS_LOOPBACK', 'warning'],
    ['CONFIG_VIRTIO_VSOCKETS', 'error'],
    ['CONFIG_VIRTIO_VSOCKETS_COMMON', 'error'],
    ['CONFIG_VIRTIO_MMIO', 'error'],
    ['CONFIG_BLK_DEV_INITRD', 'error'],
    ['CONFIG_RD_GZIP', 'error'],
    ['CONFIG_VIRTIO_CONSOLE', 'warning'],
  ])(
    '[Kernel image] CONFIG_VIRTIO_MMIO or VIRTIO_VSOCKETS missing, or =m without the modules: missing, %s',
    (option, severity) => {
      const [found = '', ...more] = judge(without(option));
      expect(more).toEqual([]);
      expect(found).toMatch(
        new RegExp(
          `^KERN122 ${severity}: kernel 'Image' \\(6\\.13\\.1\\) lacks ${option}, .* \\(by its IKCONFIG\\)`,
        ),
      );
      expect(found).toContain(`| put ${option}=y into its .config and build it again`);
    },
  );

  it('[Kernel image] CONFIG_VIRTIO_MMIO or VIRTIO_VSOCKETS missing, or =m without the modules: without, refused with the option, the module and the line for .config', () => {
    expect(judge(without(transport, `${transport}=m`))).toEqual([
      "KERN123 error: kernel 'Image' (6.13.1) has CONFIG_VIRTIO_VSOCKETS=m, the driver of the guests' socket device (by its IKCONFIG), but nobody loads its module 'vmw_vsock_virtio_transport' | put CONFIG_VIRTIO_VSOCKETS=y into its .config, or give an initrd with that module for 6.13.1 in /lib/modules: --initrd",
    ]);
  });

  it('=m with the modules: good', () => {
    expect(judge(without(transport, `${transport}=m`), ['vmw_vsock_virtio_transport'])).toEqual([]);
  });

  it('=m with an initrd that could not be read: a warning', () => {
    expect(judge(without(transport, `${transport}=m`), [], false)[0]).toMatch(
      /^KERN123 warning: .* nobody knows whether its initrd has the module/,
    );
  });

  it.each(['CONFIG_VSOCKETS_LOOPBACK', 'CONFIG_VIRTIO_CONSOLE'])('%s=m: nothing is said', (option) => {
    expect(judge(without(option, `${option}=m`))).toEqual([]);
  });

  it('unknown: one warning that names them, unless modules are there', () => {
    const [found = '', ...more] = judge(undefined);
    expect(more).toEqual([]);
    expect(found).toMatch(/^KERN124 warning: kernel 'Image' \(6\.13\.1\) does not say how it was configured/);
    for (const option of four) expect(found).toContain(`${option}=y`);
    expect(judge(undefined, ['vsock'])).toEqual([]);
  });
});
