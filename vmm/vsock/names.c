/* SPDX-License-Identifier: BSD-2-Clause */
/* What the device's enums say to people. */
#include "vsock.h"

const char *vsock_setup_fault_text(enum vsock_setup_fault fault)
{
    switch (fault) {
    case VSOCK_SETUP_GOOD:
        return "good";
    case VSOCK_SETUP_RESERVED_CID:
        return "a CID is reserved: usable are 3 to 4294967294";
    case VSOCK_SETUP_DUPLICATE_CID:
        return "two guests have the same CID";
    case VSOCK_SETUP_TOO_MANY_PEERS:
        return "too many peers";
    case VSOCK_SETUP_RING_MISSING:
        return "a ring region is not mapped";
    case VSOCK_SETUP_RING_SIZE:
        return "a ring region must be 0x1000 bytes and a power of two from 0x1000 to 0x40000000";
    }
    return "unknown";
}

const char *vsock_counter_name(enum vsock_counter counter)
{
    switch (counter) {
    case VSOCK_COUNT_TX_PACKETS:
        return "tx packets";
    case VSOCK_COUNT_TX_RECORDS:
        return "tx records";
    case VSOCK_COUNT_TX_BYTES:
        return "tx bytes";
    case VSOCK_COUNT_RX_RECORDS:
        return "rx records";
    case VSOCK_COUNT_RX_PACKETS:
        return "rx packets";
    case VSOCK_COUNT_RX_BYTES:
        return "rx bytes";
    case VSOCK_COUNT_INTERRUPTS:
        return "interrupts";
    case VSOCK_COUNT_NOTIFICATIONS:
        return "notifications";
    case VSOCK_COUNT_RESETS_TO_GUEST:
        return "resets to guest";
    case VSOCK_COUNT_RESETS_TO_PEER:
        return "resets to peer";
    case VSOCK_COUNT_TX_BAD_CHAIN:
        return "tx dropped: bad chain";
    case VSOCK_COUNT_TX_SHORT:
        return "tx dropped: shorter than a header";
    case VSOCK_COUNT_TX_BAD_LENGTH:
        return "tx dropped: bad length";
    case VSOCK_COUNT_TX_SPOOFED:
        return "tx dropped: spoofed source";
    case VSOCK_COUNT_TX_UNKNOWN_TYPE:
        return "tx refused: unknown type";
    case VSOCK_COUNT_TX_UNKNOWN_OP:
        return "tx refused: unknown operation";
    case VSOCK_COUNT_TX_UNKNOWN_PEER:
        return "tx refused: unknown destination";
    case VSOCK_COUNT_TX_REFUSED:
        return "tx refused: too many connections";
    case VSOCK_COUNT_TX_PEER_DIED:
        return "tx dropped: the peer's guest died";
    case VSOCK_COUNT_TX_GIVEN_UP:
        return "peers given up: took no packets";
    case VSOCK_COUNT_RX_BAD_CHAIN:
        return "rx buffer returned: bad chain";
    case VSOCK_COUNT_RX_SHORT:
        return "rx buffer returned: too short";
    case VSOCK_COUNT_RX_SPOOFED:
        return "rx dropped: spoofed addresses";
    case VSOCK_COUNT_RX_MALFORMED:
        return "rx dropped: malformed";
    case VSOCK_COUNT_RX_STALE:
        return "rx dropped: for an earlier life of the guest";
    case VSOCK_COUNT_RX_NOT_READY:
        return "rx refused: guest not ready";
    case VSOCK_COUNT_RX_UNKNOWN_TYPE:
        return "rx refused: type not negotiated";
    case VSOCK_COUNT_RX_REFUSED:
        return "rx refused: too many connections";
    case VSOCK_COUNT_RX_RING_BROKEN:
        return "rx ring broken by the peer";
    case VSOCK_COUNT_RX_SURVIVORS:
        return "connections reset: the peer's guest died";
    case VSOCK_COUNT_TRANSPORT_RESETS:
        return "transport resets";
    case VSOCK_COUNT_MMIO_IGNORED:
        return "register accesses ignored";
    case VSOCK_COUNT_QUEUE_BROKEN:
        return "virtqueue broken by the guest";
    case VSOCK_COUNTERS:
        break;
    }
    return "unknown";
}
