// SPDX-License-Identifier: BSD-2-Clause
// Mutants of what decides whether a credit update can wait, and of what follows from it: credit.c and its callers.

import { mutant as m } from './mutant.ts';

const c = 'credit.c';
const ring = 'ring.c';

export const creditMutants = [
  m(
    c,
    'credit_update_that_nobody',
    'never waits',
    '        return false;\n    }\n    credit->allowed',
    '    }\n    credit->allowed',
  ),
  m(c, 'credit_update_wakes_who', 'always waits', '\n        && !is_scarce(credit)) {', ') {'),
  m(c, 'credit_update_wakes_who', 'waits to the last byte', 'credit->allowed / 2;', 'credit->allowed;'),
  m(c, 'credit_update_wakes_who', 'waits less', 'credit->allowed / 2;', 'credit->allowed / 4;'),
  m(c, 'credit_update_wakes_who', 'what was told is forgotten', '    credit->told = header->fwd_cnt;\n', ''),
  m(c, 'credit_update_wakes_who', 'data does not count', 'credit->received += header->len;', ''),
  m(c, 'credit_update_comes_in', 'a shutdown waits', 'header->op == VSOCK_OP_CREDIT_UPDATE && ', ''),
  m(c, 'credit_update_wakes_after', 'no second thought', '        vsock_ring_hurry(&peer->ring);\n', ''),
  m(c, 'credit_of_another_size', 'a new size waits', ' && header->buf_alloc == credit->allowed', ''),
  m(c, 'credit_of_another_size', 'the size is forgotten', '    credit->allowed = header->buf_alloc;\n', ''),
  m(c, 'credit_that_was_asked', 'the asker waits', ' && !credit->is_asked_for', ''),
  m(
    c,
    'credit_that_was_asked',
    'the question is forgotten',
    ' || header->op == VSOCK_OP_CREDIT_REQUEST;',
    ';',
  ),
  m(c, 'credit_that_was_asked', 'asked for ever', '    credit->is_asked_for = false;\n', ''),
  m(c, 'credit_of_other', 'our port ignored', 'credit->local_port == local_port && ', ''),
  m(c, 'credit_of_other', 'its port ignored', ' && credit->peer_port == peer_port;', ';'),
  m(
    c,
    'credit_of_other',
    'messages wait',
    '!device->defers || header->type != VSOCK_TYPE_STREAM',
    '!device->defers',
  ),
  m(
    c,
    'credit_of_a_stream',
    'ports ignored',
    'credit->local_port == local_port && credit->peer_port == peer_port',
    'true',
  ),
  m(c, 'credit_of_the_same', 'peer ignored', 'credit->peer_cid == peer->cid && ', ''),
  m(c, 'credit_wraps', 'counts from zero', '            .received = header->fwd_cnt,\n', ''),
  m(c, 'credit_wraps', 'told nothing', '            .told = header->fwd_cnt,\n', ''),
  m(c, 'credit_of_a_device', 'waits without a heartbeat', '!device->defers || header->type', 'header->type'),
  m('tx.c', 'credit_of_the_last', 'remembered', 'memset(device->credits, 0, sizeof device->credits);', ''),
  m('tx.c', 'credit_update_that', 'nobody asks', 'vsock_credit_send(device, peer, &header))', 'true)'),
  m('rx.c', 'credit_update_wakes', 'nobody counts', '    vsock_credit_receive(device, peer, whole);\n', ''),
  m(
    ring,
    'credit_update_comes_in',
    'wakes nobody ever',
    'ring->is_urgent = ring->is_urgent || is_urgent;',
    '',
  ),
  m(
    ring,
    'credit_update_that_nobody',
    'all is urgent',
    'ring->is_urgent = ring->is_urgent || is_urgent;',
    'ring->is_urgent = true;',
  ),
  m(ring, 'credit_update_comes_when', 'urgent for ever', '        ring->is_urgent = false;\n', ''),
  m(ring, 'credit_update_comes_when', 'haste for what was read', 'is_pending && is_unread', 'true'),
  m(ring, 'credit_update_that_the', 'wakes for what was read', 'is_pending && is_unread', 'is_pending'),
  m(
    ring,
    'credit_update_wakes_after',
    'what is not shown yet is forgotten',
    'ring->tail_moved || ring->tail != ring->published_tail;',
    'ring->tail_moved;',
  ),
  m(
    ring,
    'credit_update_comes_in|reset_of',
    'a new life wakes nobody',
    '    ring->tail_moved = true;\n    ring->is_urgent = true;\n',
    '    ring->tail_moved = true;\n',
  ),
];
