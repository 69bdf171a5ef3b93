// SPDX-License-Identifier: BSD-2-Clause
// Systems of the user's own: a file whose default export is `defineSystem(…)`. Its function gets a builder and what there
// is to know of the board, and describes; configs, programs and policies of what it adds are kept for it.
//
//   export default defineSystem(({ sdf, addTimer }) => {
//     const client = sdf.addPd({ name: 'client', priority: 1, program: { sources: ['client.c'] } });
//     addTimer({ clients: [client] });
//   });

import type { Policy } from './audit/policy.ts';
import { checkPolicies } from './audit/prove.ts';
import { SystemBuilder } from './builder.ts';
import { duplicates } from './check/duplicates.ts';
import { checkSystem } from './check/system.ts';
import type { CheckTarget } from './check/target.ts';
import { type ComponentConfig, componentConfig } from './config/component.ts';
import { type StructType, tagOf } from './config/struct.ts';
import type { Diagnostic } from './diagnostic.ts';
import { findNode } from './fdt/node.ts';
import type { DeviceTree } from './fdt/parse.ts';
import { didYouMean, errorFinding } from './finding.ts';
import { generateHeaders } from './generated.ts';
import type { GuestLayout } from './guest.ts';
import { type AddLinuxOptions, type AddVsockOptions, type LinuxGuest, LinuxGuests } from './linux-guests.ts';
import { allPds, type SystemDescription } from './model.ts';
import type { PdBuilder } from './pd-builder.ts';
import { callSite } from './place.ts';
import type { Program } from './program.ts';
import { connectSerial, type SerialOptions } from './sddf/serial.ts';
import { connectTimer } from './sddf/timer.ts';
import type { VsockSystemOptions } from './vsock-system.ts';

/** What a description may want to know of the board that it is for. */
export type SystemBoard = VsockSystemOptions['board'] & {
  /** Microkit's. */
  readonly name: string;
  /** As `clang -mcpu` takes it. */
  readonly cpu: string;
  /** Where a Linux guest lies in memory, and what machine it sees. */
  readonly guest: GuestLayout;
};

export interface SystemContext {
  /** Adds protection domains, memory regions and channels. */
  readonly sdf: SystemBuilder;
  readonly board: SystemBoard;
  /** The board's device tree. */
  readonly tree: DeviceTree;
  /** The board's timer with sDDF's driver for it. Each client gets the symbol `timer_config`. */
  readonly addTimer: (options: AddTimerOptions) => { readonly driver: PdBuilder };
  /** The board's serial port with sDDF's driver and virtualisers. Each client gets the symbol `serial_config`. */
  readonly addSerial: (options: AddSerialOptions) => SerialPds;
  /** A Linux guest and its VMM, which is to be a client of the serial port, with `receive`, and of the timer. */
  readonly addLinux: (options: AddLinuxOptions) => LinuxGuest;
  /** Connects Linux guests by virtio sockets: each reaches the others by their `cid`. */
  readonly addVsock: (options: AddVsockOptions) => void;
  /**
   * Gives the program of `pd` a config struct with these values, in a global that is called as the struct or `symbol`.
   * The struct's definition and the global's declaration come in by `#include "<pd>.system.h"`.
   */
  readonly addConfig: <Value>(pd: PdBuilder, type: StructType<Value>, value: Value, symbol?: string) => void;
}

export interface AddTimerOptions {
  readonly clients: readonly PdBuilder[];
  /** Default 254, which is above everyone who may call it. */
  readonly priority?: number;
}

export interface AddSerialOptions
  extends Pick<SerialOptions, 'clients' | 'baudRate' | 'beginString' | 'enableColour'> {
  /** The clients can read, too; default false. */
  readonly receive?: boolean;
  /** Of the driver; the virtualisers have one less. Default 200. */
  readonly priority?: number;
}

export interface SerialPds {
  readonly driver: PdBuilder;
  readonly virtTx: PdBuilder;
  readonly virtRx?: PdBuilder;
}

/** What a description may give back: what it made by itself, without the functions of its context. */
export interface Described {
  readonly configs?: readonly ComponentConfig[];
  /** What must hold: of the description whenever it is checked, of the image when it is audited. */
  readonly policies?: readonly Policy[];
}

// oxlint-disable-next-line typescript/no-invalid-void-type -- a description need not return anything
export type Describe = (context: SystemContext) => Described | void | Promise<Described | void>;

/** Recognised by its symbol, which all copies of this library share. */
const brand: unique symbol = Symbol.for('vmbuild.defineSystem') as never;

export interface DefinedSystem {
  readonly [brand]: Describe;
}

/** The default export of a description. Nothing is described yet: that takes a board. */
export const defineSystem = (describe: Describe): DefinedSystem => ({ [brand]: describe });

export const isDefinedSystem = (value: unknown): value is DefinedSystem =>
  typeof value === 'object' && value !== null && brand in value && typeof value[brand] === 'function';

/** A described system, judged. */
export interface OwnSystem {
  readonly system: SystemDescription;
  /** Errors and warnings. */
  readonly findings: readonly Diagnostic[];
  readonly configs: readonly ComponentConfig[];
  readonly policies: readonly Policy[];
  /** By the names of their protection domains; who is not there has a ready image. */
  readonly programs: ReadonlyMap<string, Program>;
  /** Names of the serial port's clients, in the order of their numbers. */
  readonly serialClients: readonly string[];
}

export interface DescribeFacts {
  readonly board: SystemBoard;
  readonly tree: DeviceTree;
  /** What the system is judged for; default: what there is to know of the board's architecture. */
  readonly target?: CheckTarget;
}

/** Describes the system for a board. What the user's function throws comes out as it is. */
export async function describeOwnSystem(
  defined: DefinedSystem,
  { target, ...facts }: DescribeFacts,
): Promise<OwnSystem> {
  const sdf = new SystemBuilder(facts.board);
  const configs: ComponentConfig[] = [];
  const serial: { pd: PdBuilder; receives: boolean }[] = [];
  const timer: PdBuilder[] = [];
  const linux = new LinuxGuests(sdf, facts.board);
  const context: SystemContext = {
    sdf,
    ...facts,
    addTimer: (options) => {
      timer.push(...options.clients);
      return addTimer(sdf, facts, configs, options);
    },
    addSerial: (options) => {
      serial.push(...options.clients.map((pd) => ({ pd, receives: options.receive === true })));
      return addSerial(sdf, facts, configs, options);
    },
    addLinux: (options) => linux.add(options),
    addVsock: (options) => linux.connect(options),
    addConfig: (pd, type, value, symbol = tagOf(type.cName)) => {
      const config = componentConfig(
        { pd: pd.name, symbol, section: `.${symbol}`, dataFile: `${symbol}_${pd.name}.data` },
        type,
        value,
      );
      if (isFitting(sdf, config)) configs.push(config);
    },
  };
  const described = (await defined[brand](context)) ?? {};
  configs.push(...linux.finish({ serial, timer }));
  const system = sdf.describe();
  const allConfigs = [...configs, ...(described.configs ?? [])];
  const policies = described.policies ?? [];
  const findings = [
    ...sdf.findings,
    ...checkSystem(system, target),
    ...generateHeaders(system, allConfigs).findings,
    ...checkConfigs(system, allConfigs),
  ];
  // Of a system that cannot be built nothing is proved.
  const isSound = findings.every(({ severity }) => severity !== 'error');
  const broken = isSound ? checkPolicies(policies, system).flatMap((result) => result.findings) : [];
  return {
    system,
    findings: [...findings, ...broken],
    configs: allConfigs,
    policies,
    programs: new Map([...sdf.programs(), ...linux.programs()]),
    serialClients: serial.map(({ pd }) => pd.name),
  };
}

const timerPriority = 254;
const serialPriority = 200;
/** Programs built with UBSan use more stack than Microkit's default. */
const virtStackBytes = 0x3000n;

function addTimer(
  sdf: SystemBuilder,
  { board, tree }: DescribeFacts,
  configs: ComponentConfig[],
  { clients, priority = timerPriority }: AddTimerOptions,
): { driver: PdBuilder } {
  const driver = sdf.addPd({ name: 'timer_driver', priority, program: { sddf: 'timer_driver' } });
  const device = { at: findNode(tree, board.timer.node), drivers: [board.timer.driver] };
  configs.push(...connectTimer(sdf, { device, driver, clients }));
  return { driver };
}

function addSerial(
  sdf: SystemBuilder,
  { board, tree }: DescribeFacts,
  configs: ComponentConfig[],
  { receive = false, priority = serialPriority, ...options }: AddSerialOptions,
): SerialPds {
  const driver = sdf.addPd({ name: 'serial_driver', priority, program: { sddf: 'serial_driver' } });
  const virt = (name: 'serial_virt_tx' | 'serial_virt_rx'): PdBuilder =>
    sdf.addPd({ name, priority: priority - 1, stackSize: virtStackBytes, program: { sddf: name } });
  const pds: SerialPds = {
    driver,
    virtTx: virt('serial_virt_tx'),
    ...(receive ? { virtRx: virt('serial_virt_rx') } : {}),
  };
  const device = { at: findNode(tree, board.serial.node), drivers: [board.serial.driver] };
  // Colours tell clients apart; one alone need not be.
  const enableColour = options.clients.length > 1;
  configs.push(...connectSerial(sdf, { device, enableColour, ...pds, ...options }));
  return pds;
}

/** Values are judged when they are given, so that the finding has the line that gave them. */
function isFitting(sdf: SystemBuilder, config: ComponentConfig): boolean {
  try {
    config.initializer();
    return true;
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    sdf.report(
      errorFinding(
        'CFG101',
        `config '${config.symbol}' of '${config.pd}' does not fit ${config.cName}: ${error.message}`,
        { hint: 'give a value that fits, or declare a wider field', place: callSite() },
      ),
    );
    return false;
  }
}

/** A config for nobody, or two under one name, would be a surprise at run time. */
function checkConfigs(system: SystemDescription, configs: readonly ComponentConfig[]): Diagnostic[] {
  const names = allPds(system.protectionDomains).map(({ name }) => name);
  const lost = configs
    .filter(({ pd }) => pd !== undefined && !names.includes(pd))
    .map(({ symbol, pd }) =>
      errorFinding('CFG102', `config '${symbol}' is for '${pd}', which the system does not have`, {
        hint: didYouMean(pd ?? '', names),
      }),
    );
  const again = duplicates(
    configs.filter(({ pd }) => pd !== undefined),
    ({ pd, symbol }) => `${symbol} of ${pd}`,
  ).map(({ again: { pd, symbol } }) =>
    errorFinding('CFG103', `'${pd}' has two configs that are called '${symbol}'`, {
      hint: 'give one of them another symbol, the last argument of addConfig',
    }),
  );
  return [...lost, ...again];
}
