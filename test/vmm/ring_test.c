/* SPDX-License-Identifier: BSD-2-Clause */
/* A pair of rings by itself: both ends played by the test. */
#include <stdlib.h>
#include <string.h>

#include "guest.h"
#include "harness.h"

#define DATA_SIZE 0x1000u

/* Two ends, A and B; the regions end where malloc's do, so that a sanitizer sees what goes beyond. */
static struct vsock_ring a, b;
static struct vsock_ring_region *region_a, *region_b;

static void join(void)
{
    free(region_a);
    free(region_b);
    region_a = calloc(1, VSOCK_RING_HEADER_SIZE + DATA_SIZE);
    region_b = calloc(1, VSOCK_RING_HEADER_SIZE + DATA_SIZE);
    vsock_ring_init(&a, region_a, region_b, VSOCK_RING_HEADER_SIZE + DATA_SIZE);
    vsock_ring_init(&b, region_b, region_a, VSOCK_RING_HEADER_SIZE + DATA_SIZE);
}

static void put(uint32_t len)
{
    static uint8_t data[DATA_SIZE];
    struct vsock_header header = make_header(3, 4, VSOCK_OP_RW, len);
    for (uint32_t i = 0; i < len; i++) {
        data[i] = (uint8_t)(i * 7 + len);
    }
    vsock_ring_begin(&a, &header, false);
    vsock_ring_write(&a, data, len / 3);
    vsock_ring_write(&a, data + len / 3, len - len / 3);
    vsock_ring_end(&a, true);
    vsock_ring_publish(&a);
}

static void get(uint32_t len)
{
    struct vsock_record record;
    static uint8_t data[DATA_SIZE];
    CHECK_EQUAL(vsock_ring_next(&b, &record), VSOCK_RING_RECORD);
    CHECK_EQUAL(record.header.len, len);
    CHECK_EQUAL(record.header.dst_port, 9999);
    vsock_ring_read(&b, data, len);
    vsock_ring_finish(&b);
    vsock_ring_publish(&b);
    for (uint32_t i = 0; i < len; i++) {
        CHECK_EQUAL(data[i], (uint8_t)(i * 7 + len));
    }
}

TEST(ring_all_zero_is_empty_and_awake)
{
    struct vsock_record record;
    uint32_t room;
    join();
    CHECK_EQUAL(vsock_ring_next(&b, &record), VSOCK_RING_EMPTY);
    CHECK(!vsock_ring_epoch_passed(&b));
    CHECK(vsock_ring_room(&a, true, &room));
    CHECK_EQUAL(room, DATA_SIZE - VSOCK_RECORD_SIZE);
    CHECK(vsock_ring_room(&a, false, &room));
    CHECK_EQUAL(room, DATA_SIZE - VSOCK_RECORD_SIZE - VSOCK_RING_RESERVE_SIZE);
    put(10);
    CHECK(!vsock_ring_peer_waits(&a));
    CHECK_EQUAL(a.epoch, 0);
}

TEST(ring_region_sizes)
{
    CHECK(vsock_ring_size_valid(0x11000));
    CHECK(vsock_ring_size_valid(0x2000));
    CHECK(vsock_ring_size_valid(0x40001000));
    static const uint64_t bad[] = {0,       0x800,  0x1000,     0x1800,     0x10000,
                                   0x12000, 0x1001, 0x80001000, UINT64_MAX, 0x1000 + (UINT64_C(1) << 32)};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK(!vsock_ring_size_valid(bad[i]));
    }
}

TEST(ring_wraps_at_every_place)
{
    join();
    a.tail = a.published_tail = b.head = b.published_head = region_a->tail = region_b->head =
        0xfffff000; /* and at 2^32 */
    for (uint32_t i = 0; i < 4000; i++) {
        uint32_t len = (i * 37) % 1500;
        put(len);
        put(i % 9);
        get(len);
        get(i % 9);
        CHECK_EQUAL(a.tail, b.head);
        CHECK_EQUAL(a.tail % 8, 0);
    }
}

TEST(ring_filled_to_the_last_byte)
{
    uint32_t room;
    for (uint32_t offset = 0; offset < DATA_SIZE; offset += 8) {
        join();
        a.tail = a.published_tail = b.head = b.published_head = region_a->tail = region_b->head = offset;
        CHECK(vsock_ring_room(&a, true, &room));
        put(room);
        CHECK_EQUAL(region_a->tail - region_b->head, DATA_SIZE);
        CHECK(!vsock_ring_room(&a, true, &room));
        get(DATA_SIZE - VSOCK_RECORD_SIZE);
        CHECK(vsock_ring_room(&a, true, &room));
    }
}

TEST(ring_room_never_promises_too_much)
{
    for (uint32_t used = 0; used <= DATA_SIZE + 64; used++) {
        uint32_t room;
        join();
        a.tail = used;
        for (unsigned answer = 0; answer < 2; answer++) {
            uint32_t reserve = answer ? 0 : VSOCK_RING_RESERVE_SIZE;
            bool fits = used + VSOCK_RECORD_SIZE + reserve <= DATA_SIZE;
            CHECK(vsock_ring_room(&a, answer, &room) == fits);
            if (fits) {
                CHECK(used + VSOCK_RECORD_SIZE + ((room + 7) & ~7u) + reserve <= DATA_SIZE);
                CHECK(used + VSOCK_RECORD_SIZE + room + 8 + reserve > DATA_SIZE);
            }
        }
    }
    join();
    region_b->head = 1; /* the peer has read what was never written */
    uint32_t room;
    CHECK(!vsock_ring_room(&a, true, &room));
}

TEST(ring_consumer_that_falls_asleep_is_woken)
{
    join();
    CHECK(vsock_ring_sleep(&b));
    CHECK_EQUAL(region_b->sleeping, 1);
    put(1);
    CHECK(vsock_ring_peer_waits(&a));
    CHECK(!vsock_ring_peer_waits(&a)); /* once for each publication */
    put(1);
    CHECK(vsock_ring_peer_waits(&a));
    vsock_ring_wake(&b);
    CHECK_EQUAL(region_b->sleeping, 0);
    put(1);
    CHECK(!vsock_ring_peer_waits(&a));
}

TEST(ring_consumer_looks_again_before_it_sleeps)
{
    join();
    struct vsock_record record;
    CHECK_EQUAL(vsock_ring_next(&b, &record), VSOCK_RING_EMPTY);
    put(1); /* just now, and the consumer was awake: no notification */
    CHECK(!vsock_ring_peer_waits(&a));
    CHECK(!vsock_ring_sleep(&b));
    CHECK_EQUAL(region_b->sleeping, 0);
    get(1);
    CHECK(vsock_ring_sleep(&b));
    vsock_ring_wake(&b);
    vsock_ring_raise_epoch(&a);
    CHECK(!vsock_ring_sleep(&b)); /* the end of the peer's guest is news, too */
}

TEST(ring_producer_that_wants_room_is_woken)
{
    join();
    put(1000);
    get(1000);
    CHECK(!vsock_ring_peer_waits(&b));
    put(1000);
    vsock_ring_want_room(&a, true);
    CHECK_EQUAL(region_a->want_room, 1);
    get(1000);
    CHECK(vsock_ring_peer_waits(&b));
    CHECK(!vsock_ring_peer_waits(&b));
    vsock_ring_want_room(&a, false);
    CHECK_EQUAL(region_a->want_room, 0);
    put(1000);
    get(1000);
    CHECK(!vsock_ring_peer_waits(&b));
}

TEST(ring_tells_news_in_its_own_region_only)
{
    join();
    static struct vsock_ring_region before;
    put(100);
    memcpy(&before, region_a, sizeof before);
    get(100);
    vsock_ring_sleep(&b);
    vsock_ring_want_room(&b, true);
    vsock_ring_raise_epoch(&b);
    CHECK(memcmp(&before, region_a, sizeof before) == 0);
    CHECK_EQUAL(region_b->tail, 0);
    CHECK_EQUAL(region_b->head, VSOCK_RECORD_SIZE + 104);
}

TEST(ring_epoch_comes_after_the_records_before_it)
{
    join();
    struct vsock_record record;
    put(1);
    vsock_ring_raise_epoch(&a);
    CHECK(!vsock_ring_epoch_passed(&b));
    CHECK_EQUAL(vsock_ring_next(&b, &record), VSOCK_RING_RECORD);
    CHECK_EQUAL(record.epoch, 0);
    vsock_ring_finish(&b);
    CHECK(vsock_ring_epoch_passed(&b));
    CHECK(!vsock_ring_epoch_passed(&b));
    CHECK_EQUAL(b.peer_epoch, 1);
    put(2);
    CHECK_EQUAL(vsock_ring_next(&b, &record), VSOCK_RING_RECORD);
    CHECK_EQUAL(record.epoch, 1);
    /* What is written but not published yet belongs to the old life as well. */
    join();
    struct vsock_header header = make_header(3, 4, VSOCK_OP_RST, 0);
    vsock_ring_begin(&a, &header, false);
    vsock_ring_end(&a, true);
    vsock_ring_raise_epoch(&a);
    CHECK_EQUAL(region_a->tail, VSOCK_RECORD_SIZE);
    CHECK(vsock_ring_sleep(&b) == false);
    CHECK_EQUAL(vsock_ring_next(&b, &record), VSOCK_RING_RECORD);
    CHECK_EQUAL(record.epoch, 0);
}

TEST(ring_records_name_the_life_they_are_for)
{
    join();
    struct vsock_record record;
    vsock_ring_raise_epoch(&b);
    put(1);
    CHECK_EQUAL(vsock_ring_next(&b, &record), VSOCK_RING_RECORD);
    CHECK_EQUAL(record.peer_epoch, 0);
    vsock_ring_finish(&b);
    CHECK(vsock_ring_epoch_passed(&a));
    put(1);
    CHECK_EQUAL(vsock_ring_next(&b, &record), VSOCK_RING_RECORD);
    CHECK_EQUAL(record.peer_epoch, 1);
}

TEST(ring_epoch_wakes_the_peer)
{
    join();
    CHECK(vsock_ring_sleep(&b));
    vsock_ring_raise_epoch(&a);
    CHECK(vsock_ring_peer_waits(&a));
}

TEST(ring_goes_on_after_a_restart)
{
    join();
    put(100);
    put(200);
    get(100);
    region_b->sleeping = 1;
    vsock_ring_want_room(&b, true);
    /* B starts again over the same regions: it continues where it was, in a new life. */
    vsock_ring_init(&b, region_b, region_a, VSOCK_RING_HEADER_SIZE + DATA_SIZE);
    CHECK_EQUAL(region_b->sleeping, 0);
    CHECK_EQUAL(region_b->want_room, 0);
    CHECK_EQUAL(b.epoch, 1);
    CHECK_EQUAL(region_b->epoch, 1);
    get(200);
    vsock_ring_init(&a, region_a, region_b, VSOCK_RING_HEADER_SIZE + DATA_SIZE);
    CHECK_EQUAL(a.epoch, 1);
    put(50);
    get(50);
    join(); /* a life without a record is a life, too */
    vsock_ring_raise_epoch(&a);
    vsock_ring_init(&a, region_a, region_b, VSOCK_RING_HEADER_SIZE + DATA_SIZE);
    CHECK_EQUAL(a.epoch, 2);
}

TEST(ring_broken_lengths)
{
    static const uint32_t filled[] = {8, 48, 57, 60, DATA_SIZE + 8, 0x80000000, 0xfffffff8};
    struct vsock_record record;
    for (unsigned i = 0; i < sizeof filled / sizeof filled[0]; i++) {
        join();
        region_a->tail = filled[i];
        CHECK_EQUAL(vsock_ring_next(&b, &record), VSOCK_RING_BROKEN);
        vsock_ring_resynchronise(&b);
        CHECK_EQUAL(vsock_ring_next(&b, &record), VSOCK_RING_EMPTY);
    }
    static const uint32_t lens[] = {1,          8,         9, VSOCK_PAYLOAD_SIZE_MAX, VSOCK_PAYLOAD_SIZE_MAX + 1,
                                    0x80000000, UINT32_MAX};
    for (unsigned i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        join();
        struct vsock_header header = make_header(3, 4, VSOCK_OP_RW, lens[i]);
        vsock_ring_begin(&a, &header, false);
        vsock_ring_publish(&a);
        CHECK_EQUAL(vsock_ring_next(&b, &record), VSOCK_RING_BROKEN);
    }
}

TEST(ring_payload_maximum_holds_in_large_rings)
{
    struct vsock_record record;
    uint64_t size = VSOCK_RING_HEADER_SIZE + 0x40000;
    struct vsock_ring_region *big_a = calloc(1, size), *big_b = calloc(1, size);
    vsock_ring_init(&a, big_a, big_b, size);
    vsock_ring_init(&b, big_b, big_a, size);
    struct vsock_header header = make_header(3, 4, VSOCK_OP_RW, VSOCK_PAYLOAD_SIZE_MAX + 1);
    vsock_ring_begin(&a, &header, false);
    a.tail += VSOCK_PAYLOAD_SIZE_MAX + 8;
    vsock_ring_publish(&a);
    enum vsock_ring_result result = vsock_ring_next(&b, &record);
    free(big_a);
    free(big_b);
    CHECK_EQUAL(result, VSOCK_RING_BROKEN);
}
