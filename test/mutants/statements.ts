// SPDX-License-Identifier: BSD-2-Clause
// One mutant, at least, for each normative statement of virtio: S of the socket device (5.10), C of the core, the split
// ring and MMIO. Its killer is the statement's own test.

import { mutant, unseen as unseenIn } from './mutant.ts';
import type { NamedMutant } from './named.ts';

type Row = [id: string, file: string, why: string, find: string, replace: string];
const m = (...[id, file, ...row]: Row): NamedMutant => ({ ...mutant(file, `${id}_`, ...row), id });
const unseen = (...[id, file, ...row]: Row): NamedMutant => ({ ...unseenIn(file, `${id}_`, ...row), id });

export const statementMutants: readonly NamedMutant[] = [
  m(
    'S1',
    'tx.c',
    'tx waits for a receive buffer',
    '&& take_packet(device)',
    '&& *(const uint16_t *)(const void *)(device->queues[QUEUE_RX].available + 2) != device->queues[QUEUE_RX].available_index && take_packet(device)',
  ),
  m(
    'S2',
    'tx.c',
    'payload that nobody asked to send',
    '.left = header->len',
    '.left = (uint32_t)chain->size',
  ),
  m(
    'S3',
    'tx.c',
    'credit of the device instead of the guest',
    'size == packet->left);\n    vsock_ring_begin',
    'size == packet->left);\n    header.buf_alloc = peer->ring.data_size;\n    vsock_ring_begin',
  ),
  m('S4', 'device.c', 'a reserved CID', 'if (!vsock_cid_usable(setup->guest_cid))', 'if (false)'),
  m(
    'S5',
    'tx.c',
    'unknown type dropped without an RST',
    'return refuse(device, header, VSOCK_COUNT_TX_UNKNOWN_TYPE);',
    'count(device, VSOCK_COUNT_TX_UNKNOWN_TYPE);\n        return NULL;',
  ),
  m(
    'S6',
    'device.c',
    'stream although it is not implied',
    'FEATURE_STREAM | FEATURE_NO_IMPLIED_STREAM)) != FEATURE_NO_IMPLIED_STREAM',
    'FEATURE_STREAM)) != FEATURE_NO_IMPLIED_STREAM',
  ),
  m(
    'C1',
    'device.c',
    'buffers consumed before DRIVER_OK',
    '(STATUS_DRIVER_OK | STATUS_NEEDS_RESET | STATUS_FAILED)) == STATUS_DRIVER_OK',
    '(STATUS_NEEDS_RESET | STATUS_FAILED)) == 0',
  ),
  m('C1', 'device.c', 'no NEEDS_RESET', 'device->status |= STATUS_NEEDS_RESET;', ''),
  m(
    'C2',
    'mmio.c',
    'features that were not offered',
    '(device->driver_features & ~FEATURES_OFFERED) == 0\n           && ',
    '',
  ),
  m('C3', 'device.c', 'status survives a reset', 'device->status = 0;', ''),
  m(
    'C4',
    'mmio.c',
    'no configuration before FEATURES_OK',
    '        } else {\n            *value = read_config',
    '        } else if ((device->status & STATUS_FEATURES_OK) != 0) {\n            *value = read_config',
  ),
  m(
    'C5',
    'virtqueue.c',
    'length of the last descriptor only',
    'chain->size += descriptor->size',
    'chain->size = descriptor->size',
  ),
  m('C5', 'virtqueue.c', 'the same bytes for every segment', 'segment->data += size;', ''),
  m(
    'C6',
    'virtqueue.c',
    'direction not judged',
    '(descriptor.flags & ~DESCRIPTOR_NEXT) != expected',
    'false',
  ),
  m(
    'C7',
    'virtqueue.c',
    'WRITE flag of the referring descriptor',
    '(descriptor->flags & ~DESCRIPTOR_WRITE)',
    'descriptor->flags',
  ),
  m(
    'C7',
    'virtqueue.c',
    'a table that was not negotiated',
    '(queue->options & VSOCK_QUEUE_INDIRECT) == 0 || table',
    'table',
  ),
  m('C8', 'device.c', 'no notification for rx', 'if (rx || tx || event)', 'if (tx || event)'),
  m('C8', 'virtqueue.c', 'the named entry missed', '- 1) < published;', '- 1) < 1;'),
  m('C8', 'virtqueue.c', 'flags ignored', '& AVAILABLE_NO_INTERRUPT) == 0', '& 0) == 0'),
  m('C9', 'rx.c', 'length without the header', '&buffer, VSOCK_HEADER_SIZE + size)', '&buffer, size)'),
  m(
    'C9',
    'tx.c',
    'length of what was read',
    '&packet->chain, 0);',
    '&packet->chain, packet->header.len + VSOCK_HEADER_SIZE);',
  ),
  m(
    'C10',
    'device.c',
    'an interrupt goes that never came',
    'was_high && device->interrupt_status == 0',
    'device->interrupt_status == 0',
  ),
  m(
    'C10',
    'mmio.c',
    'an interrupt for every notification',
    'return value != QUEUE_EVENT;',
    'vsock_device_raise(device, INTERRUPT_USED);\n        return value != QUEUE_EVENT;',
  ),
  unseen('C11', 'mmio.c', 'a queue stays ready', 'vsock_queue_disable(queue);', ''),
  m(
    'C11',
    'device.c',
    'InterruptStatus is replaced',
    'device->interrupt_status |= bits;',
    'device->interrupt_status = bits;',
  ),
  m('event', 'event.c', 'another event', '{EVENT_TRANSPORT_RESET}', '{1}'),
  m(
    'event',
    'rx.c',
    'connections are reset one by one as well',
    'if (vsock_event_transport_reset(device)) {',
    'if (vsock_event_transport_reset(device) && false) {',
  ),
];
