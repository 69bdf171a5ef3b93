// SPDX-License-Identifier: BSD-2-Clause
// What a description is judged for: the SDK that the user names, else the board, else the architecture alone; --kernel
// and --microkit have the last word.
import type { SdkBoard } from '../make/store/sdk-board.ts';
import { type CheckTarget, newestMicrokit, type PhysicalRange, targetOf } from '../meta/check/target.ts';
import { exitCode, refuse } from '../meta/diagnostic.ts';
import { didYouMean } from '../meta/finding.ts';
import type { Architecture } from '../meta/model.ts';
import type { Settings } from './options.ts';
import type { CommandContext } from './vmbuild.ts';

export async function loadCheckTarget(context: CommandContext): Promise<CheckTarget> {
  const { settings } = context;
  const base = withArchitecture(settings, await fromSdkOrBoard(context));
  const microkit = settings.text('microkit') ?? base.microkit;
  if (!/^[0-9]+([.][0-9]+){1,2}(-[\w.]+)?$/.test(microkit))
    refuse('ARG130', `--microkit '${microkit}' is no version`, {
      hint: `write it as ${newestMicrokit}`,
      exit: exitCode.usage,
    });
  return { ...base, microkit, ...parseKernel(settings.text('kernel')) };
}

const architectures: readonly Architecture[] = ['aarch64', 'riscv64', 'x86_64'];

function withArchitecture(settings: Settings, base: CheckTarget): CheckTarget {
  const name = settings.text('arch');
  if (name === undefined || name === base.arch) return base;
  const arch = architectures.find((candidate) => candidate === name);
  if (arch === undefined)
    return refuse('ARG131', `there is no architecture '${name}'`, {
      hint: didYouMean(name, architectures),
      exit: exitCode.usage,
    });
  if (base.board !== undefined && !settings.defaulted('board'))
    refuse('ARG132', `board '${base.board}' is ${base.arch}, and --arch says ${arch}`, {
      hint: 'leave one of the two out',
      exit: exitCode.usage,
    });
  // Of an SDK for another architecture, its version still counts.
  return { ...targetOf(arch), cores: base.cores, microkit: base.microkit };
}

/** Both are loaded only if they are named: most descriptions are judged without. */
async function fromSdkOrBoard({ settings, env }: CommandContext): Promise<CheckTarget> {
  const isMulticore = (settings.text('config') ?? '').startsWith('smp');
  const cores = isMulticore ? undefined : 1;
  const name = settings.text('board') ?? '';
  if (settings.flag('sdk') !== undefined || env['MICROKIT_SDK'] !== undefined) {
    const [{ findSdk }, { openBoard }] = await Promise.all([
      import('../make/store/sdk.ts'),
      import('../make/store/sdk-board.ts'),
    ]);
    const sdk = findSdk({ sdk: settings.flag('sdk'), env, allowStack: true });
    return await targetOfSdk(openBoard(sdk, name, settings.text('config') ?? ''));
  }
  if (settings.defaulted('board')) return { ...targetOf('aarch64'), cores };
  const { loadBoard } = await import('../boards/index.ts');
  const board = await loadBoard(name);
  return { ...targetOf(board.arch), cores, ...physicalMemory(board), board: name };
}

/** What an SDK says of a board and a configuration, and what vmbuild knows of that board besides. */
export async function targetOfSdk(sdk: SdkBoard): Promise<CheckTarget> {
  const { kernel, memory, devices, userTop, board } = sdk;
  const { boardNames, loadBoard } = await import('../boards/index.ts');
  const arch = architectures.find((candidate) => candidate === kernel.arch) ?? 'aarch64';
  return {
    arch,
    microkit: sdk.sdk.version,
    isHypervisor: kernel.isHypervisor,
    hasIommu: arch === 'x86_64' && kernel.hasIommu,
    cores: kernel.maxCores,
    forwardsSmc: kernel.forwardsSmc,
    domains: kernel.domains,
    domainSchedules: kernel.domainSchedules,
    userTop,
    memory,
    devices,
    board,
    ...(boardNames().includes(board) ? { ram: ramOf(await loadBoard(board)) } : {}),
  };
}

interface WithMemory {
  readonly memory: readonly { readonly base: bigint; readonly size: bigint }[];
}

const ramOf = ({ memory }: WithMemory): readonly PhysicalRange[] =>
  memory.map(({ base, size }) => ({ start: base, end: base + size }));

/** Without an SDK it is not known what the kernel keeps for itself. */
function physicalMemory(board: WithMemory): Pick<CheckTarget, 'memory' | 'devices'> {
  const ranges = ramOf(board);
  const edges = [0n, ...ranges.flatMap(({ start, end }) => [start, end]), 1n << 64n];
  const devices = edges.flatMap((start, i) => {
    const end = edges[i + 1];
    return i % 2 === 0 && end !== undefined && start < end ? [{ start, end }] : [];
  });
  return { memory: ranges, devices };
}

/** `cores=4,iommu,no-hypervisor` */
function parseKernel(text: string | undefined): Partial<CheckTarget> {
  const facts: Record<string, boolean | number> = {};
  for (const word of text?.split(',') ?? []) {
    const [name = '', value] = word.split('=');
    const [flag, isOn] = name.startsWith('no-') ? [name.slice(3), false] : [name, true];
    const switchName = value === undefined ? kernelSwitches[flag] : undefined;
    const countName = value !== undefined && /^[1-9][0-9]{0,3}$/.test(value) ? kernelCounts[name] : undefined;
    if (switchName !== undefined) facts[switchName] = isOn;
    else if (countName !== undefined) facts[countName] = Number(value);
    else
      refuse('ARG133', `--kernel has no '${word}'`, {
        hint: 'write cores=N, domains=N, schedules=N, hypervisor, iommu, smc or no-hypervisor, no-iommu, no-smc, with commas between',
        exit: exitCode.usage,
      });
  }
  return facts;
}

const kernelSwitches: Readonly<Record<string, keyof CheckTarget>> = {
  hypervisor: 'isHypervisor',
  iommu: 'hasIommu',
  smc: 'forwardsSmc',
};
const kernelCounts: Readonly<Record<string, keyof CheckTarget>> = {
  cores: 'cores',
  domains: 'domains',
  schedules: 'domainSchedules',
};
