// SPDX-License-Identifier: BSD-2-Clause
// What `vmbuild audit` is about: a description, what the Microkit tool made of it, and the programs that it was made from.
// A specification of the user's own is read; else the tool is run once more, with all capabilities as JSON.
import { readFile, stat } from 'node:fs/promises';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { runSteps } from '../make/engine.ts';
import { isFile } from '../make/presence.ts';
import { findSdk } from '../make/store/sdk.ts';
import { openBoard, type SdkBoard } from '../make/store/sdk-board.ts';
import type { Step } from '../make/step.ts';
import { capdlOutputs, capdlStep, microkit } from '../make/tools/microkit.ts';
import type { ExpectOptions } from '../meta/audit/expect.ts';
import { checkCapdlSize } from '../meta/audit/parse.ts';
import { parsePolicies } from '../meta/audit/parse-policies.ts';
import { parseProgram, type Program } from '../meta/audit/program.ts';
import { exitCode, Refusal, refuse, refuseErrors } from '../meta/diagnostic.ts';
import { allPds, type Capdl, parseCapdl, type Policy, type SystemDescription } from '../meta/index.ts';
import { loadCheckTarget } from './check-target.ts';
import { engineOptions } from './engine-options.ts';
import { buildDirectory } from './options.ts';
import { reportBuild } from './progress.ts';
import { printDiagnostics, say } from './report.ts';
import { loadSubject } from './subject.ts';
import type { CommandContext } from './vmbuild.ts';

export interface AuditSubject {
  readonly system: SystemDescription;
  readonly policies: readonly Policy[];
  readonly capdl: Capdl;
  readonly options: ExpectOptions;
  /** `vsock.system`, or the file that the user named. */
  readonly place: string;
  /** Protection domains whose program was not found, and the monitor if no SDK was named. */
  readonly unseen: readonly string[];
}

export async function loadAuditSubject(context: CommandContext): Promise<AuditSubject> {
  const { settings } = context;
  const own = settings.text('system');
  const file = settings.text('file');
  const capdl = settings.text('capdl');
  if (own !== undefined && file !== undefined)
    refuse('ARG160', `--system ${own} is one system, and '${file}' another`, {
      hint: 'leave one of the two out',
      exit: exitCode.usage,
    });
  if (capdl === undefined && own !== undefined) return builtSystem(context, own);
  if (capdl === undefined && file === undefined) return builtVsock(context);
  return givenSystem(context, capdl);
}

// ---- built here ----------------------------------------------------------------------------------------------------

async function builtVsock(context: CommandContext): Promise<AuditSubject> {
  const [{ buildImage }, { outputs }, { vsockPolicies }] = await Promise.all([
    import('./image.ts'),
    import('../Makefile.ts'),
    import('../meta/vsock-policies.ts'),
  ]);
  const { system, steps, buildDir } = await buildImage(context);
  return auditBuild(context, {
    system: system.system,
    policies: vsockPolicies(system.system),
    steps,
    buildDir,
    image: outputs.image,
    place: outputs.system,
  });
}

async function builtSystem(context: CommandContext, file: string): Promise<AuditSubject> {
  const { buildUserSystem } = await import('./user-image.ts');
  const { described, steps, buildDir, image } = await buildUserSystem(context, file);
  return auditBuild(context, {
    system: described.system,
    policies: parsePolicies(described.policies, file),
    steps,
    buildDir,
    image: basename(image),
    place: file,
  });
}

interface Build {
  readonly system: SystemDescription;
  readonly policies: readonly Policy[];
  readonly steps: readonly Step[];
  readonly buildDir: string;
  /** Output that is the image. */
  readonly image: string;
  readonly place: string;
}

async function auditBuild(context: CommandContext, build: Build): Promise<AuditSubject> {
  const { system, policies, steps, buildDir, image, place } = build;
  const step = steps.find(({ outputs }) => outputs[0] === image);
  if (step === undefined) throw new Error(`no step makes ${image}`);
  await runEngine(context, [...steps, capdlStep(step)]);
  await compareImages(join(buildDir, image), join(buildDir, capdlOutputs.image));
  const inputs = step.inputs.map((path) => resolve(buildDir, path));
  const programs = await readPrograms(system, (name) => inputs.find((path) => basename(path) === name));
  const prefills = await readPrefills(system, (name) => inputs.find((path) => path.endsWith(`/${name}`)));
  const monitor = await readMonitor(openSdk(context));
  return {
    system,
    policies,
    capdl: await readCapdlFile(join(buildDir, capdlOutputs.capdl)),
    options: { config: context.settings.text('config'), ...withMonitor(programs, monitor), prefills },
    place,
    unseen: unseenOf(system, programs, monitor),
  };
}

async function runEngine({ settings, signal }: CommandContext, steps: readonly Step[]): Promise<void> {
  await runSteps(steps, {
    buildDir: buildDirectory(settings),
    signal,
    ...engineOptions(settings),
    onEvent: reportBuild(settings),
  });
}

/** What is audited has to be what is started. */
export async function compareImages(image: string, audited: string): Promise<void> {
  const [one, other] = await Promise.all([readFile(image), readFile(audited)]);
  if (!one.equals(other))
    refuse('AUD401', `the Microkit tool made '${audited}' of the same files, and it is not '${image}'`, {
      hint: 'build again; give every domain of a schedule an id, since the tool numbers the others at random',
    });
}

// ---- given by the user ---------------------------------------------------------------------------------------------

async function givenSystem(context: CommandContext, capdl: string | undefined): Promise<AuditSubject> {
  const { settings } = context;
  const { system, findings, place, own } = await loadSubject(context, await loadCheckTarget(context));
  printDiagnostics(refuseErrors(findings));
  if (system === undefined) throw new Error('no system without a finding');
  const file = settings.text('file');
  const given = settings.text('search-path')?.split(delimiter).filter(Boolean) ?? [];
  const beside = file === undefined ? buildDirectory(settings) : dirname(file);
  const folders = [...given, beside, '.'].map((folder) => resolve(folder));
  const find = (name: string): string | undefined =>
    folders.map((folder) => resolve(folder, name)).find(isFile);
  const programs = await readPrograms(system, find);
  const prefills = await readPrefills(system, find);
  // Whose monitor it is, only the user knows.
  const sdk = capdl === undefined || !settings.defaulted('board') ? openSdk(context, capdl) : undefined;
  const monitor = await readMonitor(sdk);
  const found = capdl ?? (await runTool(context, { file: file ?? '', system, sdk, folders, find }));
  return {
    system,
    policies: own === undefined ? [] : parsePolicies(own.policies, place),
    capdl: await readCapdlFile(found),
    options: { config: settings.text('config'), ...withMonitor(programs, monitor), prefills },
    place,
    unseen: unseenOf(system, programs, monitor),
  };
}

/** Gives the path of the specification. */
async function runTool(
  context: CommandContext,
  given: {
    readonly file: string;
    readonly system: SystemDescription;
    readonly sdk: SdkBoard | undefined;
    readonly folders: readonly string[];
    readonly find: (name: string) => string | undefined;
  },
): Promise<string> {
  const { file, system, sdk, folders, find } = given;
  if (sdk === undefined) throw new Error('no SDK without a finding');
  const names = allPds(system.protectionDomains).map(({ programImage }) => programImage);
  const missing = names.filter((name) => find(name) === undefined);
  if (missing.length > 0)
    refuse(
      'AUD402',
      `${missing.map((name) => `'${name}'`).join(', ')} of '${file}' is in none of ${folders.map((folder) => `'${folder}'`).join(', ')}`,
      {
        hint: 'name the folder of the programs with --search-path, or what the tool made with --capdl',
      },
    );
  const { sdk: root, board, config, toolInputs } = sdk;
  const step = microkit({
    sdk: { path: root.path, tool: root.tool, toolInputs },
    system: resolve(file),
    elves: [],
    searchPaths: folders,
    alsoReads: [...new Set(names.flatMap((name) => find(name) ?? []))],
    board,
    config,
    output: 'loader.img',
    report: 'report.txt',
  });
  say(context.settings, `running the Microkit tool for ${board} ${config}`);
  await runEngine(context, [capdlStep(step)]);
  return join(buildDirectory(context.settings), capdlOutputs.capdl);
}

// ---- files ---------------------------------------------------------------------------------------------------------

function openSdk({ settings, env }: CommandContext, capdl?: string): SdkBoard | undefined {
  try {
    const sdk = findSdk({ sdk: settings.flag('sdk'), env, allowStack: settings.on('allow-stack') });
    return openBoard(sdk, settings.text('board') ?? '', settings.text('config') ?? '');
  } catch (error) {
    // A specification can be audited without an SDK.
    if (capdl === undefined || !(error instanceof Refusal)) throw error;
    return undefined;
  }
}

const readMonitor = async (sdk: SdkBoard | undefined): Promise<Program | undefined> => {
  if (sdk === undefined) return undefined;
  const file = join(sdk.directory, 'elf', 'monitor.elf');
  return isFile(file) ? parseProgram(await readFile(file), file) : undefined;
};

async function readPrograms(
  system: SystemDescription,
  find: (name: string) => string | undefined,
): Promise<ReadonlyMap<string, Program>> {
  const programs = new Map<string, Program>();
  const read = new Map<string, Program>();
  for (const { name, programImage } of allPds(system.protectionDomains)) {
    const file = find(programImage);
    if (file === undefined) continue;
    const program = read.get(file) ?? parseProgram(await readFile(file), file);
    read.set(file, program);
    programs.set(name, program);
  }
  return programs;
}

async function readPrefills(
  { memoryRegions }: SystemDescription,
  find: (name: string) => string | undefined,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const prefills = new Map<string, Uint8Array>();
  for (const { prefillPath } of memoryRegions) {
    const file = prefillPath === undefined ? undefined : find(prefillPath);
    if (prefillPath !== undefined && file !== undefined) prefills.set(prefillPath, await readFile(file));
  }
  return prefills;
}

const withMonitor = (programs: ReadonlyMap<string, Program>, monitor: Program | undefined) => ({
  programs: new Map(monitor === undefined ? programs : [...programs, ['monitor', monitor]]),
});

const unseenOf = (
  system: SystemDescription,
  programs: ReadonlyMap<string, Program>,
  monitor: Program | undefined,
): readonly string[] => [
  ...allPds(system.protectionDomains)
    .filter(({ name }) => !programs.has(name))
    .map(({ programImage }) => programImage),
  ...(monitor === undefined ? ["Microkit's monitor"] : []),
];

async function readCapdlFile(file: string): Promise<Capdl> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true)
    return refuse('AUD403', `'${file}' ${found === undefined ? 'is not there' : 'is no regular file'}`, {
      hint: "let the Microkit tool write it: 'microkit … --capdl-json FILE'",
    });
  checkCapdlSize(found.size, file);
  const bytes = await readFile(file);
  try {
    return parseCapdl(new TextDecoder('utf-8', { fatal: true }).decode(bytes), file);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return refuse('AUD101', `'${file}' is no UTF-8`, {
      hint: "let the Microkit tool write it: 'microkit … --capdl-json FILE'",
    });
  }
}
