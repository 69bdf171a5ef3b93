// SPDX-License-Identifier: BSD-2-Clause
// Downloads from a server that does everything wrong that servers and lines do: what is tried again, what is refused, and
// in which words.
import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { faultOfError } from '../../../make/store/network-fault.ts';
import { refusedBy } from '../refused.ts';
import { content, expectWhole, filesOf, ranges, setUp } from './download-setup.ts';
import { serveFile, stallAfter, status, withHeaders } from './file-server.ts';

describe('a length that lies', () => {
  it('[HTTP] Content-Length that lies: too long, so three tries, then the numbers', async () => {
    const setup = await setUp();
    setup.server.etag = undefined;
    setup.server.always = (_request, response) => {
      response.writeHead(200, { 'content-length': 400_000 });
      response.end(content);
      response.socket?.end();
    };
    const { code, message } = await refusedBy(() => setup.run());
    expect(code).toBe('NET104');
    expect(message).toMatch(/cut|300000 of 400000/);
    expect(setup.server.requests).toHaveLength(3);
    expect(filesOf(setup.target)).toEqual([]);
  });

  it('above the limit: refused before a byte is taken', async () => {
    const setup = await setUp();
    const { code, message } = await refusedBy(() => setup.run({ maxBytes: 299_999 }));
    expect(code).toBe('NET107');
    expect(message).toContain('has 300000 bytes; 299999 is the most that is taken');
    expect(filesOf(setup.target)).toEqual([]);
  });

  it('without a length: the limit holds all the same', async () => {
    const setup = await setUp();
    setup.server.always = (_request, response) => {
      response.writeHead(200);
      const more = (): void => void response.write(content, more);
      more();
    };
    const { code } = await refusedBy(() => setup.run({ maxBytes: 1_000_000 }));
    expect(code).toBe('NET107');
    expect(setup.server.requests).toHaveLength(1);
    expect(filesOf(setup.target)).toEqual([]);
  });

  it('more than the disk has: refused before a byte is taken', async () => {
    const setup = await setUp();
    setup.server.always = (_request, response) => {
      response.writeHead(200, { 'content-length': 2 ** 49 }).flushHeaders();
    };
    const { code, message } = await refusedBy(() => setup.run({ maxBytes: 2 ** 50 }));
    expect(code).toBe('STORE102');
    expect(message).toMatch(/has \d+ bytes free, needed are 562949953421312/);
  });
});

describe('an answer that is not the file', () => {
  it.each([401, 403, 404, 410, 418])('[HTTP] %d: refused at once', async (code) => {
    const setup = await setUp();
    setup.server.always = status(code);
    const refused = await refusedBy(() => setup.run());
    expect(refused.code).toBe('NET103');
    expect(refused.message).toContain(`${setup.server.base}file.tar.gz answers ${code}`);
    expect(setup.server.requests).toHaveLength(1);
    expect(filesOf(setup.target)).toEqual([]);
  });

  it.each([408, 429, 500, 502, 503, 504])('[HTTP] 5xx: tried again, as 408 and 429 are: %d', async (code) => {
    const setup = await setUp();
    setup.server.faults = [status(code), status(code)];
    await setup.run();
    expectWhole(setup);
    setup.server.always = status(code);
    const refused = await refusedBy(() => setup.run());
    expect(refused.code).toBe('NET104');
    expect(refused.message).toMatch(new RegExp(`answers ${code}.*, 3 times in all`));
  });

  it('[HTTP] 429 and 503 with Retry-After: it is waited for, in seconds or as a date, and not for ever', async () => {
    const setup = await setUp({ maxRetryAfterMs: 2_000 });
    const soon = new Date(Date.now() + 1_000).toUTCString();
    setup.server.faults = [status(429, { 'retry-after': '1' }), status(503, { 'retry-after': soon })];
    await setup.run();
    expectWhole(setup);
    expect(setup.retries[0]?.delayMs).toBeGreaterThanOrEqual(1000);
    expect(setup.retries[1]?.delayMs).toBeLessThanOrEqual(2000);
    setup.server.always = status(503, { 'retry-after': '3600' });
    const before = setup.server.requests.length;
    const { code, message } = await refusedBy(() => setup.run());
    expect(code).toBe('NET104');
    expect(message).toContain('answers 503 (it is overloaded) and asks to wait 3600 s, more than 2 s');
    expect(setup.server.requests).toHaveLength(before + 1);
  });

  it.each([
    ['by its type', withHeaders({ 'content-type': 'text/html; charset=utf-8' })],
    ['by its first bytes', status(200, { 'content-type': 'application/gzip' }, '\n<!DOCTYPE html><html>')],
  ])('[HTTP] 200 with an HTML error page: known %s', async (_how, fault) => {
    const setup = await setUp();
    setup.server.always = fault;
    const { code, message } = await refusedBy(() => setup.run());
    expect(code).toBe('NET106');
    expect(message).toBe(`${setup.server.url.href} is a web page, no archive`);
    expect(setup.server.requests).toHaveLength(1);
    expect(filesOf(setup.target)).toEqual([]);
  });

  it('[HTTP] gzip-encoded body: nobody asked for it', async () => {
    const setup = await setUp();
    setup.server.always = withHeaders({ 'content-encoding': 'gzip' });
    const { code, message } = await refusedBy(() => setup.run());
    expect(code).toBe('NET106');
    expect(message).toContain("comes encoded as 'gzip'");
  });
});

describe('silence', () => {
  it('[HTTP] timeout at connect, in mid-body, slow loris: before the head of an answer', async () => {
    const setup = await setUp({ connectTimeoutMs: 50, headersTimeoutMs: 50 });
    setup.server.always = () => undefined;
    const { code, message } = await refusedBy(() => setup.run());
    expect(code).toBe('NET101');
    expect(message).toContain('accepts, but does not answer within 0.05 s');
    expect(setup.retries).toEqual([]);
  });

  it('[HTTP] timeout at connect, in mid-body, slow loris: in the middle it is gone on with', async () => {
    const setup = await setUp({ windowMs: 150, minBytesPerWindow: 1 });
    setup.server.faults = [stallAfter(100_000)];
    await setup.run();
    expectWhole(setup);
    expect(ranges(setup.server)).toEqual([undefined, 'bytes=100000-']);
  });

  it('[HTTP] timeout at connect, in mid-body, slow loris: a trickle is no better', async () => {
    const setup = await setUp({ windowMs: 150, minBytesPerWindow: 1000, tries: 1 });
    setup.server.always = (_request, response, server) => {
      response.writeHead(200, { 'content-length': server.bytes.length });
      const timer = setInterval(() => response.write('x'), 10);
      response.on('close', () => clearInterval(timer));
    };
    const { code, message } = await refusedBy(() => setup.run());
    expect(code).toBe('NET104');
    expect(message).toMatch(/sent \d+ bytes in 0\.15 s/);
  });
});

describe('a host that cannot be reached', () => {
  it.each([
    ['refused', 'http://127.0.0.1:9/x', /'127\.0\.0\.1:9' cannot be reached: nothing answers at that port/],
    [
      'refused at all its addresses',
      'http://localhost:9/x',
      /'localhost:9' cannot be reached: nothing answers/,
    ],
    ['DNS failure', 'http://nowhere.invalid/x', /'nowhere\.invalid' cannot be reached: .*nowhere\.invalid/],
  ])('[HTTP] %s: one try', async (_how, address, words) => {
    const setup = await setUp({ connectTimeoutMs: 200 });
    const { code, message } = await refusedBy(() => setup.run({ url: new URL(address) }));
    expect(code).toBe('NET101');
    expect(message).toMatch(words);
    expect(setup.retries).toEqual([]);
    expect(filesOf(setup.target)).toEqual([]);
  });

  it('at several addresses: the first one’s reason stands for all', () => {
    const [one, two] = ['::1', '127.0.0.1'].map((address) =>
      Object.assign(new Error(`connect ECONNREFUSED ${address}:9`), {
        code: 'ECONNREFUSED',
        syscall: 'connect',
      }),
    );
    expect(faultOfError(new AggregateError([one, two]), 'host', false)).toMatchObject({
      message: "'host' cannot be reached: nothing answers at that port (connect ECONNREFUSED ::1:9)",
      isTransient: false,
    });
  });

  it('speaks no HTTP', async () => {
    const setup = await setUp();
    const other = createServer((socket) => socket.end('220 smtp ready\r\n'));
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
    onTestFinished(() => void other.close());
    const { port } = other.address() as { port: number };
    const { code } = await refusedBy(() => setup.run({ url: new URL(`http://127.0.0.1:${port}/x`) }));
    expect(code).toBe('NET104');
  });
});

describe('redirects', () => {
  it('are followed, relative ones as well', async () => {
    const setup = await setUp();
    setup.server.faults = [301, 302, 303, 307, 308].map((code, at) =>
      status(code, { location: `/step/${at}` }),
    );
    await setup.run();
    expectWhole(setup);
    expect(setup.server.requests.map(({ path }) => path)).toEqual([
      '/file.tar.gz',
      ...[0, 1, 2, 3, 4].map((at) => `/step/${at}`),
    ]);
  });

  it('[HTTP] redirect loop (cap 10): ends at the tenth', async () => {
    const setup = await setUp();
    setup.server.always = status(302, { location: '/again?signature=secret' });
    const { code, message } = await refusedBy(() => setup.run());
    expect(code).toBe('NET105');
    expect(message).toContain('leads to more than 10 redirects');
    expect(message).not.toContain('secret');
    expect(setup.server.requests).toHaveLength(11);
  });

  it.each([
    ['file:///etc/passwd', "to 'file:'"],
    ['ftp://127.0.0.1/x', "to 'ftp:'"],
    ['http://[', 'to what is no URL'],
  ])('to %s are refused', async (location, words) => {
    const setup = await setUp();
    setup.server.always = status(302, { location });
    const { code, message } = await refusedBy(() => setup.run());
    expect(code).toBe('NET105');
    expect(message).toContain(words);
  });

  it('take credentials to the same host only', async () => {
    const setup = await setUp();
    const other = await serveFile(content);
    setup.server.faults = [
      status(302, { location: '/same' }),
      status(302, { location: `http://user:secret@${new URL(other.base).host}/other` }),
    ];
    await setup.run({ authorization: 'Basic c2VjcmV0' });
    expectWhole(setup);
    expect(setup.server.requests.map(({ headers }) => headers.authorization)).toEqual([
      'Basic c2VjcmV0',
      'Basic c2VjcmV0',
    ]);
    expect(other.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });
});
