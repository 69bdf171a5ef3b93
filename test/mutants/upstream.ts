// SPDX-License-Identifier: BSD-2-Clause
// The defects of upstream's device, put into ours: the nineteen inputs that broke it (cases), and what is wrong with it
// by the ids of the list (M: memory safety, D: denial of service and liveness). Where ours is made differently, the
// mutant is the mistake that has the same effect.

import { mutant, unseen as unseenIn } from './mutant.ts';
import type { NamedMutant } from './named.ts';

type CaseRow = [id: string, file: string, why: string, find: string, replace: string];
const caseOf = (...[id, file, ...row]: CaseRow): NamedMutant => ({ ...mutant(file, `${id}_`, ...row), id });
const unseenCase = (...[id, file, ...row]: CaseRow): NamedMutant => ({
  ...unseenIn(file, `${id}_`, ...row),
  id,
});

const pointerOfTheGuest = (isWrite: string): [string, string] => [
  'if (data == NULL) {\n        return VSOCK_QUEUE_BAD_CHAIN;',
  `if (data == NULL && ${isWrite}(descriptor->flags & DESCRIPTOR_WRITE)) {\n        data = (uint8_t *)(uintptr_t)descriptor->address;\n    } else if (data == NULL) {\n        return VSOCK_QUEUE_BAD_CHAIN;`,
];

export const caseMutants: readonly NamedMutant[] = [
  unseenCase(
    'case_01',
    'tx.c',
    'length bounded by an assert that release leaves out',
    'if (header->len > payload_size)',
    'if (false)',
  ),
  caseOf(
    'case_02',
    'virtqueue.c',
    'the second descriptor is believed to be long enough',
    'chain->size += descriptor->size',
    'chain->size += *link == &chain->first ? descriptor->size : 0x10000',
  ),
  caseOf('case_03', 'tx.c', 'any type forwarded', '!vsock_device_speaks(device, header->type)', 'false'),
  caseOf(
    'case_04',
    'tx.c',
    'assert on the source',
    'count(device, VSOCK_COUNT_TX_SPOOFED);',
    '__builtin_trap();',
  ),
  caseOf('case_05', 'virtqueue.c', 'descriptor index without a bound', '&& index < table.num;', ';'),
  caseOf(
    'case_06',
    'tx.c',
    'header read before the length is judged',
    'chain.size < VSOCK_HEADER_SIZE',
    'chain.size < 8',
  ),
  caseOf('case_07', 'virtqueue.c', 'address read as a pointer', ...pointerOfTheGuest('!')),
  caseOf(
    'case_08',
    'virtqueue.c',
    'no receive buffer, and a stale one is used',
    'if (pending == 0) {',
    'if (pending == 0 && direction != VSOCK_DEVICE_WRITES) {',
  ),
  caseOf('case_09', 'virtqueue.c', 'address written as a pointer', ...pointerOfTheGuest('')),
  unseenCase(
    'case_10',
    'ring.c',
    "the peer's length without a bound",
    'if (len > VSOCK_PAYLOAD_SIZE_MAX || align_up(len) > filled - VSOCK_RECORD_SIZE)',
    'if (false)',
  ),
  caseOf(
    'case_11',
    'tx.c',
    'the second packet waits until the first was read',
    '\n           && next_piece(peer,',
    '\n           && peer->ring.tail == peer->ring.peer->head && next_piece(peer,',
  ),
  caseOf('case_12', 'device.c', 'no interrupt for tx', 'if (rx || tx || event)', 'if (rx || event)'),
  caseOf(
    'case_12',
    'tx.c',
    'used length of the packet',
    '&packet->chain, 0);',
    '&packet->chain, VSOCK_HEADER_SIZE + packet->header.len);',
  ),
  caseOf('case_13', 'tx.c', 'any destination is the peer', 'device->peers[i].cid == cid', 'true'),
  caseOf(
    'case_14',
    'tx.c',
    'unknown operation forwarded',
    'return refuse(device, header, VSOCK_COUNT_TX_UNKNOWN_OP);',
    'break;',
  ),
  caseOf(
    'case_15',
    'tx.c',
    'CID cut to 32 bits',
    'header->src_cid != device->guest_cid',
    '(uint32_t)header->src_cid != device->guest_cid',
  ),
  caseOf(
    'case_16',
    'tx.c',
    'buf_alloc rewritten',
    'size == packet->left);\n    vsock_ring_begin',
    'size == packet->left);\n    header.buf_alloc = 4050;\n    vsock_ring_begin',
  ),
  unseenCase(
    'case_17',
    'device.c',
    'works without a ready queue',
    '\n           && device->queues[QUEUE_RX].ready && device->queues[QUEUE_TX].ready;',
    ';',
  ),
  caseOf(
    'case_18',
    'device.c',
    'sends instead of receiving',
    'vsock_rx_run(device, &budget);',
    'if (device->peers[0].waiting_first == VSOCK_WAITING_NONE) {\n            vsock_rx_run(device, &budget);\n        }',
  ),
  unseenCase(
    'case_19',
    'rx.c',
    'payload written past the buffer',
    'peer->left < room ? peer->left : (uint32_t)room',
    'peer->left',
  ),
];

type DefectRow = [id: string, file: string, killer: string, why: string, find: string, replace: string];
const m = (...[id, ...row]: DefectRow): NamedMutant => ({ ...mutant(...row), id });
const unseen = (...[id, ...row]: DefectRow): NamedMutant => ({ ...unseenIn(...row), id });

export const defectMutants: readonly NamedMutant[] = [
  m('M1', 'virtqueue.c', 'M1_', 'address used as a pointer', ...pointerOfTheGuest('true || ')),
  unseen('M2', 'tx.c', 'M2_', 'length not bounded', 'if (header->len > payload_size)', 'if (false)'),
  unseen(
    'M3',
    'virtqueue.c',
    'M3_',
    'later descriptors are believed to be long enough',
    'chain->size += descriptor->size',
    'chain->size += *link == &chain->first ? descriptor->size : 0x10000',
  ),
  m('M4', 'virtqueue.c', 'M4_', 'index without a bound', '&& index < table.num;', ';'),
  m('M5', 'tx.c', 'M5_', 'header beyond the chain', 'chain.size < VSOCK_HEADER_SIZE', 'chain.size < 8'),
  unseen(
    'M5',
    'rx.c',
    'M5_',
    'header into a short buffer',
    'if (buffer->size >= size_min)',
    'if (buffer->size >= 1)',
  ),
  m(
    'M6',
    'virtqueue.c',
    'M6_',
    'a stale buffer',
    'if (pending == 0) {',
    'if (pending == 0 && direction != VSOCK_DEVICE_WRITES) {',
  ),
  m(
    'M7',
    'rx.c',
    'M7_',
    "the peer's header is read again",
    '    const struct vsock_header *whole = &peer->record.header;\n    struct vsock_chain',
    '    peer->record.header = vsock_header_parse(peer->ring.peer->data + ((peer->ring.head - VSOCK_RECORD_SIZE) & (peer->ring.data_size - 1)) + 8);\n    const struct vsock_header *whole = &peer->record.header;\n    struct vsock_chain',
  ),
  unseen(
    'M8',
    'rx.c',
    'M8_',
    'payload past the buffer',
    'peer->left < room ? peer->left : (uint32_t)room',
    'peer->left',
  ),
  unseen(
    'M9',
    'mmio.c',
    'M9_',
    'queue that does not exist',
    'device->queue_select < VSOCK_NUM_QUEUES',
    'true',
  ),
  m(
    'D1',
    'tx.c',
    'D1_',
    'assert on the type',
    'return refuse(device, header, VSOCK_COUNT_TX_UNKNOWN_TYPE);',
    '__builtin_trap();',
  ),
  m(
    'D1',
    'tx.c',
    'D1_',
    'assert on the destination',
    'return refuse(device, header, VSOCK_COUNT_TX_UNKNOWN_PEER);',
    '__builtin_trap();',
  ),
  m(
    'D1',
    'tx.c',
    'D1_',
    'assert on a length without OP_RW',
    'case VSOCK_HEADER_UNEXPECTED_PAYLOAD:\n        count(device, VSOCK_COUNT_TX_BAD_LENGTH);',
    'case VSOCK_HEADER_UNEXPECTED_PAYLOAD:\n        __builtin_trap();',
  ),
  m(
    'D2',
    'tx.c',
    'D2_',
    'nobody is asked for a signal',
    '\n           && next_piece(peer,',
    '\n           && peer->ring.tail == peer->ring.peer->head && next_piece(peer,',
  ),
  m(
    'D3',
    'device.c',
    'D3_',
    'sends instead of receiving',
    'vsock_rx_run(device, &budget);',
    'if (device->peers[0].waiting_first == VSOCK_WAITING_NONE) {\n            vsock_rx_run(device, &budget);\n        }',
  ),
  m('D4', 'device.c', 'D4_', 'no interrupt for tx', 'if (rx || tx || event)', 'if (rx || event)'),
  m(
    'D5',
    'tx.c',
    'D5_',
    'an RST takes the place of what waits',
    'if (peer->waiting_first == VSOCK_WAITING_NONE) {\n        peer->waiting_first = index;',
    'if (peer->waiting_first == VSOCK_WAITING_NONE || header->op == VSOCK_OP_RST) {\n        peer->waiting_first = index;',
  ),
  m('D6', 'mmio.c', 'D6_', 'no kick of rx', 'return value != QUEUE_EVENT;', 'return value == QUEUE_TX;'),
  m(
    'D7',
    'device.c',
    'D7_',
    'peers not told of a reset',
    'vsock_device_disconnect(device);\n    }\n    device->status = 0;',
    '}\n    device->status = 0;',
  ),
  m(
    'D7',
    'mmio.c',
    'D7_',
    'addresses are joined',
    '*address = (*address & ~(uint64_t)UINT32_MAX) | value;',
    '*address |= value;',
  ),
  unseen(
    'D8',
    'device.c',
    'D8_',
    'works without a ready queue',
    '\n           && device->queues[QUEUE_RX].ready && device->queues[QUEUE_TX].ready;',
    ';',
  ),
  m(
    'D9',
    'virtqueue.c',
    'fences',
    'index shown before its element',
    'queue->used_index, __ATOMIC_RELEASE',
    'queue->used_index, __ATOMIC_RELAXED',
  ),
  m(
    'D9',
    'ring.c',
    'fences',
    'tail shown before its record',
    '__atomic_store_n(&ring->own->tail, ring->tail, __ATOMIC_RELEASE);',
    '__atomic_store_n(&ring->own->tail, ring->tail, __ATOMIC_RELAXED);',
  ),
  m(
    'D10',
    'device.c',
    'D10_',
    'an injection that failed is forgotten',
    'return device->interrupt_status != 0;',
    'return false;',
  ),
];
