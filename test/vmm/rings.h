/* SPDX-License-Identifier: BSD-2-Clause */
/* The rings that join the devices of a world, whose guests have CIDs from 3 on. It takes the device only, no test harness,
 * so that the model's driver has the same. */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../vmm/vsock/vsock.h"

#define MAX_GUESTS 3

/* The index that guest `peer` has among the peers of `guest`. */
static inline unsigned peer_index(unsigned guest, unsigned peer)
{
    return peer < guest ? peer : peer - 1;
}

/* One for each writer and reader, all zero. */
static inline void rings_make(struct vsock_ring_region *regions[MAX_GUESTS][MAX_GUESTS], unsigned num, uint64_t ring_size)
{
    for (unsigned i = 0; i < num; i++) {
        for (unsigned j = 0; j < num; j++) {
            regions[i][j] = i != j ? aligned_alloc(VSOCK_RING_HEADER_SIZE, ring_size) : NULL;
            if (i != j) {
                memset(regions[i][j], 0, ring_size);
            }
        }
    }
}

static inline void rings_free(struct vsock_ring_region *regions[MAX_GUESTS][MAX_GUESTS], unsigned num)
{
    for (unsigned i = 0; i < num; i++) {
        for (unsigned j = 0; j < num; j++) {
            free(regions[i][j]);
        }
    }
}

/* All others are peers of guest `i`. */
static inline void rings_join(struct vsock_setup *setup, unsigned i,
                              struct vsock_ring_region *regions[MAX_GUESTS][MAX_GUESTS], unsigned num, uint64_t ring_size)
{
    setup->num_peers = num - 1;
    for (unsigned j = 0; j < num; j++) {
        if (j != i) {
            setup->peers[peer_index(i, j)] = (struct vsock_peer_setup){
                .cid = 3 + j, .own_ring = regions[i][j], .peer_ring = regions[j][i], .ring_size = ring_size};
        }
    }
}
