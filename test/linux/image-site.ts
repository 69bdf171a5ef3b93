// SPDX-License-Identifier: BSD-2-Clause
// Trustworthy Systems' site in small, on loopback: archives of images under names that begin with the SHA-1 of the file
// inside.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { onTestFinished } from 'vitest';
import { answer, type FileServer, listen } from '../make/store/file-server.ts';
import { tarGz } from '../make/store/tarball.ts';

export interface ImageSite {
  /** `http://127.0.0.1:PORT/images/` */
  readonly base: string;
  /** What was asked for: `GET <name>.tar.gz`. */
  readonly requests: string[];
  /** Archives by file name. */
  readonly archives: Map<string, Buffer>;
  /** Serves `bytes` as the only file in an archive. Gives the image's name. */
  add(suffix: string, inner: string, bytes: Buffer): string;
}

export async function startImageSite(): Promise<ImageSite> {
  const archives = new Map<string, Buffer>();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const name = (request.url ?? '').replace('/images/', '');
    requests.push(`${request.method} ${name}`);
    const bytes = archives.get(name);
    if (bytes === undefined) {
      response.writeHead(404, { 'content-type': 'text/html' }).end('<html>Not Found</html>');
      return;
    }
    const file = { bytes, etag: '"one"', lastModified: undefined, hasRanges: true } as FileServer;
    answer(file, request, response);
  });
  const base = `${await listen(server)}images/`;
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    base,
    requests,
    archives,
    add: (suffix, inner, bytes) => {
      const name = `${createHash('sha1').update(bytes).digest('hex')}-${suffix}`;
      archives.set(
        `${name}.tar.gz`,
        tarGz([
          { name: `${name}/`, type: '5', mode: 0o755 },
          { name: `${name}/${inner}`, body: bytes },
        ]),
      );
      return name;
    },
  };
}
