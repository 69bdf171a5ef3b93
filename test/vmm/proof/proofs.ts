// SPDX-License-Identifier: BSD-2-Clause
// What is proved of the device core, within which bounds, and how CBMC is asked.

import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { z } from 'zod';
import { coreDir } from '../compile.ts';

export interface Proof {
  readonly name: string;
  /** File in this folder, and the function in it that is proved. */
  readonly file: string;
  readonly entry: string;
  /** Files in vmm/vsock/ that it is about. */
  readonly sources: readonly string[];
  /** More runs of any loop than this are themselves a property that fails. */
  readonly unwind: number;
  readonly bounds: readonly string[];
}

// What memory holds is left open (proof.h); these bounds are what is not.
const smallQueue = ['-DVSOCK_QUEUE_SIZE_MAX=2'];
const queue = { file: 'queue_proof.c', sources: ['virtqueue.c'], bounds: smallQueue, unwind: 6 };
const ring = { file: 'ring_proof.c', sources: ['ring.c', 'packet.c'], unwind: 9 };

export const proofs: readonly Proof[] = [
  {
    name: 'header',
    file: 'header_proof.c',
    entry: 'prove',
    sources: ['packet.c'],
    bounds: ['-DEXACT_COPIES'],
    unwind: 45,
  },
  {
    name: 'connections',
    file: 'connections_proof.c',
    entry: 'prove',
    sources: ['connections.c'],
    bounds: [],
    unwind: 5,
  },
  { name: 'queue: a chain is taken', entry: 'prove_take', ...queue },
  { name: 'ring of 4 KiB', entry: 'prove', ...ring, bounds: ['-DRING_DATA_SIZE=0x1000u'] },
];

export interface Verdict {
  readonly properties: number;
  /** Properties that fail, and such that must but do not: `ring.c:123 a copy reads what is there`. */
  readonly faults: readonly string[];
}

const proofDir = fileURLToPath(new URL('.', import.meta.url));
const timeoutMs = 900_000;

const report = z.array(
  z.object({
    messageType: z.string().optional(),
    messageText: z.string().optional(),
    result: z
      .array(
        z.object({
          property: z.string(),
          description: z.string(),
          status: z.enum(['SUCCESS', 'FAILURE', 'UNKNOWN', 'ERROR']),
          sourceLocation: z.object({ file: z.string().optional(), line: z.string().optional() }).optional(),
        }),
      )
      .optional(),
  }),
);

/** Preprocessed by clang, so CBMC needs no compiler. `replaced`: a changed file in place of the one of its name. */
export async function runProof(
  clang: string,
  cbmc: readonly string[],
  proof: Proof,
  dir: string,
  replaced?: string,
): Promise<Verdict> {
  await mkdir(dir, { recursive: true });
  const inCore = proof.sources.map((name) =>
    replaced !== undefined && basename(replaced) === name ? replaced : join(coreDir, name),
  );
  const inputs: string[] = [];
  for (const source of [join(proofDir, proof.file), join(proofDir, 'memory.c'), ...inCore]) {
    const input = join(dir, `${basename(source, '.c')}.i`);
    const words = ['-E', '-std=c11', '-include', join(proofDir, 'proof.h'), `-I${coreDir}`, ...proof.bounds];
    await execa(clang, [...words, source, '-o', input]);
    inputs.push(input);
  }
  const [program = '', ...rest] = cbmc;
  const words = ['--function', proof.entry, '--unwind', String(proof.unwind), '--unwinding-assertions'];
  const run = await execa(program, [...rest, ...words, '--json-ui', ...inputs], {
    reject: false,
    timeout: timeoutMs,
    maxBuffer: 256 * 1024 ** 2,
  });
  if (run.timedOut) throw new Error(`CBMC came to no end within ${timeoutMs} ms`);
  return judge(report.parse(JSON.parse(run.stdout)));
}

function judge(messages: z.infer<typeof report>): Verdict {
  const result = messages.find((message) => message.result !== undefined)?.result;
  if (result === undefined) {
    const said = messages
      .filter(({ messageType }) => messageType === 'ERROR')
      .map((message) => message.messageText);
    throw new Error(`CBMC came to no result: ${said.join('; ')}`);
  }
  const faults = result.flatMap(({ description, status, sourceLocation: at }) => {
    const place = `${basename(at?.file ?? '')}:${at?.line ?? ''} ${description}`;
    if (description.startsWith('reached: ')) return status === 'FAILURE' ? [] : [`${place}: it is not`];
    return status === 'SUCCESS' ? [] : [place];
  });
  const claims = result.filter(({ description }) => !description.startsWith('reached: '));
  return { properties: claims.length, faults };
}
