// SPDX-License-Identifier: BSD-2-Clause
// Mutants of what reads memory shared with a peer: ring.c.

import { mutant, unseen as unseenIn } from './mutant.ts';

type Row = [killer: string, why: string, find: string, replace: string];
const m = (...row: Row) => mutant('ring.c', ...row);
const unseen = (...row: Row) => unseenIn('ring.c', ...row);

export const ringMutants = [
  m(
    'observe_',
    'a wrapped payload shown past the end',
    'least(size, ring->data_size - position);\n    parts',
    'size;\n    parts',
  ),
  m('observe_', 'the wrong bytes shown', 'ring->tail - size) &', 'ring->tail) &'),
  m(
    'observe_',
    'second part from the middle',
    'parts[1] = (struct vsock_bytes){.data = ring->own->data,',
    'parts[1] = (struct vsock_bytes){.data = ring->own->data + 8,',
  ),
  m('ring_region_sizes', 'size not a power of two', '&& (data_size & (data_size - 1)) == 0', ''),
  m(
    'ring_region_sizes',
    'region smaller than its header',
    'region_size > VSOCK_RING_HEADER_SIZE && data_size >= VSOCK_RING_DATA_SIZE_MIN\n           && ',
    '',
  ),
  m('ring_region_sizes', 'positions do not fit', '&& data_size <= VSOCK_RING_DATA_SIZE_MAX', ''),
  m(
    'ring_goes_on',
    'asleep from an earlier life',
    '__atomic_store_n(&ring->own->sleeping, 0, __ATOMIC_RELAXED);\n    __atomic_store_n(&ring->own->want_room',
    '__atomic_store_n(&ring->own->want_room',
  ),
  m(
    'ring_goes_on',
    'restart without a new epoch',
    'if (ring->tail != 0 || ring->head != 0 || ring->epoch != 0)',
    'if (false)',
  ),
  m(
    'ring_goes_on',
    'restart reads from the beginning',
    'ring->head = ring->published_head = ring->own->head;',
    '',
  ),
  m(
    'ring_goes_on',
    'restart writes from the beginning',
    'ring->tail = ring->published_tail = ring->own->tail;',
    '',
  ),

  m('ring_room', 'impossible head believed', 'if (used > ring->data_size)', 'if (false)'),
  m('ring_room', 'room counted too small', 'if (room < needed)', 'if (room <= needed)'),
  m('ring_room', 'room not judged', 'if (room < needed)', 'if (false)'),
  m('records_of_guests', 'reserve given away', '(answer ? 0 : VSOCK_RING_RESERVE_SIZE)', '0'),
  m('ring_room', 'padding not counted', '(room - needed) & ~(RECORD_ALIGN - 1)', 'room - needed'),
  m('ring_records_name', 'epochs confused', '&ring->peer_epoch, sizeof', '&ring->epoch, sizeof'),
  m(
    'ring_epoch_comes',
    'epoch not written',
    'record + RECORD_EPOCH, &ring->epoch',
    'record + RECORD_EPOCH, &ring->peer_epoch',
  ),
  unseen(
    'ring_wraps',
    'write beyond the end',
    'least((uint32_t)size, ring->data_size - position)',
    '(uint32_t)size',
  ),
  m(
    'ring_wraps',
    'second half not written',
    '(const uint8_t *)from + part, size - part',
    '(const uint8_t *)from + part, 0',
  ),
  m('ring_wraps', 'second half from the start', '(const uint8_t *)from + part', '(const uint8_t *)from'),
  m(
    'ring_wraps',
    'write position off',
    'ring->tail & (ring->data_size - 1)',
    'ring->tail & (ring->data_size / 2 - 1)',
  ),
  m('ring_wraps', 'records not aligned', 'ring->tail = align_up(ring->tail);', ''),
  m(
    'ring_epoch_comes',
    'old records in the new epoch',
    'vsock_ring_publish(ring);\n    ring->epoch++;',
    'ring->epoch++;',
  ),
  m(
    'ring_epoch_wakes',
    'new epoch without notification',
    '    ring->tail_moved = true;\n    ring->is_urgent = true;\n',
    '',
  ),

  unseen(
    'ring_wraps',
    'read beyond the end',
    'least(size, ring->data_size - position);\n    copy_payload(to',
    'size;\n    copy_payload(to',
  ),
  m(
    'ring_wraps',
    'read position off',
    'ring->head & (ring->data_size - 1)',
    'ring->head & (ring->data_size / 2 - 1)',
  ),
  m('ring_broken_lengths', 'tail too far believed', 'filled > ring->data_size || ', ''),
  m('ring_broken_lengths', 'half a record header believed', 'filled < VSOCK_RECORD_SIZE || ', ''),
  m('ring_broken_lengths', 'odd tail believed', 'filled % RECORD_ALIGN != 0', 'false'),
  m('ring_payload_maximum', 'length overflows when aligned', 'len > VSOCK_PAYLOAD_SIZE_MAX || ', ''),
  m(
    'case_10',
    'payload beyond the tail',
    'align_up(len) > filled - VSOCK_RECORD_SIZE',
    'align_up(len) > filled',
  ),
  m('case_10', 'payload not judged', ' || align_up(len) > filled - VSOCK_RECORD_SIZE', ''),
  m('ring_wraps', 'padding not skipped', 'ring->readable = align_up(len);', 'ring->readable = len;'),
  m('records_malformed', 'dropped record not skipped', 'ring->head += ring->readable;', ''),
  m('ring_wraps', 'bytes read still counted', 'ring->readable -= (uint32_t)size;', ''),
  m(
    'ring_epoch_comes',
    'survivors reset before their data came',
    'if (__atomic_load_n(&ring->peer->tail, __ATOMIC_ACQUIRE) != ring->head)',
    'if (false)',
  ),
  m(
    'ring_epoch_comes',
    'epoch passed again and again',
    '        return false;\n    }\n    ring->peer_epoch = epoch;',
    '        return false;\n    }',
  ),
  m(
    'bug_18',
    'nonsense not thrown away',
    'ring->head = __atomic_load_n(&ring->peer->tail, __ATOMIC_ACQUIRE);',
    '',
  ),

  m(
    'flow_order',
    'tail not published',
    '__atomic_store_n(&ring->own->tail, ring->tail, __ATOMIC_RELEASE);',
    '',
  ),
  m('bug_12', 'head not published', '__atomic_store_n(&ring->own->head, ring->head, __ATOMIC_RELEASE);', ''),
  m(
    'ring_consumer',
    'tail moved, nobody told',
    'ring->published_tail = ring->tail;\n        ring->tail_moved = true;',
    'ring->published_tail = ring->tail;',
  ),
  m(
    'ring_producer',
    'head moved, nobody told',
    'ring->published_head = ring->head;\n        ring->head_moved = true;',
    'ring->published_head = ring->head;',
  ),
  m(
    'ring_consumer',
    'sleeping peer not woken',
    '(tail_moved && __atomic_load_n(&ring->peer->sleeping, __ATOMIC_RELAXED) != 0)',
    'false',
  ),
  m(
    'ring_producer',
    'peer without room not woken',
    '(ring->head_moved && __atomic_load_n(&ring->peer->want_room, __ATOMIC_RELAXED) != 0)',
    'false',
  ),
  m(
    'ring_all_zero',
    'awake peer notified',
    '__atomic_load_n(&ring->peer->sleeping, __ATOMIC_RELAXED) != 0',
    'true',
  ),
  m(
    'ring_producer',
    'peer with room notified',
    '__atomic_load_n(&ring->peer->want_room, __ATOMIC_RELAXED) != 0',
    'true',
  ),
  m(
    'credit_update_comes_when',
    'notified twice',
    '        ring->tail_moved = false;\n        ring->is_urgent',
    '        ring->is_urgent',
  ),
  m('ring_producer', 'notified twice for room', 'ring->head_moved = false;', ''),
  m(
    'ring_consumer_looks',
    'asleep beside a record',
    '__atomic_load_n(&ring->peer->tail, __ATOMIC_RELAXED) == ring->head\n        && ',
    '',
  ),
  m(
    'race_record',
    'last look before the sleep',
    '__atomic_store_n(&ring->own->sleeping, 1, __ATOMIC_RELAXED);\n    ring->sleeping = true;\n    __atomic_thread_fence(__ATOMIC_SEQ_CST);\n    if (',
    'bool empty = __atomic_load_n(&ring->peer->tail, __ATOMIC_RELAXED) == ring->head;\n    __atomic_store_n(&ring->own->sleeping, 1, __ATOMIC_RELAXED);\n    ring->sleeping = true;\n    if (empty || ',
  ),
  m(
    'ring_consumer_looks',
    'asleep beside a new epoch',
    '\n        && __atomic_load_n(&ring->peer->epoch, __ATOMIC_RELAXED) == ring->peer_epoch',
    '',
  ),
  m(
    'ring_consumer_that',
    'sleep not announced',
    '__atomic_store_n(&ring->own->sleeping, 1, __ATOMIC_RELAXED);',
    '',
  ),
  m(
    'ring_consumer_that',
    'waking not announced',
    '__atomic_store_n(&ring->own->sleeping, 0, __ATOMIC_RELAXED);\n        ring->sleeping',
    'ring->sleeping',
  ),
  m('ring_producer', 'want of room not announced', 'want ? 1 : 0', '0'),
  m('ring_producer', 'want of room not taken back', 'want ? 1 : 0', '1'),

  m(
    'fences',
    'tail shown before its records',
    '&ring->own->tail, ring->tail, __ATOMIC_RELEASE',
    '&ring->own->tail, ring->tail, __ATOMIC_RELAXED',
  ),
  m(
    'fences',
    'room freed before it was read',
    '&ring->own->head, ring->head, __ATOMIC_RELEASE',
    '&ring->own->head, ring->head, __ATOMIC_RELAXED',
  ),
  m(
    'fences',
    'room used before it was read',
    'ring->tail - __atomic_load_n(&ring->peer->head, __ATOMIC_ACQUIRE)',
    'ring->tail - __atomic_load_n(&ring->peer->head, __ATOMIC_RELAXED)',
  ),
  m(
    'fences',
    'record read before its tail',
    '__atomic_load_n(&ring->peer->tail, __ATOMIC_ACQUIRE) - ring->head',
    '__atomic_load_n(&ring->peer->tail, __ATOMIC_RELAXED) - ring->head',
  ),
  m(
    'fences',
    'waiters looked for before publishing',
    '__atomic_thread_fence(__ATOMIC_SEQ_CST);\n    bool waits',
    'bool waits',
  ),
  m(
    'fences',
    'second look before the sleep is announced',
    'ring->sleeping = true;\n    __atomic_thread_fence(__ATOMIC_SEQ_CST);',
    'ring->sleeping = true;',
  ),
  m(
    'fences',
    'second look before the wish is announced',
    'if (want) {\n        __atomic_thread_fence(__ATOMIC_SEQ_CST);',
    'if (want) {',
  ),
  m(
    'fences',
    'weaker fence before the sleep',
    'ring->sleeping = true;\n    __atomic_thread_fence(__ATOMIC_SEQ_CST);',
    'ring->sleeping = true;\n    __atomic_thread_fence(__ATOMIC_ACQUIRE);',
  ),
];
