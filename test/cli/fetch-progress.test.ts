// SPDX-License-Identifier: BSD-2-Clause
// How `vmbuild fetch` shows a slow download: a bar on a terminal, lines elsewhere, nothing of it with -q.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { packageRoot, scratch, vmbuild } from '../e2e/program.ts';
import { pinned } from '../e2e/pinned.ts';
import { fakeCheckout, fakeLibvmm, fakeSddf } from '../make/store/fake-sdk.ts';
import { type GitHub, startGitHub } from '../make/store/github.ts';
import { onTerminal } from './terminal.ts';

let github: GitHub;
let env: Record<string, string>;
beforeEach(async () => {
  github = await startGitHub();
  const directory = scratch();
  const sddf = fakeSddf(join(directory, 'sddf'));
  fakeCheckout(sddf, github.stack.sddf.commit);
  env = {
    PATH: process.env['PATH'] ?? '',
    HOME: directory,
    VMBUILD_CACHE: join(directory, 'cache'),
    VMBUILD_GITHUB: github.base,
    LIBVMM: fakeLibvmm(join(directory, 'libvmm')),
    SDDF: sddf,
    http_proxy: '',
  };
});

/** 4 MiB that take their time. */
function serveSlowly(): void {
  const bytes = randomBytes(4 * 2 ** 20);
  const parts = 32;
  github.archive = bytes;
  github.fault = {
    path: /^GET .*tar\.gz/,
    times: 1,
    act: (_request, response) => {
      response.writeHead(200, { 'content-length': bytes.length, etag: '"x"' });
      let sent = 0;
      const timer = setInterval(() => {
        response.write(bytes.subarray((sent * bytes.length) / parts, ((sent + 1) * bytes.length) / parts));
        sent += 1;
        if (sent < parts) return;
        clearInterval(timer);
        response.end();
      }, 60);
      response.on('close', () => {
        clearInterval(timer);
      });
    },
  };
}

describe('a slow download', () => {
  it('is a bar with rate and time to go on a terminal, which is gone when something else is said', async (ctx) => {
    serveSlowly();
    const { text } = await onTerminal(
      ctx,
      [process.execPath, join(packageRoot, 'dist/vmbuild.cjs'), 'fetch'],
      {
        env,
      },
    );
    const shown = text.replaceAll('\r\x1b[2K', '<clear>');
    expect(shown).toMatch(
      /<clear>Microkit SDK 2\.3\.0 \[=+> *\] \d\.\d of 4\.0 MiB \(\d+ %\), \d+\.\d MiB\/s, 0:0\d to go/,
    );
    // It is random bytes, and no archive.
    expect(shown).toMatch(/<clear>vmbuild: .*error.*ARC101/);
  });

  it('is lines elsewhere, without a control character, and what has come is said', async () => {
    const run = await vmbuild(['fetch'], { root: pinned(github.stack), env });
    expect(run.stderr).not.toContain('\r');
    expect(run.stderr).not.toContain('\x1b');
    expect(run.stderr).toMatch(
      /^fetching Microkit SDK 2\.3\.0: 0\.0 MiB\n {2}from .*\n {2}to .*\n {2}Microkit SDK 2\.3\.0 is there, after \d+\.\d s\n/,
    );
    expect(run.code).toBe(0);
  });

  it('is silent with -q', async () => {
    const { stderr } = await vmbuild(['fetch', '-q'], { root: pinned(github.stack), env });
    expect(stderr).not.toMatch(/fetching|MiB|is there/);
  });
});
