// SPDX-License-Identifier: BSD-2-Clause
// Names in a description may be anything: empty, a page long, full of quotes. In a graph's text each node goes by a
// plain word instead, and labels show names with what cannot be seen spelt out.

/** Longest part of a name that goes into an id. */
const idChars = 40;

/** Gives each node an id of letters, digits and `_`, made from its name, and no id twice. */
export function makeNaming(): (kind: string, name: string) => string {
  const last = new Map<string, number>();
  const taken = new Set<string>();
  return (kind, name) => {
    const wanted = `${kind}_${name.slice(0, idChars).replaceAll(/[^A-Za-z0-9]+/g, '_')}`;
    let id = wanted;
    // Counting goes on where it stopped, so a thousand equal names cost a thousand steps, not a million.
    for (let n = last.get(wanted) ?? 1; taken.has(id); n += 1) {
      id = `${wanted}_${n + 1}`;
      last.set(wanted, n + 1);
    }
    taken.add(id);
    return id;
  };
}

/** Longest name that a label shows. */
const labelChars = 64;

/** A name for a label: on one line, not too long, and with nothing in it that hides or turns text around. */
export function visible(name: string): string {
  if (name === '') return '(no name)';
  const shown = name.length > labelChars ? `${name.slice(0, labelChars - 1)}…` : name;
  return shown.replaceAll(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (char) => `\\u{${char.codePointAt(0)?.toString(16) ?? ''}}`,
  );
}
