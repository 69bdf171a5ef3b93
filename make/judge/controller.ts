// SPDX-License-Identifier: BSD-2-Clause
// The guest's interrupt controller: the device tree that it will read says what libvmm emulates for this board, and where
// its CPU interface should be, the system maps the machine's own.
import type { Diagnostic } from '../../meta/diagnostic.ts';
import { errorFinding } from '../../meta/finding.ts';
import type { GuestGic } from '../../meta/guest.ts';
import { hex } from '../../meta/units.ts';
import type { Evidence, JudgedVmm } from './evidence.ts';

export const judgeControllers = (evidence: Evidence): Diagnostic[] =>
  evidence.vmms.flatMap((vmm) => [
    ...judgeVersion(evidence, vmm),
    ...judgeAddresses(evidence, vmm),
    ...(vmm.machine.gic.version === 2 ? judgeCpuInterface(evidence, vmm) : []),
  ]);

const inBoard = (what: string): string => `correct ${what} in board.ts`;

function judgeVersion(
  { probe, sdk, reference }: Evidence,
  { elf, machine: { gic } }: JudgedVmm,
): Diagnostic[] {
  const emulated = Number(probe('gic.version'));
  const kernel = sdk.hasGicV3 ? 3 : 2;
  const found: Diagnostic[] = [];
  if (gic.version !== kernel || gic.version !== emulated)
    found.push(
      errorFinding(
        'JDG120',
        `the guest of '${elf.file}' is told of a GICv${gic.version}, but the SDK's kernel drives a GICv${kernel} and libvmm emulates a GICv${emulated}`,
        { hint: inBoard('guest.gic.version and its addresses') },
      ),
    );
  if (gic.compatible !== reference.gic.compatible)
    found.push(
      errorFinding(
        'JDG121',
        `the guest of '${elf.file}' is told of a '${gic.compatible}', but the board has a '${reference.gic.compatible}'`,
        { hint: inBoard('guest.gic.compatible') },
      ),
    );
  return found;
}

function judgeAddresses({ probe }: Evidence, { elf, machine: { gic } }: JudgedVmm): Diagnostic[] {
  const compare = (code: string, what: string, told: bigint | undefined, emulated: bigint): Diagnostic[] =>
    told === undefined || told === emulated
      ? []
      : [
          errorFinding(
            code,
            `the guest of '${elf.file}' is told of a ${what} at ${hex(told)}, but libvmm emulates it at ${hex(emulated)}`,
            { hint: inBoard(`guest.gic.${what}`) },
          ),
        ];
  const { redistributor } = gic;
  const found = [
    ...compare('JDG122', 'distributor', gic.distributor.base, probe('gic.distributor')),
    ...compare('JDG123', 'redistributor', redistributor?.base, probe('gic.redistributor')),
  ];
  const room = probe('gic.redistributor.size');
  if (redistributor !== undefined && redistributor.size > room)
    found.push(
      errorFinding(
        'JDG123',
        `the guest of '${elf.file}' is told of a redistributor of ${hex(redistributor.size)} bytes, but libvmm emulates ${hex(room)}`,
        { hint: inBoard('guest.gic.redistributor') },
      ),
    );
  return found;
}

/** GICv2: the machine's virtual CPU interface has to lie where the guest looks for its CPU interface. */
function judgeCpuInterface(
  { reference, systemPath }: Evidence,
  { elf, pd, machine }: JudgedVmm,
): Diagnostic[] {
  const told = machine.gic.cpuInterface?.base;
  const own = reference.gic.cpuInterface?.base;
  const found: Diagnostic[] = [];
  if (told !== own)
    found.push(
      errorFinding(
        'JDG124',
        `the guest of '${elf.file}' is told of a CPU interface at ${address(told)}, but the board has it at ${address(own)}`,
        { hint: inBoard('guest.gic.cpuInterface') },
      ),
    );
  const mapped = pd.guestMaps.find(({ vaddr }) => vaddr === told)?.region.paddr;
  const virtual = virtualInterface(reference.gic);
  if (mapped === undefined || mapped !== virtual)
    found.push(
      errorFinding(
        'JDG125',
        `the guest of '${pd.name}' finds ${address(mapped)} of the machine at its CPU interface ${address(told)}, but the board has the virtual CPU interface at ${address(virtual)}`,
        { hint: inBoard('guest.gic.vcpuInterface'), place: { file: systemPath } },
      ),
    );
  return found;
}

const virtualInterface = ({ vcpuInterface }: GuestGic): bigint | undefined => vcpuInterface?.base;

const address = (value: bigint | undefined): string => (value === undefined ? 'nothing' : hex(value));
