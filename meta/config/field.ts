// SPDX-License-Identifier: BSD-2-Clause
// The types of config structs, declared once and used twice: as bytes by the C ABI of the 64-bit targets (natural
// alignment, little endian, padding zero) and as C initialisers, where the compiler owns the layout.

/** A C type and its values. `Value` is what a description gives for it. */
export interface FieldType<Value> {
  readonly sizeBytes: number;
  readonly alignBytes: number;
  /** Writes `value` at `offset`; bytes that are not written stay zero. */
  put(view: DataView, offset: number, value: Value): void;
  /** A C initialiser, or undefined for all zero: then the field is left out. */
  initializer(value: Value): string | undefined;
  /** The member of this name as a C struct declares it, without its semicolon: `char text[64]`. */
  declaration(name: string): string;
  /** The struct that it consists of, for those who declare it before. */
  readonly struct?: StructSource;
}

/** Where C finds a struct: in a header that is there, or in one that is made from its fields. */
export interface StructSource {
  /** As an #include writes it, with its brackets or quotes. */
  readonly header: string;
  /** Of a struct of the user's own; absent where the header is upstream's. */
  readonly definition?: StructDefinition;
}

export interface StructDefinition {
  readonly cName: string;
  readonly sizeBytes: number;
  /** Members in order, without their semicolons. */
  readonly members: readonly string[];
  /** The structs among them. */
  readonly needs: readonly StructSource[];
}

export type ValueOf<Type> = Type extends FieldType<infer Value> ? Value : never;

function integer(sizeBytes: 1 | 2 | 4, kind: 'unsigned' | 'signed' = 'unsigned'): FieldType<number> {
  const span = 2 ** (8 * sizeBytes);
  const [first, end] = kind === 'signed' ? [-span / 2, span / 2] : [0, span];
  const check = (value: number): number => {
    if (!Number.isInteger(value) || value < first || value >= end)
      throw new RangeError(`${String(value)} does not fit ${an(kind)} field of ${sizeBytes} bytes`);
    return value;
  };
  return {
    sizeBytes,
    alignBytes: sizeBytes,
    // A view takes the low bits of what it is given, whatever the sign.
    put(view, offset, value) {
      if (sizeBytes === 1) view.setUint8(offset, check(value));
      else if (sizeBytes === 2) view.setUint16(offset, check(value), true);
      else view.setUint32(offset, check(value), true);
    },
    // The most negative 32-bit number has no literal: it is written as an expression.
    initializer: (value) =>
      check(value) === 0 ? undefined : value === -(2 ** 31) ? '-2147483647 - 1' : String(value),
    declaration: (name) => `${kind === 'signed' ? '' : 'u'}int${8 * sizeBytes}_t ${name}`,
  };
}

const an = (word: string): string => `${/^[aeiou]/.test(word) ? 'an' : 'a'} ${word}`;

function wide(declare: (name: string) => string, format: (digits: string) => string): FieldType<bigint> {
  return {
    sizeBytes: 8,
    alignBytes: 8,
    put: (view, offset, value) => view.setBigUint64(offset, checkU64(value), true),
    initializer: (value) => (checkU64(value) === 0n ? undefined : format(`0x${value.toString(16)}`)),
    declaration: declare,
  };
}

function checkU64(value: bigint): bigint {
  if (typeof value !== 'bigint' || value < 0n || value >= 1n << 64n)
    throw new RangeError(`${String(value)} does not fit 64 bits; write it as 1n or BigInt(…)`);
  return value;
}

export const u8 = integer(1);
export const u16 = integer(2);
export const u32 = integer(4);
export const i8 = integer(1, 'signed');
export const i16 = integer(2, 'signed');
export const i32 = integer(4, 'signed');
/** uint64_t, uintptr_t. */
export const u64 = wide(
  (name) => `uint64_t ${name}`,
  (digits) => digits,
);
/** `void *`. */
export const pointer = wide(
  (name) => `void *${name}`,
  (digits) => `(void *)${digits}`,
);

export const bool: FieldType<boolean> = {
  sizeBytes: 1,
  alignBytes: 1,
  put: (view, offset, value) => view.setUint8(offset, value ? 1 : 0),
  initializer: (value) => (value ? 'true' : undefined),
  declaration: (name) => `bool ${name}`,
};

/** `char name[length]` with at least one NUL at its end. */
export const text = (length: number): FieldType<string> => ({
  sizeBytes: length,
  alignBytes: 1,
  put(view, offset, value) {
    for (const [i, byte] of encode(value, length - 1).entries()) view.setUint8(offset + i, byte);
  },
  initializer: (value) => (value === '' ? undefined : quote(encode(value, length - 1))),
  declaration: (name) => `char ${name}[${length}]`,
});

/** A `char` array without a NUL that always holds the same bytes; its value is `undefined`, and may be left out. */
export const magic = (bytes: string): FieldType<undefined> => ({
  sizeBytes: bytes.length,
  alignBytes: 1,
  put(view, offset) {
    for (let i = 0; i < bytes.length; i += 1) view.setUint8(offset + i, bytes.charCodeAt(i));
  },
  initializer: () => `{ ${Array.from(bytes, characterLiteral).join(', ')} }`,
  declaration: (name) => `char ${name}[${bytes.length}]`,
});

/** An array of up to `length` values; the rest is zero. */
export const array = <Value>(element: FieldType<Value>, length: number): FieldType<readonly Value[]> => ({
  sizeBytes: element.sizeBytes * length,
  alignBytes: element.alignBytes,
  put(view, offset, values) {
    for (const [i, value] of checkLength(values, length).entries())
      element.put(view, offset + i * element.sizeBytes, value);
  },
  initializer(values) {
    const items = checkLength(values, length).flatMap((value, i) => {
      const initializer = element.initializer(value);
      return initializer === undefined ? [] : [`[${i}] = ${initializer}`];
    });
    return items.length === 0 ? undefined : block(items);
  },
  declaration: (name) => element.declaration(`${name}[${length}]`),
  ...(element.struct === undefined ? {} : { struct: element.struct }),
});

/** `{`, one indented item per line, `}`. */
export const block = (items: readonly string[]): string =>
  `{\n${items.map((item) => `${item.replace(/^/gm, '    ')},\n`).join('')}}`;

function checkLength<Value>(values: readonly Value[], length: number): readonly Value[] {
  if (values.length > length)
    throw new RangeError(`${values.length} values do not fit an array of ${length}`);
  return values;
}

function encode(value: string, limit: number): Uint8Array {
  const encoded = new TextEncoder().encode(value);
  if (encoded.length > limit || encoded.includes(0))
    throw new RangeError(`${JSON.stringify(value)} does not fit ${limit} bytes without a NUL`);
  return encoded;
}

const characterLiteral = (char: string): string =>
  /[ -~]/.test(char) && char !== "'" && char !== '\\' ? `'${char}'` : `0x${char.charCodeAt(0).toString(16)}`;

/** Octal escapes are at most three digits long, so they never swallow what follows, as \x would; `?` ends trigraphs. */
const quote = (encoded: Uint8Array): string =>
  `"${[...encoded].map((byte) => (byte >= 0x20 && byte < 0x7f && !'"\\?'.includes(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`)).join('')}"`;
