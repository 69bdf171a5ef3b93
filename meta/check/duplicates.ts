// SPDX-License-Identifier: BSD-2-Clause
// Finds things that share a key, for every rule of the kind "no two may be called the same".

/** Each later item with the first one that has its key. */
export function duplicates<T>(
  items: readonly T[],
  key: (item: T) => string | number,
): { first: T; again: T }[] {
  const seen = new Map<string | number, T>();
  const found: { first: T; again: T }[] = [];
  for (const item of items) {
    const itsKey = key(item);
    const first = seen.get(itsKey);
    if (first === undefined) seen.set(itsKey, item);
    else found.push({ first, again: item });
  }
  return found;
}
