// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild`, `vmbuild build`: makes the image; its path is the result on stdout.
import type { Board } from '../../boards/index.ts';
import type { RunReport } from '../../make/engine.ts';
import type { Step } from '../../make/step.ts';
import { exitCode } from '../../meta/diagnostic.ts';
import { buildImage } from '../image.ts';
import { describeSteps } from '../progress.ts';
import { say } from '../report.ts';
import { buildUserSystem } from '../user-image.ts';
import type { Command, CommandContext } from '../vmbuild.ts';
import { watching } from '../watch.ts';

export const run: Command = async (context) => {
  const file = context.settings.text('system');
  return watching(context, async (seen) => {
    if (file !== undefined) return reportBuilt(context, await buildUserSystem(context, file, { seen }));
    const built = await buildImage(context);
    return reportBuilt(context, built, { nonce: built.nonce });
  });
};

interface Built {
  readonly board: Board;
  readonly image: string;
  readonly steps: readonly Step[];
  readonly report?: RunReport;
}

function reportBuilt(
  { settings }: CommandContext,
  { board, image, steps, report }: Built,
  more: Readonly<Record<string, string>> = {},
): number {
  if (report === undefined) {
    process.stdout.write(describeSteps(steps));
    return exitCode.ok;
  }
  const { ran, fresh, durationMs } = report;
  say(settings, `${ran.length} steps ran, ${fresh.length} were fresh (${(durationMs / 1000).toFixed(1)} s)`);
  if (!board.qemu) say(settings, `to start it on the board: ${board.bootLine ?? ''}`);
  const summary = { version: 1, board: board.name, image, ...more, ran, fresh: fresh.length };
  process.stdout.write(settings.on('json') ? `${JSON.stringify(summary)}\n` : `${image}\n`);
  return exitCode.ok;
}
