/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Credit updates that can wait.
 *
 * Linux sends a CREDIT_UPDATE whenever a receiver has read all that there is: one for every small message. To wake the
 * peer for it costs its VMM and its guest an interrupt with all its exits, for what the header of the next packet says as
 * well. As long as the peer's guest has used no more than half of the credit that it knows of, it does not wait for more. So
 * the update's record lies in the ring and wakes nobody: the next packet does, or data that uses more than half, or
 * vsock_device_catch_up().
 *
 * What the peer's guest knows and has used is counted by stream, in a table with one place for all that have the same
 * hash. A stream that another one has driven out of it, and a SEQPACKET connection, whose sender may want room for a whole
 * message, have updates that do not wait.
 */
#include "device.h"

static struct vsock_credit *place_of(struct vsock_device *device, uint32_t local_port, uint32_t peer_port)
{
    uint32_t mix = local_port ^ peer_port * 31;
    return &device->credits[(mix ^ mix >> 8) % VSOCK_CREDITS];
}

/* The stream's entry, or NULL. */
static struct vsock_credit *find(struct vsock_device *device, const struct vsock_peer *peer, uint32_t local_port,
                                 uint32_t peer_port)
{
    struct vsock_credit *credit = place_of(device, local_port, peer_port);
    bool is_it = credit->peer_cid == peer->cid && credit->local_port == local_port && credit->peer_port == peer_port;
    return is_it ? credit : NULL;
}

static bool is_scarce(const struct vsock_credit *credit)
{
    return credit->received - credit->told > credit->allowed / 2;
}

bool vsock_credit_send(struct vsock_device *device, const struct vsock_peer *peer, const struct vsock_header *header)
{
    if (!device->defers || header->type != VSOCK_TYPE_STREAM) {
        return true;
    }
    if (header->op == VSOCK_OP_REQUEST || header->op == VSOCK_OP_RESPONSE) {
        *place_of(device, header->src_port, header->dst_port) = (struct vsock_credit){
            .peer_cid = peer->cid,
            .local_port = header->src_port,
            .peer_port = header->dst_port,
            .allowed = header->buf_alloc,
            .told = header->fwd_cnt,
            .received = header->fwd_cnt,
        };
        return true;
    }
    struct vsock_credit *credit = find(device, peer, header->src_port, header->dst_port);
    if (credit == NULL) {
        return true;
    }
    if (header->op == VSOCK_OP_CREDIT_UPDATE && header->buf_alloc == credit->allowed && !credit->is_asked_for
        && !is_scarce(credit)) {
        return false;
    }
    credit->allowed = header->buf_alloc;
    credit->told = header->fwd_cnt;
    credit->is_asked_for = false;
    return true;
}

void vsock_credit_receive(struct vsock_device *device, struct vsock_peer *peer, const struct vsock_header *header)
{
    struct vsock_credit *credit = NULL;
    if (device->defers && header->type == VSOCK_TYPE_STREAM) {
        credit = find(device, peer, header->dst_port, header->src_port);
    }
    if (credit == NULL) {
        return;
    }
    credit->received += header->len;
    credit->is_asked_for = credit->is_asked_for || header->op == VSOCK_OP_CREDIT_REQUEST;
    if (is_scarce(credit)) {
        vsock_ring_hurry(&peer->ring);
    }
}
