/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event queue (virtio 5.10.6.7), which knows one event: TRANSPORT_RESET, "communication has been interrupted". The
 * driver then ends all of its connections and keeps its listeners.
 *
 * When a peer's guest dies, RSTs for its connections are better: they come in order behind the last data, and leave other
 * peers' connections alone. The event is for the one case in which bytes are lost anyway, and what we remember of
 * connections may be wrong as well: the only peer's ring was broken.
 */
#include "device.h"

enum {
    EVENT_TRANSPORT_RESET = 0,
    EVENT_SIZE = 4,
};

bool vsock_event_transport_reset(struct vsock_device *device)
{
    struct vsock_queue *queue = &device->queues[QUEUE_EVENT];
    struct vsock_chain buffer;
    if (device->num_peers != 1 || !vsock_device_up(device) || !queue->ready
        || !vsock_rx_take_buffer(device, queue, EVENT_SIZE, &buffer)) {
        return false;
    }
    const uint8_t event[EVENT_SIZE] = {EVENT_TRANSPORT_RESET};
    vsock_chain_write(queue, &buffer, event, sizeof event);
    vsock_queue_return(queue, &buffer, sizeof event);
    device->counters[VSOCK_COUNT_TRANSPORT_RESETS]++;
    return true;
}
