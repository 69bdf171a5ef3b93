// SPDX-License-Identifier: BSD-2-Clause
// The guest side as build steps: compile the programs, pack the initramfs, render and compile each guest's device
// tree, and judge that all fits the windows before anything is linked. (Under `sim` QEMU makes the tree and places the
// images, so only the initramfs is left.) Pure: files are only touched when the steps run.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { digestText } from '../make/file-digests.ts';
import type { Step, StepFiles } from '../make/step.ts';
import { compileDeviceTree } from '../make/tools/dtc.ts';
import { writeFile } from '../make/tools/write.ts';
import { formatRange, refuseErrors } from '../meta/diagnostic.ts';
import type { GuestLayout } from '../meta/guest.ts';
import { type GuestOrders, type KernelOptions, renderBootargs } from './bootargs.ts';
import { checkDtbFit, renderGuestDts } from './device-tree.ts';
import { checkKernelFit, inspectKernel } from './image.ts';
import type { GuestImages } from './images.ts';
import { appendOverlay, packInitramfs } from './initramfs.ts';
import { checkInitrdFit } from './initrd.ts';

/** One virtual machine; `name` becomes part of file names, e.g. `client_vmm0`. */
export interface GuestMachinePlan {
  readonly name: string;
  readonly layout: GuestLayout;
  readonly orders: GuestOrders;
  /** For the kernel's command line, before those for all guests. */
  readonly append?: readonly string[];
  /** Default true. */
  readonly hasVsock?: boolean;
}

/** What the guests' initramfs is made from. */
export interface InitramfsPlan {
  readonly images: GuestImages;
  /** Folder of linux/programs. */
  readonly programsDir: string;
  /** Absolute paths. */
  readonly clang: string;
  readonly lld: string;
  /** Where outputs go, absolute or relative to the build directory. */
  readonly outDir: string;
  /** With a busybox for vsock_after=shell, where the images have one. */
  readonly hasShell: boolean;
  /** What tells its files from those of another plan in the same directory. */
  readonly variant?: string;
  /** Sources in place of those of programsDir; how a benchmark has its own programs run. */
  readonly sources?: Readonly<Partial<Record<ProgramName, string>>>;
  /** Programs beside these, which are there or which other steps make; they go to /root too. */
  readonly otherPrograms?: readonly { readonly name: string; readonly path: string }[];
}

export interface GuestPlan extends Omit<InitramfsPlan, 'hasShell'> {
  readonly machines: readonly GuestMachinePlan[];
  readonly dtc: string;
  readonly kernelOptions?: KernelOptions | undefined;
  /** The packed initramfs, if another plan makes it. */
  readonly initrd?: string | undefined;
}

/** What the VMM of a machine embeds. Whoever links it must list `fit` among the inputs. */
export interface BuiltGuest {
  readonly name: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly dtb: string;
  readonly fit: string;
}

export function guestSteps(plan: GuestPlan): { readonly steps: Step[]; readonly guests: BuiltGuest[] } {
  assert(
    new Set(plan.machines.map(({ name }) => name)).size === plan.machines.length,
    'two machines of one name',
  );
  const hasShell = plan.machines.some(({ orders }) => orders.after === 'shell');
  const initramfs =
    plan.initrd === undefined ? initramfsSteps({ ...plan, hasShell }) : { steps: [], path: plan.initrd };
  const guests = plan.machines.map(({ name }): BuiltGuest => {
    const file = (extension: string): string => join(plan.outDir, `${name}.${extension}`);
    return {
      name,
      kernel: plan.images.kernel.path,
      initrd: initramfs.path,
      dtb: file('dtb'),
      fit: file('fit'),
    };
  });
  const perMachine = plan.machines.flatMap((machine, index) => {
    const guest = guests[index];
    assert(guest !== undefined);
    return [dtsStep(plan, machine), dtbStep(plan, guest), fitStep(machine, guest)];
  });
  return { steps: [...initramfs.steps, ...perMachine], guests };
}

/** The programs and the initramfs that holds them; `path` is relative to the build directory if outDir is. */
export function initramfsSteps(plan: InitramfsPlan): {
  readonly steps: readonly Step[];
  readonly path: string;
} {
  const programs = programNames.map((name) => compileStep(plan, name));
  const initramfs = initramfsStep(plan);
  return { steps: [...programs, initramfs], path: initramfsPath(plan) };
}

const programNames = ['init', 'vsock_send', 'vsock_recv'] as const;
type ProgramName = (typeof programNames)[number];

/** Freestanding: no libc, no start files, no debug sections that would name directories. */
export const programFlags = [
  '--target=aarch64-linux-gnu',
  '-std=c11',
  '-O2',
  '-ffreestanding',
  '-fno-pic',
  '-fno-stack-protector',
  '-fno-unwind-tables',
  '-fno-asynchronous-unwind-tables',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-nostdlib',
  '-nostdlibinc',
  '-static',
  '-Wl,--build-id=none',
  '-Wl,-z,noexecstack',
  '-Wl,--strip-all',
] as const;

const programPath = (plan: InitramfsPlan, name: ProgramName): string => join(plan.outDir, name);

function compileStep(plan: InitramfsPlan, name: ProgramName): Step {
  const source = plan.sources?.[name] ?? join(plan.programsDir, `${name}.c`);
  const output = programPath(plan, name);
  const depfile = `${output}.d`;
  return {
    name: `guest program ${name}`,
    action: {
      kind: 'exec',
      tool: plan.clang,
      args: [...programFlags, `--ld-path=${plan.lld}`, '-MD', '-MF', depfile, '-o', output, source],
    },
    inputs: [source, plan.lld],
    outputs: [output],
    depfile,
  };
}

const initramfsPath = ({ outDir, variant }: InitramfsPlan): string =>
  join(outDir, variant === undefined ? 'initrd.cpio.gz' : `initrd-${variant}.cpio.gz`);

function initramfsStep(plan: InitramfsPlan): Step {
  const { initrd, modules, initrdModules: theirs = [] } = plan.images;
  const others = plan.otherPrograms ?? [];
  const script = join(plan.programsDir, 'S99vsock');
  const busybox = plan.hasShell ? plan.images.busybox : undefined;
  const compiled = programNames.map((name) => programPath(plan, name));
  const given = initrd === undefined ? optional(busybox) : [initrd, script];
  const readAll = async (io: StepFiles) => ({
    init: await io.read(programPath(plan, 'init')),
    programs: await readNamed(io, [
      { name: 'vsock_send', path: programPath(plan, 'vsock_send') },
      { name: 'vsock_recv', path: programPath(plan, 'vsock_recv') },
      ...others,
    ]),
    modules: await readNamed(
      io,
      modules.map(({ name, path }) => ({ name: `${name}.ko`, path })),
    ),
  });
  return {
    name: ['guest initramfs', plan.variant].filter(Boolean).join(' '),
    action: {
      kind: 'fn',
      key: keyOf(
        'initramfs 3',
        modules.map(({ name }) => name),
        others.map(({ name }) => name),
        theirs,
        initrd !== undefined,
        busybox !== undefined,
      ),
      run: async (io) => {
        const { init, programs, modules: loaded } = await readAll(io);
        if (initrd === undefined) {
          const shell = busybox === undefined ? {} : { busybox: await io.read(busybox) };
          await io.write(initramfsPath(plan), packInitramfs({ init, programs, modules: loaded, ...shell }));
          return;
        }
        const isModular = loaded.length > 0 || theirs.length > 0;
        const modular = isModular ? { modular: { init, modules: loaded, theirs } } : {};
        const startScript = await io.read(script);
        const overlay = { programs, startScript, ...modular };
        await io.write(initramfsPath(plan), appendOverlay(await io.read(initrd), overlay));
      },
    },
    inputs: [...compiled, ...[...modules, ...others].map(({ path }) => path), ...given],
    outputs: [initramfsPath(plan)],
  };
}

const optional = (path: string | undefined): string[] => (path === undefined ? [] : [path]);

const readNamed = async (io: StepFiles, files: readonly { name: string; path: string }[]) =>
  Promise.all(files.map(async ({ name, path }) => ({ name, bytes: await io.read(path) })));

/** The fingerprint of a step's arguments other than files. */
const keyOf = (...values: readonly unknown[]): string => digestText(JSON.stringify(values));

function dtsStep(plan: GuestPlan, { name, layout, orders, append = [], hasVsock }: GuestMachinePlan): Step {
  const { more = [], ...kernelOptions } = plan.kernelOptions ?? {};
  const options = { ...initOption(plan.images), ...kernelOptions, more: [...append, ...more] };
  const text = renderGuestDts(
    layout,
    renderBootargs(orders, options),
    hasVsock === undefined ? {} : { hasVsock },
  );
  return writeFile(join(plan.outDir, `${name}.dts`), text);
}

/** A given initrd with a modular kernel: our PID 1 loads the modules first and then becomes the initrd's own. */
export const initOption = ({ initrd, modules, initrdModules = [] }: GuestImages): { init?: string } =>
  initrd !== undefined && modules.length + initrdModules.length > 0 ? { init: '/vsock_init' } : {};

function dtbStep(plan: GuestPlan, { name, dtb }: BuiltGuest): Step {
  return compileDeviceTree({ dtc: plan.dtc, input: join(plan.outDir, `${name}.dts`), output: dtb });
}

/** Writes the numbers it judged, for people; fails with all that does not fit. */
function fitStep({ layout }: GuestMachinePlan, guest: BuiltGuest): Step {
  const windows = [layout.ram.base, layout.kernel, layout.initrd, layout.dtb];
  return {
    name: `guest fit ${guest.name}`,
    action: {
      kind: 'fn',
      key: keyOf(
        'fit 1',
        JSON.stringify(windows, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)),
      ),
      run: async (io) => {
        const { image, diagnostics } = inspectKernel(await io.read(guest.kernel), guest.kernel);
        const initrd = await io.read(guest.initrd);
        const dtb = await io.read(guest.dtb);
        refuseErrors([
          ...diagnostics,
          ...(image === undefined ? [] : checkKernelFit(image, layout, guest.kernel)),
          ...checkInitrdFit(initrd.length, layout, guest.initrd),
          ...checkDtbFit(dtb.length, layout, guest.dtb),
        ]);
        assert(image !== undefined);
        const row = (
          name: string,
          sizeBytes: bigint,
          { start, end }: { start: bigint; end: bigint },
        ): string => `${name} ${sizeBytes} of ${end - start} bytes in ${formatRange(start, end)}\n`;
        await io.write(
          guest.fit,
          row('kernel', image.imageSize, layout.kernel) +
            row('initrd', BigInt(initrd.length), layout.initrd) +
            row('dtb', BigInt(dtb.length), layout.dtb),
        );
      },
    },
    inputs: [guest.kernel, guest.initrd, guest.dtb],
    outputs: [guest.fit],
  };
}
