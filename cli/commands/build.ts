// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild`, `vmbuild build`: makes the image; its path is the result on stdout.
import { exitCode } from '../../meta/diagnostic.ts';
import { type BuiltImage, buildImage } from '../image.ts';
import { describeSteps } from '../progress.ts';
import { say } from '../report.ts';
import type { Command } from '../vmbuild.ts';

export const run: Command = async (context) => {
  const { settings } = context;
  const built = await buildImage(context);
  if (built.report === undefined) {
    process.stdout.write(describeSteps(built.steps));
    return exitCode.ok;
  }
  const { ran, fresh, durationMs } = built.report;
  say(settings, `${ran.length} steps ran, ${fresh.length} were fresh (${(durationMs / 1000).toFixed(1)} s)`);
  if (!built.board.qemu) say(settings, `to start it on the board: ${built.board.bootLine ?? ''}`);
  process.stdout.write(settings.on('json') ? `${JSON.stringify(summary(built))}\n` : `${built.image}\n`);
  return exitCode.ok;
};

const summary = ({ board, image, nonce, report }: BuiltImage): unknown => ({
  version: 1,
  board: board.name,
  image,
  nonce,
  ran: report?.ran ?? [],
  fresh: report?.fresh.length ?? 0,
});
