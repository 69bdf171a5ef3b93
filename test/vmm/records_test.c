/* SPDX-License-Identifier: BSD-2-Clause */
/* One device whose peer is played by hand: records and indices as no honest peer writes them. */
#include <string.h>

#include "guest.h"
#include "harness.h"

static struct packet packet;
static struct vsock_record record;
static struct vsock_ring puppet;
static struct world *world;
static struct guest *guest;

static void start(uint64_t ring_size)
{
    world = world_new(2, ring_size);
    guest = world->guests[0];
    guest_boot(guest);
    puppet_init(world, &puppet);
}

TEST(records_malformed)
{
    start(RING_SIZE);
    static const uint8_t payload[8];
    static const struct {
        uint16_t op;
        uint32_t len;
    } bad[] = {{VSOCK_OP_INVALID, 0},       {8, 0}, {0xffff, 8}, {VSOCK_OP_RESPONSE, 8}, {VSOCK_OP_RST, 1},
               {VSOCK_OP_CREDIT_REQUEST, 5}};
    guest_post(guest, 8, 3776);
    for (unsigned i = 0; i < 6; i++) {
        struct vsock_header header = make_header(4, 3, bad[i].op, bad[i].len);
        puppet_send(world, &puppet, &header, payload);
        CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_RX_MALFORMED], i + 1);
    }
    CHECK(!guest_receive(guest, &packet));
    CHECK(!puppet_receive(&puppet, &record, NULL));
    struct vsock_header good = make_header(4, 3, VSOCK_OP_RW, 8);
    puppet_send(world, &puppet, &good, payload); /* the ones before were skipped whole */
    guest_expect(guest, &packet, VSOCK_OP_RW);
}

TEST(records_of_guests_leave_the_reserve)
{
    start(0x2000);
    struct vsock_header update = make_header(3, 4, VSOCK_OP_CREDIT_UPDATE, 0);
    for (unsigned i = 0; i < 200 && guest->queues[TX].num_free > 0; i++) {
        guest_send(guest, &update, NULL);
        uint32_t head, length;
        while (guest_used(guest, TX, &head, &length)) {
        }
    }
    CHECK_EQUAL(guest->queues[TX].num_free, 0);
    const struct vsock_ring_region *region = world->regions[0][1];
    CHECK(region->tail <= 0x1000 - VSOCK_RING_RESERVE_SIZE);
    CHECK(region->tail > 0x1000 - VSOCK_RING_RESERVE_SIZE - VSOCK_RECORD_SIZE);
    CHECK_EQUAL(region->want_room, 1);
    /* An answer still fits. */
    struct vsock_header seqpacket = make_header(4, 3, VSOCK_OP_REQUEST, 0);
    seqpacket.type = 7;
    uint32_t tail = region->tail;
    puppet_send(world, &puppet, &seqpacket, NULL);
    CHECK_EQUAL(region->tail, tail + VSOCK_RECORD_SIZE);
    /* Room for one record: one packet more. */
    for (unsigned i = 0; i < 10; i++) {
        CHECK(puppet_receive(&puppet, &record, NULL));
        CHECK_EQUAL(record.header.op, VSOCK_OP_CREDIT_UPDATE);
    }
    vsock_device_notified(&guest->device, 0);
    uint32_t head, length, back = 0;
    while (guest_used(guest, TX, &head, &length)) {
        back++;
    }
    CHECK_EQUAL(back, 9); /* of ten, one was for the answer */
}

TEST(records_a_head_that_cannot_be_leaves_no_room)
{
    start(0x2000);
    struct vsock_ring_region *peers = world->regions[1][0];
    struct vsock_header update = make_header(3, 4, VSOCK_OP_CREDIT_UPDATE, 0);
    static const uint32_t heads[] = {1, 8, 0x80000000, 0xffffefff};
    for (unsigned i = 0; i < 4; i++) {
        peers->head = heads[i];
        guest_send(guest, &update, NULL);
        CHECK_EQUAL(((struct vsock_ring_region *)world->regions[0][1])->tail, 0);
    }
    peers->head = 0;
    vsock_device_notified(&guest->device, 0);
    CHECK_EQUAL(guest_reap(guest), 4);
}

TEST(records_are_judged_before_their_payload_is_there)
{
    /* The length is judged against what the tail covers, and the tail is not read again while the record is delivered.
     */
    start(RING_SIZE);
    static uint8_t payload[8000];
    struct vsock_header rw = make_header(4, 3, VSOCK_OP_RW, sizeof payload);
    guest_post(guest, 1, 3776);
    puppet_send(world, &puppet, &rw, payload);
    guest_expect(guest, &packet, VSOCK_OP_RW);
    struct vsock_ring_region *region = world->regions[1][0];
    uint32_t tail = region->tail;
    region->tail = 5; /* in mid-record, and the header too */
    memset(region->data, 0xff, 56);
    guest_post(guest, 1, 3776);
    guest_expect(guest, &packet, VSOCK_OP_RW);
    region->tail = tail;
    guest_post(guest, 1, 3776);
    guest_expect(guest, &packet, VSOCK_OP_RW);
    CHECK_EQUAL(packet.size, 8000 - 2 * 3732);
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_RX_RING_BROKEN], 0);
}

TEST(records_free_room_while_they_are_delivered)
{
    start(RING_SIZE);
    static uint8_t payload[60000];
    struct vsock_header rw = make_header(4, 3, VSOCK_OP_RW, sizeof payload);
    puppet_send(world, &puppet, &rw, payload);
    uint32_t before, after;
    CHECK(vsock_ring_room(&puppet, true, &before));
    vsock_ring_want_room(&puppet, true);
    guest->notified[0] = 0;
    guest_post(guest, 8, 3776);
    CHECK_EQUAL(guest->notified[0], 1);
    CHECK(vsock_ring_room(&puppet, true, &after));
    CHECK(after >= before + 8 * 3732 - 8);
}

TEST(records_without_room_for_the_answer_wait)
{
    start(0x2000);
    struct vsock_header request = make_header(4, 3, VSOCK_OP_REQUEST, 0);
    request.type = 7;
    unsigned answered = 0;
    for (unsigned i = 0; i < 100; i++) { /* 73 answers fill the ring */
        uint32_t room;
        if (!vsock_ring_room(&puppet, true, &room)) {
            break;
        }
        puppet_send(world, &puppet, &request, NULL);
    }
    const struct vsock_ring_region *region = world->regions[0][1];
    CHECK_EQUAL(region->tail, 0x1000 / VSOCK_RECORD_SIZE * VSOCK_RECORD_SIZE);
    CHECK_EQUAL(region->want_room, 1);
    while (puppet_receive(&puppet, &record, NULL)) {
        CHECK_EQUAL(record.header.op, VSOCK_OP_RST);
        answered++;
        vsock_device_notified(&guest->device, 0);
    }
    CHECK_EQUAL(answered, 100);
    CHECK_EQUAL(region->want_room, 0);
}

TEST(mmio_translation_keeps_alignment)
{
    start(RING_SIZE);
    uint8_t *ram = guest->ram;
    for (unsigned shift = 0; shift < 2; shift++) {
        guest_negotiate(guest, F_LINUX);
        guest->ram = ram + 8 * shift; /* a seat that maps guest memory out of step */
        reg_write(guest, R_QUEUE_SEL, TX);
        reg_write(guest, R_QUEUE_NUM, 8);
        reg_write(guest, R_DRIVER_LOW, RAM_BASE + 0x1000);
        reg_write(guest, R_DEVICE_LOW, RAM_BASE + 0x2000);
        reg_write(guest, R_DESC_LOW, RAM_BASE);
        reg_write(guest, R_QUEUE_READY, 1);
        CHECK_EQUAL(reg_read(guest, R_QUEUE_READY), shift == 0);
        reg_write(guest, R_QUEUE_READY, 0);
        reg_write(guest, R_DESC_LOW, RAM_BASE + 8);
        reg_write(guest, R_QUEUE_READY, 1);
        CHECK_EQUAL(reg_read(guest, R_QUEUE_READY), 0);
    }
    guest->ram = ram;
}

TEST(records_of_a_refused_packet_are_refused_once)
{
    static uint8_t data[9000];
    for (unsigned boots = 0; boots < 2; boots++) {
        struct world *world = world_new(2, 0x2000); /* the packet goes in three records and more */
        struct guest *guest = world->guests[0], *other = world->guests[1];
        struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, sizeof data), update;
        guest_boot(guest);
        guest_post(guest, 10, 3776);
        guest_send(guest, &rw, data);
        other->more = vsock_device_notified(&other->device, 0); /* the first of them */
        if (boots) {
            guest_boot(other);
            guest_post(other, 10, 3776);
        }
        world_settle(world);
        guest_expect(guest, &packet, VSOCK_OP_RST);
        CHECK(!guest_receive(guest, &packet));
        CHECK(!boots || !guest_receive(other, &packet));
        CHECK_EQUAL(other->device.counters[VSOCK_COUNT_RX_NOT_READY], 1);
        CHECK_EQUAL(guest_reap(guest), 1);
        CHECK(guest->device.counters[VSOCK_COUNT_TX_RECORDS] >= 3);
        /* The next packet is one of its own. */
        update = make_header(3, 4, VSOCK_OP_CREDIT_UPDATE, 0);
        guest_send(guest, &update, NULL);
        world_settle(world);
        if (boots) {
            guest_expect(other, &packet, VSOCK_OP_CREDIT_UPDATE);
            CHECK_EQUAL(guest_reap(guest), 1);
            guest_send(guest, &rw, data);
            world_settle(world);
            for (uint32_t total = 0; total < sizeof data; total += packet.size) {
                guest_expect(other, &packet, VSOCK_OP_RW);
            }
        } else {
            guest_expect(guest, &packet, VSOCK_OP_RST);
        }
    }
}

/* All places are taken by connections whose peer has died, and whose RSTs wait for receive buffers. A REQUEST of the
 * peer's next life has to wait until they are gone: it must not be refused, and the device must come to rest. */
TEST(records_of_a_new_life_wait_for_the_places_of_the_last_one)
{
    start(RING_SIZE);
    struct vsock_header request = make_header(3, 4, VSOCK_OP_REQUEST, 0);
    for (unsigned i = 0; i < VSOCK_MAX_CONNECTIONS; i++) {
        request.src_port = 5000 + i;
        guest_send(guest, &request, NULL);
        CHECK(puppet_receive(&puppet, &record, NULL));
        CHECK_EQUAL(guest_reap(guest), 1);
    }
    vsock_ring_raise_epoch(&puppet);
    struct vsock_header late = make_header(4, 3, VSOCK_OP_REQUEST, 0);
    puppet_send(world, &puppet, &late, NULL);
    for (unsigned i = 0; guest->more; i++) {
        CHECK(i < 10);
        guest->more = vsock_device_run(&guest->device);
    }
    unsigned resets = 0;
    do {
        guest_post(guest, 32, 3776);
        CHECK(!guest->more);
        while (guest_receive(guest, &packet) && packet.header.op == VSOCK_OP_RST) {
            resets++;
        }
        CHECK(resets <= VSOCK_MAX_CONNECTIONS);
    } while (packet.header.op == VSOCK_OP_RST);
    CHECK_EQUAL(resets, VSOCK_MAX_CONNECTIONS);
    CHECK_EQUAL(packet.header.op, VSOCK_OP_REQUEST);
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_RX_REFUSED], 0);
}

/* Between two records of a packet that is refused, the peer's device answers something of our guest's. */
TEST(records_in_between_do_not_end_a_refused_packet)
{
    static uint8_t data[9000];
    struct world *two = world_new(2, 0x2000);
    struct guest *sender = two->guests[0], *other = two->guests[1];
    guest_boot_with(sender, F_SEQPACKET | F_NO_IMPLIED_STREAM | F_VERSION_1);
    guest_boot_with(other, F_VERSION_1); /* streams only: neither takes what the other one sends */
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, sizeof data), request = make_header(4, 3, VSOCK_OP_REQUEST, 0);
    rw.type = VSOCK_TYPE_SEQPACKET;
    guest_post(sender, 10, 3776);
    guest_post(other, 10, 3776);
    guest_send(sender, &rw, data);      /* its first record is in the ring, the rest waits for room */
    guest_send(other, &request, NULL);  /* first refuses that record, then sends this */
    sender->more = vsock_device_notified(&sender->device, 0); /* whose answer may use the reserve */
    world_settle(two);
    guest_expect(sender, &packet, VSOCK_OP_RST);
    CHECK(!guest_receive(sender, &packet));
    guest_expect(other, &packet, VSOCK_OP_RST);
    CHECK(!guest_receive(other, &packet));
    CHECK_EQUAL(other->device.counters[VSOCK_COUNT_RX_UNKNOWN_TYPE], 1);
}
