// SPDX-License-Identifier: BSD-2-Clause
// What is measured in: the two guests of `sim`, with the programs of bench/guest in place of sender and receiver, and
// our back end.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { packageDirectory } from '../../boards/index.ts';
import { renderBootargs } from '../../linux/bootargs.ts';
import type { DebianGuest } from '../../linux/debian.ts';
import type { SimGuest } from '../../make/launch/sim.ts';
import { benchBuild, benchGuest } from '../harness/debian.ts';
import { findTools } from '../../make/tools/find.ts';
import { simArguments, simConsole, simKernelWords, simMemoryMib } from '../../make/tools/qemu-sim.ts';
import { planSim } from '../../cli/sim-plan.ts';
import { type VsockGuestPlan, vsockGuests } from '../../meta/index.ts';

export interface Workload {
  /** Bytes of a stream. */
  readonly bytes: number;
  /** Sizes of a write, a stream for each. */
  readonly writes: readonly number[];
  readonly pings: number;
}

export interface Bench {
  readonly qemu: { readonly path: string; readonly version: string };
  /** Absolute path of our back end. */
  readonly backend: string;
  /** Release of the guests' kernel. */
  readonly kernel: string;
  /** First the one that serves, then the one that measures. */
  readonly guests: (workload: Workload) => { readonly server: SimGuest; readonly client: SimGuest };
}

const root = packageDirectory();

/** Where the benchmark builds; relative to the package, so that the user's own build stays as it is. */
export const benchDirectory = join(root, 'build', 'bench', 'vsock');

export async function prepareBench(signal: AbortSignal): Promise<Bench> {
  const tools = await findTools(['clang', 'lld', 'qemu-system-aarch64'], process.env);
  const debian = await benchGuest(signal);
  const plan = planSim({
    vmm: join(root, 'vmm'),
    programs: join(root, 'linux', 'programs'),
    images: imagesOf(debian),
    tools: { clang: tools.clang.path, lld: tools.lld.path },
    hasShell: false,
    programSources: {
      vsock_recv: join(root, 'bench', 'guest', 'vsock_server.c'),
      vsock_send: join(root, 'bench', 'guest', 'vsock_client.c'),
    },
  });
  await benchBuild(plan.steps, benchDirectory, signal);
  const kernel = debian.kernel.path;
  const initrd = join(benchDirectory, plan.initrd);
  const memoryMib = simMemoryMib(statSync(kernel).size, statSync(initrd).size);
  if (memoryMib === undefined) throw new Error(`${kernel} and ${initrd} need a guest of more than 2 GiB`);
  const machine = { kernel, initrd, memoryMib };
  const qemu = tools['qemu-system-aarch64'];
  return {
    qemu: { path: qemu.path, version: qemu.version },
    backend: join(benchDirectory, plan.backend),
    kernel: debian.kernel.version,
    guests: (workload) => {
      const [server, client] = vsockGuests(2).map((guest): SimGuest => {
        const commandLine = commandLineOf(guest, workload);
        return {
          name: guest.vm,
          cid: guest.cid,
          args: (socket) => simArguments({ ...machine, commandLine, socket }),
        };
      });
      if (server === undefined || client === undefined) throw new Error('two guests were planned');
      return { server, client };
    },
  };
}

/** With the modules by which a guest reaches itself. */
const imagesOf = ({ kernel, modules, loopbackModules }: DebianGuest) => ({
  kernel: { path: kernel.path, release: kernel.version },
  modules: [...modules, ...loopbackModules].map(({ name, path }) => ({ name, path })),
});

/** The words that PID 1 starts the programs by, and those that they read (bench/guest/vsock_client.c). */
function commandLineOf({ recvFrom, sendTo }: VsockGuestPlan, { bytes, writes, pings }: Workload): string {
  const words = [`bench_bytes=${bytes}`, `bench_writes=${writes.join(',')}`, `bench_pings=${pings}`];
  const orders = { recvFrom, sendTo, nonce: streamStart };
  return renderBootargs(orders, { console: simConsole, more: [...simKernelWords, ...words] });
}

/** The first word of the first stream. */
const streamStart = 0x0123_4567_89ab_cdefn;
