// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild doctor`: what is here, what is missing, and how to get it; everything at once. Touches no network.
import { join } from 'node:path';
import { loadBoard } from '../../boards/index.ts';
import { findDebianMirror } from '../../linux/apt-sources.ts';
import { buildBytes, partBytes } from '../../make/disk-needs.ts';
import { isDirectory } from '../../make/presence.ts';
import { cacheDir } from '../../make/store/cache.ts';
import { withoutCredentials } from '../../make/store/origin.ts';
import { findSdk } from '../../make/store/sdk.ts';
import { openBoard } from '../../make/store/sdk-board.ts';
import { findSources } from '../../make/store/sources.ts';
import { findParts } from '../../make/store/stack-parts.ts';
import { stack } from '../../make/stack.ts';
import { type Finding, packagesOf, takeInventory } from '../../make/tools/needs.ts';
import { installLines } from '../../make/tools/package-managers.ts';
import { type Diagnostic, exitCode, Refusal } from '../../meta/diagnostic.ts';
import { parseGuest } from '../guest-flag.ts';
import { describeRoom, judgeRooms, lookAtRooms, type Room, type RoomFound } from '../disk-space.ts';
import { guestImagesTask } from '../guest-images.ts';
import { buildDirectory, type Settings } from '../options.ts';
import { printDiagnostics } from '../report.ts';
import type { Command, CommandContext } from '../vmbuild.ts';

export const run: Command = async (context) => {
  const { settings, env } = context;
  const findings: Finding[] = [];
  const diagnostics: Diagnostic[] = [];
  let isMissing = false;
  const look = async (what: string, task: () => Promise<string> | string): Promise<void> => {
    try {
      findings.push({ what, found: await task() });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      findings.push({ what });
      diagnostics.push(...error.diagnostics);
      isMissing ||= error.exit === exitCode.missing;
    }
  };
  const allowStack = settings.on('allow-stack');
  const board = await loadBoard(settings.text('board') ?? '');
  parseGuest(settings.text('guest'));

  const inventory = await takeInventory(env);
  findings.push(...inventory.findings);
  diagnostics.push(...inventory.diagnostics);
  isMissing ||= inventory.missing.length > 0;

  findings.push({ what: 'board', found: board.name });
  await look(`Microkit SDK ${stack.microkit}`, () => {
    const sdk = findSdk({ sdk: settings.flag('sdk'), env, allowStack });
    diagnostics.push(...sdk.warnings);
    openBoard(sdk, board.name, settings.text('config') ?? '');
    return `${sdk.version}  ${sdk.path} (${[...sdk.boards].map(([name, configs]) => `${name}: ${configs.join(', ')}`).join('; ')})`;
  });
  await look('libvmm and sDDF', () => {
    const { libvmm, sddf, warnings } = findSources({
      libvmm: settings.flag('libvmm'),
      sddf: settings.flag('sddf'),
      env,
      allowStack,
    });
    diagnostics.push(...warnings);
    return `${libvmm.path}, ${sddf.path}`;
  });
  await look('guest images', () => guestImages(context));

  let rooms: readonly RoomFound[] = [];
  await look('room', () => {
    rooms = lookAtRooms(roomsOf(settings, env));
    diagnostics.push(...judgeRooms(rooms));
    return rooms.map(describeRoom).join('; ');
  });

  const isRoot = process.getuid?.() === 0;
  const install = installLines(packagesOf(inventory.missing), { env, isRoot });
  if (settings.on('json')) {
    process.stdout.write(`${JSON.stringify({ version: 1, findings, rooms, install, diagnostics })}\n`);
  } else {
    for (const finding of findings) process.stdout.write(`${formatFinding(finding)}\n`);
    if (install.length > 0) process.stdout.write('to install what is missing:\n');
    for (const { manager, command } of install) process.stdout.write(`  ${manager.padEnd(4)}  ${command}\n`);
  }
  printDiagnostics(diagnostics);
  if (isMissing) return exitCode.missing;
  return diagnostics.some(({ severity }) => severity === 'error') ? exitCode.refused : exitCode.ok;
};

const formatFinding = ({ what, found }: Finding): string =>
  `${found === undefined ? 'missing' : 'ok     '}  ${what.padEnd(22)} ${found ?? ''}`.trimEnd();

/** What is in the store already, or is given, takes no more room. */
function roomsOf(settings: Settings, env: NodeJS.ProcessEnv): readonly Room[] {
  const cache = cacheDir(env);
  const given = { sdk: settings.flag('sdk'), libvmm: settings.flag('libvmm'), sddf: settings.flag('sddf') };
  const missing = findParts(stack, env, given).flatMap(({ part, state }) =>
    state === 'missing' ? [part] : [],
  );
  const areGuestsThere = settings.text('linux') !== undefined || isDirectory(join(cache, 'guests'));
  const neededBytes = [...missing, ...(areGuestsThere ? [] : ['guests' as const])]
    .map((part) => partBytes[part])
    .reduce((sum, bytes) => sum + bytes, 0);
  const buildDir = buildDirectory(settings);
  return [
    { what: 'store', path: cache, neededBytes },
    { what: 'build directory', path: buildDir, neededBytes: isDirectory(buildDir) ? 0 : buildBytes },
  ];
}

/** Files that are named, inspected as a build would; else what was fetched before. */
async function guestImages(context: CommandContext): Promise<string> {
  const asked = parseGuest(context.settings.text('guest'));
  try {
    const { images } = await guestImagesTask(context, 'trustworthy-systems', { isStoreOnly: true })(false);
    return `${images.kernel.release ?? 'a kernel of unknown release'}  ${images.kernel.path}`;
  } catch (error) {
    if (!(error instanceof Refusal) || !error.diagnostics.some(({ code }) => isAbsence.has(code)))
      throw error;
    const from =
      asked?.from === 'debian' ? (await findDebianMirror()).uri : (context.settings.text('images') ?? '');
    return `not in the store yet: the first build fetches them from ${withoutCredentials(from)}`;
  }
}

const isAbsence: ReadonlySet<string> = new Set(['DEB103', 'NET110']);
