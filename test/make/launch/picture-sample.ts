// SPDX-License-Identifier: BSD-2-Clause
// Recorded lines for tests, and the console of a run as it was (the README's, in the debug configuration).
import type { ConsoleLine, Speaker } from '../../../make/launch/console.ts';
import type { RecordedLine } from '../../../make/launch/recording.ts';

export const guests = [
  { name: 'client_linux0', role: 'receiver' },
  { name: 'client_linux1', role: 'sender' },
] as const;

/** As a recording that missed nothing has them, a tenth of a second apart. */
export const recorded = (lines: readonly (readonly [Speaker, string])[]): RecordedLine[] =>
  lines.map(([speaker, text], index) => ({ speaker, text, atMs: index * 100, number: index + 1 }));

const verdict = 'port=9999 bytes=32768 hash=99f4cbc11dfb2c9b nonce=ade9dd9c07c5eb18 verified';

export const told: readonly (readonly [Speaker, string])[] = [
  [0, 'VSOCK RECV|INFO: own CID 3, listening on port 9999 for CID 4'],
  [1, 'VSOCK SEND|INFO: own CID 4, connecting to CID 3 port 9999'],
  [1, 'VSOCK SEND|INFO: connected at attempt 1, sending 32768 bytes'],
  [0, 'VSOCK RECV|INFO: CID 4 connected from port 1161497208'],
  [1, `vsock send: peer=3 ${verdict}`],
  [0, `vsock recv: peer=4 ${verdict}`],
  [0, 'VSOCK RECV|INFO: All is well in the universe'],
];

export const run: readonly (readonly [Speaker, string])[] = [
  ['system', 'LDR|INFO: Setting all interrupts to Group 1'],
  ['system', 'LDR|INFO: GICv2 ITLinesNumber: 0x00000008'],
  ['system', 'LDR|INFO|CPU0: CurrentEL=EL2'],
  ...Array.from({ length: 37 }, (_, i) => ['system', `LDR|INFO: copying region ${i}`] as const),
  ['system', 'LDR|INFO|CPU0: jumping to kernel'],
  ['system', 'Bootstrapping kernel'],
  ['system', 'Available phys memory regions: 1'],
  ['system', '  [60000000..c0000000)'],
  ['system', 'Booting all finished, dropped to user space'],
  ['system', 'INFO  [sel4_capdl_initializer::initialize] Starting CapDL initializer'],
  ['system', 'INFO  [sel4_capdl_initializer::initialize] Starting threads'],
  ['system', 'MON|INFO: Microkit Monitor started!'],
  ['system', 'Begin input'],
  ['system', `'CLIENT_VMM0' is client 0`],
  ['system', `'CLIENT_VMM1' is client 1`],
  ...['CLIENT_VMM0', 'CLIENT_VMM1'].flatMap((pd) => [
    ['system', `${pd}|INFO: initialised virtual GICv2 (distributor: 0x8000000)`] as const,
    ['system', `${pd}|INFO: virtio socket at 0x140000, CID 3, 1 peers`] as const,
    ['system', `${pd}|INFO: starting "${pd}"`] as const,
    ['system', `${pd}|INFO: Copying guest kernel image to 0x40000000 (0x27dbfc0 bytes)`] as const,
    ['system', `${pd}|INFO: Copying guest DTB to GPA 0x47f00000 (0x58b bytes)`] as const,
    ['system', `${pd}|INFO: starting guest at 0x40000000, DTB at 0x47f00000`] as const,
  ]),
  ['system', 'VIRT_RX|LOG: received notification on unexpected channel: 1'],
  ...told,
];

export const asLines = (lines: readonly (readonly [Speaker, string])[]): ConsoleLine[] =>
  lines.map(([speaker, text]) => ({ speaker, text }));
