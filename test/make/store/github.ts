// SPDX-License-Identifier: BSD-2-Clause
// GitHub in small, on loopback: an SDK's release archive, and git repositories behind git's own http-backend. It can be
// told to misbehave for some of its paths.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';
import { narHash } from '../../../make/store/nar.ts';
import { hostPlatform } from '../../../make/store/origin.ts';
import { type Platform, type Stack, stack as ownStack } from '../../../make/stack.ts';
import { write } from '../scratch.ts';
import { fakeLibvmm, fakeSddf, fakeSdk } from './fake-sdk.ts';
import { listen } from './file-server.ts';

export type Misbehave = (request: IncomingMessage, response: ServerResponse) => void;

export interface GitHub {
  /** `http://127.0.0.1:PORT/` */
  readonly base: string;
  /** A folder with the same paths, for `file:`. */
  readonly root: string;
  /** The pins that go with what is served. */
  readonly stack: Stack;
  readonly archiveName: string;
  readonly requests: { line: string; authorization: string | undefined }[];
  /** For requests whose path matches, `times` of them. */
  fault: { path: RegExp; times: number; act: Misbehave } | undefined;
  /** Demand this of everybody: a value of the Authorization header. */
  authorization: string | undefined;
  archive: Buffer;
}

/** This machine's, so that the program itself can be served as well. */
export const platform: Platform = hostPlatform() ?? 'linux-x86-64';

/** What is served: made once for a file of tests, that only read it. */
interface Content {
  readonly root: string;
  readonly commits: { readonly libvmm: string; readonly sddf: string };
  readonly sdk: { readonly archive: Buffer; readonly treeHash: string; readonly archiveName: string };
}

let made: Content | undefined;
afterAll(() => {
  if (made !== undefined) rmSync(made.root, { recursive: true, force: true });
  made = undefined;
});

async function makeContent(): Promise<Content> {
  const root = mkdtempSync(join(tmpdir(), 'vmbuild-github-'));
  const commits = {
    libvmm: makeRepository(root, 'au-ts/libvmm', fakeLibvmm),
    sddf: makeRepository(root, 'au-ts/sddf', fakeSddf),
  };
  return { root, commits, sdk: await makeSdk(root) };
}

export async function startGitHub(): Promise<GitHub> {
  made ??= await makeContent();
  const { root, commits } = made;
  const { archive, treeHash, archiveName } = made.sdk;
  const github: GitHub = {
    base: '',
    root,
    stack: {
      ...ownStack,
      sdkTrees: { ...ownStack.sdkTrees, [platform]: treeHash },
      libvmm: { ...ownStack.libvmm, commit: commits.libvmm },
      sddf: { ...ownStack.sddf, commit: commits.sddf },
    },
    archiveName,
    requests: [],
    fault: undefined,
    authorization: undefined,
    archive,
  };
  const server = createServer((request, response) => {
    serve(github, request, response);
  });
  Object.assign(github, { base: await listen(server) });
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return github;
}

/** The commit that is pinned is not the newest, as in life. */
function makeRepository(root: string, name: string, fill: (path: string) => string): string {
  const work = join(root, 'work', name);
  mkdirSync(work, { recursive: true });
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', work, '-c', 'user.name=x', '-c', 'user.email=x@x', ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  git('init', '-q', '-b', 'main');
  write(fill(work), 'docs/crlf.txt', 'one\r\ntwo\n');
  git('add', '.');
  git('commit', '-q', '-m', 'pinned');
  const pinned = git('rev-parse', 'HEAD');
  write(work, 'later', 'not wanted');
  git('add', '.');
  git('commit', '-q', '-m', 'later');
  execFileSync('git', ['clone', '-q', '--bare', work, join(root, `${name}.git`)], { stdio: 'ignore' });
  rmSync(work, { recursive: true });
  return pinned;
}

async function makeSdk(root: string): Promise<Content['sdk']> {
  const { microkit } = ownStack;
  const releases = join(root, 'seL4/microkit/releases/download', microkit);
  mkdirSync(releases, { recursive: true });
  const top = `microkit-sdk-${microkit}`;
  const tree = fakeSdk(join(root, 'work', top));
  write(tree, 'doc/manual.pdf', Buffer.alloc(300_000, 'manual '));
  const archiveName = `${top}-${platform}.tar.gz`;
  const path = join(releases, archiveName);
  execFileSync('tar', ['-C', join(root, 'work'), '--sort=name', '-czf', path, top]);
  const treeHash = await narHash(tree, { signal: new AbortController().signal });
  rmSync(join(root, 'work'), { recursive: true });
  return { archive: readFileSync(path), treeHash, archiveName };
}

function serve(github: GitHub, request: IncomingMessage, response: ServerResponse): void {
  const { url = '', method = '' } = request;
  github.requests.push({ line: `${method} ${url}`, authorization: request.headers.authorization });
  const { fault } = github;
  if (fault !== undefined && fault.times > 0 && fault.path.test(`${method} ${url}`)) {
    fault.times -= 1;
    fault.act(request, response);
  } else if (github.authorization !== undefined && github.authorization !== request.headers.authorization) {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="mirror"' }).end();
  } else if (url.startsWith('/au-ts/')) {
    runBackend(github.root, request, response);
  } else if (url.endsWith(`/${github.archiveName}`)) {
    const { archive } = github;
    response.writeHead(200, { 'content-length': archive.length, etag: `"${archive.length}"` });
    response.end(method === 'HEAD' ? undefined : archive);
  } else {
    response.writeHead(404).end();
  }
}

/** git-http-backend(1) is a CGI program (RFC 3875). */
function runBackend(root: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? '', 'http://x');
  const header = (name: string): string => String(request.headers[name] ?? '');
  const backend = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: header('content-type'),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      GIT_PROTOCOL: header('git-protocol'),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  backend.stdin.on('error', () => undefined);
  request.pipe(backend.stdin);
  const chunks: Buffer[] = [];
  backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  backend.on('close', () => {
    const output = Buffer.concat(chunks);
    const end = output.indexOf('\r\n\r\n');
    const headers = output
      .subarray(0, end)
      .toString()
      .split('\r\n')
      .map((line) => line.split(': ') as [string, string]);
    const status = headers.find(([name]) => name === 'Status')?.[1].slice(0, 3) ?? '200';
    response.writeHead(Number(status), Object.fromEntries(headers.filter(([name]) => name !== 'Status')));
    response.end(output.subarray(end + 4));
  });
}
