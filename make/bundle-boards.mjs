// SPDX-License-Identifier: BSD-2-Clause
// Boards are checked when vmbuild is bundled, not whenever it runs: in the bundle a board is the checked data alone, and
// neither its schema nor the library that judges by it is loaded. A board with a mistake fails the bundling.
import { build } from 'esbuild';

export const checkedBoards = {
  name: 'checked boards',
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]boards[/\\][^/\\]+[/\\]board\.ts$/ }, async ({ path }) => {
      try {
        const { board } = await evaluate(path);
        return { contents: `export const board = ${literal(board)};`, loader: 'js' };
      } catch (error) {
        const findings = error.diagnostics ?? [];
        if (findings.length === 0) throw error;
        return {
          errors: findings.map(({ code, message, hint }) => ({ text: `${code}: ${message}; ${hint}` })),
        };
      }
    });
  },
};

async function evaluate(path) {
  const { outputFiles } = await build({
    entryPoints: [path],
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    logLevel: 'silent',
  });
  const text = Buffer.from(outputFiles[0].contents).toString('base64');
  return import(`data:text/javascript;base64,${text}`);
}

/** A value of plain data as JavaScript, with bigints. */
function literal(value) {
  if (typeof value === 'bigint') return `0x${value.toString(16)}n`;
  if (Array.isArray(value)) return `[${value.map(literal).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined';
  const fields = Object.entries(value).map(([name, field]) => `${JSON.stringify(name)}:${literal(field)}`);
  return `{${fields.join(',')}}`;
}
