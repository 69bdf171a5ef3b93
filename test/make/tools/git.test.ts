// SPDX-License-Identifier: BSD-2-Clause
// One commit from a real server, by git's own backend: exactly that one, without anything that the user's git is set up to
// do, and with an end to every wait.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fetchCommit, type FetchCommitOptions } from '../../../make/tools/git.ts';
import { NetworkFault } from '../../../make/store/network-fault.ts';
import { readGitHead } from '../../../make/store/git-head.ts';
import { type GitHub, type Misbehave, startGitHub } from '../store/github.ts';
import { refusedBy } from '../refused.ts';
import { fakeTool, processesOf, runsOf, scratchDir, write } from '../scratch.ts';

interface Setup {
  readonly github: GitHub;
  readonly directory: string;
  readonly run: (changes?: Partial<FetchCommitOptions>) => Promise<void>;
}

async function setUp(): Promise<Setup> {
  const github = await startGitHub();
  const directory = scratchDir('check out');
  return {
    github,
    directory,
    run: (changes = {}) =>
      fetchCommit({
        url: `${github.base}au-ts/libvmm.git`,
        commit: github.stack.libvmm.commit,
        directory,
        env: {},
        signal: new AbortController().signal,
        ...changes,
      }),
  };
}

async function faultOf(task: () => Promise<void>): Promise<NetworkFault> {
  const error: unknown = await task().catch((thrown: unknown) => thrown);
  if (error instanceof NetworkFault) return error;
  throw new Error('no fault', { cause: error });
}

/** Runs with `changes` in this process's environment, as a user's shell would have them. */
async function withEnvironment(changes: Record<string, string>, task: () => Promise<void>): Promise<void> {
  const before = { ...process.env };
  Object.assign(process.env, changes);
  try {
    await task();
  } finally {
    for (const name of Object.keys(changes)) delete process.env[name];
    Object.assign(process.env, before);
  }
}

const packs: RegExp = /POST .*git-upload-pack/;

describe('a commit', () => {
  it('comes as it is, alone, though it is not the newest', async () => {
    const { github, directory, run } = await setUp();
    await run();
    expect(readGitHead(directory)).toBe(github.stack.libvmm.commit);
    expect(readFileSync(join(directory, 'docs/crlf.txt'), 'utf8')).toBe('one\r\ntwo\n');
    expect(existsSync(join(directory, 'later'))).toBe(false);
    const git = (...args: string[]): string =>
      execFileSync('git', ['-C', directory, ...args], { encoding: 'utf8' }).trim();
    expect(git('rev-list', '--count', 'HEAD')).toBe('1');
    expect(git('status', '--porcelain')).toBe('');
    expect(git('fsck', '--strict')).toBe('');
  });

  it('comes from a folder as well', async () => {
    const { github, directory, run } = await setUp();
    await run({ url: `file://${github.root}/au-ts/libvmm.git` });
    expect(readGitHead(directory)).toBe(github.stack.libvmm.commit);
    expect(github.requests).toEqual([]);
  });

  it('that the server lacks is refused with git’s words', async () => {
    const { run } = await setUp();
    const commit = '0123456789012345678901234567890123456789';
    const { code, message, hint } = await refusedBy(() => run({ commit }));
    expect(code).toBe('SRC104');
    expect(message).toMatch(/^'git fetch' from http:.*libvmm\.git exited with 128: .*not our ref 0123456789/);
    expect(hint).toContain('check that the mirror has this commit');
  });

  it('is not to be had from a server that only has files', async () => {
    const { github, run } = await setUp();
    github.fault = {
      path: /au-ts/,
      times: 100,
      act: (request, response) => {
        const name = new URL(request.url ?? '', 'http://x').pathname;
        const path = join(github.root, name);
        execFileSync('git', ['-C', join(github.root, 'au-ts/libvmm.git'), 'update-server-info']);
        if (existsSync(path)) response.writeHead(200).end(readFileSync(path));
        else response.writeHead(404).end();
      },
    };
    const { code, hint } = await refusedBy(() => run());
    expect(code).toBe('SRC104');
    expect(hint).toContain('gives it to who asks for it by name');
  });
});

describe('the user’s own git', () => {
  it('starts no program and changes no address', async () => {
    const { directory, run } = await setUp();
    const home = scratchDir('home');
    const spy = fakeTool(home, 'spy', 'exit 1');
    const config = [
      `[core]\n\thooksPath = ${home}/hooks\n\tfsmonitor = ${spy}\n\tsshCommand = ${spy}\n\taskPass = ${spy}\n\tautocrlf = true`,
      `[credential]\n\thelper = ${spy}`,
      `[filter "x"]\n\tsmudge = ${spy}\n\trequired = true`,
      `[init]\n\ttemplateDir = ${home}/template`,
      '[url "ssh://nowhere.invalid/"]\n\tinsteadOf = http://127.0.0.1',
    ].join('\n');
    write(home, '.gitconfig', config);
    write(home, '.config/git/config', config);
    write(home, '.config/git/attributes', '* filter=x');
    for (const place of ['hooks', 'template/hooks'])
      for (const hook of ['post-checkout', 'reference-transaction'])
        chmodSync(write(home, `${place}/${hook}`, `#!/bin/sh\n'${spy}' ${hook}\n`), 0o755);
    await withEnvironment(
      {
        HOME: home,
        XDG_CONFIG_HOME: join(home, '.config'),
        GIT_DIR: join(home, 'elsewhere'),
        GIT_WORK_TREE: home,
        GIT_INDEX_FILE: join(home, 'index'),
        GIT_CONFIG_COUNT: '1',
        GIT_CONFIG_KEY_0: 'core.hooksPath',
        GIT_CONFIG_VALUE_0: join(home, 'hooks'),
        GIT_ASKPASS: spy,
        SSH_ASKPASS: spy,
        GIT_SSH_COMMAND: spy,
        GIT_TEMPLATE_DIR: join(home, 'template'),
        GIT_TRACE: '1',
      },
      () => run(),
    );
    expect(runsOf(home, 'spy')).toEqual([]);
    expect(existsSync(join(home, 'elsewhere'))).toBe(false);
    expect(readFileSync(join(directory, 'docs/crlf.txt'), 'utf8')).toBe('one\r\ntwo\n');
    expect(readdirSync(join(directory, '.git')).includes('hooks')).toBe(false);
  });

  it('is asked for nothing when the server wants a password', async () => {
    const { github, run } = await setUp();
    github.authorization = 'Basic dXNlcjpzZWNyZXQ=';
    const { code, message } = await refusedBy(() => run());
    expect(code).toBe('SRC104');
    expect(message).toMatch(/could not read Username|Authentication failed|terminal prompts disabled/);
  });

  it('is given the mirror’s password in a header', async () => {
    const { github, directory, run } = await setUp();
    github.authorization = 'Basic dXNlcjpzZWNyZXQ=';
    await run({ authorization: github.authorization });
    expect(github.requests.every(({ authorization }) => authorization === github.authorization)).toBe(true);
    for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true }))
      if (entry.isFile())
        expect(readFileSync(join(entry.parentPath, entry.name), 'latin1')).not.toMatch(
          /secret|dXNlcjpzZWNyZXQ/,
        );
  });
});

describe('a bad line', () => {
  const half: Misbehave = (_request, response) => {
    response.writeHead(200, {
      'content-type': 'application/x-git-upload-pack-result',
      'content-length': 100_000,
    });
    response.write('0011packfile\n', () => response.destroy());
  };

  it('cut in the middle, or 503: another try may do', async () => {
    const { github, run } = await setUp();
    github.fault = { path: packs, times: 1, act: half };
    const cut = await faultOf(run);
    expect(cut.isTransient).toBe(true);
    expect(cut.message).toMatch(/'git fetch' from http:.* exited with 128: (fatal|error): /);
    github.fault = {
      path: /info\/refs/,
      times: 1,
      act: (_request, response) => response.writeHead(503).end(),
    };
    expect((await faultOf(run)).isTransient).toBe(true);
    await run();
  });

  it('silent: given up, and git with all its helpers is gone', async () => {
    const { github, directory, run } = await setUp();
    github.fault = { path: packs, times: 1, act: () => undefined };
    const { message, isTransient } = await faultOf(() => run({ limits: { idleMs: 1_500 } }));
    expect(isTransient).toBe(true);
    expect(message).toContain('git got 0 bytes from http://');
    expect(message).toContain('stood still for 1.5 s');
    expect(processesOf(directory)).toEqual([]);
  });

  it('endless: refused at the limit', async () => {
    const { github, directory, run } = await setUp();
    github.fault = { path: packs, times: 1, act: endless };
    const seen: number[] = [];
    const { code, message } = await refusedBy(() =>
      run({ limits: { packBytes: 3_000_000 }, onProgress: (bytes) => seen.push(bytes) }),
    );
    expect(code).toBe('SRC107');
    expect(message).toContain('git got more than 3000000 bytes from http://');
    expect(seen.at(-1)).toBeGreaterThan(3_000_000);
    expect(processesOf(directory)).toEqual([]);
  });
});

/** A pack of one blob that never ends, in pkt-lines of band 1: stored blocks of deflate. */
const endless: Misbehave = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-result' });
  const line = (payload: Buffer): Buffer =>
    Buffer.concat([Buffer.from((payload.length + 4).toString(16).padStart(4, '0')), payload]);
  const head = Buffer.from('5041434b0000000200000001', 'hex');
  // A blob of about 2^31 bytes: type 3, then seven bits of its size at a time.
  const entry = Buffer.from([0xbf, 0xff, 0xff, 0xff, 0x3f, 0x78, 0x01]);
  const block = Buffer.concat([Buffer.from([0, 0x00, 0x80, 0xff, 0x7f]), Buffer.alloc(0x8000, 'x')]);
  const band = (bytes: Buffer): Buffer => line(Buffer.concat([Buffer.from([1]), bytes]));
  response.write(line(Buffer.from('shallow-info\n')));
  response.write('0001');
  response.write(line(Buffer.from('packfile\n')));
  response.write(band(Buffer.concat([head, entry])));
  const more = (): void => void (response.destroyed || response.write(band(block), more));
  more();
};

it('Ctrl-C ends git and all its helpers', async () => {
  const { github, directory, run } = await setUp();
  const controller = new AbortController();
  github.fault = {
    path: packs,
    times: 1,
    act: () => {
      controller.abort(new Error('stop'));
    },
  };
  await expect(run({ signal: controller.signal })).rejects.toThrow('stop');
  expect(processesOf(directory)).toEqual([]);
});

it('goes through the proxy of the environment, or around it', async () => {
  const { directory, run } = await setUp();
  const env = { http_proxy: 'http://user:s3cr3t@127.0.0.1:9' };
  const { code, message } = await refusedBy(() => run({ env }));
  expect(code).toBe('SRC104');
  expect(message).toContain('127.0.0.1 port 9');
  expect(message).not.toContain('s3cr3t');
  await run({ env: { ...env, no_proxy: '127.0.0.1' } });
  expect(existsSync(join(directory, 'vmm.mk'))).toBe(true);
});

it('a git that does nothing and calls it a success is not believed', async () => {
  const { github, run } = await setUp();
  const bin = scratchDir('bin');
  fakeTool(bin, 'git', 'exit 0');
  await withEnvironment({ PATH: `${bin}:${process.env['PATH']}` }, async () => {
    const { code, message } = await refusedBy(() => run());
    expect(code).toBe('SRC105');
    expect(message).toContain(`git checked out nothing from ${github.base}`);
    expect(message).toContain(github.stack.libvmm.commit);
  });
});

it('without git: what it is wanted for, and exit 69', async () => {
  const { run } = await setUp();
  const empty = scratchDir('bin');
  mkdirSync(join(empty, 'x'));
  await withEnvironment({ PATH: empty }, async () => {
    const { code, exit, hint } = await refusedBy(() => run());
    expect([code, exit]).toEqual(['SRC106', 69]);
    expect(hint).toContain('apt install git');
  });
});
