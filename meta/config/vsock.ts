// SPDX-License-Identifier: BSD-2-Clause
// The config of our own device, in its own section, so that libvmm's struct stays upstream's. C twin:
// vmm/vsock_config.h.

import { vsockLimits } from '../limits.ts';
import { array, magic, u32, u64, u8, type ValueOf } from './field.ts';
import { struct } from './struct.ts';

const header = '"vsock_config.h"';

const vsockPeer = struct({
  cName: 'struct vsock_peer_config',
  header,
  fields: { cid: u32, channel: u8, own_ring: u64, peer_ring: u64, ring_size: u64 },
});

export const vsockConfig = struct({
  cName: 'struct vsock_config',
  header,
  fields: {
    magic: magic('vsock'),
    num_peers: u8,
    cid: u32,
    mmio_base: u64,
    mmio_size: u64,
    irq: u32,
    peers: array(vsockPeer, vsockLimits.maxPeers),
  },
});
export type VsockConfigValue = ValueOf<typeof vsockConfig>;
