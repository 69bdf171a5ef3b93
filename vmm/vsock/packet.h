/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The packets of a virtio socket (virtio 5.10.6).
 *
 * Every packet is a header of 44 bytes, little endian, and for OP_RW a payload of `len` bytes. A connection is named by
 * two addresses (CID and port) and a type. Life of a connection:
 *
 *     client                      server
 *       | ---- REQUEST -----------> |   RST instead of RESPONSE: nobody listens, or no resources
 *       | <--- RESPONSE ----------- |
 *       | ---- RW ----------------> |   at most as much as the receiver's buf_alloc - (sent - fwd_cnt)
 *       | <--- CREDIT_UPDATE ------ |   every packet carries buf_alloc and fwd_cnt as well
 *       | ---- SHUTDOWN (flags) --> |   1: I will not receive, 2: I will not send; sticky
 *       | <--- RST ---------------- |   the connection is gone; an RST is never answered
 *
 * A packet is copied out of the memory of whoever wrote it exactly once, before anything in it is judged.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "limits.h"

enum vsock_type {
    VSOCK_TYPE_STREAM = 1,
    VSOCK_TYPE_SEQPACKET = 2,
};

enum vsock_op {
    VSOCK_OP_INVALID = 0,
    VSOCK_OP_REQUEST = 1,
    VSOCK_OP_RESPONSE = 2,
    VSOCK_OP_RST = 3,
    VSOCK_OP_SHUTDOWN = 4,
    VSOCK_OP_RW = 5,
    VSOCK_OP_CREDIT_UPDATE = 6,
    VSOCK_OP_CREDIT_REQUEST = 7,
};

/* Flags of OP_RW on a SEQPACKET connection: the last byte of a message, of a record. */
#define VSOCK_RW_EOM 1u
#define VSOCK_RW_EOR 2u

/* In the order of the wire. */
struct vsock_header {
    uint64_t src_cid;
    uint64_t dst_cid;
    uint32_t src_port;
    uint32_t dst_port;
    uint32_t len;
    uint16_t type;
    uint16_t op;
    uint32_t flags;
    uint32_t buf_alloc;
    uint32_t fwd_cnt;
};

/* Reads a header from its 44 bytes on the wire. `wire` must be private memory. */
struct vsock_header vsock_header_parse(const uint8_t wire[VSOCK_HEADER_SIZE]);

/* Writes a header as its 44 bytes on the wire. */
void vsock_header_render(const struct vsock_header *header, uint8_t wire[VSOCK_HEADER_SIZE]);

/* What is wrong with a header, judged by itself: operation known, payload with OP_RW only and not above the maximum. */
enum vsock_header_fault {
    VSOCK_HEADER_GOOD,
    VSOCK_HEADER_UNKNOWN_OP,
    VSOCK_HEADER_TOO_LONG,
    VSOCK_HEADER_UNEXPECTED_PAYLOAD,
};
enum vsock_header_fault vsock_header_judge(const struct vsock_header *header);

/* The RST that answers `header`. Must not be asked for an RST (virtio 5.10.6.5: reply loops). */
struct vsock_header vsock_header_reset(const struct vsock_header *header);

/* The header of a piece of `size` payload bytes of `whole`. Message flags stay on the `last` piece only. */
struct vsock_header vsock_header_piece(const struct vsock_header *whole, uint32_t size, bool last);

/* A CID that may belong to a guest (virtio 5.10.4): 3 .. 2^32 - 2. */
bool vsock_cid_usable(uint64_t cid);
