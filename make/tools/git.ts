// SPDX-License-Identifier: BSD-2-Clause
// Fetches exactly one commit with git: its name is the hash of its content, so whatever arrives under it is it.
//
// git runs without the user's and the system's configuration, hooks and templates: no program that those name is
// started (credential helpers, ssh, filters, fsmonitor), no address is rewritten, no line end converted. Proxies come
// from the environment; user and password of a mirror come in a header, not in the address, so that `ps` does not show
// them. It can ask nobody.
import { readdirSync, statSync } from 'node:fs';
import { devNull } from 'node:os';
import { join } from 'node:path';
import { exitCode, Refusal, refuse } from '../../meta/diagnostic.ts';
import { describeFailure, runCommand } from '../run.ts';
import type { Environment } from '../store/cache.ts';
import { readGitHead } from '../store/git-head.ts';
import { type GitLimits, gitLimits } from '../store/limits.ts';
import { transientFault } from '../store/network-fault.ts';
import { readProxies } from '../store/proxies.ts';

export interface FetchCommitOptions {
  /** `https:`, `http:` or `file:`, without credentials. */
  readonly url: string;
  readonly authorization?: string | undefined;
  /** 40 hexadecimal digits. */
  readonly commit: string;
  /** There, and empty. It becomes a checkout of `commit`, `.git` and all. */
  readonly directory: string;
  readonly env: Environment;
  readonly signal: AbortSignal;
  readonly limits?: Partial<GitLimits>;
  /** Bytes of packed objects that have arrived. */
  readonly onProgress?: (receivedBytes: number) => void;
}

/** One try. Throws a NetworkFault if another one may do; refuses SRC104 to SRC107. */
export async function fetchCommit(options: FetchCommitOptions): Promise<void> {
  const { url, commit, directory, signal } = options;
  const git = (...args: string[]): Promise<void> => runGit(options, args);
  await git('init', '--quiet', '--template=', '.');
  const quiet = ['--quiet', '--no-tags', '--no-recurse-submodules', '--no-auto-maintenance'];
  await git('fetch', ...quiet, '--depth=1', '--', url, commit);
  await git('checkout', '--quiet', '--detach', commit, '--');
  signal.throwIfAborted();
  const head = readGitHead(directory);
  if (head !== commit)
    refuse('SRC105', `git checked out ${head ?? 'nothing'} from ${url}, asked for was ${commit}`, {
      hint: 'try again with another version of git',
    });
}

async function runGit(options: FetchCommitOptions, args: readonly string[]): Promise<void> {
  const { directory, signal, url } = options;
  signal.throwIfAborted();
  const watch = watchGrowth(options);
  try {
    const { end, output } = await runCommand(
      { tool: 'git', args: [...settings, ...args], cwd: directory, env: environmentOf(options) },
      AbortSignal.any([signal, watch.signal]),
    );
    signal.throwIfAborted();
    watch.signal.throwIfAborted();
    const failure = describeFailure(end);
    if (failure === undefined) return;
    if (end.kind === 'unstarted' && end.reason === 'ENOENT')
      refuse('SRC106', "'git' is not found on PATH; the sources of libvmm and sDDF are fetched with it", {
        hint: 'run: apt install git; or name the sources with --libvmm and --sddf',
        exit: exitCode.missing,
      });
    judgeOutput(`'git ${args[0]}' from ${url} ${failure}`, output);
  } finally {
    watch.stop();
  }
}

/** The configuration of every call, in place of the user's. */
const settings = Object.entries({
  'core.fsmonitor': 'false',
  'core.autocrlf': 'false',
  'core.symlinks': 'true',
  'credential.helper': '',
  // A few objects would be unpacked in memory, where nobody counts them.
  'fetch.unpackLimit': '1',
  'gc.auto': '0',
  'maintenance.auto': 'false',
  'init.defaultBranch': 'main',
  'advice.detachedHead': 'false',
  'submodule.recurse': 'false',
}).flatMap(([key, value]) => ['-c', `${key}=${value}`]);

/** `runCommand` passes none of the user's GIT_ variables on; these are ours. */
function environmentOf({ env, authorization }: FetchCommitOptions): Record<string, string> {
  const { http, https, except } = readProxies(env);
  const kept = ['GIT_SSL_CAINFO', 'GIT_SSL_CAPATH', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'RES_OPTIONS'].flatMap(
    (name) => (env[name] === undefined ? [] : [[name, env[name]] as const]),
  );
  return {
    ...Object.fromEntries(kept),
    http_proxy: http,
    https_proxy: https,
    no_proxy: except,
    // No home, no configuration; the system's has a switch of its own.
    HOME: devNull,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '',
    GIT_ALLOW_PROTOCOL: 'https:http:file',
    // Slower than 1000 B/s for 30 s is dead. git has no limit for connecting: the host was asked before (fetch-source.ts).
    GIT_HTTP_LOW_SPEED_LIMIT: '1000',
    GIT_HTTP_LOW_SPEED_TIME: '30',
    ...(authorization === undefined
      ? {}
      : {
          GIT_CONFIG_COUNT: '1',
          GIT_CONFIG_KEY_0: 'http.extraHeader',
          GIT_CONFIG_VALUE_0: `Authorization: ${authorization}`,
        }),
  };
}

/** What git's words mean; strings of git 2.39 and its curl. */
function judgeOutput(what: string, output: string): never {
  const lines = output.split('\n').filter((line) => /^(fatal|error|remote): /.test(line));
  const said = (lines.length === 0 ? output.trim().split('\n').slice(-1) : lines.slice(0, 3)).join('; ');
  const message = `${what}: ${said === '' ? 'it gave no reason' : said.slice(0, maxSaid)}`;
  if (passing.test(output)) throw transientFault(message);
  refuse('SRC104', message, {
    hint: /not our ref|unadvertised object|shallow/.test(output)
      ? 'check that the mirror has this commit and gives it to who asks for it by name'
      : 'mend what git says, or name the sources with --libvmm and --sddf',
  });
}

const maxSaid = 600;
const passing =
  /RPC failed|early EOF|hung up|unexpected disconnect|returned error: (408|429|5\d\d)|timed? ?out|too slow|Connection reset|Recv failure|Empty reply|SSL_read|recv error/i;

/** Ends git when it takes too much, too long, or stands still. git itself has no limit for any of them. */
function watchGrowth(options: FetchCommitOptions): { signal: AbortSignal; stop: () => void } {
  const { directory, url, onProgress } = options;
  const { packBytes, idleMs, totalMs } = { ...gitLimits, ...options.limits };
  const controller = new AbortController();
  const startMs = performance.now();
  let lastBytes = 0;
  let lastMs = startMs;
  const timer = setInterval(() => {
    const nowMs = performance.now();
    const bytes = sizeOfObjects(directory);
    if (bytes !== lastBytes) {
      onProgress?.(bytes);
      lastMs = nowMs;
    }
    lastBytes = bytes;
    const still = nowMs - lastMs > idleMs;
    if (bytes > packBytes) controller.abort(tooMuch(url, packBytes));
    else if (still || nowMs - startMs > totalMs)
      controller.abort(
        transientFault(
          `git got ${bytes} bytes from ${url} and ${still ? `stood still for ${idleMs / 1000}` : `was not done in ${totalMs / 1000}`} s`,
        ),
      );
  }, pollMs);
  return {
    signal: controller.signal,
    stop: () => {
      clearInterval(timer);
    },
  };
}

const pollMs = 100;

const tooMuch = (url: string, packBytes: number): Refusal =>
  new Refusal([
    {
      code: 'SRC107',
      severity: 'error',
      message: `git got more than ${packBytes} bytes from ${url}`,
      hint: 'check the mirror: libvmm and sDDF are a hundredth of that',
    },
  ]);

/** What has arrived lies in temporary files of the pack directory until it is whole. */
function sizeOfObjects(directory: string): number {
  const packs = join(directory, '.git', 'objects', 'pack');
  try {
    return readdirSync(packs).reduce(
      (sum, name) => sum + (statSync(join(packs, name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
  } catch {
    return 0; // not made yet
  }
}
