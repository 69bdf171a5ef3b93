// SPDX-License-Identifier: BSD-2-Clause
// Mistakes that the fuzzer must find in its bounded number of executions: else it shows nothing.

import type { Mistake } from '../../mutants/break.ts';

/** Of a file in vmm/vsock/. */
export interface FuzzMutant extends Mistake {
  readonly why: string;
  /** Part of what the fuzzer prints when it has found it. */
  readonly says: string;
}

export const fuzzMutants: readonly FuzzMutant[] = [
  {
    file: 'virtqueue.c',
    why: 'an address that is not in guest memory',
    find: '    if (data == NULL) {\n        return VSOCK_QUEUE_BAD_CHAIN;\n    }\n',
    replace: '',
    says: 'AddressSanitizer: SEGV',
  },
  {
    file: 'ring.c',
    why: "a peer's head that cannot be",
    find: '    if (used > ring->data_size) {\n        return false;\n    }\n',
    replace: '',
    says: 'ERROR: ',
  },
  {
    file: 'virtqueue.c',
    why: 'a chain that is returned twice',
    find: '    queue->used_index++;\n',
    replace: '    queue->used_index += written == 0 ? 2 : 1;\n',
    says: 'does not hold: ',
  },
  {
    file: 'device.c',
    why: 'an interrupt that is raised twice',
    find: '    if (was_low) {\n',
    replace: '    if (was_low || bits == INTERRUPT_CONFIG) {\n',
    says: 'does not hold: machine->irq != level',
  },
  {
    file: 'rx.c',
    why: 'a peer that speaks for another',
    find: 'header->src_cid != peer->cid || ',
    replace: '',
    says: 'does not hold: ',
  },
  {
    file: 'device.c',
    why: 'a device that never catches up with its peers',
    find: '        vsock_ring_hurry(&device->peers[i].ring);\n',
    replace: '',
    says: 'does not hold: ',
  },
  {
    file: 'device.c',
    why: 'a device that holds more than half of its queue back',
    find: 'vsock_queue_unpublished(queue) < queue->num / 2',
    replace: 'vsock_queue_unpublished(queue) < queue->num',
    says: 'does not hold: held == 0',
  },
  {
    file: 'credit.c',
    why: 'a place beyond the table of credits',
    find: ' % VSOCK_CREDITS];',
    replace: '];',
    says: 'out of bounds',
  },
];
