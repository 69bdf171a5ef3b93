/* SPDX-License-Identifier: BSD-2-Clause */
/* The registers one by one, as a driver finds them that does not follow the rules. */
#include <string.h>

#include "guest.h"
#include "harness.h"

static struct guest *fresh(void)
{
    return world_new(2, RING_SIZE)->guests[0];
}

TEST(mmio_identity)
{
    struct guest *guest = fresh();
    CHECK_EQUAL(reg_read(guest, R_MAGIC), 0x74726976);
    CHECK_EQUAL(reg_read(guest, R_VERSION), 2);
    CHECK_EQUAL(reg_read(guest, R_DEVICE_ID), 19);
    CHECK(reg_read(guest, R_VENDOR_ID) != 0);
    CHECK_EQUAL(reg_read(guest, R_GENERATION), 0);
    for (unsigned select = 0; select < 3; select++) {
        reg_write(guest, R_SHM_SEL, select);
        CHECK_EQUAL(reg_read(guest, R_SHM_LEN_LOW), UINT32_MAX);
        CHECK_EQUAL(reg_read(guest, R_SHM_LEN_HIGH), UINT32_MAX);
        CHECK_EQUAL(reg_read(guest, R_SHM_BASE_LOW), UINT32_MAX);
        CHECK_EQUAL(reg_read(guest, R_SHM_BASE_HIGH), UINT32_MAX);
    }
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_MMIO_IGNORED], 0);
}

TEST(mmio_config_in_any_width)
{
    struct guest *guest = fresh();
    guest->device.guest_cid = 0x89abcdef;
    static const unsigned widths[] = {1, 2, 4, 8};
    for (unsigned w = 0; w < 4; w++) {
        for (uint64_t offset = 0; offset < 0x100; offset++) {
            uint64_t want = offset < 8 ? UINT64_C(0x89abcdef) >> (8 * offset) : 0;
            want &= widths[w] == 8 ? UINT64_MAX : (UINT64_C(1) << (8 * widths[w])) - 1;
            uint64_t value = 1;
            CHECK(!vsock_mmio_access(&guest->device, R_CONFIG + offset, widths[w], false, &value));
            CHECK_EQUAL(value, want);
            value = UINT64_MAX;
            vsock_mmio_access(&guest->device, R_CONFIG + offset, widths[w], true, &value); /* changes nothing */
        }
    }
    uint64_t value;
    vsock_mmio_access(&guest->device, UINT64_MAX, 8, false, &value);
    CHECK_EQUAL(value, 0);
}

TEST(mmio_registers_in_four_aligned_bytes_only)
{
    struct guest *guest = fresh();
    for (uint64_t offset = 0; offset < 0x100; offset++) {
        for (unsigned width = 1; width <= 8; width *= 2) {
            if (width == 4 && offset % 4 == 0) {
                continue;
            }
            uint64_t value = 0xff;
            uint64_t ignored = guest->device.counters[VSOCK_COUNT_MMIO_IGNORED];
            vsock_mmio_access(&guest->device, offset, width, false, &value);
            CHECK_EQUAL(value, 0);
            value = S_ACKNOWLEDGE;
            vsock_mmio_access(&guest->device, offset, width, true, &value);
            CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_MMIO_IGNORED], ignored + 2);
        }
    }
    CHECK_EQUAL(reg_read(guest, R_STATUS), 0);
}

TEST(mmio_every_offset_and_value_is_survived)
{
    struct guest *guest = fresh();
    guest_boot(guest);
    uint64_t seed = 5;
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t value = random_below(&seed, 4) != 0 ? random_below(&seed, 256) : (uint64_t)random_next(&seed) << 9;
        guest->more = vsock_mmio_access(&guest->device, random_below(&seed, 0x220), 1u << random_below(&seed, 4),
                                        random_below(&seed, 2) != 0, &value);
    }
    guest_boot(guest);
}

TEST(mmio_write_only_and_read_only_registers)
{
    static const uint64_t write_only[] = {R_DEVICE_FEATURES_SEL,
                                          R_DRIVER_FEATURES,
                                          R_DRIVER_FEATURES_SEL,
                                          R_QUEUE_SEL,
                                          R_QUEUE_NUM,
                                          R_QUEUE_NOTIFY,
                                          R_INTERRUPT_ACK,
                                          R_DESC_LOW,
                                          R_DESC_HIGH,
                                          R_DRIVER_LOW,
                                          R_DRIVER_HIGH,
                                          R_DEVICE_LOW,
                                          R_DEVICE_HIGH,
                                          R_SHM_SEL,
                                          0xc0,
                                          0x28};
    static const uint64_t read_only[] = {R_MAGIC,           R_VERSION,       R_DEVICE_ID,        R_VENDOR_ID,
                                         R_DEVICE_FEATURES, R_QUEUE_NUM_MAX, R_INTERRUPT_STATUS, R_GENERATION,
                                         R_SHM_LEN_LOW};
    struct guest *guest = fresh();
    guest_boot(guest);
    for (unsigned i = 0; i < sizeof write_only / sizeof write_only[0]; i++) {
        CHECK_EQUAL(reg_read(guest, write_only[i]), 0);
    }
    for (unsigned i = 0; i < sizeof read_only / sizeof read_only[0]; i++) {
        uint32_t before = reg_read(guest, read_only[i]);
        reg_write(guest, read_only[i], ~before);
        CHECK_EQUAL(reg_read(guest, read_only[i]), before);
    }
}

TEST(mmio_queue_select)
{
    struct guest *guest = fresh();
    guest_negotiate(guest, F_LINUX);
    for (uint32_t i = 0; i < 3; i++) {
        reg_write(guest, R_QUEUE_SEL, i);
        CHECK_EQUAL(reg_read(guest, R_QUEUE_NUM_MAX), VSOCK_QUEUE_SIZE_MAX);
    }
    static const uint32_t absent[] = {3, 4, 64, 0x7fffffff, UINT32_MAX};
    for (unsigned i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        static struct vsock_device before;
        reg_write(guest, R_QUEUE_SEL, absent[i]);
        memcpy(&before, &guest->device, sizeof before);
        CHECK_EQUAL(reg_read(guest, R_QUEUE_NUM_MAX), 0);
        reg_write(guest, R_QUEUE_NUM, 8);
        reg_write(guest, R_DESC_LOW, 0x40000000);
        reg_write(guest, R_QUEUE_READY, 1);
        reg_write(guest, R_QUEUE_READY, 0);
        CHECK_EQUAL(reg_read(guest, R_QUEUE_READY), 0);
        before.counters[VSOCK_COUNT_MMIO_IGNORED] = guest->device.counters[VSOCK_COUNT_MMIO_IGNORED];
        before.turn = guest->device.turn;
        CHECK(memcmp(&before, &guest->device, sizeof before) == 0);
    }
}

static bool becomes_ready(uint32_t num, uint64_t descriptors, uint64_t driver, uint64_t device)
{
    struct guest *guest = fresh();
    guest_negotiate(guest, F_LINUX);
    reg_write(guest, R_QUEUE_SEL, TX);
    reg_write(guest, R_QUEUE_NUM, num);
    reg_write(guest, R_DESC_LOW, (uint32_t)descriptors);
    reg_write(guest, R_DESC_HIGH, (uint32_t)(descriptors >> 32));
    reg_write(guest, R_DRIVER_LOW, (uint32_t)driver);
    reg_write(guest, R_DRIVER_HIGH, (uint32_t)(driver >> 32));
    reg_write(guest, R_DEVICE_LOW, (uint32_t)device);
    reg_write(guest, R_DEVICE_HIGH, (uint32_t)(device >> 32));
    reg_write(guest, R_QUEUE_READY, 1);
    return reg_read(guest, R_QUEUE_READY) == 1;
}

TEST(mmio_queue_areas_are_judged)
{
    const uint64_t d = RAM_BASE, v = RAM_BASE + 0x1000, u = RAM_BASE + 0x2000, end = RAM_BASE + RAM_SIZE;
    CHECK(becomes_ready(8, d, v, u));
    static const uint64_t nowhere[] = {0,           0x1000,           RAM_BASE - 0x1000, RAM_BASE + RAM_SIZE,
                                       0x140000000, UINT64_C(1) << 63};
    for (unsigned i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++) {
        CHECK(!becomes_ready(8, nowhere[i], v, u));
        CHECK(!becomes_ready(8, d, nowhere[i], u));
        CHECK(!becomes_ready(8, d, v, nowhere[i]));
    }
    CHECK(!becomes_ready(8, d + 8, v, u));
    CHECK(!becomes_ready(8, d, v + 1, u));
    CHECK(!becomes_ready(8, d, v, u + 2));
    CHECK(becomes_ready(8, d + 16, v + 2, u + 4));
    /* To the last byte: 16, 2 and 8 for each entry, 6 more for the rings. */
    CHECK(becomes_ready(128, end - 2048, v, u));
    CHECK(!becomes_ready(128, end - 2048 + 16, v, u));
    CHECK(becomes_ready(128, d, end - 262, u));
    CHECK(!becomes_ready(128, d, end - 260, u));
    CHECK(becomes_ready(128, d, v, end - 1032));
    CHECK(!becomes_ready(128, d, v, end - 1028));
    CHECK(!becomes_ready(128, UINT64_MAX - 15, v, u));
    CHECK(!becomes_ready(128, d, UINT64_MAX - 1, u));
    CHECK(!becomes_ready(128, d, v, UINT64_MAX - 3));
}

TEST(mmio_queue_sizes_are_judged)
{
    for (uint32_t num = 0; num <= 300; num++) {
        bool power = num != 0 && (num & (num - 1)) == 0;
        CHECK(becomes_ready(num, RAM_BASE, RAM_BASE + 0x2000, RAM_BASE + 0x4000)
              == (power && num <= VSOCK_QUEUE_SIZE_MAX));
    }
    CHECK(!becomes_ready(0x10080, RAM_BASE, RAM_BASE + 0x2000, RAM_BASE + 0x4000));
    CHECK(!becomes_ready(0x80000000, RAM_BASE, RAM_BASE + 0x2000, RAM_BASE + 0x4000));
    CHECK(!becomes_ready(UINT32_MAX, RAM_BASE, RAM_BASE + 0x2000, RAM_BASE + 0x4000));
}

TEST(mmio_queue_ready_needs_agreed_features)
{
    struct guest *guest = fresh();
    reg_write(guest, R_STATUS, S_ACKNOWLEDGE | S_DRIVER);
    guest_set_queue(guest, TX, 8);
    CHECK_EQUAL(reg_read(guest, R_QUEUE_READY), 0);
    guest_negotiate(guest, F_LINUX);
    guest_set_queue(guest, TX, 8);
    CHECK_EQUAL(reg_read(guest, R_QUEUE_READY), 1);
    reg_write(guest, R_QUEUE_READY, 0);
    reg_write(guest, R_QUEUE_READY, 2); /* neither 0 nor 1 */
    CHECK_EQUAL(reg_read(guest, R_QUEUE_READY), 0);
    reg_write(guest, R_QUEUE_READY, 1);
    CHECK_EQUAL(reg_read(guest, R_QUEUE_READY), 1);
}

TEST(mmio_addresses_are_replaced_not_joined)
{
    struct guest *guest = fresh();
    const struct vsock_queue *queue = &guest->device.queues[TX];
    guest_negotiate(guest, F_LINUX);
    reg_write(guest, R_QUEUE_SEL, TX);
    static const uint64_t low[] = {R_DESC_LOW, R_DRIVER_LOW, R_DEVICE_LOW};
    for (unsigned i = 0; i < 3; i++) {
        reg_write(guest, low[i], UINT32_MAX);
        reg_write(guest, low[i] + 4, UINT32_MAX);
        reg_write(guest, low[i] + 4, 0x11111111);
        reg_write(guest, low[i], 0x1000 * (i + 1));
    }
    CHECK_EQUAL(queue->descriptor_address, 0x1111111100001000);
    CHECK_EQUAL(queue->driver_address, 0x1111111100002000);
    CHECK_EQUAL(queue->device_address, 0x1111111100003000);
    reg_write(guest, R_STATUS, 0);
    CHECK_EQUAL(queue->descriptor_address | queue->driver_address | queue->device_address | queue->num, 0);
}

TEST(mmio_status_in_order)
{
    struct guest *guest = fresh();
    reg_write(guest, R_STATUS, S_DRIVER_OK);
    CHECK_EQUAL(reg_read(guest, R_STATUS), 0);
    reg_write(guest, R_STATUS, S_ACKNOWLEDGE | S_DRIVER | S_DRIVER_OK);
    CHECK_EQUAL(reg_read(guest, R_STATUS), S_ACKNOWLEDGE | S_DRIVER);
    reg_write(guest, R_STATUS, 0);
    reg_write(guest, R_DRIVER_FEATURES_SEL, 1);
    reg_write(guest, R_DRIVER_FEATURES, 1);
    reg_write(guest, R_STATUS, S_ACKNOWLEDGE | S_FEATURES_OK); /* no DRIVER yet */
    CHECK_EQUAL(reg_read(guest, R_STATUS), S_ACKNOWLEDGE);
    reg_write(guest, R_STATUS, S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK | S_DRIVER_OK); /* not at one stroke */
    CHECK_EQUAL(reg_read(guest, R_STATUS), S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK);
    reg_write(guest, R_STATUS, S_ACKNOWLEDGE); /* bits do not go away */
    CHECK_EQUAL(reg_read(guest, R_STATUS), S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK);
    reg_write(guest, R_STATUS, 0xffffff00u | S_NEEDS_RESET | 0x30); /* and nobody sets these */
    CHECK_EQUAL(reg_read(guest, R_STATUS), S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK);
    CHECK_EQUAL(guest->irq_rises, 0);
}

TEST(mmio_status_failed_stops_the_device)
{
    struct world *world = world_new(2, RING_SIZE);
    struct guest *guest = world->guests[0];
    static struct packet packet;
    guest_boot(guest);
    guest_boot(world->guests[1]);
    world_connect(world, 0, 1);
    guest_post(world->guests[1], 1, 3776);
    reg_write(guest, R_STATUS, 0x0f | S_FAILED);
    world_settle(world);
    guest_expect(world->guests[1], &packet, VSOCK_OP_RST); /* its connection is gone */
    struct vsock_header rw = make_header(3, 4, VSOCK_OP_RW, 4);
    guest_send(guest, &rw, "data");
    uint32_t head, length;
    CHECK(!guest_used(guest, TX, &head, &length));
    uint32_t epoch = guest->device.peers[0].ring.epoch;
    reg_write(guest, R_STATUS, 0);
    reg_write(guest, R_STATUS, S_FAILED); /* a driver that gives up at once */
    CHECK_EQUAL(reg_read(guest, R_STATUS), S_FAILED);
    CHECK_EQUAL(guest->device.peers[0].ring.epoch, epoch);
}

TEST(mmio_notify_of_a_queue_that_is_off)
{
    struct guest *guest = fresh();
    for (uint32_t i = 0; i < 5; i++) {
        guest_kick(guest, i); /* no address, no size: nothing to divide by */
    }
    CHECK_EQUAL(guest->device.counters[VSOCK_COUNT_MMIO_IGNORED], 5);
}
