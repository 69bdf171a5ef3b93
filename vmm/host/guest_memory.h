/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's RAM as its front end shares it: files, mapped here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "vhost_user.h"

struct guest_region {
    struct vhost_user_region as_told;
    uint8_t *bytes; /* its guest physical start */
    void *mapping;
    size_t mapping_size;
    dev_t device; /* which file it is */
    ino_t inode;
};

struct guest_memory {
    unsigned num_regions;
    struct guest_region regions[VHOST_USER_REGIONS_MAX];
};

/*
 * For the whole process, once: a front end can shorten its file after we have looked at its size. Then zeroes are read
 * where nothing is any more, instead of SIGBUS for all guests.
 */
void guest_memory_outlive_files(void);

/* Maps what a SET_MEM_TABLE message names, in place of nothing. NULL, or what is wrong with it; then nothing is mapped. */
const char *guest_memory_map(struct guest_memory *memory, const struct vhost_user_message *message);

/* The message names what is mapped already, files and all. */
bool guest_memory_is(const struct guest_memory *memory, const struct vhost_user_message *message);

void guest_memory_unmap(struct guest_memory *memory);

/* [guest_physical, + size) here, or NULL unless all of it lies in one region. */
void *guest_memory_at(const struct guest_memory *memory, uint64_t guest_physical, size_t size);

/* The guest physical address of one of the front end's own. False if it lies in no region. */
bool guest_memory_from_front_end(const struct guest_memory *memory, uint64_t address, uint64_t *guest_physical);
