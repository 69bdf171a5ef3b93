/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An end to patience: a peer that does not read holds descriptors of our guest's tx queue, as back-pressure should, but
 * not for ever if others suffer from it.
 *
 * All peers share that one queue. Once a peer's packets take up most of its share of the descriptors, it has to give
 * some of them back now and then; if it does not for VSOCK_PATIENCE ticks, our guest's connections with it end, as if its
 * guest had died. So the other peers always find descriptors, and our guest always finds its way out. With one peer
 * there are no others; then the standstill must be mutual, that is our guest leaves that peer's packets lying as well:
 * two guests that flood each other wait for each other's receive buffers and would never stop waiting.
 */
#include "device.h"

/* Of its share, which makes a peer's hold on the queue worth a look; of what it holds, which it has to give back. */
#define LARGE_PART(share) ((share) * 3 / 4)
#define SMALL_PART(held)  ((held) / 8 + 1)

static bool is_crowding(const struct vsock_device *device, const struct vsock_peer *peer)
{
    return peer->held >= LARGE_PART(device->queues[QUEUE_TX].num / device->num_peers) && peer->held > 0
           && (device->num_peers > 1 || peer->holding);
}

bool vsock_device_wants_ticks(const struct vsock_device *device)
{
    bool wants = false;
    for (unsigned i = 0; i < device->num_peers; i++) {
        wants = wants || device->peers[i].waiting_first != VSOCK_WAITING_NONE;
    }
    return wants;
}

bool vsock_device_tick(struct vsock_device *device)
{
    for (unsigned i = 0; i < device->num_peers; i++) {
        struct vsock_peer *peer = &device->peers[i];
        if (!is_crowding(device, peer) || peer->given_back >= SMALL_PART(peer->held)) {
            peer->given_back = 0;
            peer->slow_ticks = 0;
        } else if (++peer->slow_ticks == VSOCK_PATIENCE) {
            peer->slow_ticks = 0;
            device->counters[VSOCK_COUNT_TX_GIVEN_UP]++;
            vsock_rx_give_up(device, peer);
        }
    }
    return vsock_device_run(device);
}
