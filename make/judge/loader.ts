// SPDX-License-Identifier: BSD-2-Clause
// Where the image goes. Its raw form is the SDK's loader with everything behind it, so it begins with the loader's bytes
// and belongs where that was linked; and it holds the very bytes that are judged elsewhere.
import type { Diagnostic } from '../../meta/diagnostic.ts';
import { errorFinding } from '../../meta/finding.ts';
import { regionLimits } from '../../meta/limits.ts';
import { hex } from '../../meta/units.ts';
import { type ElfSection, sectionOf } from './elf-file.ts';
import type { Evidence } from './evidence.ts';

export function judgeLoader({ board, loader, image, vmms, drivers }: Evidence): Diagnostic[] {
  const found: Diagnostic[] = [];
  if (board.loadAddress !== loader.start)
    found.push(
      errorFinding(
        'JDG101',
        `board '${board.name}' loads its image at ${hex(board.loadAddress)}, but the loader in '${image.file}' was linked for ${hex(loader.start)} ('${loader.file}')`,
        { hint: `give the board the load address ${hex(loader.start)}` },
      ),
    );
  const named = [...(board.bootLine ?? '').matchAll(/\b0x[0-9a-fA-F]+\b/g)].map(([text]) => BigInt(text));
  for (const address of new Set(named))
    if (address !== loader.start)
      found.push(
        errorFinding(
          'JDG102',
          `the boot line '${board.bootLine}' of board '${board.name}' names ${hex(address)}, but the loader in '${image.file}' was linked for ${hex(loader.start)}`,
          { hint: `write ${hex(loader.start)} into the boot line` },
        ),
      );
  if (!image.bytes.subarray(0, loader.bytes.length).equals(loader.bytes))
    found.push(
      errorFinding(
        'JDG103',
        `'${image.file}' does not begin with the ${loader.bytes.length} bytes of '${loader.file}'`,
        {
          hint: "run 'vmbuild clean' and build again; is the SDK whole?",
        },
      ),
    );
  const sections = [
    ...vmms.map(({ elf }) => ({ elf, name: '.guest_dtb_image' })),
    ...drivers.map(({ elf }) => ({ elf, name: '.device_resources' })),
  ];
  for (const { elf, name } of sections)
    if (!pages(sectionOf(elf, name)).every((page) => image.bytes.includes(page)))
      found.push(
        errorFinding('JDG104', `'${image.file}' does not hold what section '${name}' of '${elf.file}' has`, {
          hint: "run 'vmbuild clean' and build again",
        }),
      );
  return found;
}

/** The image has a program's pages one by one, so what crosses their borders need not be in one piece. */
function pages({ address, bytes }: ElfSection): Buffer[] {
  const page = Number(regionLimits.pageBytes);
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + page - ((Number(address) + at) % page));
    parts.push(bytes.subarray(at, end));
    at = end;
  }
  return parts;
}
