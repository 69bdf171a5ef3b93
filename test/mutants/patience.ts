// SPDX-License-Identifier: BSD-2-Clause
// Mutants of what ends connections on the device's own account: patience.c and event.c.

import { mutant as m } from './mutant.ts';

const p = 'patience.c';
const e = 'event.c';

export const patienceMutants = [
  m(p, 'patience_is_endless', 'part of a share', '((share) * 3 / 4)', '((share) * 2 / 4)'),
  m(p, 'patience_lasts', 'part to give back', '((held) / 8 + 1)', '((held) / 4 + 1)'),
  m(p, 'patience_is_endless', 'whole queue for a share', '.num / device->num_peers)', '.num)'),
  m(p, 'patience_is_no_matter', 'peers of a driver that is down', ' && peer->held > 0\n', '\n'),
  m(
    p,
    'patience_with_a_peer',
    'peers with others',
    '(device->num_peers > 1 || peer->holding)',
    'peer->holding',
  ),
  m(p, 'patience_with_an_only', 'an only peer', '(device->num_peers > 1 || peer->holding)', 'true'),
  m(p, 'patience_with_a_peer', 'no ticks wanted', 'waiting_first != VSOCK', 'waiting_first == VSOCK'),
  m(p, 'patience_lasts', 'gave back, and is slow', '|| peer->given_back >= SMALL_PART(peer->held)', ''),
  m(p, 'patience_lasts', 'what was given back counts again', 'peer->given_back = 0;', ''),
  m(
    p,
    'patience_lasts',
    'slow ticks add up',
    '            peer->slow_ticks = 0;\n        } else',
    '        } else',
  ),
  m(
    p,
    'patience_with_a_peer',
    'less patience',
    '++peer->slow_ticks == VSOCK_PATIENCE',
    '++peer->slow_ticks == 3',
  ),
  m(
    p,
    'patience_with_a_peer',
    'more patience',
    '++peer->slow_ticks == VSOCK_PATIENCE',
    '++peer->slow_ticks == 5',
  ),
  m(p, 'patience_with_a_peer', 'counted only', 'vsock_rx_give_up(device, peer);', ''),
  m(
    p,
    'patience_with_a_peer',
    'packets of others left lying',
    'return vsock_device_run(device);',
    'return false;',
  ),

  m(e, 'event_not_sent_while', 'other peers end as well', 'device->num_peers != 1 || ', ''),
  m(e, 'event_without_a_driver', 'driver is down', '!vsock_device_up(device) || ', ''),
  m(e, 'event_without_the_queue', 'queue is not ready', ' || !queue->ready', ''),
  m(e, 'event_buffers', 'buffer too short', 'queue, EVENT_SIZE, &buffer', 'queue, 1, &buffer'),
  m(
    e,
    'event_transport',
    'buffer for data',
    '(device, queue, EVENT_SIZE',
    '(device, &device->queues[QUEUE_RX], EVENT_SIZE',
  ),
  m(e, 'event_transport', 'wrong event', '{EVENT_TRANSPORT_RESET}', '{1}'),
  m(
    e,
    'event_transport',
    'wrong length',
    'vsock_queue_return(queue, &buffer, sizeof event)',
    'vsock_queue_return(queue, &buffer, 0)',
  ),
  m(e, 'event_transport', 'RSTs as well', '    return true;\n}', '    return false;\n}'),
];
