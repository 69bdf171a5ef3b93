// SPDX-License-Identifier: BSD-2-Clause
// One protection domain while it is being described, and the virtual machine that may hang below it.

import type { Diagnostic, Place } from './diagnostic.ts';
import { errorFinding } from './finding.ts';
import { pdLimits } from './limits.ts';
import type {
  AnyIrq,
  CapMap,
  IoapicIrq,
  IoPort,
  Irq,
  Mapping,
  MemoryRegion,
  MsiIrq,
  Perms,
  ProtectionDomain,
  Scheduling,
  Setvar,
  Vcpu,
  VirtualMachine,
} from './model.ts';
import { callSite } from './place.ts';
import { IdSet } from './place-ids.ts';
import { placeVaddr } from './place-vaddr.ts';
import type { Program } from './program.ts';
import { bytes, hex, type Vaddr, vaddr } from './units.ts';

export interface PdOptions extends Scheduling {
  readonly name: string;
  /** Default: the name, with `.elf`. */
  readonly programImage?: string;
  /** What the program is made from; without, the image is there already. No part of the system description. */
  readonly program?: Program;
  readonly passive?: boolean;
  readonly stackSize?: bigint;
  readonly smc?: boolean;
  readonly cpu?: number;
  /** Default true. Since Microkit 2.3. */
  readonly fpu?: boolean;
  /** Name of a scheduling domain, if and only if the system has a domain schedule. Since Microkit 2.3. */
  readonly domain?: string;
  /** ELF with the symbols that setvars patch, if not the program itself. Since Microkit 2.2. */
  readonly pathForSymbols?: string;
}

export interface ChildOptions extends PdOptions {
  /** Symbol of the parent's program that gets the child's id. */
  readonly setvarId?: string;
}

export interface MapOptions {
  readonly perms: Perms;
  /** Default: placed above everything mapped so far. */
  readonly vaddr?: bigint;
  readonly cached?: boolean;
  readonly setvarVaddr?: string;
  readonly setvarSize?: string;
  /** Symbol that gets the size of the file that fills the region. Since Microkit 2.2. */
  readonly setvarPrefillSize?: string;
}

/** What a virtual machine maps has no symbols: there is no program of ours to patch. */
export type VmMapOptions = Pick<MapOptions, 'perms' | 'cached'> & { readonly vaddr: bigint };

interface IdChoice {
  /** Default: the lowest free one. */
  readonly id?: number;
}

/** An interrupt on Arm and RISC-V; on x86 an I/O APIC's, or a message signalled one. */
export type IrqOptions = IdChoice &
  (Omit<Irq, 'id' | 'place'> | Omit<IoapicIrq, 'id' | 'place'> | Omit<MsiIrq, 'id' | 'place'>);

/** Ports of x86. */
export type IoPortOptions = IdChoice & Omit<IoPort, 'id' | 'place'>;

export interface CapOptions {
  readonly kind: CapMap['kind'];
  /** 1 to 127. */
  readonly slot: number;
  /** Whose thread control block, scheduling context or address space it is. */
  readonly of: PdBuilder;
}

export interface VmOptions extends Scheduling {
  readonly name: string;
  readonly vcpus: readonly Vcpu[];
}

type Report = (finding: Diagnostic) => void;

export class PdBuilder {
  readonly name: string;
  readonly options: PdOptions;
  readonly #report: Report;
  readonly #place: Place | undefined;
  readonly #ids = new IdSet();
  readonly #childIds = new IdSet();
  readonly #maps: Mapping[] = [];
  readonly #portIds = new IdSet();
  readonly #irqs: AnyIrq[] = [];
  readonly #ioPorts: IoPort[] = [];
  readonly #caps: CapMap[] = [];
  readonly #setvars: Setvar[] = [];
  readonly #children: { readonly id: number; readonly pd: PdBuilder }[] = [];
  #mapsEnd = 0n;
  #passive: boolean | undefined;
  #vm: VmBuilder | undefined;

  constructor(options: PdOptions, report: Report, place: Place | undefined) {
    this.#place = place;
    this.name = options.name;
    this.options = options;
    this.#passive = options.passive;
    this.#report = report;
  }

  get maps(): readonly Mapping[] {
    return this.#maps;
  }

  /** Maps `mr` and gives the address. */
  map(mr: MemoryRegion, options: MapOptions): Vaddr {
    const address = vaddr(options.vaddr ?? placeVaddr(mr.size, this.#mapsEnd));
    this.#maps.push(mapping(mr, { ...options, vaddr: address }, callSite()));
    if (address + mr.size > this.#mapsEnd) this.#mapsEnd = address + mr.size;
    return address;
  }

  /** Where `map` would put a region of this size if no address were given. Reserves nothing. */
  nextVaddr(sizeBytes: bigint): Vaddr {
    return vaddr(placeVaddr(sizeBytes, this.#mapsEnd));
  }

  /** Adds an interrupt and gives its id, from the set that channels share; 0 if it got none, which is reported. */
  addIrq(options: IrqOptions): number {
    const id = this.takeId(nameOfIrq(options), options.id);
    if (id === undefined) return 0;
    const place = callSite();
    this.#irqs.push({ ...options, id, ...(place === undefined ? {} : { place }) });
    return id;
  }

  /** Gives the program x86 ports and gives their id, which is from a set of its own; 0 if it got none. */
  addIoPort(options: IoPortOptions): number {
    const id = this.#take(this.#portIds, `the I/O ports at ${hex(options.addr)}`, options.id);
    if (id === undefined) return 0;
    const place = callSite();
    this.#ioPorts.push({ ...options, id, ...(place === undefined ? {} : { place }) });
    return id;
  }

  /** Puts a capability of another protection domain into a slot of this one's choice. Since Microkit 2.3. */
  addCap({ kind, slot, of }: CapOptions): void {
    const place = callSite();
    this.#caps.push({ kind, slot, pd: of.name, ...(place === undefined ? {} : { place }) });
  }

  addSetvar(setvar: Setvar): void {
    this.#setvars.push(setvar);
  }

  /** Adds a child protection domain with this id or the lowest free one. */
  addChild(options: ChildOptions, childId?: number): PdBuilder & { readonly childId: number } {
    const pd = new PdBuilder(options, this.#report, callSite());
    const id = this.#take(this.#childIds, `child '${options.name}'`, childId) ?? 0;
    this.#children.push({ id, pd });
    return Object.assign(pd, { childId: id });
  }

  /** The one virtual machine of this protection domain. */
  setVirtualMachine(options: VmOptions): VmBuilder {
    const place = callSite();
    const vm = new VmBuilder(options, place);
    if (this.#vm !== undefined)
      this.#report(
        errorFinding(
          'SDF106',
          `protection domain '${this.name}' already has the virtual machine '${this.#vm.options.name}'; '${options.name}' would be its second`,
          { hint: 'describe a second protection domain for it', place },
        ),
      );
    this.#vm = vm;
    return vm;
  }

  /** Timers and GPIO drivers run on their callers' time. */
  makePassive(): void {
    this.#passive = true;
  }

  /** Takes an id of channels and IRQs, or reports why not. `user` names who wants it, for messages. */
  takeId(user: string, wanted?: number): number | undefined {
    return this.#take(this.#ids, user, wanted);
  }

  /** What the programs of this one and its children are made from, by name, where that is known. */
  programs(): ReadonlyMap<string, Program> {
    const { program } = this.options;
    return new Map([
      ...(program === undefined ? [] : [[this.name, program] as const]),
      ...this.#children.flatMap(({ pd }) => [...pd.programs()]),
    ]);
  }

  describe(childId?: number): ProtectionDomain {
    const { stackSize, program: _made, programImage = `${this.name}.elf`, ...rest } = this.options;
    return {
      ...rest,
      programImage,
      ...(this.#passive === undefined ? {} : { passive: this.#passive }),
      ...(stackSize === undefined ? {} : { stackSize: bytes(stackSize) }),
      ...(childId === undefined ? {} : { childId }),
      maps: [...this.#maps],
      children: this.#children.map(({ id, pd }) => pd.describe(id)),
      ...(this.#vm === undefined ? {} : { virtualMachine: this.#vm.describe() }),
      irqs: [...this.#irqs],
      setvars: [...this.#setvars],
      ...(this.#ioPorts.length === 0 ? {} : { ioPorts: [...this.#ioPorts] }),
      ...(this.#caps.length === 0 ? {} : { cspace: [...this.#caps] }),
      ...(this.#place === undefined ? {} : { place: this.#place }),
    };
  }

  #take(set: IdSet, user: string, wanted: number | undefined): number | undefined {
    const answer = set.take(wanted);
    if ('id' in answer) return answer.id;
    const last = pdLimits.ids - 1;
    const [code, message, hint] = {
      taken: [
        'SDF103',
        `id ${wanted} for ${user} of '${this.name}' is taken already`,
        'leave the id out to get a free one',
      ],
      range: [
        'SDF104',
        `id ${wanted} for ${user} of '${this.name}' is not in 0..${last}`,
        `use an id from 0 to ${last}`,
      ],
      full: [
        'SDF105',
        `'${this.name}' has no id left for ${user}: it has ${pdLimits.ids} of ${pdLimits.ids}`,
        'split it into two protection domains',
      ],
    }[answer.refused] as [string, string, string];
    this.#report(errorFinding(code, message, { hint, place: callSite() }));
    return undefined;
  }
}

export class VmBuilder {
  readonly options: VmOptions;
  readonly #place: Place | undefined;
  readonly #maps: Mapping[] = [];

  constructor(options: VmOptions, place: Place | undefined) {
    this.#place = place;
    this.options = options;
  }

  get maps(): readonly Mapping[] {
    return this.#maps;
  }

  /** Maps `mr` at a guest physical address. */
  map(mr: MemoryRegion, options: VmMapOptions): void {
    this.#maps.push(mapping(mr, options, callSite()));
  }

  describe(): VirtualMachine {
    return {
      ...this.options,
      maps: [...this.#maps],
      ...(this.#place === undefined ? {} : { place: this.#place }),
    };
  }
}

function mapping(
  mr: MemoryRegion,
  options: MapOptions & { readonly vaddr: bigint },
  place: Place | undefined,
): Mapping {
  return { mr, ...options, ...(place === undefined ? {} : { place }) };
}

function nameOfIrq(irq: IrqOptions): string {
  if ('irq' in irq) return `IRQ ${irq.irq}`;
  return 'pin' in irq ? `IRQ pin ${irq.pin}` : `MSI of ${irq.pcidev}`;
}
