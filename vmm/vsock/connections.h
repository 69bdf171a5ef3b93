/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The live connections between our guest and one peer.
 *
 * The device only forwards, so it needs no connection state, with one exception: when the peer's guest goes without a
 * word, ours must be told for each connection that survives it. A connection is remembered from the REQUEST that opens
 * it, in either direction, to the RST that ends it. A list that is full refuses new connections; how many one peer may
 * hold is a quota, so a peer that leaks them harms its own connections only.
 *
 * When the peer's guest has died, every connection of that moment is a survivor: the first `survivors` entries.
 * Connections opened later come behind them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "limits.h"

struct vsock_connection {
    uint32_t local_port;
    uint32_t peer_port;
    uint16_t type;
};

struct vsock_connections {
    struct vsock_connection *entries;
    uint32_t quota;
    uint32_t count;
    uint32_t survivors; /* to be reset; entries[0 .. survivors) */
};

/* True if a connection could be added, or is known. */
bool vsock_connections_fit(const struct vsock_connections *list, struct vsock_connection connection);

/* Remembers a connection, once. False if the quota is used up. */
bool vsock_connections_add(struct vsock_connections *list, struct vsock_connection connection);

/* Forgets a connection, if it is known. */
void vsock_connections_remove(struct vsock_connections *list, struct vsock_connection connection);

/* Forgets all. */
void vsock_connections_clear(struct vsock_connections *list);

/* Makes all of them survivors of the peer's guest. */
void vsock_connections_orphan(struct vsock_connections *list);

/* The next survivor to be reset, or NULL. Forget it with vsock_connections_remove(). */
const struct vsock_connection *vsock_connections_survivor(const struct vsock_connections *list);
