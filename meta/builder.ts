// SPDX-License-Identifier: BSD-2-Clause
// Describes a system step by step, with sdfgen's words: protection domains, memory regions, channels. It gives ids and
// addresses at once, so that config structs can be made from them, and collects what is wrong instead of throwing:
// `build()` checks the whole and refuses with everything that was found.

import { type Diagnostic, type Place, refuseErrors } from './diagnostic.ts';
import { checkSystem } from './check/system.ts';
import { errorFinding } from './finding.ts';
import { regionLimits } from './limits.ts';
import { IoSpaceBuilder, type IoSpaceOptions } from './io-space-builder.ts';
import type {
  Architecture,
  BootInfo,
  Channel,
  DomainSchedule,
  MemoryRegion,
  SystemDescription,
} from './model.ts';
import { PdBuilder, type PdOptions } from './pd-builder.ts';
import { callSite } from './place.ts';
import { PhysicalSpace } from './place-paddr.ts';
import type { Program } from './program.ts';
import { bytes, hex, type Paddr, paddr } from './units.ts';

export interface SystemOptions {
  readonly arch: Architecture;
  /** Exclusive top of the memory from which physical regions without an address are taken, downwards. */
  readonly paddrTop: Paddr;
  /** Inclusive bottom of that memory; default 0. */
  readonly paddrBottom?: Paddr;
}

export interface MrOptions {
  readonly name: string;
  readonly size: bigint;
  /** A fixed physical address. */
  readonly paddr?: bigint;
  /** Physical memory at an address that is chosen below paddrTop. */
  readonly physical?: boolean;
  readonly pageSize?: bigint;
  /** File with its first bytes. Since Microkit 2.2. */
  readonly prefillPath?: string;
  /** What the boot loader or the kernel says, in its first bytes. Since Microkit 2.3. */
  readonly prefillBootinfo?: BootInfo;
  /** Leaves the size to Microkit, which takes the file's in whole pages; `size` is what that will be. */
  readonly isSizedByPrefill?: boolean;
}

/** Slices of time by the names of domains, and ids of domains if they matter. Since Microkit 2.3. */
export type DomainScheduleOptions = Omit<DomainSchedule, 'place' | 'schedulePlace'>;

export interface ChannelEndOptions {
  readonly pd: PdBuilder;
  readonly id?: number;
  readonly notify?: boolean;
  readonly pp?: boolean;
  readonly setvarId?: string;
}

export class SystemBuilder {
  readonly arch: Architecture;
  readonly #findings: Diagnostic[] = [];
  readonly #regions: MemoryRegion[] = [];
  readonly #roots: PdBuilder[] = [];
  readonly #channels: Channel[] = [];
  readonly #byName = new Map<string, MemoryRegion>();
  readonly #byPaddr = new Map<bigint, MemoryRegion>();
  readonly #bottom: bigint;
  readonly #space: PhysicalSpace;
  readonly #ioSpaces: IoSpaceBuilder[] = [];
  #domains: DomainSchedule | undefined;

  constructor(options: SystemOptions) {
    this.arch = options.arch;
    this.#bottom = options.paddrBottom ?? 0n;
    this.#space = new PhysicalSpace({ bottom: this.#bottom, top: options.paddrTop });
  }

  /** Adds a root protection domain. They are written in the order of this call. */
  addPd(options: PdOptions): PdBuilder {
    const pd = new PdBuilder(options, (finding) => this.report(finding), callSite());
    this.#roots.push(pd);
    return pd;
  }

  addMr(options: MrOptions): MemoryRegion {
    const place = callSite();
    const address =
      options.paddr ?? (options.physical === true ? this.#placePhysical(options, place) : undefined);
    const region: MemoryRegion = {
      name: options.name,
      size: bytes(options.size),
      ...(address === undefined ? {} : { paddr: paddr(address) }),
      ...(options.pageSize === undefined ? {} : { pageSize: bytes(options.pageSize) }),
      ...(options.prefillPath === undefined ? {} : { prefillPath: options.prefillPath }),
      ...(options.prefillBootinfo === undefined ? {} : { prefillBootinfo: options.prefillBootinfo }),
      ...(options.isSizedByPrefill === true ? { isSizedByPrefill: true } : {}),
      ...(place === undefined ? {} : { place }),
    };
    this.#regions.push(region);
    if (!this.#byName.has(region.name)) this.#byName.set(region.name, region);
    if (address !== undefined && !this.#byPaddr.has(address)) this.#byPaddr.set(address, region);
    if (options.paddr !== undefined)
      this.#space.take({ start: options.paddr, end: options.paddr + options.size });
    return region;
  }

  /** The region that was added with this fixed physical address: device pages are shared, never made twice. */
  findMrByPaddr(address: Paddr): MemoryRegion | undefined {
    return this.#byPaddr.get(address);
  }

  findMrByName(name: string): MemoryRegion | undefined {
    return this.#byName.get(name);
  }

  /**
   * Connects two protection domains; gives the id of each end, 0 if one got none, which is reported. `pp` stands at
   * the end that makes protected calls.
   */
  addChannel(options: { readonly a: ChannelEndOptions; readonly b: ChannelEndOptions }): {
    a: number;
    b: number;
  } {
    const { a, b } = options;
    const other = (end: ChannelEndOptions): string => `the channel to '${end.pd.name}'`;
    const idA = a.pd.takeId(other(b), a.id);
    const idB = b.pd.takeId(other(a), b.id);
    if (idA === undefined || idB === undefined) return { a: 0, b: 0 };
    const place = callSite();
    this.#channels.push({
      a: channelEnd(a, idA),
      b: channelEnd(b, idB),
      ...(place === undefined ? {} : { place }),
    });
    return { a: idA, b: idB };
  }

  /** What a device of x86 sees of the memory, through the IOMMU. Since Microkit 2.3. */
  addIoAddressSpace(options: IoSpaceOptions): IoSpaceBuilder {
    const space = new IoSpaceBuilder(options);
    this.#ioSpaces.push(space);
    return space;
  }

  /** The kernel's schedule of domains; a second call takes the place of the first. */
  setDomainSchedule(options: DomainScheduleOptions): void {
    const place = callSite();
    this.#domains = { ...options, ...(place === undefined ? {} : { place }) };
  }

  /** For subsystems: keeps a finding for `build()`. */
  report(finding: Diagnostic): void {
    this.#findings.push(finding);
  }

  /** What was reported so far; the whole is judged by `build()`. */
  get findings(): readonly Diagnostic[] {
    return this.#findings;
  }

  /** What the programs are made from, by the names of their protection domains, where that is known. */
  programs(): ReadonlyMap<string, Program> {
    return new Map(this.#roots.flatMap((pd) => [...pd.programs()]));
  }

  /** The system so far, unchecked. Can be taken any number of times. */
  describe(): SystemDescription {
    return {
      arch: this.arch,
      memoryRegions: [...this.#regions],
      protectionDomains: this.#roots.map((pd) => pd.describe()),
      channels: [...this.#channels],
      ...(this.#ioSpaces.length === 0
        ? {}
        : { ioAddressSpaces: this.#ioSpaces.map((space) => space.describe()) }),
      ...(this.#domains === undefined ? {} : { domains: this.#domains }),
    };
  }

  /** The checked system and the warnings about it; throws one Refusal with everything that is wrong. */
  build(): { system: SystemDescription; warnings: readonly Diagnostic[] } {
    const system = this.describe();
    return { system, warnings: refuseErrors([...this.#findings, ...checkSystem(system)]) };
  }

  #placePhysical({ name, size, pageSize }: MrOptions, place: Place | undefined): bigint {
    const bottom = this.#bottom;
    const { top } = this.#space;
    const start = this.#space.place(size, pageSize ?? regionLimits.pageBytes);
    if (start === undefined) {
      const free = top - bottom;
      this.report(
        errorFinding(
          'SDF102',
          `memory region '${name}' of ${hex(size)} bytes does not fit between ${hex(bottom)} and ${hex(top)}, where ${hex(free)} bytes of physical memory are left`,
          { hint: 'make it smaller, give it a fixed address, or raise the paddr_top of the board', place },
        ),
      );
      this.#space.take({ start: bottom, end: bottom + size });
      return bottom;
    }
    return start;
  }
}

const channelEnd = ({ pd, notify, pp, setvarId }: ChannelEndOptions, id: number): Channel['a'] => ({
  pd: pd.name,
  id,
  ...(notify === undefined ? {} : { notify }),
  ...(pp === undefined ? {} : { pp }),
  ...(setvarId === undefined ? {} : { setvarId }),
});
