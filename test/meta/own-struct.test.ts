// SPDX-License-Identifier: BSD-2-Clause
// Config structs of the user's own: the header that is made from the fields, compiled, holds the bytes that we lay out.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ComponentConfig, componentConfig, renderConfigHeader } from '../../meta/config/component.ts';
import * as fields from '../../meta/config/field.ts';
import { ownStructHeaders } from '../../meta/config/own-struct.ts';
import { struct } from '../../meta/config/struct.ts';
import { requireOrSkip } from '../require.ts';
import { clangs, objcopy } from './upstream.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'vmbuild own struct-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A field type and a value of it. */
interface Sample {
  readonly type: fields.FieldType<never>;
  readonly value: unknown;
}

const of = <Value>(type: fields.FieldType<Value>, values: fc.Arbitrary<Value>): fc.Arbitrary<Sample> =>
  values.map((value) => ({ type: type as fields.FieldType<never>, value }));

const int = (bits: number, isSigned = false): fc.Arbitrary<number> =>
  isSigned
    ? fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 })
    : fc.integer({ min: 0, max: 2 ** bits - 1 });

const scalar = fc.oneof(
  of(fields.u8, int(8)),
  of(fields.u16, int(16)),
  of(fields.u32, int(32)),
  of(fields.i8, int(8, true)),
  of(fields.i16, int(16, true)),
  of(fields.i32, int(32, true)),
  of(fields.i32, fc.constant(-(2 ** 31))),
  of(fields.u64, fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })),
  of(fields.pointer, fc.bigInt({ min: 0n, max: (1n << 48n) - 1n })),
  of(fields.bool, fc.boolean()),
  of(fields.text(9), fc.string({ unit: 'grapheme-ascii', maxLength: 8 })),
  of(fields.magic('a\u0001'), fc.constant(undefined)),
);

const arrayed = fc
  .tuple(scalar, fc.integer({ min: 1, max: 5 }), fc.nat(5))
  .map(([{ type, value }, length, count]): Sample => {
    const inner = fields.array(type, length);
    const outer = fields.array(inner, 2);
    return {
      type: outer,
      value: [Array.from({ length: Math.min(count, length) }, () => value)],
    };
  });

const record = (name: string, members: readonly Sample[]): Sample => ({
  type: struct({
    cName: name,
    fields: Object.fromEntries(members.map(({ type }, i) => [`m${i}`, type])),
  }) as fields.FieldType<never>,
  value: Object.fromEntries(members.map(({ value }, i) => [`m${i}`, value])),
});

/** Structs with structs in them, 40 of them; the same in every run. */
function samples(): readonly ComponentConfig[] {
  const members = fc.array(fc.oneof(scalar, arrayed), { minLength: 1, maxLength: 7 });
  return fc.sample(fc.tuple(members, members), { numRuns: 40, seed: 7 }).map(([outer, inner], i) => {
    const nested = record(`inner${i}_t`, inner);
    const { type, value } = record(`struct outer${i}`, [...outer, nested, ...outer]);
    const seat = { pd: 'p', symbol: `s${i}`, section: `.s${i}`, dataFile: `s${i}.data` };
    return componentConfig(seat, type as unknown as ReturnType<typeof struct>, value as never);
  });
}

describe.each(['clang', 'clang-19', 'clang-14'])('%s', (clang) => {
  test('lays out what the header declares as we do', (ctx) => {
    requireOrSkip(ctx, 'clang', clangs.length > 0 && objcopy !== undefined, 'no clang with llvm-objcopy');
    if (!clangs.includes(clang)) ctx.skip(`no ${clang} here`);
    const configs = samples();
    for (const { name, text } of ownStructHeaders(configs)) writeFileSync(join(directory, name), text);
    writeFileSync(join(directory, 'p.config.h'), renderConfigHeader('p', configs));
    const object = join(directory, 'p.o');
    const flags = '-target aarch64-none-elf -ffreestanding -Wall -Wextra -Werror -std=gnu11 -x c -c';
    execFileSync(clang, [...flags.split(' '), join(directory, 'p.config.h'), '-o', object]);
    for (const config of configs) {
      const output = join(directory, 'section.bin');
      execFileSync(`${objcopy}`, ['-O', 'binary', `--only-section=${config.section}`, object, output]);
      expect(readFileSync(output).toString('hex'), config.symbol).toBe(
        Buffer.from(config.bytes()).toString('hex'),
      );
    }
  });
});

test('a header is read once, includes what it is made of, and has the size checked by the compiler', () => {
  const point = struct({ cName: 'point_t', fields: { x: fields.u8, y: fields.u16 } });
  const line = struct({
    cName: 'struct line',
    fields: { ends: fields.array(point, 2), name: fields.text(5) },
  });
  const seat = { pd: 'p', symbol: 'l', section: '.l', dataFile: 'l.data' };
  const headers = ownStructHeaders([componentConfig(seat, line, { ends: [{ x: 1, y: 2 }], name: 'abc' })]);
  expect(headers.map(({ name }) => name)).toEqual(['point_t.h', 'line.h']);
  expect(headers[1]?.text).toBe(`// SPDX-License-Identifier: BSD-2-Clause
// Generated by vmbuild from the fields that the system description gives it. Do not edit.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "point_t.h"

struct line {
    point_t ends[2];
    char name[5];
};

_Static_assert(sizeof(struct line) == 14, "struct line is laid out as vmbuild has it");
`);
});
