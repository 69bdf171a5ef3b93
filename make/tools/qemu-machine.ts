// SPDX-License-Identifier: BSD-2-Clause
// Whether this QEMU has the machine that a board asks for, with every property that is set: asked before anything is
// built, so that a QEMU that cannot boot the image is said while nothing has been waited for.
import { exitCode, refuse } from '../../meta/diagnostic.ts';
import { describeFailure, runCommand } from '../run.ts';
import type { Tool } from './find.ts';

/** A QEMU that does not answer within this hangs. */
const timeoutMs = 20_000;

/** `machine` is as `-machine` takes it. Gives the names of all properties; refuses RUN120, RUN121, RUN122 (exit 69). */
export async function findMachine(qemu: Tool, machine: string): Promise<ReadonlySet<string>> {
  const [name = '', ...settings] = machine.split(',');
  const { end, output } = await runCommand(
    { tool: qemu.path, args: ['-machine', `${name},help`], cwd: '/' },
    AbortSignal.timeout(timeoutMs),
  );
  // Of a machine that it does not have, QEMU shows the others and calls that a success.
  if (/^Supported machines are:|unsupported machine type/m.test(output))
    refuse('RUN120', `${told(qemu)} has no machine '${name}'`, {
      hint: 'install a QEMU that has it, and put it first on PATH',
      exit: exitCode.missing,
    });
  const failure = describeFailure(end);
  if (failure !== undefined)
    refuse('RUN122', `'${qemu.path} -machine ${name},help' ${failure}: ${lastWords(output)}`, {
      hint: 'reinstall QEMU',
      exit: exitCode.missing,
    });
  const properties = new Set(output.split('\n').flatMap((line) => /^\s+([\w.-]+)=/.exec(line)?.[1] ?? []));
  const absent = settings.filter((setting) => !properties.has(setting.split('=')[0] ?? ''));
  if (absent.length > 0)
    refuse(
      'RUN121',
      `${told(qemu)} has the machine '${name}', but without ${absent.map((setting) => `'${setting}'`).join(' and ')}`,
      { hint: 'install a QEMU for whole machines, and put it first on PATH', exit: exitCode.missing },
    );
  return properties;
}

const told = ({ path, version }: Tool): string => `'${path}' ${version}`;

const lastWords = (output: string): string => {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  return lines.length === 0 ? 'it said nothing' : lines.slice(-2).join('; ');
};
