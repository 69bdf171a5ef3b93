/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections: a list of at most QUOTA entries in any state that `legal` allows; one step is taken, and `legal` holds
 * again, so it holds after any number of steps. What was added is known, what was removed is not, once each.
 */
#include "connections.h"

#define QUOTA 3u

static bool is_same(const struct vsock_connection *a, const struct vsock_connection *b)
{
    return a->local_port == b->local_port && a->peer_port == b->peer_port && a->type == b->type;
}

static unsigned count(const struct vsock_connections *list, const struct vsock_connection *connection)
{
    unsigned found = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        found += is_same(&list->entries[i], connection);
    }
    return found;
}

static bool legal(const struct vsock_connections *list)
{
    bool is_legal = list->quota <= QUOTA && list->count <= list->quota && list->survivors <= list->count;
    for (uint32_t i = 0; is_legal && i < list->count; i++) {
        is_legal = count(list, &list->entries[i]) == 1;
    }
    return is_legal;
}

void prove(void)
{
    struct vsock_connection entries[QUOTA], one, other;
    struct vsock_connections list = {
        .entries = entries, .quota = nondet_u32(), .count = nondet_u32(), .survivors = nondet_u32()};
    ASSUME(legal(&list) && !is_same(&one, &other));
    unsigned others = count(&list, &other);
    uint32_t survivors = list.survivors;

    switch (nondet_u16()) {
    case 0:
        if (vsock_connections_add(&list, one)) {
            PROVE(count(&list, &one) == 1, "what was added is known once");
            REACHED("a connection was added");
        } else {
            PROVE(list.count == list.quota && count(&list, &one) == 0, "only a full list refuses");
            REACHED("a connection was refused");
        }
        PROVE(count(&list, &other) == others && list.survivors == survivors, "others are left alone");
        break;
    case 1:
        vsock_connections_remove(&list, one);
        PROVE(count(&list, &one) == 0 && count(&list, &other) == others, "only what is removed is gone");
        PROVE(survivors - list.survivors <= 1, "at most one survivor is gone");
        REACHED("a connection was removed");
        break;
    case 2:
        if (vsock_connections_fit(&list, one)) {
            PROVE(vsock_connections_add(&list, one), "what fits can be added");
        }
        break;
    case 3:
        vsock_connections_orphan(&list);
        PROVE((vsock_connections_survivor(&list) == NULL) == (list.count == 0), "all become survivors");
        break;
    default:
        vsock_connections_clear(&list);
        PROVE(vsock_connections_survivor(&list) == NULL && count(&list, &one) == 0, "nothing is known any more");
        break;
    }
    PROVE(legal(&list), "the next step finds a legal list");
}
