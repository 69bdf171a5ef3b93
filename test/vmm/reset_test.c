/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests that go and come back: lives, survivors, and the list of connections behind it. */
#include <string.h>

#include "../../vmm/vsock/connections.h"
#include "guest.h"
#include "harness.h"

static struct packet packet;

static struct world *booted(unsigned num)
{
    struct world *world = world_new(num, RING_SIZE);
    for (unsigned i = 0; i < num; i++) {
        guest_boot(world->guests[i]);
    }
    return world;
}

TEST(reset_delivers_data_before_the_rst)
{
    struct world *world = booted(2);
    world_connect(world, 1, 0);
    struct vsock_header rw = make_header(4, 3, VSOCK_OP_RW, 5), shutdown = make_header(4, 3, VSOCK_OP_SHUTDOWN, 0);
    shutdown.flags = 3;
    guest_queue_packet(world->guests[1], &rw, "hello", 5); /* queued without a kick, and the guest powers off */
    guest_queue_packet(world->guests[1], &shutdown, NULL, 0);
    vsock_device_guest_off(&world->guests[1]->device);
    world_settle(world);
    guest_post(world->guests[0], 8, 3776);
    world_settle(world);
    guest_expect(world->guests[0], &packet, VSOCK_OP_RW);
    CHECK(memcmp(packet.payload, "hello", 5) == 0);
    guest_expect(world->guests[0], &packet, VSOCK_OP_SHUTDOWN);
    CHECK_EQUAL(packet.header.flags, 3);
    guest_expect(world->guests[0], &packet, VSOCK_OP_RST);
    CHECK(!guest_receive(world->guests[0], &packet));
    CHECK_EQUAL(reg_read(world->guests[1], R_STATUS), 0);
    CHECK(!world->guests[1]->irq);
}

TEST(reset_of_every_kind_resets_the_survivors)
{
    for (unsigned kind = 0; kind < 5; kind++) {
        struct world *world = booted(3);
        struct guest *dying = world->guests[1];
        world_connect(world, 1, 0);
        world_connect(world, 0, 2);
        guest_post(world->guests[0], 4, 3776);
        world_settle(world);
        switch (kind) {
        case 0:
            vsock_device_guest_off(&dying->device);
            break;
        case 1:
            vsock_device_guest_reset(&dying->device);
            break;
        case 2:
            reg_write(dying, R_STATUS, 0);
            break;
        case 3:
            *(uint16_t *)guest_memory(dying, dying->queues[TX].available + 2) = 1000;
            guest_kick(dying, TX);
            break;
        case 4:
            reg_write(dying, R_QUEUE_SEL, RX);
            reg_write(dying, R_QUEUE_READY, 0);
            break;
        }
        world_settle(world);
        guest_expect(world->guests[0], &packet, VSOCK_OP_RST);
        CHECK_EQUAL(packet.header.src_cid, 4);
        CHECK_EQUAL(packet.header.src_port, 9999);
        CHECK_EQUAL(packet.header.dst_port, 1000);
        CHECK_EQUAL(packet.header.type, VSOCK_TYPE_STREAM);
        CHECK(!guest_receive(world->guests[0], &packet)); /* the connection with the third guest lives */
        CHECK_EQUAL(world->guests[0]->device.counters[VSOCK_COUNT_RX_SURVIVORS], 1);
        CHECK_EQUAL(world->guests[0]->device.peers[1].connections.count, 1);
        CHECK_EQUAL(world->guests[2]->device.peers[0].connections.count, 1);
    }
}

TEST(reset_of_a_guest_that_never_was_up_is_no_news)
{
    struct world *world = world_new(2, RING_SIZE);
    guest_boot(world->guests[0]); /* begins with a reset */
    CHECK_EQUAL(world->guests[0]->device.peers[0].ring.epoch, 0);
    reg_write(world->guests[1], R_STATUS, 0);
    vsock_device_guest_reset(&world->guests[1]->device);
    CHECK_EQUAL(world->guests[1]->device.peers[0].ring.epoch, 0);
}

TEST(reset_survivors_wait_for_receive_buffers)
{
    struct world *world = booted(2);
    struct guest *guest = world->guests[0];
    for (unsigned i = 0; i < 40; i++) {
        struct vsock_header request = make_header(4, 3, VSOCK_OP_REQUEST, 0);
        request.src_port = i;
        request.type = i % 2 == 0 ? VSOCK_TYPE_STREAM : VSOCK_TYPE_SEQPACKET;
        guest_queue_packet(world->guests[1], &request, NULL, 0);
    }
    guest_kick(world->guests[1], TX);
    guest_post(guest, 40, 3776);
    world_settle(world);
    while (guest_receive(guest, &packet)) {
    }
    vsock_device_guest_off(&world->guests[1]->device);
    world_settle(world);
    uint64_t seen = 0;
    for (unsigned i = 0; i < 40; i++) {
        CHECK(!guest_receive(guest, &packet));
        guest_post(guest, 1, 3776);
        guest_expect(guest, &packet, VSOCK_OP_RST);
        CHECK_EQUAL(packet.header.dst_port, 1000);
        CHECK_EQUAL(packet.header.type, packet.header.src_port % 2 == 0 ? VSOCK_TYPE_STREAM : VSOCK_TYPE_SEQPACKET);
        seen |= UINT64_C(1) << packet.header.src_port;
    }
    CHECK_EQUAL(seen, (UINT64_C(1) << 40) - 1);
    guest_post(guest, 1, 3776);
    CHECK(!guest_receive(guest, &packet));
}

TEST(reset_does_not_touch_the_next_life)
{
    /* The peer sleeps through the end of a life, a whole life, and the start of the next one. */
    struct world *world = booted(2);
    struct guest *guest = world->guests[0], *other = world->guests[1];
    world_connect(world, 1, 0);
    for (unsigned life = 0; life < 2; life++) {
        guest_boot(other);
        struct vsock_header request = make_header(4, 3, VSOCK_OP_REQUEST, 0);
        request.src_port = 50 + life;
        guest_send(other, &request, NULL);
    }
    guest_post(guest, 8, 3776);
    world_settle(world);
    guest_expect(guest, &packet, VSOCK_OP_RST);
    CHECK_EQUAL(packet.header.src_port, 9999);
    guest_expect(guest, &packet, VSOCK_OP_REQUEST);
    CHECK_EQUAL(packet.header.src_port, 50);
    guest_expect(guest, &packet, VSOCK_OP_RST);
    CHECK_EQUAL(packet.header.src_port, 50);
    guest_expect(guest, &packet, VSOCK_OP_REQUEST);
    CHECK_EQUAL(packet.header.src_port, 51);
    CHECK(!guest_receive(guest, &packet));
    CHECK_EQUAL(guest->device.peers[0].connections.count, 1);
}

TEST(reset_drops_what_was_for_the_life_before)
{
    struct world *world = booted(2);
    struct guest *guest = world->guests[0], *other = world->guests[1];
    world_connect(world, 1, 0);
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 5);
    guest_send(guest, &rw, "stale"); /* the other device has not run yet */
    guest_boot(other);
    guest_post(other, 4, 3776);
    guest_post(guest, 4, 3776);
    world_settle(world);
    CHECK(!guest_receive(other, &packet));
    CHECK(other->device.counters[VSOCK_COUNT_RX_STALE] == 1);
    guest_expect(guest, &packet, VSOCK_OP_RST); /* the survivor's, and none for the stale packet */
    CHECK(!guest_receive(guest, &packet));
    guest_send(guest, &rw, "fresh");
    world_settle(world);
    guest_expect(other, &packet, VSOCK_OP_RW);
    CHECK(memcmp(packet.payload, "fresh", 5) == 0);
}

TEST(reset_returns_what_waited_for_room)
{
    struct world *world = world_new(2, 0x2000);
    struct guest *guest = world->guests[0];
    static uint8_t data[3000];
    guest_boot(guest);
    guest_boot(world->guests[1]);
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, sizeof data);
    for (unsigned i = 0; i < 30; i++) {
        guest_queue_packet(guest, &rw, data, sizeof data);
    }
    guest_kick(guest, TX);
    world_settle(world);
    guest_ack(guest);
    unsigned sent = 0;
    for (uint32_t head, length; guest_used(guest, TX, &head, &length); sent++) {
    }
    vsock_device_guest_off(&world->guests[1]->device);
    world_settle(world);
    CHECK(guest->irq);
    CHECK_EQUAL(guest_reap(guest), 30 - sent);
    CHECK(guest->device.counters[VSOCK_COUNT_TX_PEER_DIED] >= 28);
}

TEST(reset_forgets_replies_and_halves)
{
    struct world *world = booted(2);
    struct guest *guest = world->guests[0];
    static uint8_t data[9000];
    struct vsock_header lost = make_header(3, 77, VSOCK_OP_REQUEST, 0),
                        rw = make_header(4, 3, VSOCK_OP_RW, sizeof data);
    guest_post(guest, 1, 3776);
    guest_send(world->guests[1], &rw, data);
    world_settle(world); /* the first third is delivered */
    guest_send(guest, &lost, NULL);
    CHECK_EQUAL(guest->device.replies_count, 1);
    guest_boot(guest);
    guest_post(guest, 8, 3776);
    world_settle(world);
    CHECK(!guest_receive(guest, &packet));
    CHECK_EQUAL(guest_reap(world->guests[1]), 1);
    guest_boot(guest); /* without the unused buffers */
    world_connect(world, 1, 0);
}

TEST(reset_both_at_once)
{
    struct world *world = booted(2);
    for (unsigned i = 0; i < 30; i++) {
        world_connect(world, i % 2, 1 - i % 2);
        guest_boot(world->guests[0]);
        guest_boot(world->guests[1]);
        world_settle(world);
        CHECK_EQUAL(world->guests[0]->device.peers[0].connections.count, 0);
        CHECK_EQUAL(world->guests[1]->device.peers[0].connections.count, 0);
    }
    CHECK_EQUAL(world->guests[0]->device.peers[0].ring.epoch, 30);
    CHECK_EQUAL(world->guests[0]->device.peers[0].ring.peer_epoch, 30);
}

TEST(reset_quota_refuses_on_both_sides)
{
    /* The client's side refuses its own guest; a client that does not count is refused by the server's side. */
    struct world *world = world_new(2, RING_SIZE);
    struct guest *guest = world->guests[0];
    struct vsock_ring puppet;
    struct vsock_record record;
    guest_boot(guest);
    puppet_init(world, &puppet);
    for (unsigned i = 0; i < VSOCK_MAX_CONNECTIONS + 10; i++) {
        struct vsock_header request = make_header(4, 3, VSOCK_OP_REQUEST, 0);
        request.src_port = i;
        guest_post(guest, 1, 3776);
        puppet_send(world, &puppet, &request, NULL);
        bool delivered = guest_receive(guest, &packet);
        CHECK(delivered == (i < VSOCK_MAX_CONNECTIONS));
        CHECK(puppet_receive(&puppet, &record, NULL) == !delivered);
        CHECK(delivered
              || (record.header.op == VSOCK_OP_RST && record.header.dst_port == i && record.header.src_port == 1000));
        if (!delivered) {
            break;
        }
    }
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_RX_REFUSED], 1);
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_RESETS_TO_PEER], 1);
}

TEST(reset_a_known_connection_is_not_counted_twice)
{
    struct world *world = booted(2);
    for (unsigned i = 0; i < 5; i++) {
        world_connect(world, 0, 1);
    }
    CHECK_EQUAL(world->guests[0]->device.peers[0].connections.count, 1);
    CHECK_EQUAL(world->guests[1]->device.peers[0].connections.count, 1);
    struct vsock_header reset = make_header(4, 3, VSOCK_OP_RST, 0);
    guest_post(world->guests[0], 1, 3776);
    guest_send(world->guests[1], &reset, NULL);
    CHECK_EQUAL(world->guests[1]->device.peers[0].connections.count, 0);
    world_settle(world);
    CHECK_EQUAL(world->guests[0]->device.peers[0].connections.count, 0);
    guest_expect(world->guests[0], &packet, VSOCK_OP_RST);
    guest_reap(world->guests[1]);
    /* A port pair of another type is another connection. */
    world_connect(world, 0, 1);
    reset.type = VSOCK_TYPE_SEQPACKET;
    guest_send(world->guests[1], &reset, NULL);
    CHECK_EQUAL(world->guests[1]->device.peers[0].connections.count, 1);
}

TEST(connections_against_a_simple_model)
{
    static struct vsock_connection entries[8];
    struct vsock_connections list = {.entries = entries, .quota = 8};
    enum {
        ABSENT,
        PRESENT,
        SURVIVOR
    } model[16] = {ABSENT};
    uint64_t seed = 7;
    for (unsigned step = 0; step < 20000; step++) {
        unsigned key = random_below(&seed, 16), count = 0, survivors = 0;
        struct vsock_connection connection = {
            .local_port = key & 1, .peer_port = key >> 1 & 3, .type = (uint16_t)(1 + (key >> 3))};
        for (unsigned i = 0; i < 16; i++) {
            count += model[i] != ABSENT;
            survivors += model[i] == SURVIVOR;
        }
        CHECK_EQUAL(list.count, count);
        CHECK_EQUAL(list.survivors, survivors);
        const struct vsock_connection *survivor = vsock_connections_survivor(&list);
        CHECK((survivor != NULL) == (survivors > 0));
        if (survivor != NULL) {
            unsigned of = survivor->local_port | survivor->peer_port << 1 | (survivor->type - 1u) << 3;
            CHECK_EQUAL(model[of], SURVIVOR);
        }
        bool fits = model[key] != ABSENT || count < 8;
        switch (random_below(&seed, 8)) {
        case 0:
        case 1:
        case 2:
        case 3:
            CHECK(vsock_connections_fit(&list, connection) == fits);
            CHECK(vsock_connections_add(&list, connection) == fits);
            if (fits && model[key] == ABSENT) {
                model[key] = PRESENT;
            }
            break;
        case 4:
        case 5:
        case 6:
            vsock_connections_remove(&list, connection);
            model[key] = ABSENT;
            break;
        case 7:
            if (random_below(&seed, 8) == 0) {
                vsock_connections_orphan(&list);
                for (unsigned i = 0; i < 16; i++) {
                    model[i] = model[i] == ABSENT ? ABSENT : SURVIVOR;
                }
            } else if (random_below(&seed, 50) == 0) {
                vsock_connections_clear(&list);
                memset(model, 0, sizeof model);
            }
            break;
        }
    }
}
