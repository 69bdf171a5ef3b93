// SPDX-License-Identifier: BSD-2-Clause
// What is booted: Debian's kernel with the modules of the socket device, PID 1 of bench/guest/boot_init.c, and for each
// variant QEMU's arguments, with the files that they name.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageDirectory } from '../../boards/index.ts';
import { type CpioEntry, renderCpio } from '../../linux/cpio.ts';
import type { DebianGuest } from '../../linux/debian.ts';
import { programFlags } from '../../linux/guest.ts';
import { gzip } from '../../linux/initramfs.ts';
import type { Step } from '../../make/step.ts';
import { compileDeviceTree } from '../../make/tools/dtc.ts';
import { benchBuild, benchGuest } from '../harness/debian.ts';
import { findTools } from '../../make/tools/find.ts';
import { writeFile } from '../../make/tools/write.ts';
import { renderTree } from './device-tree.ts';
import { ramBase, wrapKernel } from './elf-kernel.ts';
import { type BootVariant, commandLineOf } from './variants.ts';

export interface BootPlan {
  readonly qemu: { readonly path: string; readonly version: string };
  /** Release of the guest's kernel. */
  readonly kernel: string;
  readonly moduleCount: number;
  readonly argumentsOf: (variant: BootVariant) => Promise<readonly string[]>;
}

const root = packageDirectory();
export const bootDirectory = join(root, 'build', 'bench', 'boot');

const memoryMib = 128;
/** The middle of RAM, as QEMU has it for an Image. */
const initrdStart = ramBase + (memoryMib / 2) * 2 ** 20;

/** `version`: of the kernel, as `--guest debian=VERSION` takes it. */
export async function prepareBoot(version: string | undefined, signal: AbortSignal): Promise<BootPlan> {
  const tools = await findTools(['clang', 'lld', 'dtc', 'qemu-system-aarch64'], process.env);
  const debian = await benchGuest(signal, version);
  const files = filesOf(debian.kernel.version);
  const make = async (steps: readonly Step[]): Promise<void> => {
    await benchBuild(steps, bootDirectory, signal);
  };
  await make([
    initStep(tools.clang.path, tools.lld.path),
    ...initramfsSteps(debian, files),
    elfStep(debian, files),
  ]);
  const qemu = tools['qemu-system-aarch64'];
  return {
    qemu: { path: qemu.path, version: qemu.version },
    kernel: debian.kernel.version,
    moduleCount: debian.modules.length,
    argumentsOf: async (variant) => {
      const tree = variant.tree === 'own' ? await planTree(variant, files, tools.dtc.path) : undefined;
      if (tree !== undefined) await make(tree.steps);
      return argumentsOf(variant, { ...files, image: debian.kernel.path, tree: tree?.dtb });
    },
  };
}

interface Files {
  readonly initramfs: Readonly<Record<BootVariant['initramfs'], string>>;
  readonly elf: string;
}

/** Absolute, as QEMU takes them; one set for each kernel. */
const filesOf = (release: string): Files => ({
  initramfs: {
    gzip: join(bootDirectory, `${release}.cpio.gz`),
    plain: join(bootDirectory, `${release}.cpio`),
  },
  elf: join(bootDirectory, `${release}.elf`),
});

const initPath = join(bootDirectory, 'boot_init');

function initStep(clang: string, lld: string): Step {
  const source = join(root, 'bench', 'guest', 'boot_init.c');
  const depfile = `${initPath}.d`;
  return {
    name: 'boot_init',
    action: {
      kind: 'exec',
      tool: clang,
      args: [...programFlags, `--ld-path=${lld}`, '-MD', '-MF', depfile, '-o', initPath, source],
    },
    inputs: [source, lld],
    outputs: [initPath],
    depfile,
  };
}

const initramfsSteps = ({ modules }: DebianGuest, { initramfs }: Files): Step[] => [
  {
    name: 'boot initramfs',
    action: {
      kind: 'fn',
      key: 'boot initramfs 1',
      run: async (io) => {
        const entries: CpioEntry[] = [
          { kind: 'file', path: 'init', mode: 0o755, bytes: await io.read(initPath) },
          { kind: 'character-device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
        ];
        for (const [i, { path }] of modules.entries())
          entries.push({ kind: 'file', path: `modules/${i}`, mode: 0o644, bytes: await io.read(path) });
        const archive = renderCpio(entries);
        await io.write(initramfs.plain, archive);
        await io.write(initramfs.gzip, gzip(archive));
      },
    },
    inputs: [initPath, ...modules.map(({ path }) => path)],
    outputs: [initramfs.plain, initramfs.gzip],
  },
];

const elfStep = ({ kernel }: DebianGuest, { elf }: Files): Step => ({
  name: 'boot kernel as ELF',
  action: {
    kind: 'fn',
    key: 'boot elf 1',
    run: async (io) => {
      await io.write(elf, wrapKernel(await io.read(kernel.path)));
    },
  },
  inputs: [kernel.path],
  outputs: [elf],
});

async function planTree({ gicVersion, kernel, initramfs }: BootVariant, files: Files, dtc: string) {
  const { length } = await readFile(files.initramfs[initramfs]);
  const initrd = kernel === 'elf' ? { initrd: { start: initrdStart, end: initrdStart + length } } : {};
  const name = join(bootDirectory, `gic${gicVersion}-${kernel}-${initramfs}`);
  const [dts, dtb] = [`${name}.dts`, `${name}.dtb`];
  const steps = [
    writeFile(dts, renderTree({ gicVersion, memoryMib, ...initrd })),
    compileDeviceTree({ dtc, input: dts, output: dtb }),
  ];
  return { steps, dtb };
}

interface BootFiles extends Files {
  readonly image: string;
  readonly tree: string | undefined;
}

function argumentsOf(variant: BootVariant, { image, elf, initramfs, tree }: BootFiles): string[] {
  const { kernel, gicVersion, cpu, qemu } = variant;
  const initrd = initramfs[variant.initramfs];
  const machine = [
    // As sim has it, whose back end maps the guest's memory.
    `-object memory-backend-memfd,id=ram,size=${memoryMib}M,share=on`,
    `-machine virt,gic-version=${gicVersion},memory-backend=ram -cpu ${cpu} -m ${memoryMib}`,
    '-nodefaults -no-user-config -display none -serial stdio -no-reboot',
    '-global virtio-mmio.force-legacy=false',
  ];
  const loader = `loader,file=${initrd.replaceAll(',', ',,')},addr=${initrdStart},force-raw=on`;
  return [
    ...machine.flatMap((words) => words.split(' ')),
    ...(kernel === 'elf' ? ['-kernel', elf, '-device', loader] : ['-kernel', image, '-initrd', initrd]),
    ...(tree === undefined ? [] : ['-dtb', tree]),
    ...qemu,
    '-append',
    commandLineOf(variant),
  ];
}
