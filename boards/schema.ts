// SPDX-License-Identifier: BSD-2-Clause
// What vmbuild knows of a board. A board is data: a folder with a board.ts (`defineBoard`) and a board.dts, and nothing
// else in the program names it. Unknown fields are refused, addresses are checked against each other.

import * as z from 'zod';
import { type Diagnostic, refuseErrors } from '../meta/diagnostic.ts';
import { errorFinding } from '../meta/finding.ts';
import { checkGuestLayout } from '../meta/guest.ts';
import { regionLimits } from '../meta/limits.ts';
import { driverConfigSchema } from '../meta/sddf/driver-config.ts';
import { bytes, gpa, hex, paddr } from '../meta/units.ts';

const address = z.bigint().min(0n).max(0xffff_ffff_ffff_ffffn);
const paddrSchema = address.transform(paddr);
const gpaSchema = address.transform(gpa);
const sizeSchema = address.min(1n).transform(bytes);

const range = z.strictObject({ base: gpaSchema, size: sizeSchema });
const window = z.strictObject({ start: gpaSchema, end: gpaSchema });
const ppi = z.number().int().min(0).max(15);
const virtioMmio = z.strictObject({
  name: z.string().min(1),
  base: gpaSchema,
  size: sizeSchema,
  spi: z.number().int(),
});

const guestSchema = z.strictObject({
  ram: range,
  kernel: window,
  initrd: window,
  dtb: window,
  cpu: z.string().min(1),
  gic: z.strictObject({
    version: z.union([z.literal(2), z.literal(3)]),
    compatible: z.string().min(1),
    nodeName: z.string().min(1),
    distributor: range,
    cpuInterface: range.optional(),
    redistributor: range.optional(),
    hypInterface: range.optional(),
    vcpuInterface: range.optional(),
  }),
  timerPpis: z.strictObject({ secure: ppi, nonSecure: ppi, virtual: ppi, hypervisor: ppi }),
  console: virtioMmio,
  vsock: virtioMmio,
});

/** Path of a device in board.dts, and the sDDF driver for it in the form of its config.json. */
const deviceSchema = z.strictObject({
  node: z.string().min(1),
  driver: driverConfigSchema.extend({ directory: z.string().regex(/^[a-z0-9_/.-]+$/) }),
});

const qemuSchema = z.strictObject({
  system: z.enum(['qemu-system-aarch64']),
  /** As `-machine` takes it: its name, and the properties that make it the board. */
  machine: z.string().regex(/^[a-z0-9.-]+(,[a-z-]+=[a-z0-9.-]+)*$/),
  /** Absent where the machine has one of its own. */
  cpu: z.string().min(1).optional(),
  /** As QEMU writes it, e.g. `2G`. */
  memory: z.string().regex(/^[0-9]+[MG]$/),
  /** Which of the machine's serial ports, counted from 0, is the one of `serial.node`. */
  serialPort: z.number().int().min(0).max(7),
  /**
   * What plays the boot loader. `loader`: nothing does, the first core comes out of reset at the load address.
   * `firmware`: QEMU itself does, as it does for Linux: the image starts behind a firmware, in non-secure EL2 with PSCI.
   */
  start: z.enum(['loader', 'firmware']),
  /** Frequency of the generic timer, where the machine's is not the one that the SDK's kernel counts with. */
  timerHz: z.number().int().positive().optional(),
});

const boardSchema = z.strictObject({
  /** Microkit's name; also the folder's. */
  name: z
    .string()
    .regex(/^[a-z0-9_]+$/)
    .max(63),
  arch: z.enum(['aarch64', 'riscv64', 'x86_64']),
  /** For `clang -mcpu`. */
  cpu: z.string().min(1),
  /** All of its RAM, in order. An SDK knows better what of it the kernel leaves. */
  memory: z.array(z.strictObject({ base: paddrSchema, size: sizeSchema })).min(1),
  /** Exclusive top of the memory for physical regions that name no address, as sdfgen takes it; and its bottom. */
  paddrTop: paddrSchema,
  paddrBottom: paddrSchema,
  /** The serial port of all consoles, and the timer that wakes idle guests. */
  serial: deviceSchema,
  timer: deviceSchema,
  /** Where the loader's image goes, and the line that starts it from the board's own boot loader, if it has one. */
  loadAddress: paddrSchema,
  bootLine: z.string().min(1).optional(),
  /** Absent for boards that QEMU does not have. */
  qemu: qemuSchema.optional(),
  guest: guestSchema,
});

/** A board as board.ts writes it: plain bigints and numbers. */
export type BoardInput = z.input<typeof boardSchema>;

type Parsed = z.output<typeof boardSchema>;
/** `?:` without `undefined`, as the rest of the program writes it. */
type Exact<T> = T extends bigint | string | number | boolean | readonly unknown[]
  ? T
  : { readonly [K in keyof T]: undefined extends T[K] ? Exclude<Exact<T[K]>, undefined> : Exact<T[K]> };

export type Board = Exact<Parsed>;

/** Checks the data. Refuses BRD1xx, GST1xx with everything that was found. */
export function defineBoard(input: BoardInput): Board {
  const parsed = boardSchema.safeParse(input);
  if (!parsed.success) {
    refuseErrors(
      parsed.error.issues.map((issue) =>
        errorFinding(
          'BRD101',
          `board '${input.name}': ${issue.path.join('.') || 'the whole'}: ${issue.message}`,
          {
            hint: 'see boards/schema.ts for what a board has',
          },
        ),
      ),
    );
    throw new Error('a failed parse has issues');
  }
  const board = parsed.data as Board;
  refuseErrors([...checkBoard(board), ...checkGuestLayout(board.guest, `board '${board.name}'`)]);
  return board;
}

function checkBoard(board: Board): Diagnostic[] {
  return [...checkAddresses(board), ...checkGic(board), ...checkStart(board)];
}

function checkAddresses({ name, paddrBottom, paddrTop, loadAddress }: Board): Diagnostic[] {
  const page = regionLimits.pageBytes;
  const found: Diagnostic[] = [];
  if (paddrBottom >= paddrTop || paddrBottom % page !== 0n || paddrTop % page !== 0n)
    found.push(
      errorFinding(
        'BRD102',
        `board '${name}' has paddrBottom ${hex(paddrBottom)} and paddrTop ${hex(paddrTop)}, which are not a range of whole pages`,
        {
          hint: 'give the range of memory that Microkit leaves to devices and DMA',
        },
      ),
    );
  if (loadAddress % page !== 0n)
    found.push(
      errorFinding(
        'BRD103',
        `board '${name}' has the load address ${hex(loadAddress)}, which no page starts at`,
        {
          hint: 'take it from the Microkit manual, section of the board',
        },
      ),
    );
  return found;
}

/** What a guest's device tree must have for its driver to find the controller (bindings arm,gic.yaml, arm,gic-v3.yaml). */
function checkGic({ name, guest: { gic } }: Board): Diagnostic[] {
  const second = gic.version === 2 ? 'cpuInterface' : 'redistributor';
  if (gic[second] !== undefined) return [];
  return [
    errorFinding('BRD104', `board '${name}' has a GICv${gic.version} without '${second}'`, {
      hint: `give the address of its ${second} to guest.gic`,
    }),
  ];
}

function checkStart({ name, qemu, bootLine }: Board): Diagnostic[] {
  if (qemu !== undefined || bootLine !== undefined) return [];
  return [
    errorFinding(
      'BRD105',
      `board '${name}' says neither how QEMU runs it nor how its boot loader starts an image`,
      {
        hint: "give it 'bootLine', 'qemu', or both",
      },
    ),
  ];
}
