// SPDX-License-Identifier: BSD-2-Clause
// esbuild puts what several entries share into a chunk per set of entries: dozens of small files, each of which Node
// takes its time to find and load. Here those that the quick commands load are joined to one, chunks/core.js.
import { join, relative, resolve } from 'node:path';
import { build } from 'esbuild';

/**
 * Bundles `parts`, a directory with esbuild's `outputs`, once more into `outdir`. The chunks that `entries` load by
 * themselves are in core.js then, and nowhere else.
 */
export async function joinChunks({ parts, outdir, outputs, entries, options }) {
  const joined = staticallyLoaded(outputs, entries);
  const exports = joined.flatMap((file, index) =>
    outputs[file].exports.map((name) => ({ file: resolve(file), name, inCore: `${name}$${index}` })),
  );
  const common = {
    ...options,
    bundle: true,
    // The package says that its modules do nothing by being loaded; a chunk may hold others', too.
    ignoreAnnotations: true,
  };
  await build({
    ...common,
    stdin: { contents: exports.map(exportLine).join('\n'), resolveDir: process.cwd(), sourcefile: 'core' },
    outfile: join(outdir, 'chunks/core.js'),
    plugins: [dynamicAside],
  });
  await build({
    ...common,
    entryPoints: Object.keys(outputs).filter((file) => file.endsWith('.js') && !joined.includes(file)),
    outbase: parts,
    outdir,
    plugins: [fromCore(exports, resolve(parts, 'chunks/core.js'))],
  });
}

/** Those of `outputs` that come with `entries`, without the entries. */
function staticallyLoaded(outputs, entries) {
  const loaded = new Set(entries);
  for (const file of loaded)
    for (const { path, kind } of outputs[file].imports)
      if (kind === 'import-statement' && path in outputs) loaded.add(path);
  return [...loaded].filter((file) => !entries.includes(file));
}

/** Two chunks may export the same name, so that the core has names of its own. */
const exportLine = ({ file, name, inCore }) => `export{${name} as ${inCore}}from${JSON.stringify(file)};`;

const dynamicAside = {
  name: 'what is loaded later stays aside',
  setup({ onResolve }) {
    onResolve({ filter: /^\./ }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path, external: true } : undefined,
    );
  },
};

/** Chunks import from the core what was in chunks that are in it now, and other chunks as before. */
const fromCore = (exports, core) => ({
  name: 'from the core',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^\.\.?\//, namespace: 'file' }, ({ path, kind, resolveDir }) => {
      if (kind === 'entry-point') return undefined;
      const file = resolve(resolveDir, path);
      return exports.some((one) => one.file === file)
        ? { path: `${file}|./${relative(resolveDir, core)}`, namespace: 'core' }
        : { path, external: true };
    });
    onLoad({ filter: /.*/, namespace: 'core' }, ({ path }) => {
      const [chunk, place] = path.split('|');
      const names = exports
        .filter(({ file }) => file === chunk)
        .map(({ name, inCore }) => `${inCore} as ${name}`);
      return { contents: `export{${names.join(',')}}from${JSON.stringify(place)};` };
    });
    onResolve({ filter: /./, namespace: 'core' }, ({ path }) => ({ path, external: true }));
  },
});
