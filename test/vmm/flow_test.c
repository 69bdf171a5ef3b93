/* SPDX-License-Identifier: BSD-2-Clause */
/* Two guests talk: the ordinary way of packets, splitting, and back-pressure. */
#include <string.h>

#include "guest.h"
#include "harness.h"

TEST(flow_connect_and_close)
{
    struct world *world = world_new(2, RING_SIZE);
    static struct packet packet;
    guest_boot(world->guests[0]);
    guest_boot(world->guests[1]);
    world_connect(world, 1, 0);
    guest_post(world->guests[0], 2, 3776);
    struct vsock_header rw = make_header(4, 3, VSOCK_OP_RW, 5);
    guest_send(world->guests[1], &rw, "hello");
    world_settle(world);
    guest_expect(world->guests[0], &packet, VSOCK_OP_RW);
    CHECK_EQUAL(packet.size, 5);
    CHECK(memcmp(packet.payload, "hello", 5) == 0);
}
