// SPDX-License-Identifier: BSD-2-Clause
// The judge as a build step: when the image is there, it is opened again and judged from what was really built, against
// what the SDK, libvmm and sDDF say of the board. What it found good is written down for people.
import { refuseErrors } from '../../meta/diagnostic.ts';
import {
  cpuFromTree,
  findNode,
  formatRange,
  gicFromTree,
  guestMachineFromTree,
  hex,
  parseDriverConfig,
  parseFdt,
} from '../../meta/index.ts';
import { digestText } from '../file-digests.ts';
import type { Step, StepFiles } from '../step.ts';
import type { SdkBoard } from '../store/sdk-board.ts';
import { compileDeviceTree } from '../tools/dtc.ts';
import { damaged, firstSegment, parseElf, sectionOf } from './elf-file.ts';
import type { Evidence, JudgedBoard, JudgedDriver, JudgedVmm, SdkFacts } from './evidence.ts';
import { judge } from './judge.ts';
import { readProbe } from './probe.ts';
import { parseSystem, type SystemFile, type SystemPd } from './system-file.ts';

interface BoardDevice {
  readonly node: string;
  readonly driver: { readonly directory: string };
}

export interface JudgeOptions {
  readonly board: JudgedBoard & {
    readonly serial: BoardDevice;
    readonly timer: BoardDevice;
  };
  readonly sdk: Pick<SdkBoard, 'directory' | 'memory' | 'devices' | 'kernel'>;
  /** Directory of sDDF, and the device tree source of the board that counts, mostly out of it. */
  readonly sddf: string;
  readonly referenceDts: string;
  readonly dtc: string;
  /** What was built. */
  readonly image: string;
  readonly system: string;
  readonly vmms: readonly string[];
  /** Programs of the drivers. */
  readonly drivers: { readonly serial: string; readonly timer: string };
  /** vmm/judge_probe.c, compiled. */
  readonly probe: string;
}

/** The board's device tree, compiled, and the verdict. */
export function judgeSteps(options: JudgeOptions): readonly Step[] {
  const { image, system, vmms, probe } = options;
  const { board, sdk, devices, loader } = factsOf(options);
  const ofDrivers = devices.flatMap(({ program, configFile }) => [program, configFile]);
  return [
    compileDeviceTree({ dtc: options.dtc, input: options.referenceDts, output: reference }),
    {
      name: 'judge',
      action: {
        kind: 'fn',
        key: digestText(
          JSON.stringify(
            ['judge 2', board, sdk, devices.map(({ node, driver }) => [node, driver])],
            bigintAsText,
          ),
        ),
        run: async (io) => {
          const evidence = await open(options, io);
          refuseErrors(judge(evidence));
          await io.write(verdict, describe(evidence));
        },
      },
      inputs: [image, system, ...vmms, ...ofDrivers, probe, loader, reference],
      outputs: [verdict],
    },
  ];
}

const verdict = 'judge/verdict.txt';
const reference = 'judge/board.dtb';

interface DeviceFacts {
  /** Path in the board's device tree. */
  readonly node: string;
  /** Below sDDF's `drivers/`. */
  readonly driver: string;
  readonly program: string;
  /** sDDF's, of the driver. */
  readonly configFile: string;
}

/** What of the options counts, so that nothing else makes the step run again. */
function factsOf({ board: described, sdk, sddf, drivers }: JudgeOptions): {
  board: JudgedBoard;
  sdk: SdkFacts;
  devices: readonly DeviceFacts[];
  loader: string;
} {
  const { name, cpu, loadAddress, bootLine, paddrBottom, paddrTop, serial, timer } = described;
  const deviceFacts = ({ node, driver: { directory } }: BoardDevice, program: string): DeviceFacts => ({
    node,
    driver: directory,
    program,
    configFile: `${sddf}/drivers/${directory}/config.json`,
  });
  return {
    board: {
      name,
      cpu,
      loadAddress,
      paddrBottom,
      paddrTop,
      ...(bootLine === undefined ? {} : { bootLine }),
    },
    sdk: { memory: sdk.memory, devices: sdk.devices, hasGicV3: sdk.kernel.hasGicV3, cpu: sdk.kernel.cpu },
    devices: [deviceFacts(serial, drivers.serial), deviceFacts(timer, drivers.timer)],
    loader: `${sdk.directory}/elf/loader.elf`,
  };
}

const bigintAsText = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}` : value);

async function open(options: JudgeOptions, io: StepFiles): Promise<Evidence> {
  const { board, sdk, devices, loader } = factsOf(options);
  const system = parseSystem((await io.read(options.system)).toString(), options.system);
  const vmms: JudgedVmm[] = [];
  for (const path of options.vmms) vmms.push(openVmm(system, path, await io.read(path)));
  const tree = parseFdt(await io.read(reference), options.referenceDts);
  const drivers: JudgedDriver[] = [];
  for (const { node, driver, program, configFile } of devices) {
    const config = parseJson((await io.read(configFile)).toString(), configFile);
    drivers.push({
      pd: pdOf(system, program),
      elf: parseElf(await io.read(program), program),
      config: parseDriverConfig(config, driver, configFile),
      device: findNode(tree, node),
    });
  }
  return {
    board,
    sdk,
    probe: readProbe(await io.read(options.probe), options.probe),
    systemPath: options.system,
    system,
    vmms,
    drivers,
    reference: { gic: gicFromTree(tree) },
    loader: { file: loader, ...firstSegment(await io.read(loader), loader) },
    image: { file: options.image, bytes: await io.read(options.image) },
  };
}

function openVmm(system: SystemFile, path: string, bytes: Buffer): JudgedVmm {
  const elf = parseElf(bytes, path);
  const tree = parseFdt(sectionOf(elf, '.guest_dtb_image').bytes, `${path}: .guest_dtb_image`);
  return {
    pd: pdOf(system, path),
    elf,
    tree,
    machine: guestMachineFromTree(tree),
    cpu: cpuFromTree(tree).replace(/^arm,/, ''),
  };
}

const pdOf = (system: SystemFile, programImage: string): SystemPd =>
  system.pds.find((pd) => pd.programImage === programImage) ??
  damaged(programImage, 'belongs to no protection domain of the system');

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return damaged(file, `is no JSON: ${error.message}`);
  }
}

function describe({ board, loader, vmms, drivers, system, probe }: Evidence): string {
  const fixed = system.regions.filter(({ paddr }) => paddr !== undefined);
  const rows = [
    `board ${board.name}, cpu ${board.cpu}`,
    `loader at ${hex(loader.start)}`,
    ...fixed.map(({ name, paddr = 0n, size }) => `region '${name}' ${formatRange(paddr, paddr + size)}`),
    ...drivers.map(
      ({ pd }) =>
        `interrupt of ${pd.name} ${pd.irqs.map(({ irq, trigger }) => `${irq} (${trigger})`).join(', ')}`,
    ),
    ...vmms.map(
      ({ elf, machine: { gic, ram } }) =>
        `guest of ${elf.file}: RAM ${formatRange(ram.base, ram.base + ram.size)}, GICv${gic.version} with its distributor at ${hex(gic.distributor.base)}`,
    ),
    `libvmm emulates a GICv${probe('gic.version')} with its distributor at ${hex(probe('gic.distributor'))}`,
  ];
  return `${rows.join('\n')}\n`;
}
