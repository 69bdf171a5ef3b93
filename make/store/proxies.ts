// SPDX-License-Identifier: BSD-2-Clause
// The proxies that the environment names, read in one place, so that our own requests and git's go the same way.
import { exitCode, refuse } from '../../meta/diagnostic.ts';
import type { Environment } from './cache.ts';

export interface Proxies {
  /** Empty: none. */
  readonly http: string;
  readonly https: string;
  readonly except: string;
}

/** Lower case wins, as with curl. Where only one for http is named, it is taken for https as well. */
export function readProxies(env: Environment): Proxies {
  const http = parseProxy(env, ['http_proxy', 'HTTP_PROXY']);
  const https = parseProxy(env, ['https_proxy', 'HTTPS_PROXY']);
  return { http, https: https === '' ? http : https, except: env['no_proxy'] ?? env['NO_PROXY'] ?? '' };
}

/** Like curl, takes `proxy:3128` for `http://proxy:3128`. */
function parseProxy(env: Environment, names: readonly string[]): string {
  const name = names.find((one) => (env[one] ?? '') !== '');
  if (name === undefined) return '';
  const text = env[name] ?? '';
  const url = text.includes('://') ? text : `http://${text}`;
  if (URL.canParse(url)) return url;
  // The text is not shown: it may hold a password.
  return refuse('NET109', `what ${name} says is no address of a proxy`, {
    hint: `set ${name} to http://proxy:port`,
    exit: exitCode.usage,
  });
}
