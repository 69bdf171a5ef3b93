/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory tables that cannot be. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attack.h"

static struct packet packet;

#define TABLE_REFUSED  "a memory table has no region, too many, or not a descriptor for each"
#define REGION_REFUSED "a memory region has an impossible size or address"

static void set_regions(struct front_end *front_end, const struct region *regions, uint32_t num, uint32_t num_fds)
{
    uint64_t fault;
    front_end_set_memory(front_end, regions, num, num_fds);
    if (num <= 8) { /* longer ones are not even read */
        message_receive(front_end, M_SET_MEM_TABLE, &fault, sizeof fault);
        CHECK(fault != 0);
    }
}

static void set_region(struct front_end *front_end, uint64_t guest_physical, uint64_t size, uint64_t qemu,
                       uint64_t offset)
{
    set_regions(front_end, &(struct region){guest_physical, size, qemu, offset}, 1, 1);
}

REFUSED(hostile_memory_of_no_region, TABLE_REFUSED)
{
    set_regions(front_end, NULL, 0, 0);
}

REFUSED(hostile_memory_of_nine_regions, "the front end speaks another protocol than vhost-user version 1, or sent too long")
{
    struct region regions[9];
    for (unsigned i = 0; i < 9; i++) {
        regions[i] = (struct region){RAM_BASE + i * 0x1000, 0x1000, QEMU_BASE + i * 0x1000, i * 0x1000};
    }
    set_regions(front_end, regions, 9, 8);
}

REFUSED(hostile_memory_table_shorter_than_it_says, "a memory table is shorter than it says")
{
    const uint32_t payload[10] = {9};
    message_send(front_end->socket, M_SET_MEM_TABLE, M_VERSION, payload, sizeof payload, NULL, 0);
}

REFUSED(hostile_memory_table_of_4_billion, "a memory table is shorter than it says")
{
    const uint32_t payload[10] = {UINT32_MAX};
    message_send(front_end->socket, M_SET_MEM_TABLE, M_VERSION, payload, sizeof payload, NULL, 0);
}

REFUSED(hostile_memory_without_descriptor, TABLE_REFUSED)
{
    set_regions(front_end, &REGION_WHOLE, 1, 0);
}

REFUSED(hostile_memory_with_two_descriptors, TABLE_REFUSED)
{
    set_regions(front_end, &REGION_WHOLE, 1, 2);
}

REFUSED(hostile_memory_size_0, REGION_REFUSED)
{
    set_region(front_end, RAM_BASE, 0, QEMU_BASE, 0);
}

REFUSED(hostile_memory_size_wraps_with_offset, REGION_REFUSED)
{
    set_region(front_end, RAM_BASE, RAM_SIZE, QEMU_BASE, UINT64_MAX - RAM_SIZE + 1);
}

REFUSED(hostile_memory_size_of_all, REGION_REFUSED)
{
    set_region(front_end, 0, UINT64_MAX, 0, 0);
}

REFUSED(hostile_memory_guest_addresses_wrap, REGION_REFUSED)
{
    set_region(front_end, UINT64_MAX - RAM_SIZE + 2, RAM_SIZE, QEMU_BASE, 0);
}

REFUSED(hostile_memory_front_end_addresses_wrap, REGION_REFUSED)
{
    set_region(front_end, RAM_BASE, RAM_SIZE, UINT64_MAX - RAM_SIZE + 2, 0);
}

REFUSED(hostile_memory_file_too_short, "a memory region is larger than its file")
{
    set_region(front_end, RAM_BASE, RAM_SIZE + 1, QEMU_BASE, 0);
}

REFUSED(hostile_memory_file_too_short_for_offset, "a memory region is larger than its file")
{
    set_region(front_end, RAM_BASE, RAM_SIZE, QEMU_BASE, 0x1000);
}

REFUSED(hostile_memory_second_region_bad, "a memory region is larger than its file")
{
    const struct region regions[] = {{RAM_BASE, 0x1000, QEMU_BASE, 0}, {0, RAM_SIZE + 1, 0, 0}};
    set_regions(front_end, regions, 2, 2);
}

REFUSED(hostile_memory_is_a_pipe, "a memory region is larger than its file")
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    const struct {
        uint32_t num, padding;
        struct region region;
    } table = {1, 0, {RAM_BASE, 0x1000, QEMU_BASE, 0}};
    message_send(front_end->socket, M_SET_MEM_TABLE, M_VERSION, &table, sizeof table, ends, 1);
    close(ends[0]);
    close(ends[1]);
}

REFUSED(hostile_memory_is_read_only, "Permission denied")
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", front_end->memory);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const struct {
        uint32_t num, padding;
        struct region region;
    } table = {1, 0, REGION_WHOLE};
    message_send(front_end->socket, M_SET_MEM_TABLE, M_VERSION, &table, sizeof table, &fd, 1);
    close(fd);
}

REFUSED_UP(hostile_memory_moved_while_up, "the front end moves the memory of a guest whose driver is up")
{
    front_end_set_memory(front_end, &(struct region){0, RAM_SIZE, QEMU_BASE, 0}, 1, 1);
}

REFUSED_UP(hostile_memory_swapped_while_up, "the front end moves the memory of a guest whose driver is up")
{
    const struct {
        uint32_t num, padding;
        struct region region;
    } table = {1, 0, REGION_WHOLE};
    int other = memfd_create("other", MFD_CLOEXEC);
    CHECK(ftruncate(other, (off_t)RAM_SIZE) == 0);
    message_send(front_end->socket, M_SET_MEM_TABLE, M_VERSION, &table, sizeof table, &other, 1);
    close(other);
}

REFUSED_UP(hostile_garbage_while_up, "the front end speaks another protocol")
{
    bytes_send(front_end->socket, "0123456789abcdef", 16, NULL, 0);
}

/* Overlapping regions are odd, but every one of them is the guest's own. */
HARMLESS(hostile_memory_regions_overlap)
{
    const struct region regions[] = {
        {RAM_BASE, RAM_SIZE, QEMU_BASE, 0}, {RAM_BASE, RAM_SIZE, QEMU_BASE, 0}, {0, RAM_SIZE, QEMU_BASE + 0x1000, 0}};
    uint64_t fault = 99;
    front_end_set_memory(front_end, regions, 3, 3);
    message_receive(front_end, M_SET_MEM_TABLE, &fault, sizeof fault);
    CHECK_EQUAL(fault, 0);
}

/* Another file under the same addresses is other memory: the driver's next life is in there. */
TEST(hostile_memory_swapped_between_lives)
{
    front_end_free_all();
    back_end_start(2);
    struct front_end *a = front_end_boot(back_end_path(0), 3), *b = front_end_boot(back_end_path(1), 4);
    front_ends_connect(a, b);
    front_end_stop(a);
    int other = memfd_create("other", MFD_CLOEXEC);
    CHECK(ftruncate(other, (off_t)RAM_SIZE) == 0);
    CHECK(mmap(a->guest.ram, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, other, 0) == a->guest.ram);
    close(a->memory);
    a->memory = other;
    front_end_post(b, 1, 3776);
    front_end_expect(b, &packet, VSOCK_OP_RST);
    front_end_start(a);
    front_ends_connect(a, b);
}
