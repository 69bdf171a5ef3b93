// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild graph`: the system as a picture (DOT, Mermaid, SVG) or as JSON. What stands out is said on stderr too.
import { extname, resolve } from 'node:path';
import { replaceFile } from '../../make/temporary.ts';
import { type Diagnostic, exitCode, refuse, Refusal } from '../../meta/diagnostic.ts';
import { warningFinding } from '../../meta/finding.ts';
import type { MarkKind } from '../../meta/graph/marks.ts';
import { graphToJson } from '../../meta/graph/render-json.ts';
import { renderDot } from '../../meta/graph/render-dot.ts';
import { mermaidLimits, renderMermaid } from '../../meta/graph/render-mermaid.ts';
import { type Detail, type Scene, sceneOf } from '../../meta/graph/scene.ts';
import { graphOf, type SystemGraph } from '../../meta/graph/system-graph.ts';
import { loadCheckTarget } from '../check-target.ts';
import type { Settings } from '../options.ts';
import { refuseOverwriting } from '../overwriting.ts';
import { printDiagnostics, say } from '../report.ts';
import { loadSubject } from '../subject.ts';
import type { Command, CommandContext } from '../vmbuild.ts';
import { type Seen, watching } from '../watch.ts';

const formats = ['dot', 'mermaid', 'svg', 'json'] as const;
type Format = (typeof formats)[number];

export const run: Command = async (context) => watching(context, (seen) => draw(context, seen));

async function draw(context: CommandContext, seen: Seen): Promise<number> {
  const { settings } = context;
  const given = settings.text('output');
  const output = given === undefined ? undefined : resolve(given);
  const format = formatOf(settings, output);
  if (output !== undefined) refuseOverwriting(settings, [output]);
  const { system, findings, name } = await loadSubject(context, await loadCheckTarget(context), seen);
  if (system === undefined) throw new Refusal(findings);
  // A system that Microkit would refuse is drawn all the same: that is when one looks at it.
  printDiagnostics(findings.slice(0, saidFindings));
  if (findings.length > saidFindings)
    say(settings, `and ${findings.length - saidFindings} findings more; 'vmbuild check' has them all`);
  const graph = graphOf(system, name);
  sayMarks(settings, graph);
  const text = await renderAs(format, graph, context);
  if (output === undefined) process.stdout.write(text);
  else {
    await replaceFile(output, text);
    say(settings, `graph: ${format} written to ${output}`);
  }
  return exitCode.ok;
}

async function renderAs(format: Format, graph: SystemGraph, context: CommandContext): Promise<string> {
  if (format === 'json') return `${JSON.stringify(graphToJson(graph), undefined, 2)}\n`;
  const scene = sceneOf(graph, format === 'mermaid' ? isForMermaid : undefined);
  printDiagnostics(lessDetail(scene, format));
  if (format === 'mermaid') return renderMermaid(scene);
  const dot = renderDot(scene);
  if (format === 'dot') return dot;
  const { drawSvg, findViz } = await import('../../make/tools/graphviz.ts');
  return drawSvg(dot, { env: context.env, signal: context.signal, viz: findViz() });
}

const isForMermaid = (scene: Scene): boolean => {
  const { chars, lines } = mermaidLimits;
  return scene.lines.length <= lines && renderMermaid(scene).length <= chars;
};

const counted: Readonly<Record<Detail, string>> = {
  regions: '',
  'shared regions': 'private memory regions are a number in the box of their protection domain',
  pairs: 'memory regions are numbers, and shared ones a line between two protection domains',
  numbers: 'memory regions are numbers in the boxes of their protection domains',
};

function lessDetail(scene: Scene, format: Format): Diagnostic[] {
  if (scene.detail === 'regions') return [];
  const isTooMuch = format === 'mermaid' && !isForMermaid(scene);
  const still = isTooMuch
    ? `; it still is more than the ${mermaidLimits.lines} lines that Mermaid takes`
    : '';
  const what = `the whole system makes too big a picture: ${counted[scene.detail]}${still}`;
  return [warningFinding('GRF104', what, { hint: "use '--json' for every region and address" })];
}

const extensions: Readonly<Record<string, Format>> = {
  '.dot': 'dot',
  '.gv': 'dot',
  '.mmd': 'mermaid',
  '.mermaid': 'mermaid',
  '.svg': 'svg',
  '.json': 'json',
};

/** `--format`, `--json`, else what the output's extension says; DOT on stdout. */
function formatOf(settings: Settings, output: string | undefined): Format {
  const named = settings.text('format');
  const format = formats.find((known) => known === named);
  if (named !== undefined && format === undefined)
    return refuse('GRF105', `--format '${named}' is none of ${formats.join(', ')}`, {
      hint: `use one of ${formats.join(', ')}`,
      exit: exitCode.usage,
    });
  if (settings.on('json')) {
    if (format !== undefined && format !== 'json')
      refuse('GRF105', `--json and --format ${format} are two formats`, {
        hint: 'leave one of them out',
        exit: exitCode.usage,
      });
    return 'json';
  }
  if (format !== undefined) return format;
  if (output === undefined) return 'dot';
  return (
    extensions[extname(output).toLowerCase()] ??
    refuse('GRF105', `the name '${output}' does not say which format is wanted`, {
      hint: `end it in ${Object.keys(extensions).join(', ')}, or add --format`,
      exit: exitCode.usage,
    })
  );
}

/** Who wants more of them asks `check`. */
const saidFindings = 20;
/** Marks that are said; the JSON has all. */
const saidMarks = 12;
/** Of these there may be dozens on purpose, or the findings have said it. */
const unsaid: readonly MarkKind[] = [
  'shared-writable',
  'ppc-not-upwards',
  'child-above-parent',
  'vm-not-below-pd',
];

function sayMarks(settings: Settings, { marks }: SystemGraph): void {
  const loud = marks.filter(({ kind }) => !unsaid.includes(kind));
  for (const { message, kind } of loud.slice(0, saidMarks)) say(settings, `graph: ${kind}: ${message}`);
  if (loud.length > saidMarks)
    say(settings, `graph: and ${loud.length - saidMarks} more; --json has them all`);
}
