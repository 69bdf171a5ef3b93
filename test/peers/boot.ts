// SPDX-License-Identifier: BSD-2-Clause
// Guests that run a program of test/peers/guest in place of the receiver, under `sim` or on the seL4 image: the same
// initramfs, the same words, the same lines.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { loadBoard, packageDirectory } from '../../boards/index.ts';
import { settle } from '../../cli/options.ts';
import { boardDtb } from '../../cli/describe.ts';
import { loadImageInputs } from '../../cli/image.ts';
import { planSim } from '../../cli/sim-plan.ts';
import type { DebianGuest } from '../../linux/debian.ts';
import { renderBootargs } from '../../linux/bootargs.ts';
import { initramfsSteps, type InitramfsPlan } from '../../linux/guest.ts';
import { benchBuild } from '../../bench/harness/debian.ts';
import { news } from '../../bench/harness/program.ts';
import type { BenchWords } from '../../bench/harness/words.ts';
import { launchQemu } from '../../make/launch/qemu.ts';
import { launchSim, type SimGuest } from '../../make/launch/sim.ts';
import { findTools } from '../../make/tools/find.ts';
import { findMachine } from '../../make/tools/qemu-machine.ts';
import { qemuArguments } from '../../make/tools/qemu.ts';
import { simArguments, simConsole, simKernelWords, simMemoryMib } from '../../make/tools/qemu-sim.ts';
import { outputs, planImage } from '../../Makefile.ts';
import { exitCode, Refusal } from '../../meta/diagnostic.ts';
import { vsockGuests, vsockLimits } from '../../meta/index.ts';

export interface PeersPlan {
  /** Name of the build directory under build/peers. */
  readonly name: string;
  /** Of the program in each guest: a file of test/peers/guest. */
  readonly source: string;
  readonly otherPrograms?: NonNullable<InitramfsPlan['otherPrograms']>;
  readonly guest: DebianGuest;
  readonly count: number;
  /** Boot words of all guests, on top of `vsock_recv=` with the next guest's CID. */
  readonly words: readonly string[];
  /** A guest that resets boots again. */
  readonly mayReset?: boolean;
}

export interface PeersRun {
  /** Ends the run. */
  readonly until: RegExp;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  /** `speaker`: number of the guest, or `system`. */
  readonly onLine: (speaker: number | 'system', text: string) => void;
}

/** Boots, and returns when a line has matched `until`. Refuses RUN124 at the deadline, SIM101 for a guest that died. */
export type Boot = (run: PeersRun) => Promise<void>;

export type Place = 'sim' | 'sel4';
export const placeTitles: Readonly<Record<Place, string>> = {
  sim: 'sim (no seL4)',
  sel4: 'on the seL4 image',
};

/** What `--on` takes: one place, or both, one after the other. */
const placeWords: Readonly<Record<string, readonly Place[]>> = {
  sim: ['sim'],
  sel4: ['sel4'],
  both: ['sim', 'sel4'],
};

/** Refuses BEN101. */
export const parsePlaces = (line: BenchWords, on: string): readonly Place[] =>
  placeWords[on] ?? line.refuse(`--on ${on} is none of sim, sel4 and both`);

/** For a Boot that fails: what is known by the deadline, or by a guest's death, is told all the same. */
export function tellRefusal(error: unknown): void {
  if (!(error instanceof Refusal)) throw error;
  for (const { message } of error.diagnostics) news(message);
}

/**
 * Builds what `plan` needs. Where the stack is not found: a refusal, as by `vmbuild qemu`, if it was asked for alone; else
 * why, for a line that says SKIP.
 */
export async function prepare(
  place: Place,
  plan: PeersPlan,
  { signal, isAlone }: { readonly signal: AbortSignal; readonly isAlone: boolean },
): Promise<Boot | string> {
  if (place === 'sim') return prepareSim(plan, signal);
  return prepareSel4(plan, signal).catch((error: unknown) => {
    if (isAlone || !(error instanceof Refusal) || error.exit !== exitCode.missing) throw error;
    return error.diagnostics.map(({ message }) => message).join('; ');
  });
}

export const logDirectory = (place: Place, plan: PeersPlan): string => join(directoryOf(place, plan), 'logs');

const root = packageDirectory();
const directoryOf = (place: Place, { name }: PeersPlan): string =>
  join(root, 'build', 'peers', `${name}-${place}`);

async function prepareSim(plan: PeersPlan, signal: AbortSignal): Promise<Boot> {
  const tools = await findTools(['clang', 'lld', 'qemu-system-aarch64'], process.env);
  const sim = planSim({
    vmm: join(root, 'vmm'),
    programs: join(root, 'linux', 'programs'),
    images: imagesOf(plan.guest),
    tools: { clang: tools.clang.path, lld: tools.lld.path },
    hasShell: false,
    programSources: sourcesOf(plan),
    otherPrograms: plan.otherPrograms ?? [],
  });
  const buildDir = directoryOf('sim', plan);
  await benchBuild(sim.steps, buildDir, signal);
  const kernel = plan.guest.kernel.path;
  const initrd = join(buildDir, sim.initrd);
  const memoryMib = simMemoryMib(statSync(kernel).size, statSync(initrd).size);
  if (memoryMib === undefined) throw new Error(`${kernel} and ${initrd} need a guest of more than 2 GiB`);
  const guests = vsockGuests(plan.count).map(({ vm, cid }, index): SimGuest => {
    const commandLine = renderBootargs(
      { recvFrom: peerOf(plan.count, index), nonce: 0n },
      { console: simConsole, more: [...simKernelWords, ...plan.words] },
    );
    return {
      name: vm,
      cid,
      args: (socket) =>
        simArguments({ kernel, initrd, commandLine, memoryMib, socket }).filter(
          (word) => word !== '-no-reboot' || plan.mayReset !== true,
        ),
    };
  });
  return async ({ until, deadlineMs, signal: stop, onLine }) => {
    await launchSim({
      qemu: tools['qemu-system-aarch64'].path,
      backend: join(buildDir, sim.backend),
      backendArgs: ['--ring-bytes', String(vsockLimits.defaultRingBytes)],
      guests,
      logDir: logDirectory('sim', plan),
      expect: { pattern: until },
      deadlineMs,
      signal: stop,
      onLine: ({ speaker, text }) => {
        onLine(speaker, text);
      },
    });
  };
}

/** On the seL4 image of the default board. */
async function prepareSel4(plan: PeersPlan, signal: AbortSignal): Promise<Boot> {
  const { qemu, ...board } = await loadBoard('qemu_virt_aarch64');
  if (qemu === undefined) throw new Error(`${board.name} has no QEMU`);
  const buildDir = directoryOf('sel4', plan);
  const flags = { board: board.name, 'build-dir': buildDir, guest: 'debian', vms: plan.count, quiet: true };
  const context = { settings: settle(flags, {}), env: process.env, signal };
  const inputs = await loadImageInputs(context, [qemu.system]);
  const initramfs = initramfsSteps({
    images: imagesOf(plan.guest),
    programsDir: inputs.programs,
    clang: inputs.tools.clang,
    lld: inputs.tools.lld,
    outDir: 'peers',
    hasShell: false,
    sources: sourcesOf(plan),
    otherPrograms: plan.otherPrograms ?? [],
  });
  const guests = inputs.system.guests.map((guest, index) => {
    const { sendTo: _none, ...rest } = guest;
    return { ...rest, recvFrom: peerOf(plan.count, index) };
  });
  const image = planImage({
    ...inputs,
    system: { ...inputs.system, guests },
    images: imagesOf(plan.guest),
    initrd: initramfs.path,
    after: 'poweroff',
    kernelOptions: { more: plan.words },
  });
  await benchBuild([...initramfs.steps, ...image], buildDir, signal);
  const { [qemu.system]: tool } = await findTools([qemu.system], process.env);
  const args = qemuArguments(qemu, {
    image: join(buildDir, outputs.image),
    loadAddress: board.loadAddress,
    cpu: board.cpu,
    dtb: boardDtb(buildDir),
    properties: await findMachine(tool, qemu.machine),
  });
  return async ({ until, deadlineMs, signal: stop, onLine }) => {
    await launchQemu({
      qemu: tool.path,
      // Guest time is instructions, so that the guests' own limits do not depend on the load of this machine.
      args: [...args, '-icount', 'shift=1,sleep=off'],
      logDir: logDirectory('sel4', plan),
      guests: guests.map(({ vm }) => vm),
      pds: inputs.system.system.protectionDomains.map(({ name }) => name),
      expect: { pattern: until },
      deadlineMs,
      signal: stop,
      onLine: ({ speaker, text }) => {
        onLine(speaker, text);
      },
    });
  };
}

const sourcesOf = ({ source }: PeersPlan) => ({ vsock_recv: join(root, 'test', 'peers', 'guest', source) });

/** With the modules by which a guest reaches itself. */
const imagesOf = ({ kernel, modules, loopbackModules }: DebianGuest) => ({
  kernel: { path: kernel.path, release: kernel.version },
  modules: [...modules, ...loopbackModules].map(({ name, path }) => ({ name, path })),
});

/** CID of the next guest: with two, of the other one. */
const peerOf = (count: number, index: number): number => vsockGuests(count)[(index + 1) % count]?.cid ?? 0;
