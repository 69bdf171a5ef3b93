/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio-socket device (virtio 1.2 section 5.10) behind virtio-mmio registers, for a guest whose only sockets lead to
 * other guests. It knows neither seL4 nor QEMU: a seat gives it guest memory, a pair of shared regions per peer and
 * three callbacks, and tells it about register accesses, notifications and the guest's end. Compile every .c file of
 * this directory; beside the compiler's own headers it needs memcpy and memset only.
 *
 * What a seat does:
 *
 *   static struct vsock_device device;                       // zeroed, about 41 KiB
 *
 *   start        vsock_device_init(&device, &setup), when all regions are mapped
 *   MMIO fault   vsock_mmio_access(&device, offset, width, is_write, &value), then advance the guest's program
 *                counter: every access is legal for the guest, wrong ones read 0 or are ignored
 *   peer         vsock_device_notified(&device, peer), for every notification of that peer's channel. It is a hint:
 *                merged, spurious, early and repeated ones do no harm, also before the guest runs
 *   PSCI         vsock_device_guest_off() for SYSTEM_OFF, vsock_device_guest_reset() for SYSTEM_RESET, before guest
 *                memory is reloaded
 *   now and then vsock_device_tick() about once a second while vsock_device_wants_ticks(); it ends connections with peers
 *                that stand still at the cost of others
 *   `more`       functions that return bool return true if they stopped at their budget with work left. Then
 *                vsock_device_run() must be called again, soon, until it returns false; other events may be served
 *                between
 *
 * The interrupt is level-like and edge-reported: set_irq(cookie, true) when InterruptStatus becomes non-zero,
 * set_irq(cookie, false) when the guest has acknowledged all of it or the device was reset; never twice the same level.
 * So a seat that injects on `true` has at most one injection outstanding; if an injection was refused or lost (vIRQ not
 * enabled yet), it may ask vsock_device_irq_level() later and inject again.
 *
 * Not reentrant: a callback must not call into the device, and one device is used by one thread at a time. Two devices
 * joined by rings may run on two threads or in two protection domains.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "connections.h"
#include "limits.h"
#include "packet.h"
#include "ring.h"
#include "virtqueue.h"

/* Bytes of the register window that the device decodes; the rest of a larger window reads as 0. */
#define VSOCK_MMIO_SIZE 0x200

struct vsock_ops {
    /*
     * Guest memory [guest_physical, guest_physical + size), size > 0, as this program may access it; NULL unless all of
     * it is guest RAM. Must reject ranges that wrap or leave a region, and keep addresses aligned as the guest's are.
     */
    vsock_translate *translate;
    /* The level of the guest's interrupt has changed to `level`. */
    void (*set_irq)(void *cookie, bool level);
    /* Wake the device of peers[peer], which calls vsock_device_notified() for us. */
    void (*notify_peer)(void *cookie, unsigned peer);
    /*
     * Optional: a packet has been sent, to a peer's ring or, if we made it up ourselves, to our own guest. For captures.
     * A payload that wraps around the ring comes in two parts; they are valid until this returns.
     */
    void (*observe)(void *cookie, const struct vsock_header *header, const struct vsock_bytes payload[2]);
};

struct vsock_peer_setup {
    uint32_t cid;
    void *own_ring;        /* written by us only; page aligned, all zero at the first start */
    const void *peer_ring; /* written by the peer only */
    uint64_t ring_size;    /* bytes of each of the two, see vsock_ring_size_valid() */
};

struct vsock_setup {
    uint64_t guest_cid;
    unsigned num_peers;
    struct vsock_peer_setup peers[VSOCK_MAX_PEERS];
    const struct vsock_ops *ops; /* must outlive the device */
    void *cookie;                /* handed to the callbacks */
    bool defers;                 /* see vsock_device_catch_up() */
};

enum vsock_setup_fault {
    VSOCK_SETUP_GOOD,
    VSOCK_SETUP_RESERVED_CID,
    VSOCK_SETUP_DUPLICATE_CID,
    VSOCK_SETUP_TOO_MANY_PEERS,
    VSOCK_SETUP_RING_MISSING,
    VSOCK_SETUP_RING_SIZE,
};

/* Why a packet, a chain or an access was dropped, and what else a bench or a person may ask about. */
enum vsock_counter {
    /* work done */
    VSOCK_COUNT_TX_PACKETS,      /* taken from our guest and routed to a peer */
    VSOCK_COUNT_TX_RECORDS,      /* written to rings; more than packets where they were split */
    VSOCK_COUNT_TX_BYTES,        /* payload */
    VSOCK_COUNT_RX_RECORDS,      /* read from rings and meant for our guest */
    VSOCK_COUNT_RX_PACKETS,      /* put into our guest's buffers */
    VSOCK_COUNT_RX_BYTES,        /* payload */
    VSOCK_COUNT_INTERRUPTS,      /* set_irq(true) */
    VSOCK_COUNT_NOTIFICATIONS,   /* notify_peer() */
    VSOCK_COUNT_RESETS_TO_GUEST, /* RSTs that we made up for our guest */
    VSOCK_COUNT_RESETS_TO_PEER,  /* RSTs that we made up for a peer's guest */
    /* our guest's packets, dropped */
    VSOCK_COUNT_TX_BAD_CHAIN,    /* address outside guest memory, wrong direction, descriptor flags */
    VSOCK_COUNT_TX_SHORT,        /* chain shorter than a header */
    VSOCK_COUNT_TX_BAD_LENGTH,   /* len exceeds the chain or the maximum, or comes without OP_RW */
    VSOCK_COUNT_TX_SPOOFED,      /* source is not our guest */
    VSOCK_COUNT_TX_UNKNOWN_TYPE, /* answered with RST, as the next three */
    VSOCK_COUNT_TX_UNKNOWN_OP,
    VSOCK_COUNT_TX_UNKNOWN_PEER,
    VSOCK_COUNT_TX_REFUSED,   /* REQUEST while the peer's quota of connections is used up */
    VSOCK_COUNT_TX_PEER_DIED, /* waited for room when the peer's guest died, or was given up */
    VSOCK_COUNT_TX_GIVEN_UP,  /* peers whose connections were reset because they took no packets, see patience.c */
    /* our guest's receive buffers, returned empty */
    VSOCK_COUNT_RX_BAD_CHAIN,
    VSOCK_COUNT_RX_SHORT,
    /* a peer's records, dropped */
    VSOCK_COUNT_RX_SPOOFED,      /* source is not that peer, or destination not our guest */
    VSOCK_COUNT_RX_MALFORMED,    /* unknown operation, or payload where none belongs */
    VSOCK_COUNT_RX_STALE,        /* addressed to an earlier life of our guest */
    VSOCK_COUNT_RX_NOT_READY,    /* our guest is not up; answered with RST, as the next two */
    VSOCK_COUNT_RX_UNKNOWN_TYPE, /* our guest has not negotiated the type */
    VSOCK_COUNT_RX_REFUSED,      /* REQUEST while the peer's quota of connections is used up */
    VSOCK_COUNT_RX_RING_BROKEN,  /* the peer's tail or a record's length was impossible: all connections reset */
    VSOCK_COUNT_RX_SURVIVORS,    /* connections reset because the peer's guest died */
    VSOCK_COUNT_TRANSPORT_RESETS, /* events: all of our guest's connections ended at once */
    /* registers */
    VSOCK_COUNT_MMIO_IGNORED, /* bad width or offset, read-only, locked or invalid value */
    VSOCK_COUNT_QUEUE_BROKEN, /* DEVICE_NEEDS_RESET was set */
    VSOCK_COUNTERS,
};

/* A packet of our guest that waits for room in its peer's ring. */
struct vsock_waiting {
    struct vsock_chain chain; /* the payload that was not sent yet, and perhaps more bytes that nobody asked for */
    struct vsock_header header;
    uint32_t left; /* bytes of payload not sent yet */
    uint16_t next; /* in the peer's FIFO or the free list */
};

struct vsock_peer {
    uint64_t cid;
    struct vsock_ring ring;
    struct vsock_connections connections;
    uint16_t waiting_first; /* FIFO of device.waiting[], VSOCK_WAITING_NONE if empty */
    uint16_t waiting_last;
    uint32_t held;       /* descriptors of the tx queue that the FIFO's packets take up */
    uint32_t given_back; /* of those, since they were last worth a look */
    unsigned slow_ticks; /* at which that was too little */
    struct vsock_record record; /* the one at hand, if `holding` */
    uint32_t left;              /* bytes of its payload not delivered yet */
    bool holding;
    bool refusing; /* the packet whose records come */
};

#define VSOCK_WAITING_NONE 0xffffu

/* What a peer's guest may send our guest on one stream, as far as it has been told. */
struct vsock_credit {
    uint64_t peer_cid;
    uint32_t local_port;
    uint32_t peer_port;
    uint32_t allowed;  /* buf_alloc, bytes */
    uint32_t told;     /* fwd_cnt */
    uint32_t received; /* bytes of payload that came, counted as fwd_cnt is */
    bool is_asked_for; /* by a CREDIT_REQUEST that was not answered yet */
};

/* All of the device's state. A seat allocates it and leaves the fields alone, but may read `counters`. */
struct vsock_device {
    const struct vsock_ops *ops;
    void *cookie;
    uint64_t guest_cid;
    bool defers;

    /* registers */
    uint32_t status;
    uint32_t interrupt_status;
    uint32_t device_features_select;
    uint32_t driver_features_select;
    uint64_t driver_features;
    bool unknown_features; /* the driver asked for feature bits from 64 on */
    uint32_t queue_select;

    struct vsock_queue queues[VSOCK_NUM_QUEUES];

    struct vsock_waiting waiting[VSOCK_QUEUE_SIZE_MAX];
    uint16_t waiting_free;

    struct vsock_header replies[VSOCK_MAX_REPLIES]; /* RSTs for our guest, a circular buffer */
    uint32_t replies_first;
    uint32_t replies_count;

    unsigned num_peers;
    unsigned turn; /* the peer whose records are delivered first next time */
    struct vsock_peer peers[VSOCK_MAX_PEERS];
    struct vsock_connection connections[VSOCK_MAX_CONNECTIONS];
    struct vsock_credit credits[VSOCK_CREDITS];

    uint64_t counters[VSOCK_COUNTERS];
};

/* Prepares a device whose guest has not started. Looks at what the peers have already written. */
enum vsock_setup_fault vsock_device_init(struct vsock_device *device, const struct vsock_setup *setup);

/*
 * One access of the guest to the register window: `offset` from its start in bytes, `width` 1, 2, 4 or 8 bytes. Reads
 * store the zero-extended value, writes take it from there.
 */
bool vsock_mmio_access(struct vsock_device *device, uint64_t offset, unsigned width, bool is_write, uint64_t *value);

/* The device of peers[peer] has notified us. */
bool vsock_device_notified(struct vsock_device *device, unsigned peer);

/*
 * With `defers`, a device puts off what costs an exit or an interrupt and nobody is likely to wait for, until it can be
 * done along with something else:
 *
 *   completions      chains of packets that our guest has sent are returned to it with the next interrupt that there is
 *                    another reason for, when there are half as many as its queue is long, or by vsock_device_complete()
 *   credit updates   a peer is not woken for one of which its guest is not short (credit.c), but for the next packet, or
 *                    by vsock_device_catch_up()
 *
 * A seat that asks for it calls vsock_device_complete() some milliseconds after vsock_device_holds_completions() has
 * become true, for a driver may wait for nothing but this, and vsock_device_catch_up(), which does both, ten times a second,
 * or when vsock_device_is_behind() has been true for a while.
 */
void vsock_device_complete(struct vsock_device *device);
bool vsock_device_holds_completions(const struct vsock_device *device);
void vsock_device_catch_up(struct vsock_device *device);
bool vsock_device_is_behind(const struct vsock_device *device);

/* Goes on with work that was left over. */
bool vsock_device_run(struct vsock_device *device);

/*
 * About a second has passed. To be called for as long as vsock_device_wants_ticks(): something waits for room at a peer.
 * A clock that is slow or fast makes the device more or less patient, and nothing else.
 */
bool vsock_device_tick(struct vsock_device *device);
bool vsock_device_wants_ticks(const struct vsock_device *device);

/*
 * The guest is gone (power-off) or will start again (reset). What it has queued is still sent as far as there is room,
 * then its peers reset their connections with it, and the device is as after a write of 0 to its status. Guest memory
 * is not accessed any longer when these return.
 */
bool vsock_device_guest_off(struct vsock_device *device);
bool vsock_device_guest_reset(struct vsock_device *device);

/* The level last given to set_irq(). */
bool vsock_device_irq_level(const struct vsock_device *device);

/* For people: what a setup fault says, and a counter's name. */
const char *vsock_setup_fault_text(enum vsock_setup_fault fault);
const char *vsock_counter_name(enum vsock_counter counter);
