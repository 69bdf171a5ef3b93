// SPDX-License-Identifier: BSD-2-Clause
// Who will be able to do what in the image of a description, as far as Microkit's rules say: for `vmbuild check`, which
// has neither programs nor an SDK.

import type { SystemDescription } from '../model.ts';
import type { Authority, AuthorityNode } from './authority.ts';
import { expectImage } from './expect.ts';
import { anyValue, type ExpectedObject } from './expected.ts';
import { vspaceShape } from './microkit.ts';

export function authorityOfSystem(system: SystemDescription): Authority {
  const shape = vspaceShape(system.arch, system.arch === 'aarch64' ? 1 : 0);
  if (shape === undefined) throw new Error(`no page tables of ${system.arch}`);
  const image = expectImage(
    system,
    // Addresses of stacks play no role here.
    { ...shape, ipcBuffer: shape.ipcBuffer ?? 0x3f_ffff_f000n },
    new Map(),
    {},
  );
  const memories = new Map(image.memories.map((memory, key) => [memory, key]));
  const objects: ExpectedObject[] = [...image.objects];
  const ids = new Map(objects.map((object, id) => [object, id]));
  const idOf = (object: ExpectedObject): number => {
    const known = ids.get(object);
    if (known !== undefined) return known;
    // The frame of an IPC buffer: no object of its own (frames belong to memories).
    ids.set(object, objects.length);
    objects.push(object);
    return objects.length - 1;
  };
  const nodes: AuthorityNode[] = [];
  // The list grows while it is walked.
  for (let id = 0; id < objects.length; id += 1) {
    const object = objects[id];
    if (object === undefined) break;
    nodes.push({
      kind: object.kind,
      name: object.name,
      attributes: Object.fromEntries(
        Object.entries(object.attributes).flatMap(([name, value]) =>
          value === anyValue ? [] : [[name, value]],
        ),
      ),
      edges: [...object.slots].map(([slot, { kind, target, attributes, because }]) => {
        const { badge, rights } = attributes;
        return {
          slot,
          kind,
          to: idOf(target),
          badge: typeof badge === 'bigint' ? badge : 0n,
          rights: typeof rights === 'string' ? rights : '',
          because,
        };
      }),
      memory: [
        ...(object.memory === undefined
          ? []
          : [
              {
                key: memories.get(object.memory) ?? -1,
                name: object.memory.name,
                isReadable: true,
                isWritable: true,
                because: object.because,
              },
            ]),
        ...(object.space?.ranges ?? []).map(({ memory, rights, executable, because }) => ({
          key: memories.get(memory) ?? -1,
          name: memory.name,
          isReadable: rights.includes('r') || executable,
          isWritable: rights.includes('w'),
          because,
        })),
      ],
    });
  }
  return {
    from: 'description',
    nodes,
    threads: image.threads.map(({ kind, name, object }) => ({ kind, name, node: idOf(object) })),
    regions: new Map(
      system.memoryRegions.map(({ name, paddr }) => [
        name,
        {
          memory: image.memories.flatMap((memory, key) => (memory.region === name ? [key] : [])),
          isDevice: paddr !== undefined,
        },
      ]),
    ),
    counts: {
      capabilities: nodes.reduce((sum, { edges }) => sum + edges.length, 0),
      memory: image.memories.length,
    },
  };
}
