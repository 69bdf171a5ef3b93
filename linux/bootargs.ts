// SPDX-License-Identifier: BSD-2-Clause
// The kernel's command line of a guest: what keeps a Debian kernel alive in 128 MiB behind a virtio console, and the
// words by which the guest programs know what to do (programs/boot_words.h).

import assert from 'node:assert/strict';
import { refuse } from '../meta/diagnostic.ts';

/** What a guest is to do in this run: receive one transfer, send one, both at the same time, or neither. */
export interface GuestOrders {
  /** CID of the guest that sends to it. */
  readonly recvFrom?: number | undefined;
  /** CID of the guest to which it sends. */
  readonly sendTo?: number | undefined;
  /** The image's nonce; all guests and the launcher know it. */
  readonly nonce: bigint;
  /** When the programs have ended. Default: power off. */
  readonly after?: 'poweroff' | 'shell';
}

export interface KernelOptions {
  /** Device of the console. Default `hvc0`. */
  readonly console?: string;
  /** Messages of a level below this go to the console. 4 shows errors, 5 warnings too (default), 8 everything. */
  readonly logLevel?: number;
  /** PID 1 of the initramfs if it is not /init. */
  readonly init?: string;
  /** Further words, last, so that they win. */
  readonly more?: readonly string[];
}

/** COMMAND_LINE_SIZE of arm64, with its NUL. */
export const commandLineBytes = 2048;

/** Refuses words that the kernel could not take. */
export function renderBootargs(orders: GuestOrders, options: KernelOptions = {}): string {
  const words = [
    `console=${options.console ?? 'hvc0'}`,
    // Debian reserves 64 MiB for contiguous memory, half of the guest.
    'cma=0',
    // A guest that panics resets at once, which the VMM sees; a silent loop would only show as a deadline.
    'panic=-1',
    `loglevel=${options.logLevel ?? 5}`,
    ...(options.init === undefined ? [] : [`rdinit=${options.init}`]),
    ...orderWords(orders),
    ...(options.more ?? []),
  ];
  const text = words.join(' ');
  return checkCommandLine(text);
}

/** Only `more` comes from a user; the rest is short and plain. */
function checkCommandLine(text: string): string {
  const odd = /[^\x20-\x7e]/.exec(text)?.[0];
  if (odd !== undefined)
    refuse(
      'BOOT101',
      `the guest's command line holds ${JSON.stringify(odd)}; only printable ASCII may be in it`,
      {
        hint: 'leave that character out of the words for the kernel',
      },
    );
  if (text.length >= commandLineBytes)
    refuse(
      'BOOT102',
      `the guest's command line has ${text.length} bytes; the kernel keeps ${commandLineBytes - 1}`,
      { hint: 'give fewer or shorter words for the kernel' },
    );
  return text;
}

/** `nonce` as all lines and words spell it: 16 hexadecimal digits. */
export const formatNonce = (nonce: bigint): string => nonce.toString(16).padStart(16, '0');

function orderWords({ recvFrom, sendTo, nonce, after }: GuestOrders): string[] {
  assert(nonce >= 0n && nonce < 1n << 64n, `nonce ${nonce} is not an unsigned 64-bit number`);
  return [
    ...(recvFrom === undefined ? [] : [`vsock_recv=${recvFrom}`]),
    ...(sendTo === undefined ? [] : [`vsock_send=${sendTo}`]),
    `vsock_nonce=${formatNonce(nonce)}`,
    ...(after === undefined || after === 'poweroff' ? [] : [`vsock_after=${after}`]),
  ];
}
