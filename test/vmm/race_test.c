/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The moments in which a wake-up could get lost, on purpose: the page that holds a device's indices and flags is made
 * read-only, so the store of a flag faults, and the other device runs to its end right before that store takes effect.
 * What it does then, nobody is notified of; only a second look after the store finds it.
 */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "guest.h"
#include "harness.h"

static struct packet packet;
static struct world *world;
static struct guest *guest, *other;

static void *page;
static void (*in_between)(void);
static unsigned faults;

static void on_fault(int signal)
{
    (void)signal;
    CHECK(page != NULL); /* or it is no fault of ours */
    CHECK(mprotect(page, VSOCK_RING_HEADER_SIZE, PROT_READ | PROT_WRITE) == 0);
    page = NULL;
    faults++;
    in_between();
}

/* Runs `action` right before the next store to the first page of a region. */
static void arm(void *region, void (*action)(void))
{
    struct sigaction handler = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
    sigaction(SIGSEGV, &handler, NULL);
    sigaction(SIGBUS, &handler, NULL);
    page = region;
    in_between = action;
    faults = 0;
    CHECK(mprotect(page, VSOCK_RING_HEADER_SIZE, PROT_READ) == 0);
}

static void disarm(void)
{
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    CHECK_EQUAL(faults, 1);
}

static void start(uint64_t ring_size)
{
    world = world_new(2, ring_size);
    guest = world->guests[0];
    other = world->guests[1];
    guest_boot(guest);
    guest_boot(other);
}

static void send_one(void)
{
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 3);
    guest->notified[0] = 0;
    guest_send(guest, &rw, "new");
}

TEST(race_record_while_the_reader_falls_asleep)
{
    start(RING_SIZE);
    send_one();
    world_settle(world); /* the other has it, but no buffer for it: awake */
    arm(world->regions[1][0], send_one);
    guest_post(other, 2, 3776); /* takes the first, finds nothing more, and is about to sleep */
    disarm();
    CHECK_EQUAL(guest->notified[0], 0); /* it was still awake when the second came */
    guest_expect(other, &packet, VSOCK_OP_RW);
    guest_expect(other, &packet, VSOCK_OP_RW);
}

static void end_life(void)
{
    guest->notified[0] = 0;
    reg_write(guest, R_STATUS, 0);
}

TEST(race_end_of_life_while_the_reader_falls_asleep)
{
    start(RING_SIZE);
    world_connect(world, 0, 1);
    send_one();
    world_settle(world);
    arm(world->regions[1][0], end_life);
    guest_post(other, 2, 3776);
    disarm();
    CHECK_EQUAL(guest->notified[0], 0);
    guest_expect(other, &packet, VSOCK_OP_RW);
    guest_expect(other, &packet, VSOCK_OP_RST);
}

static void drain(void)
{
    other->notified[0] = 0;
    guest_post(other, 8, 3776);
}

/* Keeps a guest's device awake: a record for it, and no buffer. */
static void keep_awake(void)
{
    struct vsock_header rw = make_header(4, 3, VSOCK_OP_RW, 1);
    guest_send(other, &rw, "x");
    world_settle(world);
}

TEST(race_room_while_the_writer_asks_for_it)
{
    static uint8_t data[3000];
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, sizeof data);
    start(0x2000);
    keep_awake();
    guest_send(guest, &rw, data);
    world_settle(world);
    arm(world->regions[0][1], drain);
    guest_send(guest, &rw, data); /* no room, so it is about to ask for some */
    disarm();
    CHECK_EQUAL(other->notified[0], 0); /* it had not asked yet when the other had read */
    CHECK_EQUAL(guest_reap(guest), 2);
}

static struct vsock_ring puppet;
static struct vsock_record record;

static void read_everything(void)
{
    while (puppet_receive(&puppet, &record, NULL)) {
    }
    CHECK(!vsock_ring_peer_waits(&puppet));
}

TEST(race_answer_while_the_writer_asks_for_room)
{
    world = world_new(2, 0x2000);
    guest = world->guests[0];
    guest_boot(guest);
    puppet_init(world, &puppet);
    struct vsock_header request = make_header(4, 3, VSOCK_OP_REQUEST, 0);
    request.type = 7;
    for (unsigned i = 0; i < 0x1000 / VSOCK_RECORD_SIZE; i++) { /* fills the ring with answers */
        puppet_send(world, &puppet, &request, NULL);
    }
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_RESETS_TO_PEER], 0x1000 / VSOCK_RECORD_SIZE);
    vsock_ring_wake(&guest->device.peers[0].ring); /* as while it runs */
    arm(world->regions[0][1], read_everything);
    puppet_send(world, &puppet, &request, NULL); /* no room, so the device is about to ask for some */
    disarm();
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_RESETS_TO_PEER], 0x1000 / VSOCK_RECORD_SIZE + 1);
}
