// SPDX-License-Identifier: BSD-2-Clause
// DOT to SVG: by the system's `dot`, else by @viz-js/viz, which is the same program in WebAssembly and an optional
// companion of this package. Either gets a deadline, since layout may take minutes: the one in a process, the other in a
// thread, which can be ended although it never comes up for air.
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { exitCode, formatSize, refuse } from '../../meta/diagnostic.ts';
import { describeFailure, runCommand } from '../run.ts';
import type { Environment } from '../store/cache.ts';
import { makeTemporaryDirectory } from '../temporary-directory.ts';
import { onPath } from './on-path.ts';

export interface SvgOptions {
  readonly env: Environment;
  readonly signal?: AbortSignal;
  readonly deadlineMs?: number;
}

const defaultDeadlineMs = 60_000;
/** A picture of that size opens nowhere. */
const maxSvgBytes = 64 * 1024 * 1024;

/** The drawing as an `<svg>` element; refuses GRF101 if nothing is here that could draw. `viz` is from findViz. */
export async function drawSvg(
  dot: string,
  { viz, ...options }: SvgOptions & { readonly viz: string | undefined },
): Promise<string> {
  const tool = onPath('dot', options.env);
  if (tool !== undefined) return drawWithDot(tool, dot, options);
  if (viz !== undefined) return drawWithViz(viz, dot, options);
  return refuse('GRF101', "an SVG is drawn by Graphviz, and neither its 'dot' nor @viz-js/viz is here", {
    hint: "run: apt install graphviz, or: npm install @viz-js/viz; '--format dot' and '--format mermaid' need neither",
    exit: exitCode.missing,
  });
}

/** Path of the companion, if it is installed beside this package. */
export function findViz(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve('@viz-js/viz');
  } catch {
    return undefined; // it is optional
  }
}

export async function drawWithDot(tool: string, dot: string, options: SvgOptions): Promise<string> {
  const directory = await makeTemporaryDirectory('vmbuild-graph-');
  const { deadlineMs = defaultDeadlineMs, signal } = options;
  const deadline = AbortSignal.timeout(deadlineMs);
  try {
    await writeFile(join(directory, 'system.dot'), dot);
    const { end, output } = await runCommand(
      { tool, args: ['-Tsvg', '-osystem.svg', 'system.dot'], cwd: directory },
      signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
    );
    signal?.throwIfAborted();
    if (deadline.aborted) refuseLate(`'${tool}'`, deadlineMs);
    const failure = describeFailure(end);
    if (failure !== undefined) refuseFailure(`'${tool}' ${failure}`, output);
    const file = join(directory, 'system.svg');
    const { size } = await stat(file);
    return size > maxSvgBytes ? refuseSize(size) : onlySvg(await readFile(file, 'utf8'));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** What viz gives for one drawing. */
interface Drawn {
  readonly output?: string;
  readonly error?: string;
}

const vizProgram = `
  const { parentPort, workerData } = require('node:worker_threads');
  (async () => {
    const viz = await (await import(workerData.entry)).instance();
    const { output, errors } = viz.render(workerData.dot, { format: 'svg', engine: 'dot' });
    return { output, error: errors.map(({ message }) => message).join('; ') };
  })().then((drawn) => parentPort.postMessage(drawn), (error) => parentPort.postMessage({ error: String(error) }));
`;

/** `entry` is from findViz. The same text gives the same bytes on every machine. */
export async function drawWithViz(entry: string, dot: string, options: SvgOptions): Promise<string> {
  const { deadlineMs = defaultDeadlineMs, signal } = options;
  const worker = new Worker(vizProgram, {
    eval: true,
    workerData: { dot, entry: pathToFileURL(entry).href },
    stdout: true,
    stderr: true,
  });
  let onAbort: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    const drawn = await new Promise<Drawn | 'late'>((resolve) => {
      worker.once('message', (message: Drawn) => {
        resolve(message);
      });
      worker.once('error', (error: Error) => {
        resolve({ error: error.message });
      });
      worker.once('exit', () => {
        resolve({ error: 'it ended without a drawing' });
      });
      timer = setTimeout(() => {
        resolve('late');
      }, deadlineMs);
      onAbort = () => {
        resolve({ error: 'interrupted' });
      };
      signal?.addEventListener('abort', onAbort);
    });
    signal?.throwIfAborted();
    if (drawn === 'late') return refuseLate('@viz-js/viz', deadlineMs);
    if (drawn.output === undefined) return refuseFailure('@viz-js/viz failed', drawn.error ?? '');
    if (drawn.output.length > maxSvgBytes) return refuseSize(drawn.output.length);
    return onlySvg(drawn.output);
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
    await worker.terminate();
  }
}

/** Without the document type, which names a file on the network, and the comment with the program's version. */
const onlySvg = (text: string): string => {
  const start = text.indexOf('<svg');
  return start === -1 ? refuseFailure('Graphviz drew no SVG', text) : text.slice(start);
};

const refuseFailure = (what: string, output: string): never => {
  const [first = ''] = output.split('\n').filter((text) => text.trim() !== '');
  return refuse('GRF102', `${what}${first === '' ? '' : `: ${first.slice(0, 300)}`}`, {
    hint: "use '--format dot' and look at the text, or another version of Graphviz",
  });
};

const refuseLate = (who: string, deadlineMs: number): never =>
  refuse('GRF103', `${who} had not laid the picture out after ${deadlineMs / 1000} s`, {
    hint: "use '--format json', or '--format dot' with another of Graphviz's programs, such as sfdp",
  });

const refuseSize = (sizeBytes: number): never =>
  refuse(
    'GRF103',
    `the picture has ${formatSize(BigInt(sizeBytes))}; the limit is ${formatSize(BigInt(maxSvgBytes))}`,
    {
      hint: "use '--format json'",
    },
  );
