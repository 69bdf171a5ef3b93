/* SPDX-License-Identifier: BSD-2-Clause */
#include "guest.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
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

#define TICK_US 1000000

/* What a guest has sent is returned to it with its next interrupt, or after this time: most answers come sooner. Nobody
 * waits for it who has room in the queue, and a program that sends without a copy waits hardly longer than it would.
 * Longer in the tests that are to tell the two from each other. */
#ifndef HOLD_US
#define HOLD_US 1000
#endif

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
        struct vsock_setup setup = {.guest_cid = guest->cid, .ops = &ops, .cookie = guest, .defers = true};
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

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Sets a timer that is wanted and runs not yet; stops one that is wanted no more. */
static void set_timer(int64_t *due_us, bool is_wanted, int64_t period_us)
{
    if (!is_wanted) {
        *due_us = 0;
    } else if (*due_us == 0) {
        *due_us = now_us() + period_us;
    }
}

static bool is_due(int64_t *due_us)
{
    if (*due_us == 0 || now_us() < *due_us) {
        return false;
    }
    *due_us = 0;
    return true;
}

/* For how long ppoll() may wait. NULL: until something comes. A tick may come HOLD_US late. */
static const struct timespec *wait_time(struct guest *guest, struct timespec *time)
{
    set_timer(&guest->tick_due_us, vsock_device_wants_ticks(&guest->seat.device), TICK_US);
    set_timer(&guest->catch_up_due_us, seat_is_behind(&guest->seat), HOLD_US);
    *time = (struct timespec){0};
    if (guest->seat.has_more) {
        return time;
    }
    int64_t due_us = guest->catch_up_due_us != 0 ? guest->catch_up_due_us : guest->tick_due_us;
    if (due_us == 0) {
        return NULL;
    }
    int64_t left_us = due_us - now_us();
    if (left_us > 0) {
        *time = (struct timespec){.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
    }
    return time;
}

static void do_what_is_due(struct guest *guest)
{
    if (is_due(&guest->tick_due_us)) {
        seat_tick(&guest->seat);
    }
    if (is_due(&guest->catch_up_due_us)) {
        seat_catch_up(&guest->seat);
    }
}

static void count_if_up(struct seat *seat, enum seat_counter counter)
{
    seat->counters[counter] += seat->is_up ? 1 : 0;
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
    struct timespec time;
    if (ppoll(waited, KICKS + SEAT_QUEUES, wait_time(guest, &time), NULL) < 0) {
        return; /* EINTR */
    }
    count_if_up(seat, SEAT_COUNT_POLLS);
    if (waited[WAKE].revents != 0) {
        eventfd_t count;
        (void)eventfd_read(guest->wake, &count);
        count_if_up(seat, SEAT_COUNT_WAKEUPS);
        seat_run(seat);
    } else if (seat->has_more) {
        seat_run(seat);
    }
    do_what_is_due(guest);
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
    (void)pthread_setname_np(pthread_self(), guest->name);
    while (!atomic_load(&guest->is_stopped)) {
        serve(guest);
        if (atomic_exchange(&guest->is_asked, false)) {
            guest_report(guest);
            report("%s: has counted", guest->name);
        }
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

void guest_ask(struct guest *guest)
{
    atomic_store(&guest->is_asked, true);
    (void)eventfd_write(guest->wake, 1);
}

static void report_counter(const struct guest *guest, const char *name, uint64_t value)
{
    if (value != 0) {
        report("%s: %s %llu", guest->name, name, (unsigned long long)value);
    }
}

void guest_report(const struct guest *guest)
{
    static const char *const names[SEAT_COUNTERS] = {
        [SEAT_COUNT_RX_KICKS] = "rx kicks", [SEAT_COUNT_TX_KICKS] = "tx kicks", [SEAT_COUNT_CALLS] = "calls",
        [SEAT_COUNT_WAKEUPS] = "wake-ups",  [SEAT_COUNT_POLLS] = "polls",
    };
    for (unsigned i = 0; i < SEAT_COUNTERS; i++) {
        report_counter(guest, names[i], guest->seat.counters[i]);
    }
    for (unsigned i = 0; i < VSOCK_COUNTERS; i++) {
        report_counter(guest, vsock_counter_name((enum vsock_counter)i), guest->seat.device.counters[i]);
    }
}
