// SPDX-License-Identifier: BSD-2-Clause
// What an SDK has for one board and configuration: the files that the Microkit tool and the build read, all checked at
// once, and the facts from the kernel's JSON.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { type Diagnostic, refuse, refuseErrors } from '../../meta/diagnostic.ts';
import { isFile } from '../presence.ts';
import { type LoadRange, readLoadRange } from './elf-range.ts';
import type { Sdk } from './sdk.ts';

/** Half-open, physical addresses. */
export interface AddressRange {
  readonly start: bigint;
  readonly end: bigint;
}

export interface SdkBoard {
  readonly sdk: Sdk;
  readonly board: string;
  readonly config: string;
  /** `<sdk>/board/<board>/<config>` */
  readonly directory: string;
  readonly includeDir: string;
  readonly libmicrokit: string;
  readonly linkerScript: string;
  /** Every file that the Microkit tool reads, besides what it is given. */
  readonly toolInputs: readonly string[];
  readonly kernel: KernelConfig;
  /** The kernel's physical memory, from its first byte to the end of its BSS. */
  readonly kernelImage: AddressRange;
  /** What the initialiser takes before a system is put into it. */
  readonly initialiserBytes: bigint;
  /** Normal memory that a system may use. */
  readonly memory: readonly AddressRange[];
  /** Where device regions may lie. */
  readonly devices: readonly AddressRange[];
  /** The highest virtual address of user space, inclusive. */
  readonly userTop: bigint;
}

/** From gen_config.json, whose values are booleans or strings. */
export interface KernelConfig {
  /** `aarch64` */
  readonly arch: string;
  readonly isHypervisor: boolean;
  readonly hasGicV3: boolean;
  readonly isDebug: boolean;
  readonly prints: boolean;
  readonly maxCores: number;
  readonly domains: number;
  readonly domainSchedules: number;
  /** Arm: SMC calls of protection domains reach the firmware. */
  readonly forwardsSmc: boolean;
  /** x86: VT-d. */
  readonly hasIommu: boolean;
  /** As `clang -mcpu` calls it, e.g. `cortex-a53`; undefined if none is named. */
  readonly cpu: string | undefined;
}

/** Refuses with everything that is missing or damaged. */
export function openBoard(sdk: Sdk, board: string, config: string): SdkBoard {
  const directory = findDirectory(sdk, board, config);
  const toolInputs = [
    join(sdk.path, 'VERSION'),
    ...[...elves, ...tables].map((name) => join(directory, name)),
  ];
  const libmicrokit = join(directory, 'lib', 'libmicrokit.a');
  const linkerScript = join(directory, 'lib', 'microkit.ld');
  const found: Diagnostic[] = [
    ...toolInputs,
    libmicrokit,
    linkerScript,
    join(directory, 'include', 'microkit.h'),
  ]
    .filter((path) => !isFile(path))
    .map((path) => wrong('SDK108', `SDK ${sdk.version} lacks '${path}'`));
  const gen = readJson(join(directory, 'include/kernel/gen_config.json'), genConfigSchema, found);
  const platform = readJson(join(directory, 'platform_gen.json'), platformSchema, found);
  const addressSpace = readJson(join(directory, 'address_space_constants.json'), addressSpaceSchema, found);
  const sel4 = readElf(join(directory, 'elf/sel4.elf'), found);
  const initialiser = readElf(join(directory, 'elf/initialiser.elf'), found);
  refuseErrors(found);
  if (
    gen === undefined ||
    platform === undefined ||
    addressSpace === undefined ||
    sel4 === undefined ||
    initialiser === undefined
  )
    throw new Error('unread SDK files without a finding');
  return {
    sdk,
    board,
    config,
    directory,
    includeDir: join(directory, 'include'),
    libmicrokit,
    linkerScript,
    toolInputs,
    kernel: {
      arch: gen.SEL4_ARCH,
      isHypervisor: gen.ARM_HYPERVISOR_SUPPORT ?? gen.VTX ?? false,
      hasGicV3: gen.ARM_GIC_V3_SUPPORT ?? false,
      isDebug: gen.DEBUG_BUILD,
      prints: gen.PRINTING,
      maxCores: gen.ENABLE_SMP_SUPPORT === true ? Number(gen.MAX_NUM_NODES) : 1,
      domains: Number(gen.NUM_DOMAINS ?? 16),
      domainSchedules: Number(gen.NUM_DOMAIN_SCHEDULES ?? 100),
      forwardsSmc: gen.ALLOW_SMC_CALLS ?? false,
      hasIommu: gen.IOMMU ?? false,
      cpu: cpuOf(gen),
    },
    kernelImage: sel4.paddr,
    initialiserBytes: initialiser.vaddr.end - initialiser.vaddr.start,
    memory: platform.memory,
    devices: platform.devices,
    userTop: BigInt(addressSpace.vspace_user_top),
  };
}

/** The tool demands these (facts of Microkit 2.3.0; not on x86-64). */
const elves = ['elf/sel4.elf', 'elf/loader.elf', 'elf/monitor.elf', 'elf/initialiser.elf'] as const;
const tables = [
  'include/kernel/gen_config.json',
  'invocations_all.json',
  'platform_gen.json',
  'object_sizes.json',
  'address_space_constants.json',
] as const;

const genConfigSchema = z.looseObject({
  SEL4_ARCH: z.string(),
  ARM_HYPERVISOR_SUPPORT: z.boolean().optional(),
  ARM_GIC_V3_SUPPORT: z.boolean().optional(),
  DEBUG_BUILD: z.boolean(),
  PRINTING: z.boolean(),
  MAX_NUM_NODES: z.string().regex(/^\d+$/),
  ENABLE_SMP_SUPPORT: z.boolean().optional(),
  // Microkit before 2.3 has no domains.
  NUM_DOMAINS: z.string().regex(/^\d+$/).optional(),
  NUM_DOMAIN_SCHEDULES: z.string().regex(/^\d+$/).optional(),
  ALLOW_SMC_CALLS: z.boolean().optional(),
  IOMMU: z.boolean().optional(),
  VTX: z.boolean().optional(),
});

/** One of ARM_CORTEX_A53 and its kin is true. */
function cpuOf(gen: Readonly<Record<string, unknown>>): string | undefined {
  const name = Object.keys(gen).find((key) => /^ARM_CORTEX_[A-Z][0-9]+$/.test(key) && gen[key] === true);
  return name?.replace(/^ARM_/, '').toLowerCase().replace('_', '-');
}

const rangeSchema = z
  .object({ start: z.number().int().nonnegative(), end: z.number().int().nonnegative() })
  .refine(({ start, end }) => start <= end && Number.isSafeInteger(end), 'end lies before start')
  .transform(({ start, end }) => ({ start: BigInt(start), end: BigInt(end) }));
const platformSchema = z.object({ memory: z.array(rangeSchema), devices: z.array(rangeSchema) });

/** Exact up to 2^53; user space ends below 2^48. */
const addressSpaceSchema = z.looseObject({ vspace_user_top: z.number().int().nonnegative() });

function findDirectory(sdk: Sdk, board: string, config: string): string {
  const configs = sdk.boards.get(board);
  if (configs === undefined)
    return refuse('SDK106', `SDK '${sdk.path}' has no board '${board}'`, {
      hint: `choose one of ${[...sdk.boards.keys()].join(', ')}, or build an SDK with that board`,
    });
  if (!configs.includes(config))
    return refuse('SDK107', `SDK '${sdk.path}' has no configuration '${config}' for board '${board}'`, {
      hint: `choose one of ${configs.join(', ')}`,
    });
  return join(sdk.path, 'board', board, config);
}

function readJson<T>(path: string, schema: z.ZodType<T>, found: Diagnostic[]): T | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined; // reported as missing
  }
  try {
    const result = schema.safeParse(JSON.parse(text));
    if (result.success) return result.data;
    for (const issue of result.error.issues)
      found.push(wrong('SDK109', `'${path}' is not as expected: ${issue.path.join('.')}: ${issue.message}`));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    found.push(wrong('SDK109', `'${path}' is no JSON: ${error.message}`));
  }
  return undefined;
}

function readElf(path: string, found: Diagnostic[]): LoadRange | undefined {
  if (!isFile(path)) return undefined; // reported as missing
  const range = readLoadRange(readFileSync(path));
  if (range === undefined)
    found.push(wrong('SDK109', `'${path}' is not as expected: no 64-bit ELF file with anything to load`));
  return range;
}

const wrong = (code: string, message: string): Diagnostic => ({
  code,
  severity: 'error',
  message,
  hint: 'unpack or build the SDK again',
});
