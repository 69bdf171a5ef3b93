/* SPDX-License-Identifier: BSD-2-Clause */
/* The live connections with one peer, in an array without holes whose first part are the survivors. */
#include "connections.h"

#include <stddef.h>

static uint32_t find(const struct vsock_connections *list, struct vsock_connection connection)
{
    uint32_t i = 0;
    while (i < list->count
           && (list->entries[i].local_port != connection.local_port
               || list->entries[i].peer_port != connection.peer_port || list->entries[i].type != connection.type)) {
        i++;
    }
    return i;
}

bool vsock_connections_fit(const struct vsock_connections *list, struct vsock_connection connection)
{
    return list->count < list->quota || find(list, connection) < list->count;
}

bool vsock_connections_add(struct vsock_connections *list, struct vsock_connection connection)
{
    if (find(list, connection) < list->count) {
        return true;
    }
    if (list->count == list->quota) {
        return false;
    }
    list->entries[list->count++] = connection;
    return true;
}

void vsock_connections_remove(struct vsock_connections *list, struct vsock_connection connection)
{
    uint32_t hole = find(list, connection);
    if (hole == list->count) {
        return;
    }
    /* The last survivor fills a hole among the survivors, and the last entry of all the hole after them. */
    if (hole < list->survivors) {
        list->survivors--;
        list->entries[hole] = list->entries[list->survivors];
        hole = list->survivors;
    }
    list->count--;
    list->entries[hole] = list->entries[list->count];
}

void vsock_connections_clear(struct vsock_connections *list)
{
    list->count = 0;
    list->survivors = 0;
}

void vsock_connections_orphan(struct vsock_connections *list)
{
    list->survivors = list->count;
}

const struct vsock_connection *vsock_connections_survivor(const struct vsock_connections *list)
{
    return list->survivors > 0 ? &list->entries[list->survivors - 1] : NULL;
}
