// SPDX-License-Identifier: BSD-2-Clause
// How much RAM a guest of sim gets, and how many of them a machine holds.
import { expect, it } from 'vitest';
import { checkSimMemory, qemuOwnMib } from '../../../make/launch/sim-memory.ts';
import { simArguments, simMemoryMib } from '../../../make/tools/qemu-sim.ts';

const mib = 2 ** 20;

it.each([
  // Debian's cloud kernel and our own initramfs
  [42 * mib, 4 * mib, 128],
  [42 * mib, 20 * mib, 256],
  [60 * mib, 4 * mib, 256],
  // The initrd is never above 128 MiB, so a larger kernel fits in no guest.
  [110 * mib, 4 * mib, undefined],
  [42 * mib, 256 * mib, 2048],
  [42 * mib, 257 * mib, undefined],
])('a kernel of %d and an initrd of %d bytes: %s MiB', (kernelBytes, initrdBytes, expected) => {
  expect(simMemoryMib(kernelBytes, initrdBytes)).toBe(expected);
});

it('guests that the machine does not hold are refused with both sums', () => {
  const each = 128 + qemuOwnMib;
  expect(checkSimMemory({ count: 3, memoryMib: 128 }, 3 * each)).toEqual([]);
  const [refused] = checkSimMemory({ count: 3, memoryMib: 128 }, 3 * each - 1);
  expect(refused).toMatchObject({
    code: 'SIM104',
    message: `3 guests of 128 MiB need ${3 * each} MiB with their QEMUs, ${qemuOwnMib} MiB each; this machine has ${3 * each - 1} MiB available`,
    hint: 'free some memory, or use --vms 2',
  });
  expect(checkSimMemory({ count: 2, memoryMib: 128 }, 10)[0]?.hint).toBe('free some memory');
});

it('a comma in the path of a socket is one to QEMU as well', () => {
  const args = simArguments({
    kernel: 'k',
    initrd: 'i',
    commandLine: 'a b',
    memoryMib: 128,
    socket: '/tmp/a,b/0',
  });
  expect(args).toContain('socket,id=vsock,path=/tmp/a,,b/0');
  expect(args.slice(args.indexOf('-append')).slice(0, 2)).toEqual(['-append', 'a b']);
});
