/* SPDX-License-Identifier: BSD-2-Clause */
/* Every limit of the virtio-socket device, with its source. "virtio" is the virtio specification 1.2 (cs01). Those that
 * may be defined elsewhere are smaller in the tests that are to reach them. */
#pragma once

/* Peers of one device. Ours: one Microkit channel and two regions each; mirrors struct vsock_config. */
#define VSOCK_MAX_PEERS 15

/* Largest QueueNum that we offer, per queue. Ours; a power of two (virtio 2.7). QEMU's vhost-vsock offers the same. The
 * seat in host/ is compiled with another: QEMU's virtio-mmio lets every driver take 1024. */
#ifndef VSOCK_QUEUE_SIZE_MAX
#define VSOCK_QUEUE_SIZE_MAX 128
#endif

/* Pieces of guest memory that the chains in flight of one queue may consist of. Ours: with indirect tables, a full queue
 * of packets in two pieces, as Linux makes them, fits; if more are needed, the queue waits until chains are returned.
 * Not less than the longest chain, which has QueueNum (virtio 2.7.5.3.1). */
#define VSOCK_SEGMENTS (2 * VSOCK_QUEUE_SIZE_MAX)

/* rx, tx and event queue (virtio 5.10.2). */
#define VSOCK_NUM_QUEUES 3

/* Bytes of the header of every packet (virtio 5.10.6). */
#define VSOCK_HEADER_SIZE 44

/* Largest payload of one packet: VIRTIO_VSOCK_MAX_PKT_BUF_SIZE of Linux, which its driver never exceeds. */
#define VSOCK_PAYLOAD_SIZE_MAX (64 * 1024)

/* Live connections that a device remembers, shared out evenly among its peers. Ours. */
#ifndef VSOCK_MAX_CONNECTIONS
#define VSOCK_MAX_CONNECTIONS 1024
#endif

/* RSTs that wait for a receive buffer of our own guest; when they are this many, its tx queue waits. Ours. */
#ifndef VSOCK_MAX_REPLIES
#define VSOCK_MAX_REPLIES 64
#endif

/* Packets moved, dropped or answered by one call into the device before it returns `more`. Ours. */
#ifndef VSOCK_BUDGET
#define VSOCK_BUDGET 256
#endif

/* Such calls that vsock_device_init() makes at most: more than 15 default rings full of the smallest records take.
 * Ours. */
#define VSOCK_START_RUNS_MAX 128

/* Ticks, of about a second each, for which a peer may hold back our guest's packets at the cost of others. Ours: twice
 * the 2 seconds after which Linux gives up connecting. */
#define VSOCK_PATIENCE 4

/* Streams whose credit is counted at a time, see credit.c. Ours. */
#ifndef VSOCK_CREDITS
#define VSOCK_CREDITS 64
#endif

/* Receive buffers that one peer may fill before it is the next peer's turn. Ours. */
#define VSOCK_TURN 16

/* A ring region is one page of indices and a power of two of data (ring.h). */
#define VSOCK_RING_HEADER_SIZE 0x1000
#define VSOCK_RING_DATA_SIZE_MIN 0x1000u
#define VSOCK_RING_DATA_SIZE_MAX 0x40000000u

/* Part of a ring that only the device's own RSTs may fill: why is told in ring.h. */
#define VSOCK_RING_RESERVE_SIZE 256u
