// SPDX-License-Identifier: BSD-2-Clause
// Requests through proxies of the environment: real ones on loopback, that forward, refuse and want a password.
import { spawn } from 'node:child_process';
import assert from 'node:assert/strict';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest';
import { openNetwork } from '../../../make/store/network.ts';
import { readProxies } from '../../../make/store/proxies.ts';
import { NetworkFault } from '../../../make/store/network-fault.ts';
import { requireOrSkip } from '../../require.ts';
import { refusedBy } from '../refused.ts';
import { listen, serveFile } from './file-server.ts';

const bytes = Buffer.from('the file');

interface Proxy {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly seen: { line: string; headers: IncomingMessage['headers'] }[];
}

/** Forwards plain http; answers CONNECT, and all if `status` is not 200, with `status`. */
async function startProxy(status = 200): Promise<Proxy> {
  const seen: Proxy['seen'] = [];
  const server = createServer((request, response) => {
    seen.push({ line: `${request.method} ${request.url}`, headers: request.headers });
    if (status !== 200) {
      response.writeHead(status).end();
      return;
    }
    httpRequest(request.url ?? '', { headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    }).end();
  });
  server.on('connect', (request, socket) => {
    seen.push({ line: `CONNECT ${request.url}`, headers: request.headers });
    socket.end(`HTTP/1.1 ${status === 200 ? 403 : status} no\r\n\r\n`);
  });
  const base = await listen(server);
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { host: new URL(base).host, seen };
}

async function send(url: string, env: Record<string, string>): Promise<{ status: number; text: string }> {
  const network = openNetwork(env, { connectTimeoutMs: 400 });
  onTestFinished(() => network.close());
  const answer = await network.send({
    method: 'GET',
    url: new URL(url),
    signal: new AbortController().signal,
  });
  const chunks = await answer.body.toArray();
  return { status: answer.status, text: Buffer.concat(chunks as Buffer[]).toString() };
}

async function faultOf(url: string, env: Record<string, string>): Promise<NetworkFault> {
  const error: unknown = await send(url, env).catch((thrown: unknown) => thrown);
  if (error instanceof NetworkFault) return error;
  throw new Error('no fault', { cause: error });
}

it('[HTTP] proxy with authentication, NO_PROXY: plain http is asked for with the credentials that its address holds', async () => {
  const proxy = await startProxy();
  const server = await serveFile(bytes);
  const got = await send(server.url.href, { http_proxy: `http://us%40er:sec%3Aret@${proxy.host}` });
  expect(got).toEqual({ status: 200, text: 'the file' });
  expect(proxy.seen.map(({ line }) => line)).toEqual([`GET ${server.url.href}`]);
  const pair = Buffer.from('us@er:sec:ret').toString('base64');
  expect(proxy.seen[0]?.headers['proxy-authorization']).toBe(`Basic ${pair}`);
});

it('[HTTP] proxy with authentication, NO_PROXY: gone around for the hosts that are named', async () => {
  const proxy = await startProxy();
  const server = await serveFile(bytes);
  await send(server.url.href, { http_proxy: `http://${proxy.host}`, no_proxy: 'example.org,127.0.0.1' });
  expect(proxy.seen).toEqual([]);
  expect(server.requests).toHaveLength(1);
});

it.each(['https://example.invalid/x', 'http://example.invalid/x'])(
  'says that the proxy wants a password: %s',
  async (url) => {
    const { host } = await startProxy(407);
    const { diagnostic, isTransient } = await faultOf(url, { http_proxy: `http://user:secret@${host}` });
    expect(diagnostic.code).toBe('NET108');
    expect(diagnostic.message).toContain('it answers 407');
    expect(diagnostic.hint).toContain('user:password@proxy');
    expect(JSON.stringify(diagnostic)).not.toContain('secret');
    expect(isTransient).toBe(false);
  },
);

it('says that the proxy does not let us through', async () => {
  const proxy = await startProxy();
  const { diagnostic } = await faultOf('https://example.invalid/x', { https_proxy: proxy.host });
  expect(diagnostic.code).toBe('NET108');
  expect(diagnostic.message).toBe("the proxy refuses to connect to 'example.invalid': it answers 403");
  expect(proxy.seen.map(({ line }) => line)).toEqual(['CONNECT example.invalid:443']);
});

it('says that the proxy cannot be reached', async () => {
  const { diagnostic, isTransient } = await faultOf('https://example.invalid/x', {
    HTTPS_PROXY: 'http://user:secret@127.0.0.1:9',
  });
  expect(diagnostic.code).toBe('NET101');
  expect(diagnostic.message).toContain('127.0.0.1:9');
  expect(diagnostic.hint).toContain('https_proxy');
  expect(JSON.stringify(diagnostic)).not.toContain('secret');
  expect(isTransient).toBe(false);
});

it('reads the variables as curl does', async () => {
  expect(readProxies({})).toEqual({ http: '', https: '', except: '' });
  expect(readProxies({ http_proxy: 'proxy:3128' })).toEqual({
    http: 'http://proxy:3128',
    https: 'http://proxy:3128',
    except: '',
  });
  expect(
    readProxies({ http_proxy: '', HTTP_PROXY: 'http://b', https_proxy: 'http://c', NO_PROXY: 'x' }),
  ).toEqual({ http: 'http://b', https: 'http://c', except: 'x' });
  const { code, exit, message } = await refusedBy(() =>
    readProxies({ https_proxy: 'http://user:secret@:x:' }),
  );
  expect([code, exit]).toEqual(['NET109', 2]);
  expect(message).not.toContain('secret');
});

/** `127.0.0.1:PORT` of something that takes no connections: what asks for one gets no answer at all. */
async function startBlackHole(ctx: TestContext): Promise<string> {
  // Node accepts whatever comes; a listener that does not, with its queue full, drops what asks to connect.
  const program =
    'use Socket; socket(S, PF_INET, SOCK_STREAM, 0) && bind(S, pack_sockaddr_in(0, INADDR_LOOPBACK)) && listen(S, 0);' +
    '$| = 1; print((unpack_sockaddr_in(getsockname(S)))[0], "\\n"); sleep 100;';
  const listener = spawn('perl', ['-e', program], { stdio: ['ignore', 'pipe', 'ignore'] });
  const port = await new Promise<number | undefined>((done) => {
    listener.once('error', () => {
      done(undefined);
    });
    listener.stdout.once('data', (text: Buffer) => {
      done(Number(text.toString()));
    });
  });
  requireOrSkip(ctx, 'perl', port !== undefined, 'perl is not here');
  assert(port !== undefined);
  const fillers = [1, 2, 3, 4].map(() => connect(port, '127.0.0.1').on('error', () => undefined));
  onTestFinished(() => {
    listener.kill();
    for (const filler of fillers) filler.destroy();
  });
  await new Promise((done) => setTimeout(done, 100));
  return `127.0.0.1:${port}`;
}

// undici's own limit for connecting is 10 s: the tests' is below that.
describe('no answer to a connection', { timeout: 9_000 }, () => {
  it('[HTTP] timeout at connect, in mid-body, slow loris: of the host', async (ctx) => {
    const { diagnostic, isTransient } = await faultOf(`http://${await startBlackHole(ctx)}/x`, {});
    expect(diagnostic.code).toBe('NET101');
    expect(diagnostic.message).toContain('it does not answer');
    expect(isTransient).toBe(false);
  });

  it('of the host behind a proxy that lets us through', async () => {
    const silent = createServer().on('connect', (_request, socket) => {
      socket.write('HTTP/1.1 200 connected\r\n\r\n');
    });
    const host = new URL(await listen(silent)).host;
    onTestFinished(() => void silent.close());
    const { diagnostic } = await faultOf('https://example.invalid/x', { https_proxy: host });
    expect(diagnostic.code).toBe('NET101');
  });

  it.for(['http://example.invalid/x', 'https://example.invalid/x'])('of the proxy: %s', async (url, ctx) => {
    const proxy = await startBlackHole(ctx);
    const { diagnostic } = await faultOf(url, { http_proxy: proxy });
    expect(diagnostic.code).toBe('NET101');
    expect(diagnostic.hint).toContain('http_proxy');
  });
});
