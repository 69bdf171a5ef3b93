// SPDX-License-Identifier: BSD-2-Clause
// What `build` and `qemu` do with `--system FILE`: the description, what its programs want, a plan, and the plan run.
import { delimiter, dirname, join, resolve } from 'node:path';
import { type Board, packageDirectory } from '../boards/index.ts';
import { runSteps, type RunReport } from '../make/engine.ts';
import { librariesOf, planSystem, systemOutputs } from '../make/pd/system-plan.ts';
import { isFile } from '../make/presence.ts';
import { recordedInputs } from '../make/state.ts';
import { findSdk } from '../make/store/sdk.ts';
import { openBoard } from '../make/store/sdk-board.ts';
import { findLibvmm, findSddf } from '../make/store/sources.ts';
import type { Step } from '../make/step.ts';
import { findTools, type ToolName } from '../make/tools/find.ts';
import type { CheckTarget } from '../meta/check/target.ts';
import { allPds, type Diagnostic, errorFinding, refuseErrors } from '../meta/index.ts';
import { targetOfSdk } from './check-target.ts';
import { engineOptions } from './engine-options.ts';
import { loadAll } from './load.ts';
import { buildDirectory } from './options.ts';
import { reportBuild } from './progress.ts';
import { printDiagnostics, reportSdk, say } from './report.ts';
import { checkRoom, guestsOf, loadUserGuests, planUserGuests } from './user-guests.ts';
import { loadUserSystem, refuseGuestCount, refuseGuestFlags, type UserSystem } from './user-system.ts';
import type { CommandContext } from './vmbuild.ts';
import type { Seen } from './watch.ts';

export interface BuiltSystem {
  readonly board: Board;
  readonly described: UserSystem;
  readonly buildDir: string;
  /** Absolute path of loader.img. */
  readonly image: string;
  /** Of the transfers between guests: 16 hexadecimal digits. */
  readonly nonce: string;
  readonly steps: readonly Step[];
  /** Absent after a dry run. */
  readonly report?: RunReport;
}

/** Loads, checks, plans and builds. What is missing is said at once; `seen` hears what was read. */
export async function buildUserSystem(
  context: CommandContext,
  file: string,
  { alsoTools = [], seen = () => undefined }: { alsoTools?: readonly ToolName[]; seen?: Seen } = {},
): Promise<BuiltSystem> {
  const { settings, signal } = context;
  refuseGuestCount(settings);
  const defaulted = (['board', 'config'] as const).filter((name) => settings.defaulted(name));
  if (defaulted.length > 0)
    say(settings, `by default: ${defaulted.map((name) => `--${name} ${settings.text(name)}`).join(' ')}`);
  const buildDir = buildDirectory(settings);
  const {
    described,
    sdk,
    tools,
    sources,
    guests: groups,
  } = await loadInputs(context, file, { buildDir, alsoTools, seen });
  const directory = dirname(described.file);
  const { ready, searchPaths } = findImages(context, described);
  const guests = planUserGuests(context, described, groups, {
    clang: tools.clang.path,
    lld: tools.lld.path,
    dtc: tools.dtc.path,
  });
  const steps = planSystem({
    ...described,
    ...sources,
    directory,
    ready,
    searchPaths,
    sdk,
    guests,
    vmm: join(packageDirectory(), 'vmm'),
    tools: {
      clang: tools.clang.path,
      lld: tools.lld.path,
      ar: tools['llvm-ar'].path,
      objcopy: tools['llvm-objcopy'].path,
    },
  });
  const image = join(buildDir, systemOutputs(described.name).image);
  const built = { board: described.board, described, buildDir, image, nonce: guests.nonce, steps };
  if (settings.on('dry-run')) return built;
  try {
    const options = { signal, ...engineOptions(settings), onEvent: reportBuild(settings) };
    return { ...built, report: await runSteps(steps, { buildDir, ...options }) };
  } finally {
    const others = [buildDir, sdk.sdk.path, sources.sddf, sources.libvmm, '/usr'].map((path) => `${path}/`);
    const read = await recordedInputs(buildDir);
    seen(read.filter((path) => !others.some((other) => path.startsWith(other))));
  }
}

async function loadInputs(
  context: CommandContext,
  file: string,
  { buildDir, alsoTools, seen }: { buildDir: string; alsoTools: readonly ToolName[]; seen: Seen },
) {
  const { settings, env } = context;
  const allowStack = settings.on('allow-stack');
  let wanted: ReadonlySet<string> = new Set();
  let target: CheckTarget | undefined;
  let system: UserSystem | undefined;
  const loaded = await loadAll({
    // First: a description is judged for what its SDK says of kernel, memory and version.
    sdk: async () => {
      const sdk = findSdk({ sdk: settings.flag('sdk'), env, allowStack });
      reportSdk(settings, sdk);
      const opened = openBoard(sdk, settings.text('board') ?? '', settings.text('config') ?? '');
      target = await targetOfSdk(opened);
      return opened;
    },
    described: async () => {
      const described = await loadUserSystem(context, file, {
        buildDir,
        ...(target === undefined ? {} : { target }),
      });
      const sources = [...sourcesOf(described), ...imagesOf(described)];
      seen([...described.inputs, ...sources.map(({ path }) => path)]);
      printDiagnostics(refuseErrors([...described.findings, ...missingSources(sources)]));
      if (guestsOf(described).length === 0) refuseGuestFlags(settings, file);
      wanted = new Set([...described.programs.values()].flatMap(librariesOf));
      system = described;
      return described;
    },
    sddf: () =>
      wanted.has('sddf') || wanted.has('serial_printf')
        ? findSddf({ sddf: settings.flag('sddf'), env, allowStack })
        : undefined,
    libvmm: () =>
      wanted.has('libvmm') ? findLibvmm({ libvmm: settings.flag('libvmm'), env, allowStack }) : undefined,
    tools: () => findTools(['clang', 'lld', 'llvm-ar', 'llvm-objcopy', 'dtc', ...alsoTools], env),
    // Last, because it may take long.
    guests: (isDoomed) => (system === undefined ? [] : loadUserGuests(context, system, isDoomed)),
  });
  const { sddf, libvmm } = loaded;
  const tooLarge = await checkRoom(loaded.described, loaded.sdk, loaded.guests);
  printDiagnostics(refuseErrors([...(sddf?.warnings ?? []), ...(libvmm?.warnings ?? []), ...tooLarge]));
  const sources = {
    ...(sddf === undefined ? {} : { sddf: sddf.source.path }),
    ...(libvmm === undefined ? {} : { libvmm: libvmm.source.path }),
  };
  return { ...loaded, sources };
}

interface UsedSource {
  readonly pd: string;
  readonly source: string;
  /** Absolute. */
  readonly path: string;
  readonly place: Diagnostic['place'];
}

function sourcesOf({ system, programs, file }: UserSystem): readonly UsedSource[] {
  return allPds(system.protectionDomains).flatMap(({ name, place }) => {
    const program = programs.get(name);
    if (program === undefined || !('sources' in program)) return [];
    return program.sources.map((source) => ({
      pd: name,
      source,
      path: resolve(dirname(file), source),
      place,
    }));
  });
}

/** The kernels and initrds that the description names. */
const imagesOf = (described: UserSystem): readonly UsedSource[] =>
  guestsOf(described).flatMap(({ pd, guest: { linux, initrd }, place }) =>
    [linux, initrd]
      .filter((source) => source !== undefined)
      .map((source) => ({ pd, source, path: resolve(dirname(described.file), source), place })),
  );

const missingSources = (sources: readonly UsedSource[]): readonly Diagnostic[] =>
  sources
    .filter(({ path }) => !isFile(path))
    .map(({ pd, source, path, place }) =>
      errorFinding('USR201', `source '${source}' of '${pd}' is not there ('${path}')`, {
        hint: 'correct the name; sources are relative to the description',
        place,
      }),
    );

/** The images that no program is described for: beside the description, or in the directories of --search-path. */
function findImages(
  { settings }: CommandContext,
  { system, programs, file }: UserSystem,
): { readonly ready: ReadonlyMap<string, string>; readonly searchPaths: readonly string[] } {
  const given = settings.text('search-path')?.split(delimiter).filter(Boolean) ?? [];
  const searchPaths = [dirname(file), ...given.map((path) => resolve(path))];
  const ready = new Map<string, string>();
  const missing = allPds(system.protectionDomains)
    .filter(({ name }) => !programs.has(name))
    .flatMap(({ name, programImage, place }) => {
      const path = searchPaths.map((directory) => join(directory, programImage)).find(isFile);
      if (path !== undefined) {
        ready.set(name, path);
        return [];
      }
      return [
        errorFinding(
          'USR202',
          `'${name}' has no program, and its image '${programImage}' is not in ${searchPaths.map((directory) => `'${directory}'`).join(', ')}`,
          {
            hint: "give addPd a program, as in program: { sources: ['…'] }, or name the image's directory with --search-path",
            place,
          },
        ),
      ];
    });
  refuseErrors(missing);
  return { ready, searchPaths };
}
