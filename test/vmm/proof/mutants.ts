// SPDX-License-Identifier: BSD-2-Clause
// Checks that are taken out of the device core, and what CBMC must then report: a proof that cannot fail shows nothing.

import type { Mistake } from '../../mutants/break.ts';

/** Of a file in vmm/vsock/. */
export interface ProofMutant extends Mistake {
  /** The proof that must fail. */
  readonly proof: string;
  readonly why: string;
  /** Part of a property that fails. */
  readonly says: string;
}

export const proofMutants: readonly ProofMutant[] = [
  {
    proof: 'header',
    file: 'packet.c',
    why: 'a length that nobody bounds',
    find: 'header->len > VSOCK_PAYLOAD_SIZE_MAX',
    replace: 'false',
    says: "a good header's payload has at most the largest size",
  },
  {
    proof: 'connections',
    file: 'connections.c',
    why: 'a list that grows past its quota',
    find: '    if (list->count == list->quota) {\n        return false;\n    }\n',
    replace: '',
    says: 'the next step finds a legal list',
  },
  {
    proof: 'queue: a chain is taken',
    file: 'virtqueue.c',
    why: 'a descriptor outside of its table',
    find: ' && index < table.num',
    replace: '',
    says: 'a copy reads what is there',
  },
  {
    proof: 'ring of 4 KiB',
    file: 'ring.c',
    why: "a record's length that nobody judges",
    find: 'len > VSOCK_PAYLOAD_SIZE_MAX || align_up(len) > filled - VSOCK_RECORD_SIZE',
    replace: 'false',
    says: 'a length that can be',
  },
];
