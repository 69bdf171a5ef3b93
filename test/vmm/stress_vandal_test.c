/* SPDX-License-Identifier: BSD-2-Clause */
/* A peer that rewrites its rings at any moment: a thread of its own scribbles over both regions of guest 1, indices and
 * records, while guests 0 and 2 exchange streams, every byte of which is checked. It may do itself any harm, and no other. */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "harness.h"
#include "streams.h"

#define STEPS 3000

static struct world *world;
static bool stop;

/* One word or one record; most are plausible, so that they are believed for a while. */
static void scribble(struct vsock_ring_region *region, uint64_t *random)
{
    uint32_t value = random_next(random);
    uint32_t at = (value >> 8) % (uint32_t)(world->ring_size - VSOCK_RING_HEADER_SIZE - 64) & ~7u;
    uint8_t wire[VSOCK_HEADER_SIZE];
    switch (value % 8) {
    case 0:
        __atomic_store_n(&region->tail, value, __ATOMIC_RELAXED);
        break;
    case 1:
    case 2:
        __atomic_fetch_add(&region->tail, 8 * (value >> 8) % 1024, __ATOMIC_RELAXED);
        break;
    case 3:
        __atomic_store_n(&region->head, value, __ATOMIC_RELAXED);
        break;
    case 4:
        __atomic_fetch_add(&region->epoch, value >> 31, __ATOMIC_RELAXED);
        break;
    case 5:
        __atomic_store_n(&region->sleeping, value, __ATOMIC_RELAXED);
        __atomic_store_n(&region->want_room, value, __ATOMIC_RELAXED);
        break;
    default:
        vsock_header_render(&(struct vsock_header){.src_cid = 4 + (value >> 30 == 0),
                                                   .dst_cid = 3 + (value >> 29 & 2),
                                                   .len = (value >> 20) % 300,
                                                   .type = (uint16_t)(1 + (value >> 9) % 2),
                                                   .op = (uint16_t)((value >> 12) % 9)},
                            wire);
        for (unsigned i = 0; i < sizeof wire; i++) {
            __atomic_store_n(&region->data[at + 8 + i], wire[i], __ATOMIC_RELAXED);
        }
        break;
    }
}

static void *vandal(void *argument)
{
    uint64_t random = *(const uint64_t *)argument;
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        for (unsigned i = 0; i < 16; i++) {
            scribble(world->regions[1][i % 2 * 2], &random);
        }
        sched_yield();
    }
    return NULL;
}

/* Both kinds of nonsense came while guest 0's device looked: on a busy machine that may take a while. */
static bool has_met_the_vandal(void)
{
    const uint64_t *counters = world->guests[0]->device.counters;
    return counters[VSOCK_COUNT_RX_RING_BROKEN] > 0
           && counters[VSOCK_COUNT_RX_STALE] + counters[VSOCK_COUNT_RX_SPOOFED] + counters[VSOCK_COUNT_RX_MALFORMED] > 0;
}

TEST(stress_a_peer_that_rewrites_its_rings_at_any_moment)
{
    for (uint64_t i = 0; i < 4; i++) {
        pthread_t thread;
        uint64_t random = 900 + i;
        world = streams_start(3, i % 2 == 0 ? 0x2000 : RING_SIZE, 500 + i);
        __atomic_store_n(&stop, false, __ATOMIC_RELEASE);
        CHECK(pthread_create(&thread, NULL, vandal, &random) == 0);
        for (unsigned n = 0; n < STEPS || (!has_met_the_vandal() && n < 100 * STEPS); n++) {
            unsigned who = random_below(&seed, 2) * 2;
            streams_step_beside_vandal(world, who);
            if (n % 8 == 0) {
                sched_yield(); /* with one processor the vandal has its turn as well */
            }
        }
        __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
        CHECK(pthread_join(thread, NULL) == 0);
        CHECK(streams[0][2].received > 100000); /* the honest two were not disturbed */
        CHECK(streams[2][0].received > 100000);
        CHECK(has_met_the_vandal()); /* and what was dropped was counted */
    }
}
