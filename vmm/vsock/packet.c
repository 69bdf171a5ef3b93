/* SPDX-License-Identifier: BSD-2-Clause */
/* Headers of packets: from and to their bytes, judged by themselves, and the two kinds that the device makes itself. */
#include "packet.h"
#include "memory.h"

#include <stddef.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "headers are little endian, and so must be this machine"
#endif

/* In memory a header is as on the wire, so that neither way is more than a copy: there are hundreds of them per MiB. */
#define AT(field, offset) _Static_assert(offsetof(struct vsock_header, field) == (offset), "virtio 5.10.6")
AT(src_cid, 0);
AT(dst_cid, 8);
AT(src_port, 16);
AT(dst_port, 20);
AT(len, 24);
AT(type, 28);
AT(op, 30);
AT(flags, 32);
AT(buf_alloc, 36);
AT(fwd_cnt, 40);

struct vsock_header vsock_header_parse(const uint8_t wire[VSOCK_HEADER_SIZE])
{
    struct vsock_header header;
    memcpy(&header, wire, VSOCK_HEADER_SIZE);
    return header;
}

void vsock_header_render(const struct vsock_header *header, uint8_t wire[VSOCK_HEADER_SIZE])
{
    memcpy(wire, header, VSOCK_HEADER_SIZE);
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
