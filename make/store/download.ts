// SPDX-License-Identifier: BSD-2-Clause
// Downloads one file into `<target>.part` and renames it when it is whole. A cut is gone on with where the server can do
// that (Range with If-Range), in the same run or a later one. Whether the bytes are the right ones is judged by who
// asked for them: here only what no archive can be is seen, so that the reason is said in words.
//
// What has arrived when a connection is cut would be lost with the stream's buffer. So from the head of the answer on
// nothing waits: files are opened and written synchronously, and each chunk is written as it comes.
import { closeSync, statfsSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { refuse } from '../../meta/diagnostic.ts';
import { isSystemError } from '../action.ts';
import type { Answer, Network } from './network.ts';
import { faultOfStatus, type NetworkFault, permanentFault, transientFault } from './network-fault.ts';
import { showUrl } from './origin.ts';
import { dropPart, finishPart, openPart, type PartFile, type PartSource, readPart } from './part-file.ts';
import type { Remote } from './remote.ts';
import { withTries } from './tries.ts';

export interface DownloadOptions extends Remote {
  /** Its directory is there; one download at a time has it (make/store/fetch-stack.ts takes a lock). */
  readonly target: string;
  /** More than this is refused. */
  readonly maxBytes: number;
  readonly onProgress?: (progress: DownloadProgress) => void;
}

export interface DownloadProgress {
  readonly receivedBytes: number;
  /** As far as the server says. */
  readonly totalBytes?: number;
}

/** Returns when all of it is in `target`. Refuses with the codes of the family NET. */
export async function download(options: DownloadOptions): Promise<void> {
  const { url, target, network, signal, onRetry } = options;
  try {
    await withTries(() => tryOnce(options), { signal, limits: network.limits, onRetry });
  } catch (error) {
    // What nobody can go on with goes; and a full disk must not stay full because of us.
    if (isSystemError(error) || readPart(target, url.href).source === undefined) dropPart(target);
    throw error;
  }
}

/** Size as the server says it, without a byte of the file; undefined if it does not say. */
export function askSize({
  network,
  url,
  authorization,
  signal,
  onRetry,
}: Remote): Promise<number | undefined> {
  return withTries(
    async () => {
      const answer = await network.send({ method: 'HEAD', url, authorization, signal });
      answer.body.destroy();
      // Some stores sign addresses for GET only; the download will tell.
      if ([403, 405, 501].includes(answer.status)) return undefined;
      if (answer.status !== 200)
        throw faultOfStatus(answer.status, answer.header('retry-after'), showUrl(url));
      judgeType(answer, url);
      return lengthOf(answer);
    },
    { signal, limits: network.limits, onRetry },
  );
}

async function tryOnce(options: DownloadOptions): Promise<void> {
  const { network, url, authorization, target, signal } = options;
  const part = readPart(target, url.href);
  if (part.source !== undefined && part.offsetBytes === part.source.totalBytes) return finishPart(target);
  const answer = await network.send({ method: 'GET', url, authorization, signal, headers: rangeOf(part) });
  try {
    const begun = judgeAnswer(options, part, answer);
    await receive(options, begun, answer);
  } finally {
    answer.body.destroy();
  }
  finishPart(target);
}

function rangeOf({ offsetBytes, source }: PartFile): Record<string, string> {
  return source === undefined ? {} : { range: `bytes=${offsetBytes}-`, 'if-range': source.validator };
}

interface Begun {
  readonly offsetBytes: number;
  readonly totalBytes: number | undefined;
  readonly source: PartSource | undefined;
}

/** From where on the answer goes, and how long the whole is. Throws if it is not what was asked for. */
function judgeAnswer({ url, target, maxBytes }: DownloadOptions, part: PartFile, answer: Answer): Begun {
  const where = showUrl(url);
  const begun = answer.status === 206 ? resumed(part, answer) : fresh(url, answer);
  if (begun === undefined || answer.status === 416) {
    // The part is of no use to this server: the next try begins anew.
    dropPart(target);
    throw transientFault(`${where} does not go on where the first ${part.offsetBytes} bytes end`);
  }
  if (answer.status !== 200 && answer.status !== 206)
    throw faultOfStatus(answer.status, answer.header('retry-after'), where);
  judgeType(answer, url);
  const encoding = answer.header('content-encoding') ?? 'identity';
  if (encoding !== 'identity')
    throw permanentFault(
      'NET106',
      `${where} comes encoded as '${encoding}', which was not asked for`,
      'check the mirror or the proxy between',
    );
  if ((begun.totalBytes ?? 0) > maxBytes) throw tooLarge(where, `${begun.totalBytes} bytes`, maxBytes);
  judgeSpace(dirname(target), (begun.totalBytes ?? 0) - begun.offsetBytes);
  return begun;
}

function fresh(url: URL, answer: Answer): Begun {
  const totalBytes = lengthOf(answer);
  const validator = validatorOf(answer);
  const source =
    validator === undefined || totalBytes === undefined
      ? undefined
      : { url: url.href, validator, totalBytes };
  return { offsetBytes: 0, totalBytes, source };
}

/** Undefined if what comes does not fit to the part: other bytes, or of another file. */
function resumed({ offsetBytes, source }: PartFile, answer: Answer): Begun | undefined {
  const [, first, total] =
    /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15})$/.exec(answer.header('content-range') ?? '') ?? [];
  if (source === undefined || Number(first) !== offsetBytes || Number(total) !== source.totalBytes)
    return undefined;
  // A 206 may leave Last-Modified out (RFC 9110, 15.3.7); what it names must be the same.
  const name = source.validator.startsWith('"') ? 'etag' : 'last-modified';
  if ((answer.header(name) ?? source.validator) !== source.validator) return undefined;
  return { offsetBytes, totalBytes: source.totalBytes, source };
}

/** Weak ETags do not promise equal bytes. */
function validatorOf(answer: Answer): string | undefined {
  const etag = answer.header('etag');
  return etag !== undefined && /^"[^"]*"$/.test(etag) ? etag : answer.header('last-modified');
}

function lengthOf(answer: Answer): number | undefined {
  const text = answer.header('content-length');
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function judgeType(answer: Answer, url: URL): void {
  if (/^text\/html|^application\/xhtml/i.test(answer.header('content-type') ?? '')) throw webPage(url);
}

const webPage = (url: URL): NetworkFault =>
  permanentFault(
    'NET106',
    `${showUrl(url)} is a web page, no archive`,
    'open it in a browser: the network may want a login, or the mirror has other paths',
  );

const tooLarge = (where: string, what: string, maxBytes: number): NetworkFault =>
  permanentFault('NET107', `${where} has ${what}; ${maxBytes} is the most that is taken`, 'check the mirror');

function judgeSpace(directory: string, neededBytes: number): void {
  const { bavail, bsize } = statfsSync(directory);
  if (neededBytes > bavail * bsize)
    refuse('STORE102', `'${directory}' has ${bavail * bsize} bytes free, needed are ${neededBytes}`, {
      hint: 'make room there, or set VMBUILD_CACHE to another directory',
    });
}

async function receive(options: DownloadOptions, begun: Begun, answer: Answer): Promise<void> {
  const { url, target, network, signal, onProgress } = options;
  const { totalBytes } = begun;
  const total = totalBytes === undefined ? {} : { totalBytes };
  let receivedBytes = begun.offsetBytes;
  const file = openPart(target, receivedBytes, begun.source);
  const watch = watchRate(answer, network, url);
  const onAbort = (): void => void answer.body.destroy();
  signal.addEventListener('abort', onAbort);
  const take = (chunk: Buffer): void => {
    if (receivedBytes === 0) judgeBeginning(chunk, url);
    receivedBytes += chunk.length;
    watch.count(chunk.length);
    judgeAmount(options, receivedBytes, totalBytes);
    for (let at = 0; at < chunk.length; ) at += writeSync(file, chunk, at);
    onProgress?.({ receivedBytes, ...total });
  };
  try {
    onProgress?.({ receivedBytes, ...total });
    await drain(answer.body, take);
  } catch (error) {
    signal.throwIfAborted();
    throw answer.faultOf(watch.fault() ?? error);
  } finally {
    signal.removeEventListener('abort', onAbort);
    watch.stop();
    closeSync(file);
  }
  if (totalBytes !== undefined && receivedBytes < totalBytes)
    throw transientFault(`'${url.host}' ended ${showUrl(url)} after ${receivedBytes} of ${totalBytes} bytes`);
}

/** Gives every chunk to `take` as it comes. Rejects with what `take` throws, too. */
function drain(body: Readable, take: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    body.once('end', resolve).once('error', reject);
    body.once('close', () => {
      reject(Object.assign(new Error('closed'), { code: 'ECONNABORTED' }));
    });
    body.on('data', (chunk: Buffer) => {
      try {
        take(chunk);
      } catch (error) {
        reject(error);
        body.destroy();
      }
    });
  });
}

function judgeBeginning(chunk: Buffer, url: URL): void {
  if (/^\s*<(!doctype html|html)/i.test(chunk.toString('latin1', 0, 64))) throw webPage(url);
}

function judgeAmount(
  { url, target, maxBytes }: DownloadOptions,
  receivedBytes: number,
  totalBytes = maxBytes,
): void {
  if (receivedBytes <= Math.min(totalBytes, maxBytes)) return;
  dropPart(target);
  if (totalBytes >= maxBytes) throw tooLarge(showUrl(url), 'more bytes', maxBytes);
  throw transientFault(`${showUrl(url)} has more than the ${totalBytes} bytes that were announced`);
}

/** Ends the body when a window brought less than the least that is accepted. */
function watchRate(
  { body }: Answer,
  { limits }: Network,
  { host }: URL,
): { count(bytes: number): void; fault(): NetworkFault | undefined; stop(): void } {
  let windowBytes = 0;
  let fault: NetworkFault | undefined;
  const timer = setInterval(() => {
    if (windowBytes < limits.minBytesPerWindow) {
      fault = transientFault(`'${host}' sent ${windowBytes} bytes in ${limits.windowMs / 1000} s`);
      body.destroy(fault);
    }
    windowBytes = 0;
  }, limits.windowMs);
  return {
    count: (bytes) => {
      windowBytes += bytes;
    },
    fault: () => fault,
    stop: () => {
      clearInterval(timer);
    },
  };
}
