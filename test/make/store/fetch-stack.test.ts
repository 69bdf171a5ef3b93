// SPDX-License-Identifier: BSD-2-Clause
// The SDK and the sources into an empty store, from a small GitHub on loopback: whole or not at all, announced before the
// first byte, and nothing left behind whatever happens.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FetchItem } from '../../../make/store/fetch-tasks.ts';
import { parseOrigin } from '../../../make/store/origin.ts';
import { findSdk } from '../../../make/store/sdk.ts';
import { stack as ownStack } from '../../../make/stack.ts';
import { refusedBy } from '../refused.ts';
import { processesOf, scratchDir, until, write } from '../scratch.ts';
import { fakeLibvmm, fakeSdk } from './fake-sdk.ts';
import { leftovers, sdkPath, setUp, sha256, sourcePath } from './fetch-setup.ts';

describe('an empty store', () => {
  it('gets all three, as a build wants them', async () => {
    const setup = await setUp();
    const { github, cache } = setup;
    const report = await setup.run();
    expect(report.fetched.map(({ name }) => name)).toEqual([
      'Microkit SDK 2.3.0',
      'libvmm 0.2.0',
      'sDDF 0.7.0',
    ]);
    expect(report.parts.map(({ state }) => state)).toEqual(['stored', 'stored', 'stored']);
    const sdk = findSdk({ env: { VMBUILD_CACHE: cache } });
    expect(sdk.path).toBe(sdkPath(setup));
    expect(sdk.boards.get('qemu_virt_aarch64')).toEqual(['debug', 'release']);
    expect(statSync(sdk.tool).mode & 0o777).toBe(0o755);
    expect(existsSync(join(sourcePath(setup, 'libvmm'), 'vmm.mk'))).toBe(true);
    expect(existsSync(join(sourcePath(setup, 'sddf'), 'util/custom_libc/libc.c'))).toBe(true);
    expect(leftovers(setup)).toEqual([]);
    const record = readFileSync(join(cache, `downloads/${github.archiveName}.sha256`), 'utf8');
    expect(record).toBe(`${sha256(github.archive)}  ${github.archiveName}\n`);
  });

  it('is told what, how much, from where and to where before the first byte', async () => {
    const setup = await setUp();
    const { github } = setup;
    let announced: readonly FetchItem[] = [];
    let before: string[] = [];
    await setup.run({
      onAnnounce: (items) => {
        announced = items;
        before = github.requests.map(({ line }) => line.split('?')[0] ?? '');
      },
    });
    const release = `/seL4/microkit/releases/download/2.3.0/${github.archiveName}`;
    expect(before).toEqual([
      `HEAD ${release}`,
      'GET /au-ts/libvmm.git/info/refs',
      'GET /au-ts/sddf.git/info/refs',
    ]);
    expect(announced.map(({ from }) => from)).toEqual(
      [release, '/au-ts/libvmm.git', '/au-ts/sddf.git'].map((path) => github.base.slice(0, -1) + path),
    );
    expect(announced.map(({ to }) => to)).toEqual([
      sdkPath(setup),
      sourcePath(setup, 'libvmm'),
      sourcePath(setup, 'sddf'),
    ]);
    expect(announced[0]).toMatchObject({ sizeBytes: github.archive.length, isApproximate: false });
    expect(announced[1]).toMatchObject({ sizeBytes: ownStack.libvmm.packBytes, isApproximate: true });
  });

  it('stays as it is if the announcement is declined', async () => {
    const setup = await setUp();
    const declined = setup.run({
      onAnnounce: () => {
        throw new Error('no');
      },
    });
    await expect(declined).rejects.toThrow('no');
    expect(setup.github.requests.filter(({ line }) => /^GET .*tar|^POST/.test(line))).toEqual([]);
    expect(leftovers(setup)).toEqual([]);
  });

  it('is filled from a folder, without the network', async () => {
    const setup = await setUp();
    await setup.run({ github: `file://${setup.github.root}`, isOffline: true });
    expect(existsSync(join(sdkPath(setup), 'VERSION'))).toBe(true);
    expect(existsSync(sourcePath(setup, 'sddf'))).toBe(true);
    expect(setup.github.requests).toEqual([]);
    expect(
      existsSync(join(setup.github.root, 'seL4/microkit/releases/download/2.3.0', setup.github.archiveName)),
    ).toBe(true);
  });
});

describe('what is there', () => {
  it('is not fetched again', async () => {
    const setup = await setUp();
    await setup.run();
    const { length } = setup.github.requests;
    const report = await setup.run({ github: 'http://127.0.0.1:9' });
    expect(report.fetched).toEqual([]);
    expect(setup.github.requests).toHaveLength(length);
  });

  it('alone is not fetched: the rest is', async () => {
    const setup = await setUp();
    fakeSdk(sdkPath(setup));
    fakeLibvmm(sourcePath(setup, 'libvmm'));
    const report = await setup.run();
    expect(report.fetched.map(({ part }) => part)).toEqual(['sddf']);
    expect(setup.github.requests.some(({ line }) => line.includes('seL4'))).toBe(false);
  });

  it('by the user’s word is never fetched over, whatever it is', async () => {
    const setup = await setUp();
    const report = await setup.run({
      env: { VMBUILD_CACHE: setup.cache, LIBVMM: '/nowhere', SDDF: '' },
      given: { sdk: '/nowhere' },
    });
    expect(report.parts.map(({ state, path }) => [state, path])).toEqual([
      ['given', '/nowhere'],
      ['given', '/nowhere'],
      ['stored', sourcePath(setup, 'sddf')],
    ]);
    expect(report.fetched.map(({ part }) => part)).toEqual(['sddf']);
  });

  it('but is something else is left alone, with the way out', async () => {
    const setup = await setUp();
    write(sdkPath(setup), 'notes.txt', 'mine');
    const { code, message, hint } = await refusedBy(() => setup.run());
    expect(code).toBe('STORE103');
    expect(message).toBe(`'${sdkPath(setup)}' is there, but it is no Microkit SDK 2.3.0: it has no VERSION`);
    expect(hint).toContain('remove');
    expect(readFileSync(join(sdkPath(setup), 'notes.txt'), 'utf8')).toBe('mine');
    expect(setup.github.requests).toEqual([]);
  });

  it('but empty is filled', async () => {
    const setup = await setUp();
    mkdirSync(sdkPath(setup), { recursive: true });
    await setup.run();
    expect(existsSync(join(sdkPath(setup), 'VERSION'))).toBe(true);
  });
});

describe('the network', () => {
  it('out of reach: one diagnostic, no second try, nothing made', async () => {
    const setup = await setUp();
    const refused = await refusedBy(() => setup.run({ github: 'http://127.0.0.1:9' }));
    expect(refused.diagnostics).toHaveLength(1);
    expect(refused.code).toBe('NET101');
    expect(refused.message).not.toContain('\n');
    expect(setup.retries).toEqual([]);
    expect(readdirSync(setup.cache)).toEqual(['downloads']);
  });

  it('[HTTP] offline: what to put where, for each part', async () => {
    const setup = await setUp();
    fakeLibvmm(sourcePath(setup, 'libvmm'));
    const { diagnostics } = await refusedBy(() => setup.run({ isOffline: true }));
    expect(diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual([
      'NET110 Microkit SDK 2.3.0 is not in the store, and --offline forbids to fetch it',
      'NET110 sDDF 0.7.0 is not in the store, and --offline forbids to fetch it',
    ]);
    expect(diagnostics[0]?.hint).toContain(`put ${setup.github.archiveName} into '${setup.cache}/downloads'`);
    expect(diagnostics[1]?.hint).toContain(
      `put a checkout of ${setup.github.stack.sddf.commit} at '${sourcePath(setup, 'sddf')}'`,
    );
    expect(setup.github.requests).toEqual([]);
  });

  it('with hiccups: each is tried again', async () => {
    const setup = await setUp();
    const cut = (path: RegExp): void => {
      setup.github.fault = { path, times: 2, act: (request) => request.socket.destroy() };
    };
    cut(/HEAD .*tar/);
    await setup.run({
      onAnnounce: () => {
        cut(/GET .*tar/);
      },
      onProgress: ({ stage }) => {
        if (stage === 'unpack') cut(/POST .*libvmm/);
      },
    });
    // git's own HTTP library tries once more without telling.
    expect([5, 6]).toContain(setup.retries.length);
    expect(leftovers(setup)).toEqual([]);
  });

  it('without a part: nothing of it, and the others next time', async () => {
    const setup = await setUp();
    setup.github.fault = {
      path: /sddf/,
      times: 99,
      act: (_request, response) => response.writeHead(404).end(),
    };
    const { code, message } = await refusedBy(() => setup.run());
    expect(code).toBe('NET103');
    expect(message).toBe(`${setup.github.base}au-ts/sddf.git answers 404 (it is not there)`);
    // It was asked before anything was fetched.
    expect(existsSync(sdkPath(setup))).toBe(false);
  });

  it('with a mirror’s password: in headers, and in no message', async () => {
    const setup = await setUp();
    const { github } = setup;
    github.authorization = `Basic ${Buffer.from('me:s3cr3t').toString('base64')}`;
    const base = github.base.replace('//', '//me:s3cr3t@');
    const said: unknown[] = [];
    await setup.run({
      github: base,
      onAnnounce: (items) => void said.push(items),
      onProgress: (progress) => said.push(progress),
    });
    expect(JSON.stringify([said, setup.retries])).not.toContain('s3cr3t');
    expect(github.requests.every(({ authorization }) => authorization === github.authorization)).toBe(true);
    rmSync(setup.cache, { recursive: true });
    const refused = await refusedBy(() => setup.run({ github: base.replace('s3cr3t', 'wr0ng') }));
    expect(refused.code).toBe('NET103');
    expect(JSON.stringify(refused)).not.toContain('wr0ng');
  });

  it.each([
    'nonsense',
    'ftp://mirror/',
    'https://mirror/?x=1',
    'https://user:s3cr3t@:x',
    'https://user:s3/cr3t@x',
  ])('an address like %s is a matter of usage', async (text) => {
    const { code, exit, message } = await refusedBy(() => parseOrigin(text));
    expect([code, exit]).toEqual(['ARG108', 2]);
    expect(message).not.toMatch(/s3cr3t|cr3t@/);
  });
});

describe('the store', () => {
  it('that cannot be written is named, with the room that is there', async () => {
    const setup = await setUp();
    const file = write(scratchDir(), 'file', '');
    const refused = await refusedBy(() => setup.run({ env: { VMBUILD_CACHE: join(file, 'cache') } }));
    expect(refused.code).toBe('STORE101');
    expect(refused.message).toContain(join(file, 'cache'));
    mkdirSync(setup.cache, { recursive: true });
    writeFileSync(join(setup.cache, 'src'), 'a file');
    const second = await refusedBy(() => setup.run());
    expect(second.code).toBe('STORE101');
    expect(second.message).toMatch(/'.*my cache' cannot be used: ENOTDIR|EEXIST/);
  });

  it('is swept of what killed fetches left, and of nothing else', async () => {
    const setup = await setUp();
    // Process 1 did not start at tick 1; whoever had that name is gone.
    write(join(setup.cache, 'sdk/.vmbuild-1-1-1.0'), 'half', '');
    write(join(setup.cache, 'src/.vmbuild-1-1-2'), 'half', '');
    write(join(setup.cache, 'sdk'), 'mine.txt', '');
    await setup.run();
    expect(leftovers(setup)).toEqual([join('sdk', 'mine.txt')]);
  });

  it('[Concurrency] two directories, one cache: it is filled once by two at a time', async () => {
    const setup = await setUp();
    const waited: number[] = [];
    const onWait = (pid: number): number => waited.push(pid);
    const reports = await Promise.all([setup.run({ onWait }), setup.run({ onWait })]);
    expect(reports.map(({ fetched }) => fetched.length).toSorted((a, b) => a - b)).toEqual([0, 3]);
    expect(waited).toEqual([process.pid]);
    expect(setup.github.requests.filter(({ line }) => /^GET .*tar\.gz/.test(line))).toHaveLength(1);
  });

  it('[Signals] Ctrl-C in download, unpack, compile, QEMU run: in a fetch, wherever it comes, leaves no process and no half of anything', async () => {
    const setup = await setUp();
    for (const path of [/HEAD/, /GET .*tar/, /GET .*libvmm/, /POST .*libvmm/, /POST .*sddf/]) {
      const controller = new AbortController();
      let isReached = false;
      setup.github.fault = {
        path,
        times: 1,
        act: () => {
          isReached = true;
          controller.abort(new Error('stop'));
        },
      };
      await expect(setup.run({ signal: controller.signal })).rejects.toThrow('stop');
      expect(isReached).toBe(true);
      expect(leftovers(setup)).toEqual([]);
      await until(() => processesOf(setup.cache).length === 0);
    }
    await setup.run();
    expect(leftovers(setup)).toEqual([]);
  });

  it('may be private: another umask changes nothing', async () => {
    const setup = await setUp();
    const before = process.umask(0o077);
    try {
      await setup.run();
    } finally {
      process.umask(before);
    }
    expect(statSync(join(sdkPath(setup), 'bin/microkit')).mode & 0o777).toBe(0o700);
  });
});
