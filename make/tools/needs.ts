// SPDX-License-Identifier: BSD-2-Clause
// What a machine must have for a run, and for the tests in addition, and which Debian packages bring it. With the table
// in make/tools/find.ts this is the one home of package names: `vmbuild setup`, `npm start` and `npm test` read it.
//
// What only QEMU's default network card wants (ipxe-qemu) is not among it: every machine is started with `-nic none`.
// dpkg-deb, tar and apt itself are on every Debian; its clang brings the C library's headers and a linker.
import type { Diagnostic } from '../../meta/diagnostic.ts';
import { runCommand } from '../run.ts';
import type { Environment } from '../store/cache.ts';
import { searchTools, type Tool, type ToolName, toolTable } from './find.ts';
import { onPath } from './on-path.ts';
import { installHint } from './package-managers.ts';

export interface MissingNeed {
  /** `clang`, or `sanitizer runtime of clang 14`. */
  readonly name: string;
  /** Debian packages, most often one. */
  readonly packages: readonly string[];
  /** Why what is there does not do: too old, broken; undefined if nothing is there. */
  readonly problem?: string;
}

/** A thing that was looked for, as `doctor` lists it. */
export interface Finding {
  readonly what: string;
  /** Undefined if it is not there. */
  readonly found?: string;
}

export interface Inventory {
  /** `clang 14.0.6`, `xz` */
  readonly present: readonly string[];
  readonly missing: readonly MissingNeed[];
  /** All of them, with their places. */
  readonly findings: readonly Finding[];
  /** What is wrong with those that are missing. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Looks for everything. `tests`: also what only `npm test` uses. */
export async function takeInventory(
  env: Environment,
  { tests = false }: { tests?: boolean } = {},
): Promise<Inventory> {
  const names = Object.keys(toolTable) as ToolName[];
  const tools = await searchTools(names, env);
  const checked = names.map((name): Check => {
    const tool = tools.found.get(name);
    if (tool !== undefined) return { name, found: `${tool.version}  ${tool.path}`, version: tool.version };
    const problem = tools.problems.get(name);
    return {
      name,
      missing: toolTable[name].apt.split(' '),
      ...(problem === undefined ? {} : { problem }),
    };
  });
  // git gets the sources, and without certificates it trusts no server: its package only recommends them.
  const programs = [program('xz', 'xz-utils', env), program('git', 'git ca-certificates', env)];
  const all = [
    ...checked,
    ...programs,
    ...(tests ? await checkTestNeeds(env, tools.found.get('clang')) : []),
  ];
  return {
    present: all.flatMap(({ name, version, missing }) =>
      missing === undefined ? [version === undefined ? name : `${name} ${version}`] : [],
    ),
    missing: all.flatMap(({ name, missing, problem }) =>
      missing === undefined
        ? []
        : [{ name, packages: missing, ...(problem === undefined ? {} : { problem }) }],
    ),
    findings: all.map(({ name, found, missing }) => ({
      what: name,
      ...(missing === undefined ? { found: found ?? 'here' } : {}),
    })),
    diagnostics: [
      ...tools.diagnostics,
      ...programs.filter(({ missing }) => missing !== undefined).map((check) => describeAbsence(check, env)),
    ],
  };
}

function describeAbsence({ name, missing = [] }: Check, env: Environment): Diagnostic {
  const uses: Readonly<Record<string, string>> = {
    xz: "Debian's kernel modules are unpacked with it",
    git: 'libvmm and sDDF are fetched with it',
  };
  return {
    code: 'TOOL120',
    severity: 'error',
    message: `'${name}' is not found on PATH; ${uses[name] ?? 'a run needs it'}`,
    hint: installHint(missing, env),
  };
}

/** Each package once, in the order of the needs. */
export const packagesOf = (missing: readonly MissingNeed[]): string[] => [
  ...new Set(missing.flatMap(({ packages }) => packages)),
];

interface Check {
  readonly name: string;
  /** Where it is, or what of it. */
  readonly found?: string;
  readonly version?: string;
  /** Packages that bring it; undefined if it is there. */
  readonly missing?: readonly string[];
  readonly problem?: string;
}

function program(command: string, packages: string, env: Environment): Check {
  const path = onPath(command, env);
  return path === undefined
    ? { name: command, missing: packages.split(' ') }
    : { name: command, found: path };
}

async function checkTestNeeds(env: Environment, clang: Tool | undefined): Promise<Check[]> {
  const python = onPath('python3', env);
  // Debian's python3 has the module venv, but what it installs pip with is a package of its own.
  const hasVenv = python !== undefined && (await ask(python, ['-c', 'import ensurepip'], env)) !== undefined;
  return [
    program('cpio', 'cpio', env),
    program('xmllint', 'libxml2-utils', env),
    { name: 'python3 with venv', ...(hasVenv ? {} : { missing: ['python3-venv'] }) },
    await checkSanitizers(env, clang),
  ];
}

/** The runtime comes in a package of the compiler's own version; `libclang-rt-dev` is that of Debian's own clang. */
async function checkSanitizers(env: Environment, clang: Tool | undefined): Promise<Check> {
  if (clang === undefined) return { name: 'sanitizer runtime of clang', missing: ['libclang-rt-dev'] };
  const [major = ''] = clang.version.split('.');
  const name = `sanitizer runtime of clang ${major}`;
  const cpu = { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string] ?? process.arch;
  const path = await ask(clang.path, [`-print-file-name=libclang_rt.asan-${cpu}.a`], env);
  // A file that it does not find is printed as it was given, without a directory.
  return path?.includes('/') === true ? { name } : { name, missing: [`libclang-rt-${major}-dev`] };
}

/** What a program prints; undefined if it fails. */
async function ask(tool: string, args: readonly string[], env: Environment): Promise<string | undefined> {
  const { end, output } = await runCommand(
    { tool, args, cwd: '/', env: { PATH: env['PATH'] ?? '' } },
    AbortSignal.timeout(20_000),
  );
  return end.kind === 'exit' && end.code === 0 ? output : undefined;
}
