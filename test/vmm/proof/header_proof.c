/* SPDX-License-Identifier: BSD-2-Clause */
/* Headers: any 44 bytes are read without loss, and what is judged good keeps the limits that others rely on. */
#include "packet.h"

void prove(void)
{
    uint8_t wire[VSOCK_HEADER_SIZE], again[VSOCK_HEADER_SIZE];
    struct vsock_header header = vsock_header_parse(wire);
    vsock_header_render(&header, again);
    for (unsigned i = 0; i < VSOCK_HEADER_SIZE; i++) {
        PROVE(wire[i] == again[i], "a header is read and written without loss");
    }

    if (vsock_header_judge(&header) == VSOCK_HEADER_GOOD) {
        PROVE(header.op >= VSOCK_OP_REQUEST && header.op <= VSOCK_OP_CREDIT_REQUEST, "a good header has an operation");
        PROVE(header.len <= VSOCK_PAYLOAD_SIZE_MAX, "a good header's payload has at most the largest size");
        PROVE(header.len == 0 || header.op == VSOCK_OP_RW, "a good header has payload with RW only");
    }

    struct vsock_header reset = vsock_header_reset(&header);
    PROVE(vsock_header_judge(&reset) == VSOCK_HEADER_GOOD, "an RST is good");
    PROVE(reset.src_cid == header.dst_cid && reset.dst_cid == header.src_cid && reset.src_port == header.dst_port
              && reset.dst_port == header.src_port,
          "an RST goes back to where its cause came from");
    PROVE(reset.type == VSOCK_TYPE_STREAM || reset.type == VSOCK_TYPE_SEQPACKET, "an RST has a type that exists");

    uint32_t size = nondet_u32();
    ASSUME(size <= header.len);
    struct vsock_header piece = vsock_header_piece(&header, size, nondet_bool());
    PROVE(piece.len == size, "a piece has its own length");
    PROVE(vsock_header_judge(&header) != VSOCK_HEADER_GOOD || vsock_header_judge(&piece) == VSOCK_HEADER_GOOD,
          "a piece of what is good is good");
    PROVE(!vsock_cid_usable(header.src_cid) || (header.src_cid > 2 && header.src_cid < UINT32_MAX),
          "a usable CID is a guest's");
}
