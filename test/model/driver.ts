// SPDX-License-Identifier: BSD-2-Clause
// Compiles driver.c with the device core, starts it, and speaks its language: lines out, what the guests see back.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { cFiles, compileObjects, coreDir, sanitizers } from '../vmm/compile.ts';
import type { Limits } from './model.ts';
import type { Registers, Sight, Used } from './observe.ts';

export const modelDir = fileURLToPath(new URL('.', import.meta.url));
export const driverFlags = ['-g', '-O1', '-D_GNU_SOURCE', ...sanitizers];

/** Few places for connections and replies, and little work per call: so the ends of all three are met often. */
export const smallLimits = ['-DVSOCK_MAX_CONNECTIONS=6', '-DVSOCK_MAX_REPLIES=4', '-DVSOCK_BUDGET=12'];

/** Compiles a driver into `out`; returns the program's path. */
export async function buildDriver(clang: string, out: string, flags: readonly string[]): Promise<string> {
  const objects = await compileObjects(clang, [...cFiles(coreDir), ...cFiles(modelDir)], out, flags);
  const program = join(out, 'driver');
  await execa(clang, [...flags, ...objects.values(), '-o', program]);
  return program;
}

/** A driver in a directory of its own, that goes with it. */
export async function withDriver<T>(
  clang: string,
  flags: readonly string[],
  use: (driver: Driver) => Promise<T>,
): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'vmbuild-model-'));
  try {
    const driver = new Driver(await buildDriver(clang, dir, flags));
    try {
      return await use(driver);
    } finally {
      driver.stop();
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** A running driver. When it dies (a sanitizer stops it) the next run starts another. */
export class Driver {
  #process: ChildProcessWithoutNullStreams | undefined;
  #lines: AsyncIterator<string> | undefined;
  #reader: Interface | undefined;
  #errors = '';
  limits: Limits = { connections: 0, replies: 0, budget: 0 };

  readonly #program: string;

  constructor(program: string) {
    this.#program = program;
  }

  /** Does what the lines say in a new world; one sight for each. `cut` says why there are fewer. */
  async run(lines: readonly string[]): Promise<{ sights: Sight[]; cut?: string }> {
    if (this.#process === undefined) await this.#start();
    this.#process?.stdin.write(`${lines.join('\n')}\ndone\n`);
    const sights: Sight[] = [];
    let own: string[] = [];
    for (;;) {
      const next = await this.#next();
      if (next === undefined) {
        const cut = `the driver was stopped:\n${this.#errors}`;
        this.stop();
        return { sights, cut };
      }
      if (next === 'done') return { sights };
      if (next !== '=') own.push(next);
      else {
        sights.push(parseSight(own));
        own = [];
      }
    }
  }

  stop(): void {
    this.#reader?.close();
    this.#process?.kill('SIGKILL');
    this.#process = undefined;
  }

  async #start(): Promise<void> {
    this.#errors = '';
    const child = spawn(this.#program, [], { env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' } });
    child.stderr.on('data', (chunk: Buffer) => {
      this.#errors = `${this.#errors}${chunk.toString()}`.slice(0, 4000);
    });
    child.stdin.on('error', () => undefined); // the driver is gone: its output ends, too
    this.#process = child;
    this.#reader = createInterface(child.stdout);
    this.#lines = this.#reader[Symbol.asyncIterator]();
    const [, connections, replies, budget] = ((await this.#next()) ?? '').split(' ').map(Number);
    this.limits = { connections: connections ?? 0, replies: replies ?? 0, budget: budget ?? 0 };
  }

  /** The next line, or undefined if the driver has ended or does not answer any more. */
  async #next(): Promise<string | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<undefined>((done) => {
      timer = setTimeout(() => {
        this.#errors = `${this.#errors}no answer for ${silenceMs / 1000} s`;
        done(undefined);
      }, silenceMs);
    });
    const line = this.#lines?.next().then((result) => (result.done === true ? undefined : result.value));
    const first = await Promise.race([line, silence]);
    clearTimeout(timer);
    return first;
  }
}

const silenceMs = 20_000;

function parseSight(lines: readonly string[]): Sight {
  const received: Used[] = [];
  const sent: Used[] = [];
  const registers: Registers[] = [];
  const complaints: string[] = [];
  let isSkipped = false;
  for (const line of lines) {
    const [kind = '', ...words] = line.split(' ');
    const n = words.map(Number);
    if (kind === 'r') received.push(parseUsed(n));
    if (kind === 't') sent.push(parseUsed(n));
    if (kind === 's') {
      const [, status = 0, isr = 0, irq = 0, rises = 0, falls = 0] = n;
      registers.push({ status, isr, irq, rises, falls });
    }
    if (kind === '!') complaints.push(words.join(' '));
    if (kind === 'skip') isSkipped = true;
  }
  return { received, sent, registers, complaints, isSkipped };
}

function parseUsed([guest = 0, serial = 0, length = 0, ...rest]: readonly number[]): Used {
  if (rest.length === 0) return { guest, serial, length };
  const [
    srcCid = 0,
    dstCid = 0,
    srcPort = 0,
    dstPort = 0,
    len = 0,
    type = 0,
    op = 0,
    flags = 0,
    bufAlloc = 0,
    fwdCnt = 0,
    hash = 0,
  ] = rest;
  return {
    guest,
    serial,
    length,
    packet: { header: { srcCid, dstCid, srcPort, dstPort, len, type, op, flags, bufAlloc, fwdCnt }, hash },
  };
}
