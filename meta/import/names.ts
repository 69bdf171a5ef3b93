// SPDX-License-Identifier: BSD-2-Clause
// Names of constants in an imported system, from names that may hold anything: `pl011@9000000/serial/queue` becomes
// `pl011_9000000SerialQueue`, `CLIENT_VMM0` becomes `clientVmm0`. ASCII only, none twice, none that has a meaning.

/** Longest part of a name that a constant's name keeps. */
const maxChars = 60;

export interface NameGiver {
  /** The wish is for the bare name; `suffix` comes into play if that is taken. */
  give(name: string, suffix: string): string;
}

export function makeNameGiver(): NameGiver {
  const taken = new Set<string>(reserved);
  const last = new Map<string, number>();
  return {
    give: (name, suffix) => {
      const wanted = camelCase(name, suffix);
      const other = `${wanted}${suffix}`;
      let given = [wanted, other].find((candidate) => !taken.has(candidate));
      for (let n = last.get(other) ?? 2; given === undefined; n += 1) {
        if (!taken.has(`${other}${n}`)) given = `${other}${n}`;
        last.set(other, n + 1);
      }
      taken.add(given);
      return given;
    },
  };
}

function camelCase(name: string, suffix: string): string {
  const words = name
    .slice(0, 4 * maxChars)
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '');
  const [first, ...others] = words.map((word) => (/[a-z]/.test(word) ? word : word.toLowerCase()));
  if (first === undefined) return lowerFirst(suffix);
  const joined = others.reduce(
    // Two numbers in a row would become one.
    (text, word) => text + (/\d$/.test(text) && /^\d/.test(word) ? `_${word}` : upperFirst(word)),
    lowerFirst(first),
  );
  const cut = joined.slice(0, maxChars);
  return /^\d/.test(cut) ? `${lowerFirst(suffix)}${cut}` : cut;
}

const upperFirst = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
const lowerFirst = (word: string): string => word.charAt(0).toLowerCase() + word.slice(1);

/** Words of the language, what the generated file itself uses, and what every object has. */
const reserved = (
  'abstract any arguments as async await boolean break case catch class const continue constructor debugger declare ' +
  'default delete do else enum eval export extends false finally for from function get globalThis if implements import ' +
  'in infinity instanceof interface is keyof let module namespace nan never new null number object of package private ' +
  'process protected prototype public readonly require return sdf set static string super switch symbol this throw true ' +
  'try type typeof undefined unique unknown using var void while with yield defineSystem console exports'
).split(' ');
