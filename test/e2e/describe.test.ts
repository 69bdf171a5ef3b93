// SPDX-License-Identifier: BSD-2-Clause
// docs/describe.md, word for word: its files are written and its commands run, in order, in a folder in which the packed
// vmbuild is installed; what it shows of their output must come. Without an SDK what needs none is run.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { searchTools } from '../../make/tools/find.ts';
import { isRequired } from '../require.ts';
import { install, shell } from './installed.ts';
import { needTools, packageRoot, sdkReason } from './program.ts';

interface Block {
  readonly language: string;
  /** Of a file its name; of commands what they need. */
  readonly word: string;
  readonly text: string;
}

const document = readFileSync(join(packageRoot, 'docs/describe.md'), 'utf8');
const blocks: readonly Block[] = [...document.matchAll(/^```(\w+)(?: (\S+))?\n(.*?)^```$/gms)].map(
  ([, language = '', word = '', text = '']) => ({ language, word, text }),
);

it('docs/describe.md does what it says', { timeout: 400_000 }, async (ctx) => {
  await needTools(ctx, 'dtc', ['dtc']);
  const { diagnostics } = await searchTools(
    ['qemu-system-aarch64', 'clang', 'lld', 'llvm-ar', 'llvm-objcopy'],
    process.env,
  );
  const reason = sdkReason() ?? diagnostics[0]?.message;
  if (reason !== undefined) {
    if (isRequired('sdk')) throw new Error(reason);
    process.stderr.write(`SKIP: what docs/describe.md builds and boots: ${reason}\n`);
  }
  const user = install(ctx, 'my-system');
  let output: string | undefined;
  const ran = { files: 0, commands: 0, shown: 0 };
  for (const { language, word, text } of blocks) {
    if (language === 'ts' || language === 'c') {
      writeFileSync(join(user, word), text);
      ran.files += 1;
    } else if (language === 'text') {
      // In order, each line somewhere behind the one before.
      let at = 0;
      for (const line of output === undefined ? [] : text.trimEnd().split('\n')) {
        const found = output?.indexOf(line, at) ?? -1;
        expect(found, `'${line}' in:\n${output}`).not.toBe(-1);
        at = found + line.length;
        ran.shown += 1;
      }
    } else if (word === 'setup' || (word === 'sdk' && reason !== undefined)) output = undefined;
    else {
      const run = spawnSync('sh', ['-e', '-c', text], { cwd: user, env: shell(), encoding: 'utf8' });
      expect(run.status, run.stderr).toBe(word === 'fails' ? 1 : 0);
      output = `${run.stderr}${run.stdout}`;
      ran.commands += 1;
    }
  }
  process.stderr.write(
    `describe.md: ${ran.files} files, ${ran.commands} blocks of commands, ${ran.shown} lines of output\n`,
  );
  expect(ran.files).toBeGreaterThan(8);
});
