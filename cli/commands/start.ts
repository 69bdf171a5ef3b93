// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild start`, behind `npm start`: sets the machine up, then does the main job in the best way that it can here: on
// seL4 in QEMU if the SDK and the sources can be had, else without them (`sim`), after saying why.
import { exitCode } from '../../meta/diagnostic.ts';
import { say } from '../report.ts';
import { setUp } from '../set-up.ts';
import type { Command, CommandContext } from '../vmbuild.ts';
import { whyNoQemu } from '../why-no-qemu.ts';

export const run: Command = async (context, others) => {
  const { settings } = context;
  const { outcome } = await setUp(context);
  if (outcome === 'dry run') return exitCode.ok;
  const flags = { expect: '', ...givenFlags(context) };
  // Flags that only one of the two has say which is meant, and then it says itself what it lacks.
  if (!others.takes('sim', flags)) return others.run('qemu', flags);
  if (!others.takes('qemu', flags)) return others.run('sim', flags);
  const reason = await whyNoQemu(context);
  if (reason === undefined) return others.run('qemu', flags);
  say(settings, `not on seL4: ${reason}`);
  return others.run('sim', flags);
};

const givenFlags = ({ settings }: CommandContext): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    settings.all
      .filter(({ name, origin }) => origin === 'flag' && name !== 'yes' && name !== 'github')
      .map(({ name, value }) => [name, value]),
  );
