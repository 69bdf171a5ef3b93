// SPDX-License-Identifier: BSD-2-Clause
// What `sim` needs before it can run: settings to inputs, the back end and the initramfs built, the guests' machines.
import { statSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { packageDirectory } from '../boards/index.ts';
import { formatNonce, renderBootargs } from '../linux/bootargs.ts';
import { initOption } from '../linux/guest.ts';
import type { GuestImages } from '../linux/images.ts';
import { runSteps } from '../make/engine.ts';
import { checkSimMemory } from '../make/launch/sim-memory.ts';
import type { SimGuest } from '../make/launch/sim.ts';
import type { Step } from '../make/step.ts';
import { findTools } from '../make/tools/find.ts';
import { simArguments, simConsole, simKernelWords, simMemoryMib } from '../make/tools/qemu-sim.ts';
import { planSim } from './sim-plan.ts';
import { refuse, refuseErrors } from '../meta/diagnostic.ts';
import { vsockGuests, type VsockGuestPlan } from '../meta/index.ts';
import { guestCount } from './describe.ts';
import { engineOptions } from './engine-options.ts';
import { appendedWords, guestImagesTask } from './guest-images.ts';
import { loadAll } from './load.ts';
import { buildDirectory } from './options.ts';
import { reportBuild } from './progress.ts';
import { printDiagnostics } from './report.ts';
import type { CommandContext } from './vmbuild.ts';

export interface ReadySim {
  readonly plans: readonly VsockGuestPlan[];
  readonly guests: readonly SimGuest[];
  readonly qemu: string;
  /** Absolute path of the back end. */
  readonly backend: string;
  readonly buildDir: string;
  /** 16 hexadecimal digits. A run without an image to be reproduced can have one of its own. */
  readonly nonce: string;
  /** What was run to get here, or would be in a dry run. */
  readonly steps: readonly Step[];
}

/** Our programs, modules and shell, unpacked several times over; what `--initrd` brings comes on top. */
const ownInitrdBytes = 4 * 2 ** 20;

/** Loads, checks the machine's memory, builds. In a dry run nothing is built. `hasShell`: guests stay, with a shell. */
export async function prepareSim(context: CommandContext, hasShell: boolean): Promise<ReadySim> {
  const { settings, env, signal } = context;
  const { tools, images: loaded } = await loadAll({
    tools: () => findTools(['clang', 'lld', 'qemu-system-aarch64'], env),
    images: guestImagesTask(context, 'debian'),
  });
  printDiagnostics(loaded.warnings);
  const { images } = loaded;
  const plans = vsockGuests(guestCount(settings));
  const memoryMib = chooseMemory(images, plans.length);

  const buildDir = buildDirectory(settings);
  const plan = planSim({
    vmm: join(packageDirectory(), 'vmm'),
    programs: join(packageDirectory(), 'linux', 'programs'),
    images,
    tools: { clang: tools.clang.path, lld: tools.lld.path },
    hasShell,
  });
  if (!settings.on('dry-run'))
    await runSteps(plan.steps, {
      buildDir,
      signal,
      onEvent: reportBuild(settings),
      ...engineOptions(settings),
    });

  const nonce = randomBytes(8).readBigUInt64BE();
  const boot = {
    console: simConsole,
    ...initOption(images),
    more: [...simKernelWords, ...appendedWords(settings.text('append'))],
  };
  const guests = plans.map(({ vm, cid, recvFrom, sendTo }): SimGuest => {
    const after = hasShell ? 'shell' : 'poweroff';
    const commandLine = renderBootargs({ recvFrom, sendTo, nonce, after }, boot);
    const initrd = join(buildDir, plan.initrd);
    const machine = { kernel: images.kernel.path, initrd, commandLine, memoryMib };
    return { name: vm, cid, args: (socket) => simArguments({ ...machine, socket }) };
  });
  return {
    plans,
    guests,
    qemu: tools['qemu-system-aarch64'].path,
    backend: join(buildDir, plan.backend),
    buildDir,
    nonce: formatNonce(nonce),
    steps: plan.steps,
  };
}

/** RAM of each guest; refused if the images need too much, or the machine does not have it for all. */
function chooseMemory(images: GuestImages, count: number): number {
  const kernelBytes = statSync(images.kernel.path).size;
  const initrdBytes = (images.initrd === undefined ? 0 : statSync(images.initrd).size) + ownInitrdBytes;
  const memoryMib = simMemoryMib(kernelBytes, initrdBytes);
  if (memoryMib === undefined)
    return refuse(
      'SIM103',
      `a kernel of ${kernelBytes} bytes and an initrd of ${initrdBytes} bytes need a guest of more than 2 GiB`,
      { hint: 'use smaller images' },
    );
  refuseErrors(checkSimMemory({ count, memoryMib }));
  return memoryMib;
}
