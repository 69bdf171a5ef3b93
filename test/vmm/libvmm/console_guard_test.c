/* SPDX-License-Identifier: BSD-2-Clause */
/* A console driver that lies to libvmm. */
#include "../harness.h"
#include "console_guard.h"
#include "fake.h"

#define DESCRIPTORS (FAKE_RAM_START + 0x1000)
#define AVAILABLE (FAKE_RAM_START + 0x2000)
#define USED (FAKE_RAM_START + 0x3000)
#define RX_RINGS (FAKE_RAM_START + 0x8000) /* a page each for descriptors, available and used */
#define RING_SIZE 8
#define CAPACITY 256
#define RX 0
#define TX 1

static serial_queue_handle_t serial = { .capacity = CAPACITY };
static struct virtio_console_device console;

static void set_up(void)
{
    fake_reset();
    console = (struct virtio_console_device) { .virtio_device = { .num_vqs = 2, .regs.QueueSel = TX }, .txq = &serial };
    console.vqs[TX].virtq = (struct virtq) {
        .num = RING_SIZE,
        .desc_gpa = (struct virtq_desc *)DESCRIPTORS,
        .avail_gpa = (struct virtq_avail *)AVAILABLE,
        .used_gpa = (struct virtq_used *)USED,
    };
    console.vqs[RX].virtq = (struct virtq) {
        .num = RING_SIZE,
        .desc_gpa = (struct virtq_desc *)RX_RINGS,
        .avail_gpa = (struct virtq_avail *)(RX_RINGS + 0x1000),
        .used_gpa = (struct virtq_used *)(RX_RINGS + 0x2000),
    };
    console.vqs[RX].ready = true;
}

static enum console_verdict store(uint64_t offset, uint32_t value)
{
    struct guest_access access = { .width_bytes = 4, .is_write = true };
    return console_judge(&console, &access, offset, value);
}

/* Makes one chain of `count` descriptors available, each of `length` bytes at the start of RAM. */
static struct virtq_desc *send_chain(unsigned count, uint32_t length)
{
    struct virtq_desc *descriptors = gpa_to_hva(DESCRIPTORS, RING_SIZE * sizeof *descriptors);
    struct virtq_avail *available = gpa_to_hva(AVAILABLE, 64);
    for (unsigned i = 0; i < count; i++) {
        descriptors[i] = (struct virtq_desc) {
            .addr = FAKE_RAM_START,
            .len = length,
            .flags = i + 1 < count ? VIRTQ_DESC_F_NEXT : 0,
            .next = (uint16_t)(i + 1),
        };
    }
    available->ring[0] = 0;
    available->idx = 1;
    console.vqs[TX].ready = true;
    return descriptors;
}

TEST(console_queue_beyond_the_last_is_never_made_ready)
{
    set_up();
    CHECK_EQUAL(store(REG_VIRTIO_MMIO_QUEUE_READY, 1), CONSOLE_ADMIT);
    console.virtio_device.regs.QueueSel = 2;
    CHECK_EQUAL(store(REG_VIRTIO_MMIO_QUEUE_READY, 1), CONSOLE_IGNORE);
    console.virtio_device.regs.QueueSel = UINT32_MAX;
    CHECK_EQUAL(store(REG_VIRTIO_MMIO_QUEUE_READY, 1), CONSOLE_IGNORE);
}

TEST(console_ring_sizes_are_powers_of_two_up_to_128)
{
    set_up();
    for (uint32_t size = 0; size < 300; size++) {
        bool valid = size <= 128 && __builtin_popcount(size) == 1;
        CHECK_EQUAL(store(REG_VIRTIO_MMIO_QUEUE_NUM, size), valid ? CONSOLE_ADMIT : CONSOLE_IGNORE);
    }
}

TEST(console_rings_lie_aligned_in_ram)
{
    const uint64_t end = FAKE_RAM_START + FAKE_RAM_SIZE;
    const uint64_t bad[] = { 0, DESCRIPTORS + 1, end, end - 16 };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        set_up();
        console.vqs[TX].virtq.desc_gpa = (struct virtq_desc *)bad[i];
        CHECK_EQUAL(store(REG_VIRTIO_MMIO_QUEUE_READY, 1), CONSOLE_IGNORE);
        set_up();
        console.vqs[TX].virtq.used_gpa = (struct virtq_used *)bad[i];
        CHECK_EQUAL(store(REG_VIRTIO_MMIO_QUEUE_READY, 1), CONSOLE_IGNORE);
    }
}

TEST(console_queue_is_locked_while_ready)
{
    set_up();
    console.vqs[TX].ready = true;
    CHECK_EQUAL(store(REG_VIRTIO_MMIO_QUEUE_NUM, 8), CONSOLE_IGNORE);
    CHECK_EQUAL(store(REG_VIRTIO_MMIO_QUEUE_DESC_LOW, 0), CONSOLE_IGNORE);
    CHECK_EQUAL(store(REG_VIRTIO_MMIO_QUEUE_USED_HIGH, 0), CONSOLE_IGNORE);
    CHECK_EQUAL(store(REG_VIRTIO_MMIO_QUEUE_SEL, 0), CONSOLE_ADMIT);
}

TEST(console_stores_are_words_and_loads_have_a_register)
{
    set_up();
    struct guest_access byte = { .width_bytes = 1, .is_write = true };
    struct guest_access load = { .width_bytes = 4, .register_number = 31 };
    CHECK_EQUAL(console_judge(&console, &byte, REG_VIRTIO_MMIO_QUEUE_SEL, 0), CONSOLE_IGNORE);
    CHECK_EQUAL(console_judge(&console, &load, 0, 0), CONSOLE_IGNORE);
}

TEST(console_good_chains_are_sent)
{
    set_up();
    send_chain(RING_SIZE, CAPACITY / RING_SIZE);
    CHECK_EQUAL(store(REG_VIRTIO_MMIO_QUEUE_NOTIFY, TX), CONSOLE_WORK);
}

TEST(console_chain_longer_than_the_serial_queue_stops)
{
    set_up();
    send_chain(2, CAPACITY / 2 + 1);
    CHECK_EQUAL(store(REG_VIRTIO_MMIO_QUEUE_NOTIFY, TX), CONSOLE_STOP);
}

TEST(console_chain_that_loops_or_leaves_the_table_stops)
{
    set_up();
    send_chain(2, 0)[1] = (struct virtq_desc) { .addr = FAKE_RAM_START, .flags = VIRTQ_DESC_F_NEXT, .next = 0 };
    CHECK(!console_queues_are_sound(&console));
    set_up();
    struct virtq_desc *descriptors = send_chain(2, 0);
    descriptors[0].next = RING_SIZE;
    descriptors[RING_SIZE] = (struct virtq_desc) { .addr = FAKE_RAM_START };
    CHECK(!console_queues_are_sound(&console));
}

TEST(console_chain_outside_ram_or_of_the_wrong_kind_stops)
{
    set_up();
    send_chain(1, 16)->addr = FAKE_RAM_START + FAKE_RAM_SIZE - 8;
    CHECK(!console_queues_are_sound(&console));
    set_up();
    send_chain(1, 16)->addr = UINT64_MAX - 7;
    CHECK(!console_queues_are_sound(&console));
    set_up();
    send_chain(1, 16)->flags = VIRTQ_DESC_F_WRITE;
    CHECK(!console_queues_are_sound(&console));
    set_up();
    send_chain(1, 16)->flags = VIRTQ_DESC_F_INDIRECT;
    CHECK(!console_queues_are_sound(&console));
}

TEST(console_available_index_cannot_jump)
{
    set_up();
    send_chain(1, 16);
    struct virtq_avail *available = gpa_to_hva(AVAILABLE, 64);
    available->idx = RING_SIZE + 1;
    CHECK(!console_queues_are_sound(&console));
}

/* libvmm takes what lies between two registers for the first of them. */
TEST(console_stores_beside_registers_do_nothing)
{
    static const uint16_t registers[] = { 0x14, 0x20, 0x24, 0x30, 0x38, 0x44, 0x50, 0x64, 0x70, 0x80, 0x84, 0x90, 0x94, 0xa0, 0xa4 };
    unsigned next = 0;
    for (uint64_t offset = 0; offset < 0x200; offset += 4) {
        set_up();
        console.virtio_device.regs.QueueSel = offset < 0x50 ? TX : UINT32_MAX;
        bool is_register = next < sizeof registers / sizeof registers[0] && registers[next] == offset;
        if (is_register) {
            next++;
            continue;
        }
        CHECK_EQUAL(store(offset, 1), CONSOLE_IGNORE);
    }
    CHECK_EQUAL(next, sizeof registers / sizeof registers[0]);
}

TEST(console_kick_before_both_queues_are_ready_does_nothing)
{
    set_up();
    CHECK_EQUAL(store(REG_VIRTIO_MMIO_QUEUE_NOTIFY, TX), CONSOLE_IGNORE);
    console.vqs[TX].ready = true;
    CHECK_EQUAL(store(REG_VIRTIO_MMIO_QUEUE_NOTIFY, TX), CONSOLE_WORK);
    console.vqs[RX].ready = false;
    CHECK_EQUAL(store(REG_VIRTIO_MMIO_QUEUE_NOTIFY, TX), CONSOLE_IGNORE);
}

/* What libvmm writes into a used ring must not change what was checked before. */
TEST(console_rings_do_not_lie_in_one_another)
{
    const uint64_t places[] = { DESCRIPTORS - 4, DESCRIPTORS + 16 * RING_SIZE - 4, AVAILABLE, RX_RINGS + 8, RX_RINGS + 0x1004, RX_RINGS + 0x2000 };
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        set_up();
        console.vqs[TX].virtq.used_gpa = (struct virtq_used *)places[i];
        CHECK_EQUAL(store(REG_VIRTIO_MMIO_QUEUE_READY, 1), CONSOLE_IGNORE);
    }
    set_up();
    console.vqs[TX].virtq.used_gpa = (struct virtq_used *)(DESCRIPTORS + 16 * RING_SIZE);
    CHECK_EQUAL(store(REG_VIRTIO_MMIO_QUEUE_READY, 1), CONSOLE_ADMIT);
    set_up();
    console.vqs[TX].virtq.desc_gpa = (struct virtq_desc *)(AVAILABLE & ~15UL);
    CHECK_EQUAL(store(REG_VIRTIO_MMIO_QUEUE_READY, 1), CONSOLE_IGNORE);
}

static void post_buffer(uint64_t address)
{
    struct virtq_desc *descriptors = gpa_to_hva(RX_RINGS, RING_SIZE * sizeof *descriptors);
    struct virtq_avail *available = gpa_to_hva(RX_RINGS + 0x1000, 64);
    descriptors[0] = (struct virtq_desc) { .addr = address, .len = 16, .flags = VIRTQ_DESC_F_WRITE };
    available->ring[0] = 0;
    available->idx = 1;
}

TEST(console_receive_buffers_do_not_lie_in_a_ring)
{
    const uint64_t places[] = { RX_RINGS, RX_RINGS + 0x1000, RX_RINGS + 0x2000 - 15, DESCRIPTORS, AVAILABLE + 8, USED };
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        set_up();
        send_chain(1, 16);
        post_buffer(places[i]);
        CHECK(!console_queues_are_sound(&console));
    }
    set_up();
    send_chain(1, 16);
    post_buffer(FAKE_RAM_START + 0x5000);
    CHECK(console_queues_are_sound(&console));
}

TEST(console_status_is_reset_or_gains_one_bit)
{
    set_up();
    uint32_t *status = &console.virtio_device.regs.Status;
    *status = 3;
    static const uint32_t good[] = { 0, 7, 11, 0x83, 8 }, bad[] = { 3, 1, 2, 15, 0x43, 0x10, UINT32_MAX };
    for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
        CHECK_EQUAL(store(REG_VIRTIO_MMIO_STATUS, good[i]), CONSOLE_ADMIT);
    }
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_EQUAL(store(REG_VIRTIO_MMIO_STATUS, bad[i]), CONSOLE_IGNORE);
    }
}

TEST(console_features_are_those_that_were_offered)
{
    set_up();
    uint32_t *half = &console.virtio_device.regs.DriverFeaturesSel;
    for (*half = 0; *half < 4; (*half)++) {
        CHECK_EQUAL(store(REG_VIRTIO_MMIO_DRIVER_FEATURES, 1), *half == 1 ? CONSOLE_ADMIT : CONSOLE_IGNORE);
        CHECK_EQUAL(store(REG_VIRTIO_MMIO_DRIVER_FEATURES, 0), *half != 1 ? CONSOLE_ADMIT : CONSOLE_IGNORE);
        CHECK_EQUAL(store(REG_VIRTIO_MMIO_DRIVER_FEATURES, UINT32_MAX), CONSOLE_IGNORE);
    }
}

TEST(console_loads_where_libvmm_has_nothing_read_zero)
{
    set_up();
    for (uint64_t offset = 0; offset < 0x200; offset++) {
        struct guest_access access = { .width_bytes = 4, .register_number = 5 };
        bool is_register = offset <= 0x10 ? offset % 4 == 0
                                          : offset == 0x34 || offset == 0x44 || offset == 0x60 || offset == 0x70
                                                || offset == 0xfc;
        CHECK_EQUAL(console_judge(&console, &access, offset, 0), is_register ? CONSOLE_ADMIT : CONSOLE_IGNORE);
        access.width_bytes = 8;
        CHECK_EQUAL(console_judge(&console, &access, offset, 0), CONSOLE_IGNORE);
    }
    console.virtio_device.regs.QueueSel = 2;
    struct guest_access access = { .width_bytes = 4, .register_number = 5 };
    CHECK_EQUAL(console_judge(&console, &access, REG_VIRTIO_MMIO_QUEUE_READY, 0), CONSOLE_IGNORE);
}
