// SPDX-License-Identifier: BSD-2-Clause
// Rules of symbols that Microkit patches: none twice in one program, and a region that can give what is asked for.

import type { Diagnostic, Place } from '../diagnostic.ts';
import { errorFinding, suggester } from '../finding.ts';
import { allPds, type MemoryRegion, type ProtectionDomain, type SystemDescription } from '../model.ts';
import { duplicates } from './duplicates.ts';
import type { CheckTarget } from './target.ts';

export function checkSetvars(system: SystemDescription, target: CheckTarget): Diagnostic[] {
  const pds = allPds(system.protectionDomains);
  const ends = endSymbols(system);
  const known = new Set(system.memoryRegions);
  const suggest = suggester(system.memoryRegions.map(({ name }) => name));
  return [
    ...pds.flatMap((pd) => checkTwice(pd, ends.get(pd.name) ?? [])),
    ...pds.flatMap((pd) => checkRegionsOf(pd, known, suggest, target)),
  ];
}

interface Symbol {
  readonly symbol: string | undefined;
  /** The element that the tool names. */
  readonly element: string;
  readonly place: Place | undefined;
}

/** Of the channels' ends, by protection domain. */
function endSymbols({ channels }: SystemDescription): Map<string, Symbol[]> {
  const byPd = new Map<string, Symbol[]>();
  for (const { a, b, place } of channels)
    for (const { pd, setvarId } of [a, b]) {
      if (setvarId === undefined) continue;
      const list = byPd.get(pd) ?? [];
      list.push({ symbol: setvarId, element: 'channel', place });
      byPd.set(pd, list);
    }
  return byPd;
}

function checkTwice(pd: ProtectionDomain, ends: readonly Symbol[]): Diagnostic[] {
  const symbols: Symbol[] = [];
  const add = (element: string, place: Place | undefined, symbol: string | undefined): void => {
    if (symbol !== undefined) symbols.push({ symbol, element, place });
  };
  for (const { place, setvarVaddr, setvarSize, setvarPrefillSize } of pd.maps) {
    add('map', place, setvarVaddr);
    add('map', place, setvarSize);
    add('map', place, setvarPrefillSize);
  }
  for (const irq of pd.irqs) add('irq', irq.place, irq.setvarId);
  for (const port of pd.ioPorts ?? []) {
    add('ioport', port.place, port.setvarId);
    add('ioport', port.place, port.setvarAddr);
  }
  for (const setvar of pd.setvars) add('setvar', setvar.place, setvar.symbol);
  for (const child of pd.children) add('protection_domain', child.place, child.setvarId);
  symbols.push(...ends);
  return duplicates(symbols, ({ symbol }) => symbol ?? '').map(({ first, again }) =>
    errorFinding(
      'SDF320',
      `setvar on symbol '${again.symbol}' already exists on element '${again.element}' (in '${pd.name}', first by '${first.element}')`,
      { hint: 'give each its own variable', place: again.place ?? pd.place },
    ),
  );
}

function checkRegionsOf(
  pd: ProtectionDomain,
  known: ReadonlySet<MemoryRegion>,
  suggest: (wanted: string) => string,
  { arch }: CheckTarget,
): Diagnostic[] {
  const byPaddr = pd.setvars.flatMap(({ symbol, regionPaddr, place }) => {
    if (!known.has(regionPaddr))
      return [
        errorFinding(
          'SDF321',
          `setvar '${symbol}' of '${pd.name}' wants the address of memory region '${regionPaddr.name}', which does not exist; the Microkit tool panics`,
          {
            hint: `add the region to the system; ${suggest(regionPaddr.name)}`,
            place: place ?? pd.place,
          },
        ),
      ];
    if (arch !== 'x86_64' || regionPaddr.paddr !== undefined) return [];
    return [
      errorFinding(
        'SDF322',
        `setvar with 'region_paddr' for MR without a specified paddr is unsupported on x86-64 @ '${regionPaddr.name}' (wanted by '${symbol}' of '${pd.name}')`,
        { hint: 'give the region a physical address', place: regionPaddr.place ?? place },
      ),
    ];
  });
  const byPrefill = pd.maps
    .filter(({ mr, setvarPrefillSize }) => setvarPrefillSize !== undefined && mr.prefillPath === undefined)
    .map(({ mr, setvarPrefillSize, place }) =>
      errorFinding(
        'SDF323',
        `'setvar_prefill_size' used for MR without a \`prefill_path\` @ '${mr.name}' (wanted by '${setvarPrefillSize}' of '${pd.name}')`,
        { hint: 'name the file that fills the region, or leave it out', place: mr.place ?? place },
      ),
    );
  return [...byPaddr, ...byPrefill];
}
