// SPDX-License-Identifier: BSD-2-Clause
// One HTTP request: through the proxies of the environment, with a limit on every wait, following redirects but never
// from https to http, and never taking credentials to another host.
import type { Readable } from 'node:stream';
import { EnvHttpProxyAgent, request } from 'undici';
import type { Environment } from './cache.ts';
import { type NetworkLimits, networkLimits } from './limits.ts';
import { faultOfError, permanentFault } from './network-fault.ts';
import { showUrl } from './origin.ts';
import { readProxies } from './proxies.ts';

export interface Network {
  readonly limits: NetworkLimits;
  send(request: NetworkRequest): Promise<Answer>;
  /** Ends all connections. */
  close(): Promise<void>;
}

export interface NetworkRequest {
  readonly method: 'GET' | 'HEAD';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly authorization?: string | undefined;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  /** After all redirects. */
  readonly url: URL;
  /** `name` in lower case. */
  header(name: string): string | undefined;
  /** Throws NetworkFaults; ends early only if the server cut it. To be read or destroyed. */
  readonly body: Readable;
  /** Makes a NetworkFault of what `body` threw, where it is one. */
  faultOf(error: unknown): unknown;
}

/** Proxies are taken from `env`. */
export function openNetwork(env: Environment, changes: Partial<NetworkLimits> = {}): Network {
  const limits = { ...networkLimits, ...changes };
  const proxies = readProxies(env);
  const hasProxy = proxies.https !== '';
  shortenLookups();
  const connect = { timeout: limits.connectTimeoutMs };
  const agent = new EnvHttpProxyAgent({
    httpProxy: proxies.http,
    httpsProxy: proxies.https,
    noProxy: proxies.except,
    connect,
    proxyTls: connect,
    requestTls: connect,
    // Many proxies let nobody tunnel to port 80; they are asked for plain http as curl asks.
    proxyTunnel: false,
    // Both are watched here, over redirects and proxies as well.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  return {
    limits,
    send: (wanted) => follow({ ...wanted, agent, limits, hasProxy }),
    close: () => agent.destroy(),
  };
}

interface Sending extends NetworkRequest {
  readonly agent: EnvHttpProxyAgent;
  readonly limits: NetworkLimits;
  readonly hasProxy: boolean;
}

async function follow(sending: Sending): Promise<Answer> {
  let { url, authorization } = sending;
  for (let redirects = 0; redirects <= sending.limits.redirects; redirects += 1) {
    const answer = await sendOnce({ ...sending, url, authorization });
    const location = answer.header('location');
    if (![301, 302, 303, 307, 308].includes(answer.status) || location === undefined) return answer;
    answer.body.destroy();
    const next = judgeRedirect(url, location);
    if (next.origin !== url.origin) authorization = undefined;
    url = next;
  }
  throw permanentFault(
    'NET105',
    `${showUrl(sending.url)} leads to more than ${sending.limits.redirects} redirects, at last to ${showUrl(url)}`,
    'check the address of the mirror or the proxy',
  );
}

function judgeRedirect(from: URL, location: string): URL {
  const refused = (what: string): never => {
    throw permanentFault(
      'NET105',
      `${showUrl(from)} redirects ${what}`,
      'check the mirror or the proxy between',
    );
  };
  if (!URL.canParse(location, from.href)) return refused('to what is no URL');
  const next = new URL(location, from);
  if (next.protocol !== 'https:' && next.protocol !== 'http:') return refused(`to '${next.protocol}'`);
  if (from.protocol === 'https:' && next.protocol === 'http:')
    return refused(`from https to http, to ${showUrl(next)}`);
  return next;
}

async function sendOnce(sending: Sending): Promise<Answer> {
  const { url, method, headers, authorization, agent, limits, hasProxy, signal } = sending;
  const late = new AbortController();
  // Silence is not tried again: `npm start` would wait three times. Connecting has a limit of its own.
  const silence = permanentFault(
    'NET101',
    `'${url.host}' cannot be reached: it accepts, but does not answer within ${limits.headersTimeoutMs / 1000} s`,
    'check the network and the proxy, or try again later',
  );
  const timer = setTimeout(() => {
    late.abort(silence);
  }, limits.connectTimeoutMs + limits.headersTimeoutMs);
  try {
    const answer = await request(url, {
      method,
      dispatcher: agent,
      signal: AbortSignal.any([signal, late.signal]),
      headers: {
        'user-agent': 'vmbuild',
        'accept-encoding': 'identity',
        ...headers,
        ...(authorization === undefined ? {} : { authorization }),
      },
    });
    // A body that is destroyed may still say why; who reads it hears it all the same.
    answer.body.on('error', () => undefined);
    return {
      status: answer.statusCode,
      url,
      header: (name) => {
        const value = answer.headers[name];
        return Array.isArray(value) ? value[0] : value;
      },
      body: answer.body,
      faultOf: (error) => faultOfError(error, url.host, hasProxy),
    };
  } catch (error) {
    signal.throwIfAborted();
    throw late.signal.aborted ? late.signal.reason : faultOfError(error, url.host, hasProxy);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A name server that is silent holds getaddrinfo, and with it this process's end, for 10 s or more (resolv.conf(5):
 * two attempts of 5 s for each server). Ours waits 3 s for the first.
 */
function shortenLookups(): void {
  process.env['RES_OPTIONS'] ??= 'timeout:1 attempts:2';
}
