// SPDX-License-Identifier: BSD-2-Clause
// A C struct as a list of named fields in its header's order. Upstream's structs name the header that has them; a struct
// of the user's own names none, and its header is made from the fields (own-struct.ts).

import { block, type FieldType, type StructSource, type ValueOf } from './field.ts';

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
  readonly struct: StructSource;
}

/**
 * Declares the struct `cName` of `header`; without a header, a struct of the user's own, which vmbuild writes one for:
 * `struct greeting` and `greeting` both come from `greeting.h`. Offsets follow from the fields, as the C ABI has it.
 */
export function struct<F extends Fields>(options: {
  readonly cName: string;
  readonly header?: string;
  readonly fields: F;
}): StructType<StructValue<F>> {
  const { cName, header = `"${tagOf(cName)}.h"` } = options;
  const fields = Object.entries(options.fields).map(([name, type]) => ({
    name,
    type: type as FieldType<unknown>,
  }));
  const types = fields.map(({ type }) => type);
  const { offsets, sizeBytes, alignBytes } = layOut(types);
  const source = { header };
  return {
    cName,
    header,
    sizeBytes,
    alignBytes,
    struct:
      options.header === undefined
        ? {
            ...source,
            definition: {
              cName,
              sizeBytes,
              members: fields.map(({ name, type }) => type.declaration(name)),
              needs: types.flatMap((type) => (type.struct === undefined ? [] : [type.struct])),
            },
          }
        : source,
    declaration: (name) => `${cName} ${name}`,
    put(view, offset, value) {
      for (const [i, { name, type }] of fields.entries())
        named(name, () => type.put(view, offset + (offsets[i] ?? 0), fieldOf(value, name)));
    },
    initializer(value) {
      const items = fields.flatMap(({ name, type }) => {
        const initializer = named(name, () => type.initializer(fieldOf(value, name)));
        return initializer === undefined ? [] : [`.${name} = ${initializer}`];
      });
      return items.length === 0 ? undefined : block(items);
    },
  };
}

/** `greeting` of `struct greeting`. */
export const tagOf = (cName: string): string => cName.replace(/^struct\s+/, '');

const fieldOf = (value: unknown, name: string): unknown => (value as Readonly<Record<string, unknown>>)[name];

/** A value that does not fit says whose it is. */
function named<Result>(field: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) throw new RangeError(`field '${field}': ${error.message}`);
    throw error;
  }
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
