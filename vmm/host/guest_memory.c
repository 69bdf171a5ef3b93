/* SPDX-License-Identifier: BSD-2-Clause */
/* Mapping guest RAM, and finding addresses in it. */
#include "guest_memory.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define REGION_SIZE_MAX (UINT64_C(1) << 40)

static uintptr_t page_size;

/* mmap() is a system call and nothing else, so a signal handler may make it. */
static void put_zeroes(int number, siginfo_t *fault, void *context)
{
    (void)context;
    void *page = (void *)((uintptr_t)fault->si_addr & ~(page_size - 1));
    int error = errno;
    if (fault->si_code != BUS_ADRERR
        || mmap(page, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
        signal(number, SIG_DFL); /* and the access faults again */
    }
    errno = error;
}

void guest_memory_outlive_files(void)
{
    page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    struct sigaction action = {.sa_sigaction = put_zeroes, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}

static const char *map_region(struct guest_region *region, const struct vhost_user_region *told, int fd)
{
    if (told->size == 0 || told->size > REGION_SIZE_MAX || told->offset > REGION_SIZE_MAX
        || told->guest_physical > UINT64_MAX - told->size || told->front_end > UINT64_MAX - told->size) {
        return "a memory region has an impossible size or address";
    }
    /* Memory that is not there from the start is a mistake, and better said now. */
    struct stat file;
    if (fstat(fd, &file) != 0) {
        return strerror(errno);
    }
    if (file.st_size < 0 || (uint64_t)file.st_size < told->offset + told->size) {
        return "a memory region is larger than its file";
    }
    /* From the file's start: an offset need not be one that mmap takes. */
    size_t size = told->offset + told->size;
    void *mapping = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapping == MAP_FAILED) {
        return strerror(errno);
    }
    *region = (struct guest_region){
        .as_told = *told,
        .bytes = (uint8_t *)mapping + told->offset,
        .mapping = mapping,
        .mapping_size = size,
        .device = file.st_dev,
        .inode = file.st_ino,
    };
    return NULL;
}

const char *guest_memory_map(struct guest_memory *memory, const struct vhost_user_message *message)
{
    const struct vhost_user_memory *table = &message->payload.memory;
    memory->num_regions = 0;
    if (table->num_regions == 0 || table->num_regions > VHOST_USER_REGIONS_MAX
        || table->num_regions != message->num_fds) {
        return "a memory table has no region, too many, or not a descriptor for each";
    }
    for (uint32_t i = 0; i < table->num_regions; i++) {
        const char *fault = map_region(&memory->regions[i], &table->regions[i], message->fds[i]);
        if (fault != NULL) {
            guest_memory_unmap(memory);
            return fault;
        }
        memory->num_regions = i + 1;
    }
    return NULL;
}

bool guest_memory_is(const struct guest_memory *memory, const struct vhost_user_message *message)
{
    const struct vhost_user_memory *table = &message->payload.memory;
    if (memory->num_regions != table->num_regions || memory->num_regions != message->num_fds) {
        return false;
    }
    for (unsigned i = 0; i < memory->num_regions; i++) {
        const struct guest_region *region = &memory->regions[i];
        struct stat file;
        if (memcmp(&region->as_told, &table->regions[i], sizeof table->regions[i]) != 0
            || fstat(message->fds[i], &file) != 0 || file.st_dev != region->device || file.st_ino != region->inode) {
            return false;
        }
    }
    return true;
}

void guest_memory_unmap(struct guest_memory *memory)
{
    for (unsigned i = 0; i < memory->num_regions; i++) {
        munmap(memory->regions[i].mapping, memory->regions[i].mapping_size);
    }
    memory->num_regions = 0;
}

void *guest_memory_at(const struct guest_memory *memory, uint64_t guest_physical, size_t size)
{
    for (unsigned i = 0; i < memory->num_regions; i++) {
        const struct guest_region *region = &memory->regions[i];
        uint64_t offset = guest_physical - region->as_told.guest_physical;
        if (guest_physical >= region->as_told.guest_physical && offset < region->as_told.size
            && size <= region->as_told.size - offset) {
            return region->bytes + offset;
        }
    }
    return NULL;
}

bool guest_memory_from_front_end(const struct guest_memory *memory, uint64_t address, uint64_t *guest_physical)
{
    for (unsigned i = 0; i < memory->num_regions; i++) {
        const struct vhost_user_region *region = &memory->regions[i].as_told;
        if (address >= region->front_end && address - region->front_end < region->size) {
            *guest_physical = region->guest_physical + (address - region->front_end);
            return true;
        }
    }
    return false;
}
