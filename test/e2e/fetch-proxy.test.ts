// SPDX-License-Identifier: BSD-2-Clause
// `vmbuild fetch` from an https mirror, through a proxy that wants a password and tunnels.
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { fakeLibvmm, fakeSddf } from '../make/store/fake-sdk.ts';
import { listen } from '../make/store/file-server.ts';
import { startGitHub } from '../make/store/github.ts';
import { pinned } from './pinned.ts';
import { scratch, vmbuild } from './program.ts';
import { serveTls } from './tls.ts';

/** Tunnels for who knows `password`; notes where to. */
async function startTunnel(password: string): Promise<{ host: string; tunnels: string[] }> {
  const tunnels: string[] = [];
  const wanted = `Basic ${Buffer.from(`us er:${password}`).toString('base64')}`;
  const server = createServer((_request, response) => response.writeHead(400).end());
  server.on('connect', (request, socket) => {
    if (request.headers['proxy-authorization'] !== wanted) {
      socket.end('HTTP/1.1 407 who are you\r\nproxy-authenticate: Basic realm="x"\r\n\r\n');
      return;
    }
    tunnels.push(request.url ?? '');
    const [host = '', port] = (request.url ?? '').split(':');
    const far = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 go on\r\n\r\n');
      socket.pipe(far).pipe(socket);
    });
    far.on('error', () => socket.destroy());
    socket.on('error', () => far.destroy());
  });
  const { host } = new URL(await listen(server));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { host, tunnels };
}

it('[HTTP] proxy with authentication, NO_PROXY: https goes through its tunnel, and no password is shown', async (ctx) => {
  const github = await startGitHub();
  const { base, ca } = await serveTls(ctx, (request, response) => {
    response.writeHead(200, { 'content-length': github.archive.length });
    response.end(request.method === 'HEAD' ? undefined : github.archive);
  });
  const proxy = await startTunnel('s3cr3t');
  const directory = scratch();
  const env = {
    VMBUILD_CACHE: join(directory, 'cache'),
    VMBUILD_GITHUB: base,
    NODE_EXTRA_CA_CERTS: ca,
    MICROKIT_SDK: undefined,
    LIBVMM: fakeLibvmm(join(directory, 'libvmm')),
    SDDF: fakeSddf(join(directory, 'sddf')),
    http_proxy: '',
    https_proxy: '',
    HTTPS_PROXY: `http://us%20er:s3cr3t@${proxy.host}`,
    NO_PROXY: '',
  };
  const root = pinned(github.stack);
  const run = await vmbuild(['fetch', '-v'], { root, env });
  expect(run.stderr).not.toContain('error[');
  expect(run.code).toBe(0);
  expect(proxy.tunnels.length).toBeGreaterThan(0);
  expect(new Set(proxy.tunnels)).toEqual(new Set([new URL(base).host]));
  expect(existsSync(join(directory, 'cache/sdk/microkit-sdk-2.3.0/VERSION'))).toBe(true);

  const wrong = {
    ...env,
    VMBUILD_CACHE: join(directory, 'other'),
    HTTPS_PROXY: `http://me:wr0ng@${proxy.host}`,
  };
  const refused = await vmbuild(['fetch', '-v', '--json'], { root, env: wrong });
  expect(refused.stderr).toContain("error[NET108]: the proxy refuses to connect to 'localhost:");
  expect([run.stderr, run.stdout, refused.stderr, refused.stdout].join('')).not.toMatch(/s3cr3t|wr0ng/);

  const before = proxy.tunnels.length;
  const around = await vmbuild(['fetch'], { root, env: { ...wrong, NO_PROXY: 'localhost' } });
  expect(around.code).toBe(0);
  expect(proxy.tunnels).toHaveLength(before);
});
