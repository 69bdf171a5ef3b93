/* SPDX-License-Identifier: BSD-2-Clause */
/* The two guests that the tests of upstream's defects begin with, and what they send and get. */
#pragma once

#include "guest.h"
#include "harness.h"

static struct packet packet;
static struct world *world;
static struct guest *guest, *other;
static uint8_t data[VSOCK_PAYLOAD_SIZE_MAX];

static void start(uint64_t ring_size, unsigned buffers)
{
    world = world_pair(ring_size, buffers);
    guest = world->guests[0];
    other = world->guests[1];
}
