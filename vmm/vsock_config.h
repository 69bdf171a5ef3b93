// SPDX-License-Identifier: BSD-2-Clause
// What the virtio socket device of one VMM is told: its place in the guest and its peers. vmbuild fills it in
// (meta/config/vsock.ts declares the same fields); the VMM finds it in section .vsock_config.

#pragma once

#include <stdint.h>

#define VSOCK_CONFIG_MAGIC_LEN 5

// meta/limits.ts: vsockLimits.maxPeers. A test compares the two.
#define VSOCK_MAX_PEERS 15

struct vsock_peer_config {
    uint32_t cid;
    // Microkit channel to the peer's VMM: notified when the rings changed.
    uint8_t channel;
    // The region that this VMM writes (mapped read-write) and the one that the peer writes (mapped read-only).
    uint64_t own_ring;
    uint64_t peer_ring;
    // Bytes of each of the two regions, headers included.
    uint64_t ring_size;
};

struct vsock_config {
    // "vsock" without a NUL.
    char magic[VSOCK_CONFIG_MAGIC_LEN];
    uint8_t num_peers;
    uint32_t cid;
    // The virtio-mmio window in guest physical memory.
    uint64_t mmio_base;
    uint64_t mmio_size;
    // Virtual IRQ at the guest's GIC: SPI + 32.
    uint32_t irq;
    struct vsock_peer_config peers[VSOCK_MAX_PEERS];
};
