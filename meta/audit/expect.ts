// SPDX-License-Identifier: BSD-2-Clause
// From a description to what its image ought to hold. It follows Microkit 2.3.0's rules (microkit.ts) step by step, but
// independently of the tool: who believes the tool need not audit it. The monitor first, then each protection domain with
// its virtual machine, parents before children, then what connects them.

import { allPds, type ProtectionDomain, type SystemDescription } from '../model.ts';
import type { ExpectedImage, ExpectedObject, ExpectedThread } from './expected.ts';
import { expectChannel } from './expect-channels.ts';
import { expectIoSpaces } from './expect-io-space.ts';
import { expectMemories } from './expect-memory.ts';
import { bindMonitor, expectMonitor } from './expect-monitor.ts';
import { bindFaults, expectPd, grantCspace, type PdObjects } from './expect-pd.ts';
import type { VspaceShape } from './microkit.ts';
import type { Program } from './program.ts';

export interface ExpectOptions {
  /** Microkit's configuration; `benchmark` gives each protection domain its own TCB. */
  readonly config?: string | undefined;
  /** By the name of the protection domain; the monitor's is the SDK's. Without them pages are explained less exactly. */
  readonly programs?: ReadonlyMap<string, Program>;
  /** Contents of prefill files by their path in the description. */
  readonly prefills?: ReadonlyMap<string, Uint8Array>;
}

/** What all parts of the expectation are made with. */
export interface Expectation {
  readonly system: SystemDescription;
  readonly shape: VspaceShape & { readonly ipcBuffer: bigint };
  readonly options: ExpectOptions;
  readonly memories: ReturnType<typeof expectMemories>;
  /** Numbers of the domains; those that the tool chose are learnt from the image. */
  readonly domainNumbers: ReadonlyMap<string, number>;
  readonly add: (object: ExpectedObject) => ExpectedObject;
}

export function expectImage(
  system: SystemDescription,
  shape: VspaceShape & { readonly ipcBuffer: bigint },
  domainNumbers: ReadonlyMap<string, number>,
  options: ExpectOptions,
): ExpectedImage {
  const objects: ExpectedObject[] = [];
  const memories = expectMemories(system, options);
  const expectation: Expectation = {
    system,
    shape,
    options,
    memories,
    domainNumbers,
    add: (object) => {
      objects.push(object);
      return object;
    },
  };
  const pds = allPds(system.protectionDomains);
  const monitor = expectMonitor(expectation, pds.length);
  const smc = pds.some((pd) => pd.smc === true) ? smcObject(expectation, pds) : undefined;
  const made = new Map<string, PdObjects>();
  for (const [index, pd] of pds.entries()) made.set(pd.name, expectPd(expectation, pd, { index, smc }));
  bindFaults(system.protectionDomains, made, monitor);
  bindMonitor(monitor, [...made.values()]);
  for (const channel of system.channels) expectChannel(channel, made);
  for (const { pd } of made.values()) grantCspace(pd, made);
  const devices = expectIoSpaces(expectation);
  const threads: ExpectedThread[] = [
    ...[...made.values()].flatMap(({ pd, tcb, vcpus }): ExpectedThread[] => [
      { kind: 'protection domain', name: pd.name, object: tcb },
      ...vcpus.map(
        ({ tcb: object }): ExpectedThread => ({
          kind: 'virtual machine',
          name: pd.virtualMachine?.name ?? '',
          object,
        }),
      ),
    ]),
    { kind: 'monitor', name: 'monitor', object: monitor.tcb },
    ...devices,
  ];
  return { objects, memories: [...memories.all], monitor: monitor.tcb, threads };
}

const smcObject = ({ add }: Expectation, pds: readonly ProtectionDomain[]): ExpectedObject => {
  const first = pds.find((pd) => pd.smc === true);
  return add({
    kind: 'ArmSmc',
    name: 'arm_smc',
    owner: 'system',
    attributes: {},
    slots: new Map(),
    because: {
      kind: 'protection domain',
      text: `smc of '${first?.name}'`,
      ...(first?.place === undefined ? {} : { place: first.place }),
    },
  });
};
