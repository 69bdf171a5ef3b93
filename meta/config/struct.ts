// SPDX-License-Identifier: BSD-2-Clause
// A C struct as a list of named fields in its header's order.

import { block, type FieldType, type ValueOf } from './field.ts';

type Fields = Readonly<Record<string, FieldType<never>>>;

/** What a description gives for the struct: every field but the magics, which know their own bytes. */
export type StructValue<F extends Fields> = {
  readonly [Name in keyof F as ValueOf<F[Name]> extends undefined ? never : Name]: ValueOf<F[Name]>;
};

export interface StructType<Value> extends FieldType<Value> {
  /** As C calls it, e.g. `serial_client_config_t` or `struct vsock_config`. */
  readonly cName: string;
  /** As an #include writes it, with its brackets or quotes. */
  readonly header: string;
}

/** Declares the struct `cName` of `header`. Offsets follow from the fields, as the C ABI has it. */
export function struct<F extends Fields>(options: {
  readonly cName: string;
  readonly header: string;
  readonly fields: F;
}): StructType<StructValue<F>> {
  const fields = Object.entries(options.fields).map(([name, type]) => ({
    name,
    type: type as FieldType<unknown>,
  }));
  const { offsets, sizeBytes, alignBytes } = layOut(fields.map(({ type }) => type));
  return {
    cName: options.cName,
    header: options.header,
    sizeBytes,
    alignBytes,
    put(view, offset, value) {
      for (const [i, { name, type }] of fields.entries())
        type.put(view, offset + (offsets[i] ?? 0), (value as Readonly<Record<string, unknown>>)[name]);
    },
    initializer(value) {
      const items = fields.flatMap(({ name, type }) => {
        const initializer = type.initializer((value as Readonly<Record<string, unknown>>)[name]);
        return initializer === undefined ? [] : [`.${name} = ${initializer}`];
      });
      return items.length === 0 ? undefined : block(items);
    },
  };
}

function layOut(types: readonly FieldType<unknown>[]): {
  offsets: number[];
  sizeBytes: number;
  alignBytes: number;
} {
  const alignBytes = Math.max(...types.map((type) => type.alignBytes));
  const offsets: number[] = [];
  let end = 0;
  for (const type of types) {
    const offset = roundUp(end, type.alignBytes);
    offsets.push(offset);
    end = offset + type.sizeBytes;
  }
  return { offsets, sizeBytes: roundUp(end, alignBytes), alignBytes };
}

const roundUp = (value: number, to: number): number => Math.ceil(value / to) * to;
