// SPDX-License-Identifier: BSD-2-Clause
// A description and the files that it imports, as one script in memory. Nothing is written: no file is left behind
// whatever happens, and a description in a directory that may not be written works.
//
// Packages are not bundled. They are imported when esbuild has found them, relative to who imports them as Node does it, and
// the script finds them in `__vmbuild_modules`. `vmbuild/meta` always is this program's own copy, installed or not.
import { readFile, realpath } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { dirname, extname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { BuildFailure, Loader, Message, Metafile, Plugin } from 'esbuild';
import { type Diagnostic, refuseErrors } from '../meta/diagnostic.ts';
import { errorFinding } from '../meta/finding.ts';
import { shortPath } from './user-place.ts';

export interface UserBundle {
  /** Statements for the body of an async function, which knows `__vmbuild_modules` and `__vmbuild_done`. */
  readonly code: string;
  /** Source map of `code`, as JSON; its sources are relative to the description's directory. */
  readonly map: string;
  /** By the names that `code` uses. */
  readonly modules: Readonly<Record<string, unknown>>;
  /** Absolute paths of the description and all that it imports, packages excepted. */
  readonly inputs: readonly string[];
}

const ownName = 'vmbuild/meta';
const namespace = 'vmbuild-module';
/** More findings of one kind tell nobody anything. */
const maxFindings = 20;

/** Refuses USR104 with every place that is no TypeScript or imports what is not there. `file` is absolute. */
export async function bundleUserFile(file: string): Promise<UserBundle> {
  const esbuild = await import('esbuild');
  const directory = dirname(file);
  const modules: Record<string, unknown> = {};
  try {
    const { outputFiles, metafile } = await esbuild.build({
      stdin: {
        contents: `import * as description from ${JSON.stringify(file)}; __vmbuild_done(description);`,
        resolveDir: directory,
        sourcefile: 'vmbuild',
      },
      absWorkingDir: directory,
      outfile: join(directory, 'vmbuild-description.js'),
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
      target: `node${process.versions.node}`,
      sourcemap: 'external',
      metafile: true,
      logLevel: 'silent',
      // Node's own, so that a package is found as Node finds it: esbuild would add `module`.
      conditions: [],
      define: importMeta,
      plugins: [packages(modules), placesOfFiles(file)],
    });
    const text = (suffix: string): string =>
      outputFiles.find(({ path }) => path.endsWith(suffix))?.text ?? '';
    return {
      code: text('.js'),
      map: text('.map'),
      modules,
      inputs: inputsOf(metafile, directory),
    };
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    refuseErrors(error.errors.slice(0, maxFindings).map((message) => findingOf(message, directory)));
    throw error;
  }
}

const inputsOf = ({ inputs }: Metafile, directory: string): readonly string[] =>
  Object.keys(inputs)
    .filter((name) => name !== 'vmbuild' && !name.startsWith(`${namespace}:`))
    .map((name) => resolve(directory, name));

// ---- packages ------------------------------------------------------------------------------------------------------

function packages(modules: Record<string, unknown>): Plugin {
  return {
    name: 'vmbuild-packages',
    setup: (build) => {
      build.onResolve({ filter: /^[^./#]/ }, async ({ path, resolveDir, kind, pluginData }) => {
        if (kind === 'entry-point' || pluginData === namespace) return undefined;
        if (path === ownName || isBuiltin(path)) return { path, namespace, pluginData: path };
        // What tsconfig.json gives another name is the user's own file still, and so is a package of a workspace.
        const found = await build.resolve(path, { kind, resolveDir, pluginData: namespace });
        if (found.errors.length > 0 || found.path === '') return undefined;
        const isPackage = /[\\/]node_modules[\\/]/.test(found.path) && extname(found.path) !== '.json';
        if (!isPackage) return { path: found.path };
        return { path: found.path, namespace, pluginData: pathToFileURL(found.path).href };
      });
      build.onLoad({ filter: /.*/, namespace }, async ({ path, pluginData }) => {
        try {
          const module =
            path === ownName ? await ownLibrary() : ((await import(String(pluginData))) as object);
          modules[path] = module;
          return { contents: reExport(path, Object.keys(module)), loader: 'js' };
        } catch (error) {
          return { errors: [{ text: `'${shortPath(path)}' cannot be imported: ${messageOf(error)}` }] };
        }
      });
    },
  };
}

/** As the program itself uses it. */
const ownLibrary = async (): Promise<object> => import('../meta/index.ts');

function reExport(path: string, names: readonly string[]): string {
  const exported = names.filter((name) => /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u.test(name));
  const from = `__vmbuild_modules[${JSON.stringify(path)}]`;
  return [
    ...exported.map((name, i) => `const $${i} = ${from}[${JSON.stringify(name)}];`),
    `export { ${exported.map((name, i) => `$${i} as ${name}`).join(', ')} };`,
  ].join('\n');
}

// ---- import.meta ---------------------------------------------------------------------------------------------------

const importMeta = {
  'import.meta.url': '__vmbuild_url',
  'import.meta.filename': '__vmbuild_filename',
  'import.meta.dirname': '__vmbuild_dirname',
};

const loaders: Readonly<Record<string, Loader>> = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.js': 'js',
  '.mjs': 'js',
};

/** In one file, each source still has its own place. What says so stands in the first line, so that lines stay. */
const placesOfFiles = (description: string): Plugin => ({
  name: 'vmbuild-import-meta',
  setup: (build) => {
    build.onLoad({ filter: /\.[cm]?[jt]s$/, namespace: 'file' }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const loader = loaders[extname(path)];
      if (loader === undefined) return undefined;
      // One that neither imports nor exports would be taken for CommonJS, which has a default export always.
      const module = path === description ? `${text}\nexport {};` : text;
      if (!text.includes('import.meta')) return { contents: module, loader };
      const values = [pathToFileURL(path).href, path, dirname(path)];
      const names = Object.values(importMeta).map((name, i) => `${name} = ${JSON.stringify(values[i])}`);
      return { contents: `const ${names.join(', ')};${module}`, loader };
    });
  },
});

// ---- findings ------------------------------------------------------------------------------------------------------

const isBuildFailure = (error: unknown): error is BuildFailure =>
  error instanceof Error && 'errors' in error && Array.isArray(error.errors);

function findingOf({ text, location }: Message, directory: string): Diagnostic {
  const line = location?.lineText?.trim() ?? '';
  const place =
    location?.file === undefined || location.file === 'vmbuild'
      ? {}
      : {
          place: {
            file: shortPath(resolve(directory, location.file)),
            line: location.line ?? 1,
            column: (location.column ?? 0) + 1,
          },
        };
  const said = `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
  // What is no text must not reach the terminal.
  const shown = line.slice(0, 120).replaceAll(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '?');
  return errorFinding(
    'USR104',
    `the description cannot be read: ${said}${shown === '' ? '' : `, in: ${shown}`}`,
    { ...place, hint: 'correct that line' },
  );
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Absolute, links resolved: what Node would call an imported file. */
export const realFile = async (file: string): Promise<string> =>
  realpath(file.startsWith('file:') ? fileURLToPath(file) : resolve(file));
