// SPDX-License-Identifier: BSD-2-Clause
// What can go wrong between us and a server, as values: is another try worth it, and what is said if not.
import type { Diagnostic } from '../../meta/diagnostic.ts';

/** Thrown by one try; `withTries` (make/store/tries.ts) makes a Refusal of the last one. */
export class NetworkFault extends Error {
  readonly diagnostic: Diagnostic;
  readonly isTransient: boolean;
  /** As the server asked for. */
  readonly retryAfterMs: number | undefined;
  constructor(
    diagnostic: Diagnostic,
    more: { isTransient?: boolean; retryAfterMs?: number | undefined } = {},
  ) {
    super(diagnostic.message);
    this.name = 'NetworkFault';
    this.diagnostic = diagnostic;
    this.isTransient = more.isTransient ?? false;
    this.retryAfterMs = more.retryAfterMs;
  }
}

/** A fault that another try may mend. */
export const transientFault = (message: string, retryAfterMs?: number): NetworkFault =>
  new NetworkFault(
    { code: 'NET104', severity: 'error', message, hint: 'try again later: what has arrived is kept' },
    { isTransient: true, retryAfterMs },
  );

export const permanentFault = (code: string, message: string, hint: string): NetworkFault =>
  new NetworkFault({ code, severity: 'error', message, hint });

/** Of an error that a request or its body ended with; anything that is no fault of the network is given back as it is. */
export function faultOfError(error: unknown, host: string, hasProxy: boolean): unknown {
  if (!(error instanceof Error) || error instanceof NetworkFault) return error;
  const { code = '', syscall, message: said } = firstOf(error);
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || syscall === 'connect' || syscall === 'getaddrinfo')
    return permanentFault(
      'NET101',
      `'${host}' cannot be reached: ${reasonOf(code)} (${said})`,
      hasProxy
        ? 'check the network and the proxy that http_proxy or https_proxy names'
        : 'check the network, or set https_proxy if there is a proxy',
    );
  if (/^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|EPROTO)/.test(code))
    return permanentFault(
      'NET102',
      `no trusted connection to '${host}': ${said}`,
      'check the clock, or name the certificate of your proxy in NODE_EXTRA_CA_CERTS and GIT_SSL_CAINFO',
    );
  const status = /Proxy response \((\d{3})\)|\((407)\)/.exec(error.message);
  if (status !== null) {
    const number = status[1] ?? status[2];
    return permanentFault(
      'NET108',
      `the proxy refuses to connect to '${host}': it answers ${number}`,
      number === '407'
        ? 'put user and password into http_proxy and https_proxy: http://user:password@proxy:port'
        : 'check the proxy, or except the host with no_proxy',
    );
  }
  if (cuts.has(code) || error.name === 'HTTPParserError')
    return transientFault(`the connection to '${host}' was cut (${said})`);
  return error;
}

/** Of an answer that is not the file: 408, 429 and 5xx pass, the rest stays. */
export function faultOfStatus(status: number, retryAfter: string | undefined, where: string): NetworkFault {
  const message = `${where} answers ${status}${meanings[status] ?? ''}`;
  if (status === 408 || status === 429 || status >= 500)
    return transientFault(message, parseRetryAfter(retryAfter));
  return permanentFault(
    'NET103',
    message,
    status === 404 || status === 410
      ? 'check that the mirror has it, or download it by another way'
      : 'check that you may read it there: a mirror may want user and password in its address',
  );
}

const cuts: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'UND_ERR_SOCKET',
  'UND_ERR_CLOSED',
  'UND_ERR_DESTROYED',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_HEADERS_OVERFLOW',
]);

const meanings: Readonly<Record<number, string>> = {
  401: ' (it wants a user and a password)',
  403: ' (it does not allow it)',
  404: ' (it is not there)',
  410: ' (it is gone)',
  429: ' (too many requests)',
  503: ' (it is overloaded)',
};

const reasons: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name has no address',
  EAI_AGAIN: 'no name server answers',
  ECONNREFUSED: 'nothing answers at that port',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
  ETIMEDOUT: 'it does not answer',
};
const reasonOf = (code: string): string => reasons[code] ?? 'there is no way to it';

/** Several addresses were tried: the first one's error stands for all. */
function firstOf(error: NodeJS.ErrnoException & { readonly errors?: unknown }): NodeJS.ErrnoException {
  const [first] = Array.isArray(error.errors) ? (error.errors as unknown[]) : [];
  return first instanceof Error ? first : error;
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
function parseRetryAfter(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text.trim())) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}
