// SPDX-License-Identifier: BSD-2-Clause
// Reads the Makefile fragment that `clang -MD -MF` writes: `target: header header \⏎ header`.
//
// What make's syntax cannot hold as it is comes escaped: a space as `\ `, a hash as `\#`, a dollar as `$$`. Backslashes
// count only in front of a space or a hash, where each that belongs to the name is doubled; clang (and GCC) leave all
// others alone, so that `a\b` is the name a\b. A backslash in front of the line's end continues the line.

/** The prerequisites of the first rule, each once, in order. The rules of -MP (`header:`) have none. */
export function parseDepfile(text: string): readonly string[] {
  const names = new Set<string>();
  let name = '';
  let inTarget = true;
  const endName = (): void => {
    if (name !== '' && !inTarget) names.add(name);
    name = '';
  };
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] ?? '';
    if (char === '\\') {
      let run = 1;
      while (text[at + run] === '\\') run += 1;
      const after = text[at + run];
      const isLineEnd = after === '\n' || (after === '\r' && text[at + run + 1] === '\n');
      if (isLineEnd) {
        // Only the last one continues the line.
        name += '\\'.repeat(run - 1);
        endName();
        at += after === '\r' ? run + 1 : run;
      } else if (after === ' ' || after === '#' || after === '\t') {
        name += '\\'.repeat(Math.floor(run / 2));
        if (run % 2 === 1) {
          name += after;
          at += run;
        } else at += run - 1;
      } else {
        name += '\\'.repeat(run);
        at += run - 1;
      }
    } else if (char === '$' && text[at + 1] === '$') {
      name += '$';
      at += 1;
    } else if (char === '\n') {
      endName();
      inTarget = true;
    } else if (char === ' ' || char === '\t' || char === '\r') endName();
    else if (char === ':' && inTarget && /^[\s]?$/.test(text[at + 1] ?? '')) {
      name = '';
      inTarget = false;
    } else name += char;
  }
  endName();
  return [...names];
}
