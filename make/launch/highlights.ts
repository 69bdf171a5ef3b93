// SPDX-License-Identifier: BSD-2-Clause
// The lines of a console that tell what a run is about, among the hundreds that do not: the guests' words about the
// socket, what a run is judged by, and the stages of the boot.
import type { ConsoleLine } from './console.ts';
import { isEvidence } from './verdict.ts';

/** The guests' programs (linux/programs) about the socket, verdicts, and deaths of whatever kind. */
export const isTelling = (line: ConsoleLine): boolean =>
  (line.speaker !== 'system' && /^vsock (?:recv|send|init)\b/i.test(line.text)) || isEvidence(line);

/** Loader, kernel, Microkit, serial and VMMs as they take over from each other (debug configuration). */
export const isStage = ({ speaker, text }: ConsoleLine): boolean =>
  speaker === 'system' && stages.some((pattern) => pattern.test(text));

const stages: readonly RegExp[] = [
  /^LDR\|INFO(?:\|CPU0)?: jumping to kernel/,
  /^Bootstrapping kernel/,
  /^Booting all finished/,
  /^INFO +\[sel4_capdl_initializer\S*\] Starting (?:CapDL initializer|threads)/,
  /^MON\|INFO: Microkit Monitor started/,
  /^'[^']*' is client \d/,
  /^\S+\|INFO: (?:virtio socket at|starting guest at) 0x/,
];
