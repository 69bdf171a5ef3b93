// SPDX-License-Identifier: BSD-2-Clause
// What is measured in: vmbuild's own image, with Debian's guests, the programs of bench/guest in place of sender and
// receiver, and VMMs that show their guests what they count.
import { join } from 'node:path';
import { packageDirectory } from '../../boards/index.ts';
import { boardDtb, loadDescription } from '../../cli/describe.ts';
import { loadImageInputs } from '../../cli/image.ts';
import { settle } from '../../cli/options.ts';
import { outputs, planImage } from '../../Makefile.ts';
import { findSdk } from '../../make/store/sdk.ts';
import { openBoard } from '../../make/store/sdk-board.ts';
import { findSources } from '../../make/store/sources.ts';
import { findTools } from '../../make/tools/find.ts';
import { findMachine } from '../../make/tools/qemu-machine.ts';
import { qemuArguments } from '../../make/tools/qemu.ts';
import { Refusal } from '../../meta/diagnostic.ts';
import { benchBuild, benchGuest } from '../harness/debian.ts';
import type { Workload } from '../vsock/plan.ts';

const firstBoard = 'qemu_virt_aarch64';

export interface Sel4Bench {
  readonly board: string;
  readonly qemu: { readonly path: string; readonly version: string };
  /** Without those of a way of measuring. */
  readonly args: readonly string[];
  /** Release of the guests' kernel. */
  readonly kernel: string;
  /** Version of the SDK. */
  readonly sdk: string;
  readonly guests: readonly string[];
  readonly pds: readonly string[];
  readonly buildDir: string;
}

export interface Sel4Workload extends Workload {
  readonly config: string;
  readonly connects: number;
  /** Bytes of a vsock region. */
  readonly ringBytes: number;
}

/** Guest physical; nothing else is there (boards/example-guest.ts). */
const counterWindow = 0x160000;

/** The image, built; or why there can be none here. */
export const prepareSel4 = (workload: Sel4Workload, signal: AbortSignal): Promise<Sel4Bench | string> =>
  prepareImage(
    {
      name: 'sel4',
      config: workload.config,
      receiver: 'vsock_server.c',
      sender: 'vsock_client.c',
      words: wordsOf(workload),
      vmmDefines: { VMM_PROFILE_WINDOW: `0x${counterWindow.toString(16)}` },
      ringBytes: workload.ringBytes,
    },
    signal,
  );

export interface BenchImage {
  /** Of its build directory, with the configuration behind it. */
  readonly name: string;
  readonly config: string;
  /** One that QEMU has; else the first board. */
  readonly board?: string;
  /** Files of bench/guest, in place of the guests' own programs. */
  readonly receiver: string;
  readonly sender: string;
  /** For the guests' kernel command lines. */
  readonly words: readonly string[];
  readonly vmmDefines: Readonly<Record<string, string>>;
  /** Bytes of one region between two VMMs; else the description's own. */
  readonly ringBytes?: number;
}

/** The image, built; or why there can be none here. */
export async function prepareImage(image: BenchImage, signal: AbortSignal): Promise<Sel4Bench | string> {
  const { board: boardName = firstBoard } = image;
  const absent = whyNoSdk(boardName, image.config);
  if (absent !== undefined) return absent;
  const buildDir = join(packageDirectory(), 'build', 'bench', nameBuild(boardName, image));
  const settings = settle(
    { board: boardName, config: image.config, guest: 'debian', 'build-dir': buildDir },
    process.env,
    ['board', 'config', 'guest', 'build-dir'],
  );
  const debian = await benchGuest(signal);
  const context = { settings, env: process.env, signal };
  const inputs = await loadImageInputs(context, ['qemu-system-aarch64']);
  const { board } = inputs;
  const { ringBytes } = image;
  const describe = await loadDescription(context, {
    board,
    buildDir,
    dtc: inputs.tools.dtc,
    ...(ringBytes === undefined ? {} : { ringBytes: BigInt(ringBytes) }),
  });
  const system = describe(inputs.system.guests.length);
  if (board.qemu === undefined) throw new Error(`${boardName} has a machine`);
  const steps = planImage({
    ...inputs,
    system,
    images: {
      kernel: inputs.images.kernel,
      modules: [...debian.modules, ...debian.loopbackModules].map(({ name, path }) => ({ name, path })),
    },
    after: 'poweroff',
    kernelOptions: { more: image.words },
    programSources: {
      vsock_recv: join(packageDirectory(), 'bench', 'guest', image.receiver),
      vsock_send: join(packageDirectory(), 'bench', 'guest', image.sender),
    },
    vmmDefines: image.vmmDefines,
  });
  await benchBuild(steps, buildDir, signal);
  const { 'qemu-system-aarch64': qemu } = await findTools(['qemu-system-aarch64'], process.env);
  return {
    board: boardName,
    qemu: { path: qemu.path, version: qemu.version },
    args: qemuArguments(board.qemu, {
      image: join(buildDir, outputs.image),
      loadAddress: board.loadAddress,
      cpu: board.cpu,
      dtb: boardDtb(buildDir),
      properties: await findMachine(qemu, board.qemu.machine),
    }),
    kernel: debian.kernel.version,
    sdk: inputs.sdk.sdk.version,
    guests: system.guests.map(({ vm }) => vm),
    pds: system.system.protectionDomains.map(({ name }) => name),
    buildDir,
  };
}

const nameBuild = (boardName: string, { name, config }: BenchImage): string =>
  [name, ...(boardName === firstBoard ? [] : [boardName]), config].join('-');

function whyNoSdk(boardName: string, config: string): string | undefined {
  try {
    openBoard(findSdk({ env: process.env }), boardName, config);
    findSources({ env: process.env });
    return undefined;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return error.message;
  }
}

const wordsOf = ({ bytes, writes, pings, connects }: Sel4Workload): readonly string[] => [
  // They would go on in the background for a second, in both guests.
  'cryptomgr.notests',
  `bench_bytes=${bytes}`,
  `bench_writes=${writes.join(',')}`,
  `bench_pings=${pings}`,
  `bench_connects=${connects}`,
  `bench_counters=${counterWindow}`,
];
