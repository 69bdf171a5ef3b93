// SPDX-License-Identifier: BSD-2-Clause
// A real HTTP server on loopback that serves one file under every path, and can be told, request by request, to do it
// wrongly.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** What one request gets in place of a proper answer. */
export type Fault = (request: IncomingMessage, response: ServerResponse, server: FileServer) => void;

export interface FileServer {
  /** `http://127.0.0.1:PORT/` */
  readonly base: string;
  readonly url: URL;
  /** All that were asked, in order. */
  readonly requests: { method: string; path: string; headers: IncomingMessage['headers'] }[];
  /** For the next requests, in order; afterwards all is well. */
  faults: Fault[];
  /** For all requests that no `faults` are left for. */
  always: Fault | undefined;
  bytes: Buffer;
  etag: string | undefined;
  lastModified: string | undefined;
  /** False: every answer is the whole file. */
  hasRanges: boolean;
}

export async function serveFile(bytes: Buffer): Promise<FileServer> {
  const sockets = new Set<Socket>();
  const http = createServer((request, response) => {
    server.requests.push({
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
    });
    const fault = server.faults.shift() ?? server.always;
    if (fault === undefined) answer(server, request, response);
    else fault(request, response, server);
  });
  http.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  const base = await listen(http);
  const server: FileServer = {
    base,
    url: new URL('file.tar.gz', base),
    requests: [],
    faults: [],
    always: undefined,
    bytes,
    etag: '"one"',
    lastModified: undefined,
    hasRanges: true,
  };
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => http.close(done));
  });
  return server;
}

export async function listen(http: Server): Promise<string> {
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}/`;
}

/** As a good server does it: Range only if If-Range still holds. */
export function answer(server: FileServer, request: IncomingMessage, response: ServerResponse): void {
  const { bytes } = server;
  const first = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
  const condition = request.headers['if-range'];
  const isSame = condition === undefined || condition === server.etag || condition === server.lastModified;
  if (server.hasRanges && first !== undefined && isSame) {
    if (Number(first) >= bytes.length) {
      response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
      return;
    }
    sendPart(server, request, response, Number(first));
    return;
  }
  response.writeHead(200, { ...validators(server), 'content-length': bytes.length });
  response.end(request.method === 'HEAD' ? undefined : bytes);
}

export const validators = ({ etag, lastModified }: FileServer): Record<string, string> => ({
  ...(etag === undefined ? {} : { etag }),
  ...(lastModified === undefined ? {} : { 'last-modified': lastModified }),
});

export function sendPart(
  server: FileServer,
  _request: IncomingMessage,
  response: ServerResponse,
  first: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  const { bytes } = server;
  response.writeHead(206, {
    ...validators(server),
    'content-length': bytes.length - first,
    'content-range': `bytes ${first}-${bytes.length - 1}/${bytes.length}`,
    ...headers,
  });
  response.end(bytes.subarray(first));
}

/** Announces all, sends `sentBytes` and cuts the connection. */
export const cutAfter =
  (sentBytes: number): Fault =>
  (request, response, server) => {
    const first = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const rest = server.bytes.subarray(first);
    response.writeHead(first === 0 ? 200 : 206, {
      ...validators(server),
      'content-length': rest.length,
      ...(first === 0
        ? {}
        : { 'content-range': `bytes ${first}-${server.bytes.length - 1}/${server.bytes.length}` }),
    });
    response.write(rest.subarray(0, sentBytes), () => response.destroy());
  };

/** Sends `sentBytes` and then nothing, without ending. */
export const stallAfter =
  (sentBytes: number): Fault =>
  (_request, response, server) => {
    response.writeHead(200, { ...validators(server), 'content-length': server.bytes.length });
    response.write(server.bytes.subarray(0, sentBytes));
  };

export const status =
  (code: number, headers: Record<string, string> = {}, body = ''): Fault =>
  (_request, response) => {
    response.writeHead(code, headers).end(body);
  };

/** Goes on with a good answer whose head is changed; `undefined` takes a header away. */
export const withHeaders =
  (headers: Record<string, string | number>): Fault =>
  (request, response, server) => {
    response.writeHead(200, { ...validators(server), 'content-length': server.bytes.length, ...headers });
    response.end(request.method === 'HEAD' ? undefined : server.bytes);
  };
