/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device as a whole: its start, its one work loop, and the ends of its guest.
 *
 * Whatever happens (a kick, a notification), the same loop runs: move packets in both directions until nothing moves,
 * then settle: tell every peer what we wait for, and look once more. Only if there was nothing new is the device idle.
 */
#include "device.h"
#include "memory.h"

static enum vsock_setup_fault judge_setup(const struct vsock_setup *setup);
static bool settle(struct vsock_device *device);
static void publish(struct vsock_device *device);

enum vsock_setup_fault vsock_device_init(struct vsock_device *device, const struct vsock_setup *setup)
{
    enum vsock_setup_fault fault = judge_setup(setup);
    if (fault != VSOCK_SETUP_GOOD) {
        return fault;
    }
    memset(device, 0, sizeof *device);
    device->ops = setup->ops;
    device->cookie = setup->cookie;
    device->guest_cid = setup->guest_cid;
    device->defers = setup->defers;
    device->num_peers = setup->num_peers;
    for (unsigned i = 0; i < setup->num_peers; i++) {
        const struct vsock_peer_setup *from = &setup->peers[i];
        struct vsock_peer *peer = &device->peers[i];
        uint32_t quota = VSOCK_MAX_CONNECTIONS / setup->num_peers;
        peer->cid = from->cid;
        peer->connections = (struct vsock_connections){.entries = &device->connections[i * quota], .quota = quota};
        vsock_ring_init(&peer->ring, from->own_ring, from->peer_ring, from->ring_size);
    }
    vsock_tx_reset(device);
    /* What peers have sent before we started is refused now; should that not end, the driver's first register write
     * goes on. */
    unsigned runs = 0;
    while (runs < VSOCK_START_RUNS_MAX && vsock_device_run(device)) {
        runs++;
    }
    return VSOCK_SETUP_GOOD;
}

bool vsock_device_run(struct vsock_device *device)
{
    uint32_t budget = VSOCK_BUDGET;
    bool idle = false;
    for (unsigned i = 0; i < device->num_peers; i++) {
        vsock_ring_wake(&device->peers[i].ring);
    }
    while (!idle && budget > 0) {
        uint32_t before = budget;
        vsock_tx_run(device, &budget);
        vsock_rx_run(device, &budget);
        if (budget == before) {
            idle = settle(device);
            budget--; /* a peer that keeps us awake for nothing uses the budget up */
        }
    }
    publish(device);
    return !idle;
}

bool vsock_device_notified(struct vsock_device *device, unsigned peer)
{
    /* Whose notification it was does not matter: it may have been merged with others, and looking at all is cheap. */
    (void)peer;
    return vsock_device_run(device);
}

bool vsock_device_guest_off(struct vsock_device *device)
{
    uint32_t budget = VSOCK_BUDGET;
    vsock_tx_run(device, &budget);
    vsock_device_reset(device);
    return vsock_device_run(device);
}

bool vsock_device_guest_reset(struct vsock_device *device)
{
    return vsock_device_guest_off(device);
}

/* --- the loop's end --- */

/* Arranges for the next wake-up by one peer. False if there is something to do at once. */
static bool settle_peer(struct vsock_device *device, struct vsock_peer *peer)
{
    uint32_t unused;
    bool answering = vsock_rx_must_answer(device, peer);
    vsock_ring_want_room(&peer->ring, answering || peer->waiting_first != VSOCK_WAITING_NONE);
    if (!vsock_tx_settled(device, peer) || (answering && vsock_ring_room(&peer->ring, true, &unused))) {
        return false;
    }
    /* With a record at hand we wait for room or for our guest's buffers, and further records change nothing. */
    if (peer->holding || vsock_connections_survivor(&peer->connections) != NULL) {
        return true;
    }
    return vsock_ring_sleep(&peer->ring);
}

static bool settle(struct vsock_device *device)
{
    bool settled = true;
    for (unsigned i = 0; i < device->num_peers; i++) {
        if (!settle_peer(device, &device->peers[i])) {
            settled = false;
        }
    }
    return settled;
}

static void wake_if_waiting(struct vsock_device *device, unsigned peer)
{
    if (vsock_ring_peer_waits(&device->peers[peer].ring)) {
        device->counters[VSOCK_COUNT_NOTIFICATIONS]++;
        device->ops->notify_peer(device->cookie, peer);
    }
}

/* An interrupt for each packet that the guest sends would cost more than the packet. */
static bool worth_holding(const struct vsock_device *device)
{
    const struct vsock_queue *queue = &device->queues[QUEUE_TX];
    return device->defers && device->interrupt_status == 0
           && vsock_queue_unpublished(queue) < queue->num / 2 && vsock_queue_would_interrupt(queue);
}

bool vsock_device_holds_completions(const struct vsock_device *device)
{
    return vsock_device_up(device) && vsock_queue_unpublished(&device->queues[QUEUE_TX]) > 0;
}

void vsock_device_complete(struct vsock_device *device)
{
    if (vsock_device_up(device) && vsock_queue_publish(&device->queues[QUEUE_TX])) {
        vsock_device_raise(device, INTERRUPT_USED);
    }
}

bool vsock_device_is_behind(const struct vsock_device *device)
{
    bool is_behind = vsock_device_holds_completions(device);
    for (unsigned i = 0; i < device->num_peers; i++) {
        is_behind = is_behind || vsock_ring_puts_off(&device->peers[i].ring);
    }
    return is_behind;
}

void vsock_device_catch_up(struct vsock_device *device)
{
    for (unsigned i = 0; i < device->num_peers; i++) {
        vsock_ring_hurry(&device->peers[i].ring);
        wake_if_waiting(device, i);
    }
    vsock_device_complete(device);
}

/* Shows peers and guest what was done, and wakes those who wait for it. */
static void publish(struct vsock_device *device)
{
    for (unsigned i = 0; i < device->num_peers; i++) {
        vsock_ring_publish(&device->peers[i].ring);
        wake_if_waiting(device, i);
    }
    if (vsock_device_up(device)) {
        bool rx = vsock_queue_publish(&device->queues[QUEUE_RX]);
        bool event = vsock_queue_publish(&device->queues[QUEUE_EVENT]);
        bool tx = (rx || event || !worth_holding(device)) && vsock_queue_publish(&device->queues[QUEUE_TX]);
        if (rx || tx || event) {
            vsock_device_raise(device, INTERRUPT_USED);
        }
    }
}

/* --- the guest's state --- */

bool vsock_device_up(const struct vsock_device *device)
{
    return (device->status & (STATUS_DRIVER_OK | STATUS_NEEDS_RESET | STATUS_FAILED)) == STATUS_DRIVER_OK
           && device->queues[QUEUE_RX].ready && device->queues[QUEUE_TX].ready;
}

bool vsock_device_speaks(const struct vsock_device *device, uint16_t type)
{
    switch (type) {
    case VSOCK_TYPE_STREAM:
        return (device->driver_features & (FEATURE_STREAM | FEATURE_NO_IMPLIED_STREAM)) != FEATURE_NO_IMPLIED_STREAM;
    case VSOCK_TYPE_SEQPACKET:
        return (device->driver_features & FEATURE_SEQPACKET) != 0;
    }
    return false;
}

void vsock_device_fail(struct vsock_device *device)
{
    vsock_device_disconnect(device);
    device->counters[VSOCK_COUNT_QUEUE_BROKEN]++;
    device->status |= STATUS_NEEDS_RESET;
    vsock_device_raise(device, INTERRUPT_CONFIG);
}

void vsock_device_reset(struct vsock_device *device)
{
    if (vsock_device_up(device)) {
        vsock_device_disconnect(device);
    }
    device->status = 0;
    device->device_features_select = 0;
    device->driver_features_select = 0;
    device->driver_features = 0;
    device->unknown_features = false;
    device->queue_select = 0;
    for (unsigned i = 0; i < VSOCK_NUM_QUEUES; i++) {
        vsock_queue_reset(&device->queues[i]);
    }
    vsock_device_lower(device, device->interrupt_status);
}

void vsock_device_disconnect(struct vsock_device *device)
{
    vsock_tx_reset(device);
    vsock_rx_reset(device);
    for (unsigned i = 0; i < device->num_peers; i++) {
        vsock_ring_raise_epoch(&device->peers[i].ring);
    }
}

void vsock_device_raise(struct vsock_device *device, uint32_t bits)
{
    bool was_low = device->interrupt_status == 0;
    device->interrupt_status |= bits;
    if (was_low) {
        device->counters[VSOCK_COUNT_INTERRUPTS]++;
        device->ops->set_irq(device->cookie, true);
    }
}

void vsock_device_lower(struct vsock_device *device, uint32_t bits)
{
    bool was_high = device->interrupt_status != 0;
    device->interrupt_status &= ~bits;
    if (was_high && device->interrupt_status == 0) {
        device->ops->set_irq(device->cookie, false);
    }
}

bool vsock_device_irq_level(const struct vsock_device *device)
{
    return device->interrupt_status != 0;
}

void vsock_device_observe(const struct vsock_device *device, const struct vsock_header *header,
                          const struct vsock_ring *ring)
{
    if (device->ops->observe == NULL) {
        return;
    }
    struct vsock_bytes payload[2] = {{0}, {0}};
    if (ring != NULL) {
        vsock_ring_written(ring, header->len, payload);
    }
    device->ops->observe(device->cookie, header, payload);
}

/* --- setup --- */

static enum vsock_setup_fault judge_setup(const struct vsock_setup *setup)
{
    if (!vsock_cid_usable(setup->guest_cid)) {
        return VSOCK_SETUP_RESERVED_CID;
    }
    if (setup->num_peers > VSOCK_MAX_PEERS) {
        return VSOCK_SETUP_TOO_MANY_PEERS;
    }
    for (unsigned i = 0; i < setup->num_peers; i++) {
        const struct vsock_peer_setup *peer = &setup->peers[i];
        if (!vsock_cid_usable(peer->cid)) {
            return VSOCK_SETUP_RESERVED_CID;
        }
        bool duplicate = peer->cid == setup->guest_cid;
        for (unsigned j = 0; j < i; j++) {
            duplicate = duplicate || setup->peers[j].cid == peer->cid;
        }
        if (duplicate) {
            return VSOCK_SETUP_DUPLICATE_CID;
        }
        if (peer->own_ring == NULL || peer->peer_ring == NULL) {
            return VSOCK_SETUP_RING_MISSING;
        }
        if (!vsock_ring_size_valid(peer->ring_size)) {
            return VSOCK_SETUP_RING_SIZE;
        }
    }
    return VSOCK_SETUP_GOOD;
}
