/* SPDX-License-Identifier: BSD-2-Clause */
#include "guest.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "capture.h"
#include "report.h"

/* From the first byte of a message's head to its last, and the same for its payload: QEMU writes it at once. */
#define MESSAGE_TIMEOUT_MS 500

#define TICK_MS 1000

static void notify_peer(void *cookie, unsigned peer)
{
    const struct guest *guest = cookie;
    (void)eventfd_write(guest->peers[peer]->wake, 1);
}

static const struct vsock_ops ops = {.translate = seat_translate,
                                     .set_irq = seat_set_irq,
                                     .notify_peer = notify_peer,
                                     .observe = capture_packet};

/* --- joining --- */

static void *new_ring(uint64_t ring_bytes)
{
    void *ring = mmap(NULL, ring_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return ring == MAP_FAILED ? NULL : ring;
}

const char *guests_join(struct guest *guests, unsigned num_guests, uint64_t ring_bytes)
{
    /* rings[i][j]: written by guest i for guest j */
    static void *rings[GUESTS_MAX][GUESTS_MAX];
    for (unsigned i = 0; i < num_guests; i++) {
        for (unsigned j = 0; j < num_guests; j++) {
            rings[i][j] = i == j ? NULL : new_ring(ring_bytes);
        }
    }
    for (unsigned i = 0; i < num_guests; i++) {
        struct guest *guest = &guests[i];
        seat_init(&guest->seat, guest->name);
        guest->connection = -1;
        guest->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        struct vsock_setup setup = {.guest_cid = guest->cid, .ops = &ops, .cookie = guest};
        for (unsigned j = 0; j < num_guests; j++) {
            if (j == i) {
                continue;
            }
            guest->peers[setup.num_peers] = &guests[j];
            setup.peers[setup.num_peers++] = (struct vsock_peer_setup){
                .cid = (uint32_t)guests[j].cid,
                .own_ring = rings[i][j],
                .peer_ring = rings[j][i],
                .ring_size = ring_bytes,
            };
        }
        enum vsock_setup_fault fault = vsock_device_init(&guest->seat.device, &setup);
        if (fault != VSOCK_SETUP_GOOD || guest->wake < 0) {
            return fault != VSOCK_SETUP_GOOD ? vsock_setup_fault_text(fault) : strerror(errno);
        }
    }
    return NULL;
}

/* --- serving --- */

static void leave(struct guest *guest, const char *why)
{
    close(guest->connection);
    guest->connection = -1;
    seat_leave(&guest->seat);
    if (why == vhost_user_closed) {
        report("%s: QEMU is gone", guest->name);
    } else {
        report("%s: connection ended: %s", guest->name, why);
    }
}

/* Who sends half a message must not keep us waiting for the rest: there are kicks, and there is guest_stop(). */
static void accept_front_end(struct guest *guest)
{
    const struct timeval limit = {.tv_usec = MESSAGE_TIMEOUT_MS * 1000};
    guest->connection = accept4(guest->listener, NULL, NULL, SOCK_CLOEXEC);
    if (guest->connection >= 0) {
        (void)setsockopt(guest->connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        report("%s: QEMU has connected", guest->name);
    }
}

static void serve_front_end(struct guest *guest)
{
    if (guest->connection < 0) {
        accept_front_end(guest);
        return;
    }
    struct vhost_user_message message;
    const char *fault = vhost_user_receive(guest->connection, &message);
    if (fault == NULL) {
        fault = seat_handle(&guest->seat, guest->connection, &message);
    }
    vhost_user_close_fds(&message);
    if (fault != NULL) {
        leave(guest, fault);
    }
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* For how long poll() may wait; ticks are due for as long as something waits for room at a peer. */
static int wait_ms(struct guest *guest)
{
    if (!vsock_device_wants_ticks(&guest->seat.device)) {
        guest->next_tick_ms = 0;
        return guest->seat.has_more ? 0 : -1;
    }
    int64_t now = now_ms();
    if (guest->next_tick_ms == 0) {
        guest->next_tick_ms = now + TICK_MS;
    }
    int64_t left = guest->next_tick_ms - now;
    return guest->seat.has_more || left < 0 ? 0 : (int)left;
}

static void tick_if_due(struct guest *guest)
{
    if (guest->next_tick_ms != 0 && now_ms() >= guest->next_tick_ms) {
        guest->next_tick_ms = 0;
        seat_tick(&guest->seat);
    }
}

/* Waits until there is something to do, and does it. */
static void serve(struct guest *guest)
{
    enum { FRONT_END, WAKE, KICKS };
    struct seat *seat = &guest->seat;
    struct pollfd waited[KICKS + SEAT_QUEUES] = {
        [FRONT_END] = {.fd = guest->connection >= 0 ? guest->connection : guest->listener, .events = POLLIN},
        [WAKE] = {.fd = guest->wake, .events = POLLIN},
    };
    for (unsigned i = 0; i < SEAT_QUEUES; i++) {
        waited[KICKS + i] = (struct pollfd){.fd = seat->is_up ? seat->queues[i].kick : -1, .events = POLLIN};
    }
    if (poll(waited, KICKS + SEAT_QUEUES, wait_ms(guest)) < 0) {
        return; /* EINTR */
    }
    if (waited[WAKE].revents != 0) {
        eventfd_t count;
        (void)eventfd_read(guest->wake, &count);
        seat_run(seat);
    } else if (seat->has_more) {
        seat_run(seat);
    }
    tick_if_due(guest);
    for (unsigned i = 0; i < SEAT_QUEUES; i++) {
        if (waited[KICKS + i].revents != 0) {
            seat_kicked(seat, i);
        }
    }
    if (waited[FRONT_END].revents != 0) {
        serve_front_end(guest);
    }
}

void *guest_thread(void *argument)
{
    struct guest *guest = argument;
    while (!atomic_load(&guest->is_stopped)) {
        serve(guest);
    }
    if (guest->connection >= 0) {
        close(guest->connection);
        seat_leave(&guest->seat);
    }
    return NULL;
}

void guest_stop(struct guest *guest)
{
    atomic_store(&guest->is_stopped, true);
    (void)eventfd_write(guest->wake, 1);
}

void guest_report(const struct guest *guest)
{
    for (unsigned i = 0; i < VSOCK_COUNTERS; i++) {
        uint64_t value = guest->seat.device.counters[i];
        if (value != 0) {
            report("%s: %s %llu", guest->name, vsock_counter_name((enum vsock_counter)i), (unsigned long long)value);
        }
    }
}
