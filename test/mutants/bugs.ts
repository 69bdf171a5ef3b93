// SPDX-License-Identifier: BSD-2-Clause
// One mutant, at least, for each of the eighteen classes of bugs that other virtio-socket devices have had. Its killer
// is the class's own test.

import { mutant, unseen as unseenIn } from './mutant.ts';
import type { NamedMutant } from './named.ts';

type Row = [id: string, file: string, why: string, find: string, replace: string];
const m = (...[id, file, ...row]: Row): NamedMutant => ({ ...mutant(file, `${id}_`, ...row), id });
const unseen = (...[id, file, ...row]: Row): NamedMutant => ({ ...unseenIn(file, `${id}_`, ...row), id });

export const bugMutants: readonly NamedMutant[] = [
  m(
    'bug_01',
    'packet.c',
    'no maximum',
    'header->len > VSOCK_PAYLOAD_SIZE_MAX',
    'header->len > 2 * VSOCK_PAYLOAD_SIZE_MAX',
  ),
  unseen('bug_01', 'tx.c', 'length beyond the chain', 'if (header->len > payload_size)', 'if (false)'),
  m(
    'bug_02',
    'tx.c',
    'header fetched again when there is room',
    '    vsock_ring_begin(&peer->ring, &header, packet->left < packet->header.len);\n    for',
    '    header = size == packet->header.len ? vsock_header_parse(queue->segments[packet->chain.first].data - VSOCK_HEADER_SIZE) : header;\n    vsock_ring_begin(&peer->ring, &header, packet->left < packet->header.len);\n    for',
  ),
  unseen(
    'bug_03',
    'virtqueue.c',
    'descriptor index one too far',
    '&& index < table.num;',
    '&& index <= table.num;',
  ),
  m('bug_03', 'virtqueue.c', 'endless walk', 'count <= queue->num && index', 'index'),
  m(
    'bug_04',
    'virtqueue.c',
    'a jump of avail.idx',
    'if (pending > queue->num - queue->in_flight)',
    'if (false)',
  ),
  m('bug_05', 'virtqueue.c', 'an address outside guest memory', 'if (data == NULL)', 'if (false)'),
  m(
    'bug_05',
    'virtqueue.c',
    'a range that wraps',
    'if (descriptor->address > UINT64_MAX - descriptor->size)',
    'if (false)',
  ),
  m(
    'bug_06',
    'virtqueue.c',
    'direction not judged',
    '(descriptor.flags & ~DESCRIPTOR_NEXT) != expected',
    'false',
  ),
  m('bug_07', 'mmio.c', 'a ready queue changes', 'queue->ready || ', ''),
  m('bug_07', 'mmio.c', 'queues change after DRIVER_OK', ' || (device->status & STATUS_DRIVER_OK) != 0', ''),
  m(
    'bug_08',
    'tx.c',
    'packets outlive their guest',
    'device->peers[i].waiting_first = VSOCK_WAITING_NONE;',
    '',
  ),
  m(
    'bug_08',
    'rx.c',
    'connections outlive the peer',
    'return reset_survivor(device, peer, survivor);',
    'vsock_connections_remove(&peer->connections, *survivor);',
  ),
  m(
    'bug_09',
    'packet.c',
    'credit is cut',
    'memcpy(&header, wire, VSOCK_HEADER_SIZE);',
    'memcpy(&header, wire, VSOCK_HEADER_SIZE);\n    header.fwd_cnt &= INT32_MAX;',
  ),
  m(
    'bug_10',
    'device.c',
    'quotas overlap',
    'VSOCK_MAX_CONNECTIONS / setup->num_peers',
    'VSOCK_MAX_CONNECTIONS',
  ),
  m(
    'bug_11',
    'rx.c',
    'answers do not use the reserve',
    'if (!vsock_ring_room(&peer->ring, true, &unused))',
    'if (!vsock_ring_room(&peer->ring, false, &unused))',
  ),
  m('bug_12', 'device.c', 'idle without a second look', 'idle = settle(device);', 'idle = true;'),
  m('bug_13', 'tx.c', 'source not judged', 'if (header->src_cid != device->guest_cid)', 'if (false)'),
  m('bug_13', 'rx.c', 'source of a record not judged', 'header->src_cid != peer->cid || ', ''),
  m('bug_14', 'tx.c', 'an RST is answered', 'if (header->op != VSOCK_OP_RST) {', 'if (true) {'),
  m(
    'bug_14',
    'rx.c',
    "a peer's RST is answered",
    'if (peer->record.header.op != VSOCK_OP_RST) {',
    'if (true) {',
  ),
  m('bug_15', 'rx.c', 'a guest that is not up', 'if (!vsock_device_up(device)) {', 'if (false) {'),
  m('bug_16', 'tx.c', 'used length of tx', '&packet->chain, 0);', '&packet->chain, packet->header.len);'),
  m(
    'bug_16',
    'rx.c',
    'used length of the whole',
    '&buffer, VSOCK_HEADER_SIZE + size)',
    '&buffer, VSOCK_HEADER_SIZE + whole->len)',
  ),
  m('bug_17', 'device.c', 'interrupt only with both', 'if (rx || tx || event)', 'if ((rx && tx) || event)'),
  m(
    'bug_18',
    'rx.c',
    'connections survive a broken ring',
    'vsock_rx_give_up(device, peer);\n        return true;',
    'return true;',
  ),
];
