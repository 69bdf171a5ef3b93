// SPDX-License-Identifier: BSD-2-Clause
// Downloads from a real server: whole, cut and gone on with, in one run and over several.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { askSize } from '../../../make/store/download.ts';
import { openNetwork } from '../../../make/store/network.ts';
import { refusedBy } from '../refused.ts';
import { write } from '../scratch.ts';
import { content, expectWhole, filesOf, ranges, setUp } from './download-setup.ts';
import { cutAfter, sendPart, stallAfter, status } from './file-server.ts';

describe('a good server', () => {
  it('gives the file, and progress to its end', async () => {
    const setup = await setUp();
    const seen: number[] = [];
    await setup.run({
      onProgress: ({ receivedBytes, totalBytes }) => {
        expect(totalBytes).toBe(content.length);
        seen.push(receivedBytes);
      },
    });
    expectWhole(setup);
    expect(seen[0]).toBe(0);
    expect(seen.at(-1)).toBe(content.length);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(setup.server.requests[0]?.headers['accept-encoding']).toBe('identity');
  });

  it('says the size before the first byte', async () => {
    const { server } = await setUp();
    const network = openNetwork({});
    onTestFinished(() => network.close());
    const ask = { network, url: server.url, signal: new AbortController().signal };
    expect(await askSize(ask)).toBe(content.length);
    server.always = status(403);
    expect(await askSize(ask)).toBeUndefined();
    server.always = status(404);
    expect((await refusedBy(() => askSize(ask))).code).toBe('NET103');
    expect(server.requests.every(({ method }) => method === 'HEAD')).toBe(true);
  });

  it('need not say a length: chunks have an end', async () => {
    const setup = await setUp();
    setup.server.always = (_request, response) => {
      response.writeHead(200);
      response.write(content.subarray(0, 1000));
      response.end(content.subarray(1000));
    };
    await setup.run();
    expectWhole(setup);
  });
});

describe('a connection that is cut', () => {
  it('[HTTP] short body: gone on with where the server can, by Range with If-Range', async () => {
    const setup = await setUp();
    setup.server.faults = [cutAfter(100_000), cutAfter(50_000)];
    await setup.run();
    expectWhole(setup);
    expect(ranges(setup.server)).toEqual([undefined, 'bytes=100000-', 'bytes=150000-']);
    expect(setup.server.requests[1]?.headers['if-range']).toBe('"one"');
    expect(setup.retries.map(({ message }) => message)).toEqual([
      expect.stringContaining('was cut'),
      expect.stringContaining('was cut'),
    ]);
  });

  it('[HTTP] Range ignored on resume: begun anew', async () => {
    const setup = await setUp();
    setup.server.hasRanges = false;
    setup.server.faults = [cutAfter(100_000)];
    await setup.run();
    expectWhole(setup);
  });

  it('[HTTP] ETag changed on resume: begun anew with what is there now', async () => {
    const setup = await setUp();
    const changed = randomBytes(200_000);
    setup.server.faults = [
      (request, response, server) => {
        cutAfter(100_000)(request, response, server);
        server.bytes = changed;
        server.etag = '"two"';
      },
    ];
    await setup.run();
    expectWhole(setup, changed);
  });

  it.each([
    ['another ETag', { etag: '"two"' }],
    ['another range', { 'content-range': `bytes 99999-299999/${content.length}` }],
    ['another length', { 'content-range': 'bytes 100000-299998/299999' }],
    ['no Content-Range', { 'content-range': 'none' }],
  ])('is begun anew if the server goes on with %s', async (_what, headers) => {
    const setup = await setUp();
    setup.server.faults = [
      cutAfter(100_000),
      (request, response, server) => {
        sendPart(server, request, response, 100_000, headers);
      },
    ];
    await setup.run();
    expectWhole(setup);
    expect(ranges(setup.server)).toEqual([undefined, 'bytes=100000-', undefined]);
  });

  it.each([
    ['a weak ETag', 'W/"one"', undefined, undefined],
    ['no validator', undefined, undefined, undefined],
    ['a weak ETag and a date', 'W/"one"', 'Wed, 01 Jul 2026 00:00:00 GMT', 'bytes=100000-'],
  ])('%s', async (_what, etag, lastModified, range) => {
    const setup = await setUp();
    Object.assign(setup.server, { etag, lastModified });
    setup.server.faults = [cutAfter(100_000)];
    await setup.run();
    expectWhole(setup);
    expect(ranges(setup.server)).toEqual([undefined, range]);
    expect(setup.server.requests[1]?.headers['if-range']).toBe(
      range === undefined ? undefined : lastModified,
    );
  });

  it('three times is given up; what has come stays for the next run, which goes on', async () => {
    const setup = await setUp();
    setup.server.always = cutAfter(10_000);
    const { code, message } = await refusedBy(() => setup.run());
    expect(code).toBe('NET104');
    expect(message).toMatch(/^the connection to '127\.0\.0\.1:\d+' was cut \(.*\), 3 times in all$/);
    expect(filesOf(setup.target)).toEqual(['file.tar.gz.part', 'file.tar.gz.part.json']);
    setup.server.always = undefined;
    await setup.run();
    expectWhole(setup);
    expect(ranges(setup.server).at(-1)).toBe('bytes=30000-');
  });

  it('three times without a way to go on leaves nothing', async () => {
    const setup = await setUp();
    setup.server.etag = undefined;
    setup.server.always = cutAfter(10_000);
    expect((await refusedBy(() => setup.run())).code).toBe('NET104');
    expect(filesOf(setup.target)).toEqual([]);
  });

  it('[HTTP] short body: seen in the middle of chunks too, which have no length', async () => {
    const setup = await setUp();
    setup.server.always = (_request, response) => {
      response.writeHead(200);
      response.write(content.subarray(0, 1000), () => response.destroy());
    };
    expect((await refusedBy(() => setup.run())).code).toBe('NET104');
    expect(setup.server.requests).toHaveLength(3);
  });
});

describe('what an earlier run left', () => {
  const sidecar = (changes: object): string =>
    JSON.stringify({ url: '', validator: '"one"', totalBytes: content.length, ...changes });

  it('is gone on with after Ctrl-C', async () => {
    const setup = await setUp();
    const controller = new AbortController();
    setup.server.faults = [stallAfter(120_000)];
    const run = setup.run({
      signal: controller.signal,
      onProgress: ({ receivedBytes }) => {
        if (receivedBytes === 120_000) controller.abort(new Error('stop'));
      },
    });
    await expect(run).rejects.toThrow('stop');
    expect(existsSync(setup.target)).toBe(false);
    await setup.run();
    expectWhole(setup);
    expect(ranges(setup.server)).toEqual([undefined, 'bytes=120000-']);
    expect(setup.retries).toEqual([]);
  });

  it.each([
    ['of another address', (url: string) => sidecar({ url: `${url}x` })],
    ['longer than the file', (url: string) => sidecar({ url, totalBytes: 5 })],
    ['with a damaged note', (url: string) => sidecar({ url }).slice(0, 20)],
    ['with a note of another form', () => '[]'],
  ])('is not taken if it is %s', async (_what, note) => {
    const setup = await setUp();
    write(dirname(setup.target), 'file.tar.gz.part', Buffer.alloc(1000));
    write(dirname(setup.target), 'file.tar.gz.part.json', note(setup.server.url.href));
    await setup.run();
    expectWhole(setup);
    expect(ranges(setup.server)).toEqual([undefined]);
  });

  it('is not asked for again if it is whole', async () => {
    const setup = await setUp();
    write(dirname(setup.target), 'file.tar.gz.part', content);
    write(dirname(setup.target), 'file.tar.gz.part.json', sidecar({ url: setup.server.url.href }));
    await setup.run();
    expectWhole(setup);
    expect(setup.server.requests).toEqual([]);
  });

  it('is dropped if the server says that the file is shorter (416)', async () => {
    const setup = await setUp();
    write(dirname(setup.target), 'file.tar.gz.part', content.subarray(0, 1000));
    write(dirname(setup.target), 'file.tar.gz.part.json', sidecar({ url: setup.server.url.href }));
    setup.server.faults = [status(416)];
    await setup.run();
    expectWhole(setup);
    expect(ranges(setup.server)).toEqual(['bytes=1000-', undefined]);
  });
});
