// SPDX-License-Identifier: BSD-2-Clause
// Finds the outside programs on PATH, under their plain names and with a version (`clang-19`), and says everything
// that is missing or too old at once.
//
// The LLVM programs are wanted of one version. If the plain `clang` has all its companions in its own version, that
// family is taken; else the newest complete one; else of each the newest.
import { type Diagnostic, exitCode, Refusal } from '../../meta/diagnostic.ts';
import { cacheDir, type Environment } from '../store/cache.ts';
import { onPath } from './on-path.ts';
import { installHint } from './package-managers.ts';
import { makeProber, type Prober } from './probe.ts';
import { compareVersions, parseVersion } from './version.ts';

export interface Tool {
  readonly name: ToolName;
  /** As found on PATH, links and all: programs look at the name by which they are called. */
  readonly path: string;
  /** `19.1.7` */
  readonly version: string;
}

interface ToolSpec {
  readonly command: string;
  /** Comes as `<command>-<major>` too. */
  readonly isLlvm?: true;
  readonly minimum: string;
  /** Finds the version in what `--version` prints. */
  readonly pattern: RegExp;
  /** Debian's packages; package-managers.ts has those of others. */
  readonly apt: string;
}

export const toolTable = {
  clang: {
    command: 'clang',
    isLlvm: true,
    minimum: '14',
    pattern: /clang version (\S+)/,
    apt: 'clang',
  },
  lld: { command: 'ld.lld', isLlvm: true, minimum: '14', pattern: /LLD (\S+)/, apt: 'lld' },
  'llvm-objcopy': {
    command: 'llvm-objcopy',
    isLlvm: true,
    minimum: '14',
    pattern: /LLVM version (\S+)/,
    apt: 'llvm',
  },
  'llvm-ar': {
    command: 'llvm-ar',
    isLlvm: true,
    minimum: '14',
    pattern: /LLVM version (\S+)/,
    apt: 'llvm',
  },
  dtc: {
    command: 'dtc',
    minimum: '1.6',
    pattern: /DTC (\S+)/,
    apt: 'device-tree-compiler',
  },
  'qemu-system-aarch64': {
    command: 'qemu-system-aarch64',
    minimum: '7.2',
    pattern: /QEMU emulator version (\S+)/,
    apt: 'qemu-system-arm',
  },
} as const satisfies Record<string, ToolSpec>;

export type ToolName = keyof typeof toolTable;

export interface Search {
  readonly found: ReadonlyMap<ToolName, Tool>;
  /** One per tool that is missing, too old or broken. */
  readonly diagnostics: readonly Diagnostic[];
  /** Of those that are there but too old or broken: what is wrong with them. */
  readonly problems: ReadonlyMap<ToolName, string>;
}

/** The tools, or a Refusal (exit 69) that names all that are missing and how to install them. */
export async function findTools<N extends ToolName>(
  names: readonly N[],
  env: Environment,
): Promise<Readonly<Record<N, Tool>>> {
  const { found, diagnostics } = await searchTools(names, env);
  if (diagnostics.length > 0) throw new Refusal(diagnostics, exitCode.missing);
  return Object.fromEntries(found) as Record<N, Tool>;
}

/** What is here and what is not, for `doctor` and `setup`. */
export async function searchTools(names: readonly ToolName[], env: Environment): Promise<Search> {
  const prober = await makeProber(cacheDir(env));
  const candidates = new Map<ToolName, readonly Candidate[]>();
  await Promise.all(
    names.map(async (name) => candidates.set(name, await Promise.all(listCandidates(name, env, prober)))),
  );
  await prober.save();
  const family = chooseFamily(names, candidates);
  const found = new Map<ToolName, Tool>();
  const problems = new Map<ToolName, string>();
  const diagnostics: Diagnostic[] = [];
  for (const name of names) {
    const all = candidates.get(name) ?? [];
    const good = all.filter((candidate) => isGood(name, candidate));
    const [best] = [...good.filter((candidate) => majorOf(candidate) === family), ...good];
    if (best?.version !== undefined) {
      found.set(name, { name, path: best.path, version: best.version });
      continue;
    }
    const diagnostic = describeMissing(name, all);
    diagnostics.push(diagnostic);
    if (all.length > 0) problems.set(name, diagnostic.message);
  }
  return {
    found,
    problems,
    diagnostics: withInstallLine(
      diagnostics,
      names.filter((name) => !found.has(name)),
      env,
    ),
  };
}

interface Candidate {
  readonly path: string;
  readonly version?: string;
  readonly failure?: string;
  /** It compiles nothing for AArch64. */
  readonly lacksTarget?: true;
}

/** Whether a clang says its targets, and ours is not among them. */
async function lacksTarget(name: ToolName, path: string, prober: Prober): Promise<boolean> {
  if (name !== 'clang') return false;
  const { text = '' } = await prober.ask(path, '--print-targets');
  return /registered targets/i.test(text) && !/^\s*aarch64\b/m.test(text);
}

/** Versions of LLVM that are looked for by name, newest first; the next decade's are found by their plain names. */
const llvmMajors = Array.from({ length: 27 }, (_, index) => 40 - index);

/** Best first: the plain name, then the newest version. */
function listCandidates(name: ToolName, env: Environment, prober: Prober): Promise<Candidate>[] {
  const spec: ToolSpec = toolTable[name];
  const commands = [
    spec.command,
    ...(spec.isLlvm === true ? llvmMajors.map((major) => `${spec.command}-${major}`) : []),
  ];
  const paths = commands.flatMap((command) => onPath(command, env) ?? []);
  return paths.map(async (path): Promise<Candidate> => {
    const { text, failure } = await prober.ask(path);
    if (text === undefined) return { path, failure: failure ?? 'says nothing' };
    const version = parseVersion(spec.pattern.exec(text)?.[1] ?? '');
    if (version === undefined) return { path, failure: `says no version but '${text.split('\n')[0] ?? ''}'` };
    return (await lacksTarget(name, path, prober)) ? { path, version, lacksTarget: true } : { path, version };
  });
}

const majorOf = (candidate: Candidate): number => Number.parseInt(candidate.version ?? '0', 10);

const isGood = (name: ToolName, { version, lacksTarget: lacks }: Candidate): boolean =>
  version !== undefined && lacks !== true && compareVersions(version, toolTable[name].minimum) >= 0;

function chooseFamily(
  names: readonly ToolName[],
  candidates: ReadonlyMap<ToolName, readonly Candidate[]>,
): number | undefined {
  const members = names
    .filter((name) => 'isLlvm' in toolTable[name])
    .map((name) => (candidates.get(name) ?? []).filter((candidate) => isGood(name, candidate)).map(majorOf));
  const [first = []] = members;
  const complete = first.filter((major) => members.every((majors) => majors.includes(major)));
  // The plain clang is the first of the first; otherwise they come newest first.
  return complete[0] ?? first[0];
}

function describeMissing(name: ToolName, candidates: readonly Candidate[]): Diagnostic {
  const { command, minimum } = toolTable[name];
  const [first] = candidates;
  const diagnostic = (code: string, message: string): Diagnostic => ({ code, severity: 'error', message });
  if (first === undefined)
    return diagnostic('TOOL101', `'${command}' is not found on PATH (needed: ${minimum} or newer)`);
  const targetless = candidates.find((candidate) => candidate.lacksTarget === true);
  if (targetless !== undefined)
    return diagnostic(
      'TOOL104',
      `'${targetless.path}' ${targetless.version ?? ''} was built without the target aarch64`,
    );
  const newest = candidates.find(({ version }) => version !== undefined) ?? first;
  if (newest.version !== undefined)
    return diagnostic(
      'TOOL102',
      `'${newest.path}' is version ${newest.version}, needed is ${minimum} or newer`,
    );
  return diagnostic('TOOL103', `'${newest.path} --version' ${newest.failure ?? 'fails'}`);
}

/** The last diagnostic tells how to install all that is missing. */
function withInstallLine(
  diagnostics: readonly Diagnostic[],
  missing: readonly ToolName[],
  env: Environment,
): readonly Diagnostic[] {
  const last = diagnostics.at(-1);
  if (last === undefined) return diagnostics;
  const packages = [...new Set(missing.flatMap((name) => toolTable[name].apt.split(' ')))];
  return [...diagnostics.slice(0, -1), { ...last, hint: installHint(packages, env) }];
}
