// SPDX-License-Identifier: BSD-2-Clause
// An HTTPS server on loopback, with a certificate of its own making.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { onTestFinished, type TestContext } from 'vitest';
import { requireOrSkip } from '../require.ts';
import { scratch } from './program.ts';

export interface TlsServer {
  /** `https://localhost:PORT` */
  readonly base: string;
  /** A file that makes its certificate trusted. */
  readonly ca: string;
}

export async function serveTls(ctx: TestContext, answer: RequestListener): Promise<TlsServer> {
  const directory = scratch();
  const [key, ca] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const form = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'];
  try {
    execFileSync('openssl', ['req', ...form, ...subject, '-keyout', key, '-out', ca], { stdio: 'ignore' });
  } catch {
    requireOrSkip(ctx, 'openssl', false, 'openssl cannot make a certificate here');
  }
  const server: Server = createServer({ key: readFileSync(key), cert: readFileSync(ca) }, answer);
  await new Promise<void>((done) => server.listen(0, 'localhost', done));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { base: `https://localhost:${(server.address() as AddressInfo).port}`, ca };
}

export const redirectTo =
  (location: string): RequestListener =>
  (_request, response) => {
    response.writeHead(302, { location }).end();
  };
