// SPDX-License-Identifier: BSD-2-Clause
// What a machine must have for a run, and for the tests in addition, and which Debian packages bring it. With the table
// in make/tools/find.ts this is the one home of package names: `vmbuild setup`, `npm start` and `npm test` read it.
//
// What only QEMU's default network card wants (ipxe-qemu) is not among it: every machine is started with `-nic none`.
// dpkg-deb, tar and apt itself are on every Debian; its clang brings the C library's headers and a linker.
import { runCommand } from '../run.ts';
import type { Environment } from '../store/cache.ts';
import { onPath, searchTools, type Tool, type ToolName, toolTable } from './find.ts';

export interface MissingNeed {
  /** `clang`, or `sanitizer runtime of clang 14`. */
  readonly name: string;
  /** Debian packages, most often one. */
  readonly packages: readonly string[];
  /** Why what is there does not do: too old, broken; undefined if nothing is there. */
  readonly problem?: string;
}

export interface Inventory {
  /** `clang 14.0.6`, `xz` */
  readonly present: readonly string[];
  readonly missing: readonly MissingNeed[];
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
    if (tool !== undefined) return { name: `${name} ${tool.version}` };
    const problem = tools.problems.get(name);
    return {
      name,
      missing: toolTable[name].apt.split(' '),
      ...(problem === undefined ? {} : { problem }),
    };
  });
  // git gets the sources, and without certificates it trusts no server: its package only recommends them.
  checked.push(program('xz', 'xz-utils', env), program('git', 'git ca-certificates', env));
  if (tests) checked.push(...(await checkTestNeeds(env, tools.found.get('clang'))));
  return {
    present: checked.filter(({ missing }) => missing === undefined).map(({ name }) => name),
    missing: checked.flatMap(({ name, missing, problem }) =>
      missing === undefined
        ? []
        : [{ name, packages: missing, ...(problem === undefined ? {} : { problem }) }],
    ),
  };
}

/** Each package once, in the order of the needs. */
export const packagesOf = (missing: readonly MissingNeed[]): string[] => [
  ...new Set(missing.flatMap(({ packages }) => packages)),
];

interface Check {
  readonly name: string;
  /** Packages that bring it; undefined if it is there. */
  readonly missing?: readonly string[];
  readonly problem?: string;
}

const program = (command: string, packages: string, env: Environment): Check =>
  onPath(command, env) === undefined ? { name: command, missing: packages.split(' ') } : { name: command };

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
