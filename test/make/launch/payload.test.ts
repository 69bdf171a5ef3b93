// SPDX-License-Identifier: BSD-2-Clause
// The launcher's own computation, held against numbers that were computed by other means.
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { hashPayload, makePayload, payloadBytes } from '../../../make/launch/payload.ts';
import { searchTools } from '../../../make/tools/find.ts';
import { requireOrSkip } from '../../require.ts';
import { scratchDir, write } from '../scratch.ts';

it('hashes as the FNV reference does', () => {
  // Test vectors of draft-eastlake-fnv (FNV-1a, 64 bits).
  expect(hashPayload(Buffer.from(''))).toBe('cbf29ce484222325');
  expect(hashPayload(Buffer.from('a'))).toBe('af63dc4c8601ec8c');
  expect(hashPayload(Buffer.from('foobar'))).toBe('85944171f73967e8');
});

it('makes the numbers of the generator', () => {
  // x1 = 1442695040888963407 = 0x14057b7ef767814f
  expect(makePayload('0000000000000000').readUInt16LE(0)).toBe(0x1405);
  expect(makePayload('0000000000000000')).toHaveLength(payloadBytes);
  expect(makePayload('0000000000000001').equals(makePayload('0000000000000002'))).toBe(false);
});

it('agrees with the same computation in C', async (ctx) => {
  const { found } = await searchTools(['clang'], process.env);
  const clang = found.get('clang')?.path;
  requireOrSkip(ctx, 'clang', clang !== undefined, 'no clang on PATH');
  const directory = scratchDir();
  write(
    directory,
    'payload.c',
    `int printf(const char *, ...);
     unsigned long long strtoull(const char *, char **, int);
     int main(int argc, char **argv) {
       unsigned long long x = strtoull(argv[1], 0, 16), h = 0xcbf29ce484222325ull;
       for (int i = 0; i < 16384; i++) {
         x = x * 6364136223846793005ull + 1442695040888963407ull;
         h = (h ^ (x >> 48 & 255)) * 0x100000001b3ull;
         h = (h ^ (x >> 56)) * 0x100000001b3ull;
       }
       printf("%016llx", h);
     }`,
  );
  execFileSync(clang ?? '', ['payload.c', '-o', 'payload'], { cwd: directory });
  for (const nonce of ['0000000000000000', 'ffffffffffffffff', '0123456789abcdef', '8000000000000001'])
    expect(hashPayload(makePayload(nonce))).toBe(execFileSync(`${directory}/payload`, [nonce]).toString());
});
