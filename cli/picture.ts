// SPDX-License-Identifier: BSD-2-Clause
// `--save-svg FILE`: a picture of an unattended run, whether it passes or fails.
import { basename, resolve } from 'node:path';
import type { ConsoleLine } from '../make/launch/console.ts';
import { type Picture, renderPicture } from '../make/launch/picture.ts';
import type { PictureGuest } from '../make/launch/picture-window.ts';
import { checkPicturePlace, writePicture } from '../make/launch/picture-file.ts';
import { startRecording } from '../make/launch/recording.ts';
import { type Diagnostic, exitCode, refuse, Refusal, refuseErrors } from '../meta/diagnostic.ts';
import type { VsockGuestPlan } from '../meta/vsock-guests.ts';
import type { OptionName, Settings } from './options.ts';
import { commandLine } from './progress.ts';
import { say } from './report.ts';

/** Where the picture goes, absolute; undefined if none is wanted. What can be known before the run is refused here. */
export function picturePath(settings: Settings, isJudged: boolean): string | undefined {
  const name = settings.text('save-svg');
  if (name === undefined) return undefined;
  if (!isJudged)
    refuse('ARG107', `--save-svg '${name}' needs a run with a verdict, and this one is left to you`, {
      hint: settings.text('interactive') === undefined ? 'add --expect' : 'leave --interactive out',
      exit: exitCode.usage,
    });
  const path = resolve(name);
  refuseErrors(checkPicturePlace(path));
  return path;
}

export interface Scene extends Pick<Picture, 'title' | 'guests'> {
  /** From picturePath. */
  readonly path: string | undefined;
}

/**
 * Runs `launch`, which hands its lines to `onLine`, and makes its picture if there is a path for it: with `verdictOf` its
 * end, or with what it was refused for. An interrupted run leaves none. `findings` say why there is no picture.
 */
export async function withPicture<End>(
  settings: Settings,
  scene: Scene,
  launch: (onLine: (line: ConsoleLine) => void) => Promise<End>,
  verdictOf: (end: End) => readonly string[],
): Promise<{ readonly end: End; readonly findings: readonly Diagnostic[] }> {
  const { path, title, guests } = scene;
  const recording = startRecording();
  const save = (verdict: Picture['verdict']): readonly Diagnostic[] => {
    if (path === undefined) return [];
    const findings = writePicture(path, renderPicture({ title, guests, lines: recording.lines(), verdict }));
    if (findings.length === 0) say(settings, `picture of the run: ${path}`);
    return findings;
  };
  let end: End;
  try {
    end = await launch(recording.onLine);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const lines = error.diagnostics.map(({ severity, code, message }) => `${severity}[${code}]: ${message}`);
    throw new Refusal([...error.diagnostics, ...save({ isGood: false, lines })], error.exit);
  }
  return { end, findings: save({ isGood: true, lines: verdictOf(end) }) };
}

/** The guests as the picture's legend has them. */
export const pictureGuests = (guests: readonly VsockGuestPlan[]): PictureGuest[] =>
  guests.map(({ vm: name, recvFrom, sendTo }) => {
    const roles = [
      ...(recvFrom === undefined ? [] : ['receiver']),
      ...(sendTo === undefined ? [] : ['sender']),
    ];
    return roles.length === 0 ? { name } : { name, role: roles.join(' and ') };
  });

/** What decides about the run. The rest is about this machine or about the output. */
const titleOptions: readonly OptionName[] = [
  'vms',
  'expect',
  'board',
  'config',
  'guest',
  'linux',
  'initrd',
  'append',
];

/** `vmbuild qemu --expect --config release`: what was asked for by flag or environment, without the user's paths. */
export function pictureTitle(command: string, settings: Settings): string {
  const words = titleOptions.flatMap((name) => {
    const value = settings.text(name);
    if (value === undefined || settings.defaulted(name)) return [];
    if (value === '') return [`--${name}`];
    return [`--${name}`, name === 'linux' || name === 'initrd' ? basename(value) : value];
  });
  return commandLine(['vmbuild', command, ...words]);
}
