// SPDX-License-Identifier: BSD-2-Clause
// The user's keyboard, passed to a guest: raw while the run lasts, restored whatever happens.
import type { Writable } from 'node:stream';

/** What is needed of `process.stdin`. */
export interface KeyboardInput {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  off(event: 'data', listener: (chunk: Buffer) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

const controlC = 3;

/**
 * Passes keys on until the function that it gives is called, once or more often. Ctrl-C is not passed on: raw mode takes the signal away, so
 * `onInterrupt` stands in for it. (QEMU's own keys, Ctrl-A x to quit, work as ever.)
 */
export function passKeyboard(input: KeyboardInput, to: Writable, onInterrupt: () => void): () => void {
  const onData = (chunk: Buffer): void => {
    if (input.isTTY === true && chunk.includes(controlC)) onInterrupt();
    else to.write(chunk);
  };
  if (input.isTTY === true) input.setRawMode?.(true);
  input.on('data', onData);
  input.resume();
  let isPassing = true;
  return () => {
    if (!isPassing) return;
    isPassing = false;
    input.off('data', onData);
    if (input.isTTY === true) input.setRawMode?.(false);
    input.pause();
  };
}
