/* SPDX-License-Identifier: BSD-2-Clause */
/* Headers of packets: from and to their bytes, judged by themselves, and the two kinds that the device makes itself. */
#include "packet.h"

enum {
    OFFSET_SRC_CID = 0,
    OFFSET_DST_CID = 8,
    OFFSET_SRC_PORT = 16,
    OFFSET_DST_PORT = 20,
    OFFSET_LEN = 24,
    OFFSET_TYPE = 28,
    OFFSET_OP = 30,
    OFFSET_FLAGS = 32,
    OFFSET_BUF_ALLOC = 36,
    OFFSET_FWD_CNT = 40,
};

static uint64_t get(const uint8_t *from, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = bytes; i > 0; i--) {
        value = value << 8 | from[i - 1];
    }
    return value;
}

static void put(uint8_t *to, unsigned bytes, uint64_t value)
{
    for (unsigned i = 0; i < bytes; i++) {
        to[i] = (uint8_t)(value >> (8 * i));
    }
}

struct vsock_header vsock_header_parse(const uint8_t wire[VSOCK_HEADER_SIZE])
{
    return (struct vsock_header){
        .src_cid = get(wire + OFFSET_SRC_CID, 8),
        .dst_cid = get(wire + OFFSET_DST_CID, 8),
        .src_port = (uint32_t)get(wire + OFFSET_SRC_PORT, 4),
        .dst_port = (uint32_t)get(wire + OFFSET_DST_PORT, 4),
        .len = (uint32_t)get(wire + OFFSET_LEN, 4),
        .type = (uint16_t)get(wire + OFFSET_TYPE, 2),
        .op = (uint16_t)get(wire + OFFSET_OP, 2),
        .flags = (uint32_t)get(wire + OFFSET_FLAGS, 4),
        .buf_alloc = (uint32_t)get(wire + OFFSET_BUF_ALLOC, 4),
        .fwd_cnt = (uint32_t)get(wire + OFFSET_FWD_CNT, 4),
    };
}

void vsock_header_render(const struct vsock_header *header, uint8_t wire[VSOCK_HEADER_SIZE])
{
    put(wire + OFFSET_SRC_CID, 8, header->src_cid);
    put(wire + OFFSET_DST_CID, 8, header->dst_cid);
    put(wire + OFFSET_SRC_PORT, 4, header->src_port);
    put(wire + OFFSET_DST_PORT, 4, header->dst_port);
    put(wire + OFFSET_LEN, 4, header->len);
    put(wire + OFFSET_TYPE, 2, header->type);
    put(wire + OFFSET_OP, 2, header->op);
    put(wire + OFFSET_FLAGS, 4, header->flags);
    put(wire + OFFSET_BUF_ALLOC, 4, header->buf_alloc);
    put(wire + OFFSET_FWD_CNT, 4, header->fwd_cnt);
}

enum vsock_header_fault vsock_header_judge(const struct vsock_header *header)
{
    if (header->op == VSOCK_OP_INVALID || header->op > VSOCK_OP_CREDIT_REQUEST) {
        return VSOCK_HEADER_UNKNOWN_OP;
    }
    if (header->len > VSOCK_PAYLOAD_SIZE_MAX) {
        return VSOCK_HEADER_TOO_LONG;
    }
    if (header->len > 0 && header->op != VSOCK_OP_RW) {
        return VSOCK_HEADER_UNEXPECTED_PAYLOAD;
    }
    return VSOCK_HEADER_GOOD;
}

struct vsock_header vsock_header_reset(const struct vsock_header *header)
{
    return (struct vsock_header){
        .src_cid = header->dst_cid,
        .dst_cid = header->src_cid,
        .src_port = header->dst_port,
        .dst_port = header->src_port,
        /* We never send a type that does not exist, so an unknown one is answered as a stream. */
        .type = header->type == VSOCK_TYPE_SEQPACKET ? VSOCK_TYPE_SEQPACKET : VSOCK_TYPE_STREAM,
        .op = VSOCK_OP_RST,
    };
}

struct vsock_header vsock_header_piece(const struct vsock_header *whole, uint32_t size, bool last)
{
    struct vsock_header piece = *whole;
    piece.len = size;
    if (!last) {
        piece.flags &= ~(VSOCK_RW_EOM | VSOCK_RW_EOR);
    }
    return piece;
}

bool vsock_cid_usable(uint64_t cid)
{
    return cid >= 3 && cid < UINT32_MAX;
}
