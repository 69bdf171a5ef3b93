// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild fetch` as a user runs it: its words, exit codes and what it leaves, from servers on loopback only.
import { existsSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stack } from '../../make/stack.ts';
import { fakeLibvmm, fakeSddf, fakeSdk } from '../make/store/fake-sdk.ts';
import { platform, startGitHub } from '../make/store/github.ts';
import { pinned } from './pinned.ts';
import { type Ended, processesIn, scratch, vmbuild } from './program.ts';
import { redirectTo, serveTls } from './tls.ts';

const clean = {
  MICROKIT_SDK: undefined,
  LIBVMM: undefined,
  SDDF: undefined,
  http_proxy: '',
  https_proxy: '',
};

/** A store that has everything, as far as `fetch` looks. */
function fullStore(boards = ['qemu_virt_aarch64']): string {
  const cache = join(scratch(), 'cache');
  fakeSdk(join(cache, `sdk/microkit-sdk-${stack.microkit}`), { boards });
  fakeLibvmm(join(cache, `src/libvmm-${stack.libvmm.commit}`));
  fakeSddf(join(cache, `src/sddf-${stack.sddf.commit}`));
  return cache;
}

function expectRefusal(run: Ended, code: number, pattern: RegExp): void {
  expect(run.stderr).toMatch(pattern);
  expect(run.stderr).not.toMatch(/^ +at .*:\d+:\d+\)?$/m);
  expect(run.code).toBe(code);
}

describe('nothing missing', () => {
  it('is one line', async () => {
    const cache = fullStore();
    const run = await vmbuild(['fetch', '--github', 'http://127.0.0.1:9'], {
      env: { ...clean, VMBUILD_CACHE: cache },
    });
    expect(run.stdout).toBe(
      'nothing to fetch: Microkit SDK 2.3.0 is in the store, libvmm 0.2.0 is in the store, sDDF 0.7.0 is in the store\n',
    );
    expect(run.stderr).toMatch(/^vmbuild: warning\[IMG122\]: .*\n {2}try: .*\n$/);
    expect(run.code).toBe(0);
  });

  it('is JSON if asked for', async () => {
    const run = await vmbuild(['fetch', '--json', '--offline'], {
      env: { ...clean, VMBUILD_CACHE: fullStore() },
    });
    const { version, parts, fetched } = JSON.parse(run.stdout) as {
      version: number;
      parts: { part: string; state: string }[];
      fetched: unknown[];
    };
    expect([version, fetched]).toEqual([1, []]);
    expect(parts.map(({ part, state }) => [part, state])).toEqual([
      ['sdk', 'stored'],
      ['libvmm', 'stored'],
      ['sddf', 'stored'],
    ]);
  });

  it('but the board: said as a build says it', async () => {
    const env = { ...clean, VMBUILD_CACHE: fullStore(['odroidc4']) };
    expect((await vmbuild(['fetch'], { env })).code).toBe(0);
    const run = await vmbuild(['fetch', '--board', 'qemu_virt_aarch64'], { env });
    expectRefusal(run, 1, /error\[SDK106\]: .*has no board 'qemu_virt_aarch64'/);
  });
});

describe('what cannot be', () => {
  it.each([
    [
      'http://127.0.0.1:9',
      /error\[NET101\]: '127\.0\.0\.1:9' cannot be reached: nothing answers at that port/,
    ],
    ['https://nowhere.invalid', /error\[NET101\]: 'nowhere\.invalid' cannot be reached/],
  ])('%s: one diagnostic and a way out', async (github, words) => {
    const cache = join(scratch(), 'cache');
    const run = await vmbuild(['fetch'], { env: { ...clean, VMBUILD_CACHE: cache, VMBUILD_GITHUB: github } });
    expectRefusal(run, 1, words);
    expect(run.stderr.match(/error\[/g)).toHaveLength(1);
    expect(run.stderr).toContain('  try: check the network');
    expect(run.stdout).toBe('');
  });

  it('offline: what to put where', async () => {
    const cache = join(scratch(), 'cache');
    const run = await vmbuild(['fetch', '--offline', '--json'], { env: { ...clean, VMBUILD_CACHE: cache } });
    expectRefusal(run, 1, /error\[NET110\]: libvmm 0\.2\.0 is not in the store, and --offline forbids/);
    expect(run.stderr).toContain(`put microkit-sdk-2.3.0-${platform}.tar.gz into '${cache}/downloads'`);
    const { diagnostics } = JSON.parse(run.stdout) as { diagnostics: { code: string }[] };
    expect(diagnostics.map(({ code }) => code)).toEqual(['NET110', 'NET110', 'NET110']);
  });

  it('an address that is none: usage', async () => {
    const run = await vmbuild(['VMBUILD_GITHUB=nonsense', 'fetch'], {
      env: { ...clean, VMBUILD_CACHE: join(scratch(), 'cache') },
    });
    expectRefusal(run, 2, /error\[ARG108\]: --github 'nonsense' is no URL/);
  });

  it('a password of the mirror is not shown, whatever is asked for', async () => {
    const env = { ...clean, VMBUILD_CACHE: join(scratch(), 'cache') };
    const run = await vmbuild(['fetch', '-v', '--json', '--github', 'http://me:s3cr3t@127.0.0.1:9'], { env });
    expectRefusal(run, 1, /error\[NET101\]/);
    expect(run.stderr).toContain('--github = http://***@127.0.0.1:9');
    expect(run.stderr + run.stdout).not.toContain('s3cr3t');
  });

  it('a build without SDK and sources names fetch', async () => {
    const run = await vmbuild(['--offline', '--build-dir', join(scratch(), 'build')], {
      env: { ...clean, VMBUILD_CACHE: join(scratch(), 'cache') },
    });
    expect(run.stderr).toMatch(/SDK101\].*\n {2}try: run 'vmbuild fetch'/);
    expect(run.stderr.match(/SRC101\].*\n {2}try: run 'vmbuild fetch'/g)).toHaveLength(2);
    expect(run.code).toBe(69);
  });
});

describe('a mirror', () => {
  it('fills the store: announced on stderr, one line on stdout', async () => {
    const github = await startGitHub();
    const cache = join(scratch(), 'my cache');
    const options = {
      root: pinned(github.stack),
      env: { ...clean, VMBUILD_CACHE: cache, VMBUILD_GITHUB: github.base },
    };
    const run = await vmbuild(['fetch', '--board', 'qemu_virt_aarch64'], options);
    expect(run.code).toBe(0);
    expect(run.stdout).toBe(`fetched Microkit SDK 2.3.0, libvmm 0.2.0, sDDF 0.7.0 into '${cache}'\n`);
    expect(run.stderr).toMatch(
      /^fetching Microkit SDK 2\.3\.0: \d+\.\d MiB\n {2}from http:\S+\.tar\.gz\n {2}to {3}\/.* \(to avoid it: --sdk DIR\)\nfetching libvmm 0\.2\.0: about 1\.5 MiB\n/,
    );
    expect(statSync(join(cache, 'sdk/microkit-sdk-2.3.0/bin/microkit')).mode & 0o111).not.toBe(0);
    const again = await vmbuild(['fetch'], {
      ...options,
      env: { ...options.env, VMBUILD_GITHUB: undefined },
    });
    expect(again.stdout).toMatch(/^nothing to fetch: /);
  });

  it('eight at a time fill it once', async () => {
    const github = await startGitHub();
    const env = { ...clean, VMBUILD_CACHE: join(scratch(), 'cache'), VMBUILD_GITHUB: github.base };
    const root = pinned(github.stack);
    const runs = await Promise.all(Array.from({ length: 8 }, () => vmbuild(['fetch'], { root, env })));
    expect(runs.map(({ code }) => code)).toEqual(Array.from({ length: 8 }, () => 0));
    expect(runs.filter(({ stdout }) => stdout.startsWith('fetched')).length).toBe(1);
    expect(github.requests.filter(({ line }) => /^GET .*tar\.gz/.test(line))).toHaveLength(1);
  });

  it.each(['SIGINT', 'SIGKILL'] as const)('%s in the middle; the next run goes on', async (signal) => {
    const github = await startGitHub();
    const cache = join(scratch(), 'cache');
    const root = pinned(github.stack);
    const env = { ...clean, VMBUILD_CACHE: cache, VMBUILD_GITHUB: github.base };
    const half = github.archive.length >> 1;
    let isHalf = false;
    github.fault = {
      path: /^GET .*tar\.gz/,
      times: 1,
      act: (_request, response) => {
        response.writeHead(200, { 'content-length': github.archive.length, etag: '"x"' });
        response.write(github.archive.subarray(0, half));
        isHalf = true;
      },
    };
    const part = join(cache, 'downloads', `${github.archiveName}.part`);
    let timer: NodeJS.Timeout | undefined;
    const run = await vmbuild(['fetch'], {
      root,
      env,
      onStderr: (_text, child) => {
        timer ??= setInterval(() => {
          if (!isHalf || !existsSync(part) || statSync(part).size < half) return;
          clearInterval(timer);
          child.kill(signal);
        }, 20);
      },
    });
    expect(run.signal).toBe(signal);
    expect(processesIn(cache)).toEqual([]);
    const again = await vmbuild(['fetch'], { root, env });
    expect(again.code).toBe(0);
    expect(readdirSync(join(cache, 'downloads'))).toEqual([`${github.archiveName}.sha256`]);
    expect(readdirSync(join(cache, 'sdk'))).toEqual(['microkit-sdk-2.3.0']);
  });

  it('that serves something else under the name: refused by the pinned digest', async () => {
    const github = await startGitHub();
    const cache = join(scratch(), 'cache');
    const run = await vmbuild(['fetch'], {
      env: { ...clean, VMBUILD_CACHE: cache, VMBUILD_GITHUB: github.base },
    });
    expectRefusal(run, 1, /error\[SDK111\]: the tree in '.*tar\.gz' from http:.* has NAR hash/);
    expect(run.stderr).toContain(`${stack.sdkTrees[platform]} is pinned`);
    expect(readdirSync(join(cache, 'sdk'))).toEqual([]);
  });

  it('without git on PATH: what is missing, exit 69', async () => {
    const github = await startGitHub();
    const bin = scratch();
    symlinkSync(process.execPath, join(bin, 'node'));
    const cache = join(scratch(), 'cache');
    const run = await vmbuild(['fetch'], {
      root: pinned(github.stack),
      env: { ...clean, PATH: bin, VMBUILD_CACHE: cache, VMBUILD_GITHUB: github.base },
    });
    expectRefusal(run, 69, /error\[SRC106\]: 'git' is not found on PATH/);
    expect(readdirSync(join(cache, 'src'))).toEqual([]);
  });
});

describe('TLS', () => {
  it('[HTTP] bad TLS: an unknown certificate is not trusted', async (ctx) => {
    const { base } = await serveTls(ctx, redirectTo('/'));
    const run = await vmbuild(['fetch', '--github', base], {
      env: { ...clean, VMBUILD_CACHE: join(scratch(), 'cache') },
    });
    expectRefusal(run, 1, /error\[NET102\]: no trusted connection to 'localhost:\d+': .*certificate/);
    expect(run.stderr).toContain('NODE_EXTRA_CA_CERTS');
  });

  it('[HTTP] https → http downgrade: a redirect is refused', async (ctx) => {
    const github = await startGitHub();
    const { base, ca } = await serveTls(ctx, redirectTo(`${github.base}seL4`));
    const run = await vmbuild(['fetch', '--github', base], {
      env: { ...clean, VMBUILD_CACHE: join(scratch(), 'cache'), NODE_EXTRA_CA_CERTS: ca },
    });
    expectRefusal(run, 1, /error\[NET105\]: https:\/\/localhost.* redirects from https to http, to http:/);
    expect(github.requests).toEqual([]);
  });
});
