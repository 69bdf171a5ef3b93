/* SPDX-License-Identifier: BSD-2-Clause */
/* What a capture gets to see: every packet once, as it was sent, whoever made it. */
#include <string.h>

#include "guest.h"
#include "harness.h"

static struct packet packet;
static uint8_t sent[30000];
static uint8_t seen[sizeof sent];
static uint32_t seen_size;

static void collect(struct guest *guest)
{
    CHECK_EQUAL(guest->observed.header.len, guest->observed.size);
    CHECK(seen_size + guest->observed.size <= sizeof seen);
    memcpy(seen + seen_size, guest->observed.payload, guest->observed.size);
    seen_size += guest->observed.size;
}

static void boot(struct world *world)
{
    for (unsigned i = 0; i < world->num; i++) {
        guest_boot(world->guests[i]);
    }
}

TEST(observe_payloads_as_they_were_sent)
{
    struct world *world = world_new(2, 0x3000); /* so small that pieces wrap around its end */
    boot(world);
    for (unsigned i = 0; i < sizeof sent; i++) {
        sent[i] = (uint8_t)(i % 251);
    }
    seen_size = 0;
    world->guests[0]->on_observed = collect;
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, sizeof sent);
    guest_send(world->guests[0], &rw, sent);
    for (unsigned received = 0; received < sizeof sent; received += packet.size) {
        guest_post(world->guests[1], 1, 3776);
        world_settle(world);
        guest_expect(world->guests[1], &packet, VSOCK_OP_RW);
    }
    CHECK_EQUAL(seen_size, sizeof sent);
    CHECK(memcmp(seen, sent, sizeof sent) == 0);
    CHECK_EQUAL(world->guests[0]->num_observed, world->guests[0]->device.counters[VSOCK_COUNT_TX_RECORDS]);
    CHECK_EQUAL(world->guests[1]->num_observed, 0); /* nor a second time where they arrive */
}

TEST(observe_resets_that_the_device_makes)
{
    /* for our own guest: nobody has CID 77 */
    struct world *world = world_new(2, RING_SIZE);
    guest_boot(world->guests[0]);
    guest_post(world->guests[0], 4, 3776);
    struct vsock_header request = make_header(3, 77, VSOCK_OP_REQUEST, 0);
    guest_send(world->guests[0], &request, NULL);
    CHECK_EQUAL(world->guests[0]->num_observed, 1);
    CHECK_EQUAL(world->guests[0]->observed.header.op, VSOCK_OP_RST);
    CHECK_EQUAL(world->guests[0]->observed.header.src_cid, 77);
    CHECK_EQUAL(world->guests[0]->observed.size, 0);

    /* for a peer's guest: ours, 4, is not up */
    request = make_header(3, 4, VSOCK_OP_REQUEST, 0);
    guest_send(world->guests[0], &request, NULL);
    world_settle(world);
    CHECK_EQUAL(world->guests[0]->observed.header.op, VSOCK_OP_REQUEST);
    CHECK_EQUAL(world->guests[1]->num_observed, 1);
    CHECK_EQUAL(world->guests[1]->observed.header.op, VSOCK_OP_RST);
    CHECK_EQUAL(world->guests[1]->observed.header.dst_cid, 3);
}

TEST(observe_nobody_watches)
{
    struct world *world = world_new(2, RING_SIZE);
    boot(world);
    struct vsock_ops blind = *world->guests[0]->device.ops;
    blind.observe = NULL;
    world->guests[0]->device.ops = &blind;
    guest_post(world->guests[1], 4, 3776);
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 100);
    guest_send(world->guests[0], &rw, sent);
    world_settle(world);
    guest_expect(world->guests[1], &packet, VSOCK_OP_RW);
    CHECK_EQUAL(world->guests[0]->num_observed, 0);
}
