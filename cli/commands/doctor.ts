// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild doctor`: what is here, what is missing, and how to get it; everything at once. Touches no network.
import { loadBoard } from '../../boards/index.ts';
import { findDebianMirror } from '../../linux/apt-sources.ts';
import { withoutCredentials } from '../../make/store/origin.ts';
import { findSdk } from '../../make/store/sdk.ts';
import { openBoard } from '../../make/store/sdk-board.ts';
import { findSources } from '../../make/store/sources.ts';
import { stack } from '../../make/stack.ts';
import { searchTools, type ToolName, toolTable } from '../../make/tools/find.ts';
import { type Diagnostic, exitCode, Refusal } from '../../meta/diagnostic.ts';
import { parseGuest } from '../guest-flag.ts';
import { guestImagesTask } from '../guest-images.ts';
import { printDiagnostics } from '../report.ts';
import type { Command, CommandContext } from '../vmbuild.ts';

interface Finding {
  readonly what: string;
  /** Undefined if it is not there. */
  readonly found?: string;
}

export const run: Command = async (context) => {
  const { settings, env } = context;
  const findings: Finding[] = [];
  const diagnostics: Diagnostic[] = [];
  let isMissing = false;
  const look = async (what: string, task: () => Promise<string> | string): Promise<void> => {
    try {
      findings.push({ what, found: await task() });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      findings.push({ what });
      diagnostics.push(...error.diagnostics);
      isMissing ||= error.exit === exitCode.missing;
    }
  };
  const allowStack = settings.on('allow-stack');
  const board = await loadBoard(settings.text('board') ?? '');
  parseGuest(settings.text('guest'));

  const names = Object.keys(toolTable) as ToolName[];
  const tools = await searchTools(names, env);
  for (const name of names) {
    const tool = tools.found.get(name);
    findings.push({ what: name, ...(tool === undefined ? {} : { found: `${tool.version}  ${tool.path}` }) });
  }
  diagnostics.push(...tools.diagnostics);
  isMissing ||= tools.diagnostics.length > 0;

  findings.push({ what: 'board', found: board.name });
  await look(`Microkit SDK ${stack.microkit}`, () => {
    const sdk = findSdk({ sdk: settings.flag('sdk'), env, allowStack });
    diagnostics.push(...sdk.warnings);
    openBoard(sdk, board.name, settings.text('config') ?? '');
    return `${sdk.version}  ${sdk.path} (${[...sdk.boards].map(([name, configs]) => `${name}: ${configs.join(', ')}`).join('; ')})`;
  });
  await look('libvmm and sDDF', () => {
    const { libvmm, sddf, warnings } = findSources({
      libvmm: settings.flag('libvmm'),
      sddf: settings.flag('sddf'),
      env,
      allowStack,
    });
    diagnostics.push(...warnings);
    return `${libvmm.path}, ${sddf.path}`;
  });
  await look('guest images', () => guestImages(context));

  if (settings.on('json')) process.stdout.write(`${JSON.stringify({ version: 1, findings, diagnostics })}\n`);
  else for (const finding of findings) process.stdout.write(`${formatFinding(finding)}\n`);
  printDiagnostics(diagnostics);
  if (isMissing) return exitCode.missing;
  return diagnostics.some(({ severity }) => severity === 'error') ? exitCode.refused : exitCode.ok;
};

const formatFinding = ({ what, found }: Finding): string =>
  `${found === undefined ? 'missing' : 'ok     '}  ${what.padEnd(22)} ${found ?? ''}`.trimEnd();

/** Files that are named, inspected as a build would; else what was fetched before. */
async function guestImages(context: CommandContext): Promise<string> {
  const asked = parseGuest(context.settings.text('guest'));
  try {
    const { images } = await guestImagesTask(context, 'trustworthy-systems', true)(false);
    return `${images.kernel.release ?? 'a kernel of unknown release'}  ${images.kernel.path}`;
  } catch (error) {
    if (!(error instanceof Refusal) || !error.diagnostics.some(({ code }) => isAbsence.has(code)))
      throw error;
    const from =
      asked?.from === 'debian' ? (await findDebianMirror()).uri : (context.settings.text('images') ?? '');
    return `not in the store yet: the first build fetches them from ${withoutCredentials(from)}`;
  }
}

const isAbsence: ReadonlySet<string> = new Set(['DEB103', 'NET110']);
