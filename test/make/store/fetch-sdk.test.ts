// SPDX-License-Identifier: BSD-2-Clause
// The SDK's archive: judged by the digest of what is in it, and the second time by its own as well.
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { fetchStack } from '../../../make/store/fetch-stack.ts';
import { hostPlatform } from '../../../make/store/origin.ts';
import { refusedBy } from '../refused.ts';
import { write } from '../scratch.ts';
import { fakeLibvmm, fakeSddf } from './fake-sdk.ts';
import { leftovers, sdkPath, setUp, sha256, sourcePath } from './fetch-setup.ts';
import { tarGz } from './tarball.ts';

describe('the SDK’s archive', () => {
  it.each([
    [
      'of other content',
      tarGz([{ name: 'microkit-sdk-2.3.0/VERSION', body: '2.3.0\n' }]),
      'SDK111',
      /has NAR hash sha256-.*, but sha256-.* is pinned/,
    ],
    ['that leaves its directory', tarGz([{ name: '../VERSION', body: '2.3.0\n' }]), 'ARC102', /holds '\.\.'/],
    ['that is none', Buffer.from('rubbish'), 'ARC101', /is no whole tar\.gz archive/],
  ])(
    '[Archives] wrong hash: an archive %s is refused, and everything of it goes',
    async (_what, bytes, code, words) => {
      const setup = await setUp();
      setup.github.archive = bytes;
      const refused = await refusedBy(() => setup.run());
      expect(refused.code).toBe(code);
      expect(refused.message).toMatch(words);
      expect(leftovers(setup)).toEqual([]);
      expect(existsSync(sdkPath(setup))).toBe(false);
      expect(readdirSync(join(setup.cache, 'downloads'))).toEqual([]);
    },
  );

  it('[HTTP] Content-Length that lies: too short, so the archive is not whole', async () => {
    const setup = await setUp();
    setup.github.fault = {
      path: /^GET .*tar\.gz/,
      times: 9,
      act: (_request, response) => {
        response.writeHead(200, { 'content-length': 1000 });
        response.end(setup.github.archive.subarray(0, 1000));
      },
    };
    const { code } = await refusedBy(() => setup.run());
    expect(code).toBe('ARC101');
    expect(leftovers(setup)).toEqual([]);
  });

  it('with an execute bit too many is another tree', async () => {
    const setup = await setUp();
    const tar = gunzipSync(setup.github.archive);
    const at = tar.indexOf('microkit-sdk-2.3.0/VERSION');
    // The mode of VERSION becomes 755, and the header's sum with it: 64 - 0, three times.
    tar.write('0000755\0', at + 100, 'latin1');
    const header = tar.subarray(at, at + 512);
    header.fill(' ', 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    setup.github.archive = gzipSync(tar);
    expect((await refusedBy(() => setup.run())).code).toBe('SDK111');
  });

  it('[Archives] wrong hash: it must stay what it was when it was first taken, judged before it is unpacked', async () => {
    const setup = await setUp();
    await setup.run();
    rmSync(sdkPath(setup), { recursive: true });
    // The same tree, packed another way.
    const before = sha256(setup.github.archive);
    setup.github.archive = gzipSync(gunzipSync(setup.github.archive), { level: 1 });
    const { code, message, hint } = await refusedBy(() => setup.run());
    expect(code).toBe('SDK110');
    expect(message).toContain(
      `has SHA-256 ${sha256(setup.github.archive)}; when it was first taken it had ${before}`,
    );
    expect(leftovers(setup)).toEqual([]);
    rmSync(/remove '(.*?)'/.exec(hint)?.[1] ?? '');
    await setup.run();
    expect(existsSync(join(sdkPath(setup), 'VERSION'))).toBe(true);
  });

  it('that somebody put into the downloads is taken without asking, also offline, and kept', async () => {
    const setup = await setUp();
    const put = write(join(setup.cache, 'downloads'), setup.github.archiveName, setup.github.archive);
    fakeLibvmm(sourcePath(setup, 'libvmm'));
    fakeSddf(sourcePath(setup, 'sddf'));
    const report = await setup.run({ isOffline: true });
    expect(report.fetched.map(({ from }) => from)).toEqual([put]);
    expect(existsSync(put)).toBe(true);
    expect(setup.github.requests).toEqual([]);
    rmSync(sdkPath(setup), { recursive: true });
    writeFileSync(put, 'rubbish');
    const { code, message } = await refusedBy(() => setup.run({ isOffline: true }));
    expect(code).toBe('SDK110');
    expect(message).toContain(`'${put}' has SHA-256`);
    expect(existsSync(put)).toBe(true);
  });

  it('that was downloaded is not downloaded again after Ctrl-C', async () => {
    const setup = await setUp();
    const controller = new AbortController();
    const stopped = setup.run({
      signal: controller.signal,
      onProgress: ({ stage }) => {
        if (stage === 'unpack') controller.abort(new Error('stop'));
      },
    });
    await expect(stopped).rejects.toThrow('stop');
    expect(existsSync(sdkPath(setup))).toBe(false);
    expect(leftovers(setup)).toEqual([join('downloads', setup.github.archiveName)]);
    await setup.run();
    expect(setup.github.requests.filter(({ line }) => /^GET .*tar\.gz/.test(line))).toHaveLength(1);
  });
});

describe('the machine', () => {
  it.each([
    ['linux', 'x64', 'linux-x86-64'],
    ['linux', 'arm64', 'linux-aarch64'],
    ['darwin', 'x64', 'macos-x86-64'],
    ['darwin', 'arm64', 'macos-aarch64'],
    ['linux', 'riscv64', undefined],
    ['win32', 'x64', undefined],
  ] as const)('%s on %s', (system, machine, expected) => {
    expect(hostPlatform(system, machine)).toBe(expected);
  });

  it('without an SDK is named', async () => {
    const setup = await setUp();
    const { platform: _platform, ...options } = setup.options;
    const own = process.arch;
    Object.defineProperty(process, 'arch', { value: 'mips' });
    try {
      const { code, message, hint } = await refusedBy(() => fetchStack(options));
      expect(code).toBe('SDK112');
      expect(message).toBe(`there is no Microkit SDK 2.3.0 for ${process.platform} on mips`);
      expect(hint).toContain('--sdk');
    } finally {
      Object.defineProperty(process, 'arch', { value: own });
    }
  });
});
