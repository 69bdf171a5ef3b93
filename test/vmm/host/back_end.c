/* SPDX-License-Identifier: BSD-2-Clause */
/* The back end's objects, started as vmm/host/backend.c does it. */
#include "back_end.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../../../vmm/host/guest.h"
#include "../../../vmm/host/report.h"
#include "../harness.h"
#include "standstill.h"

#define RING_BYTES 0x11000
#define LINES_MAX  256

static struct guest guests[GUESTS_MAX];
static pthread_t threads[GUESTS_MAX];
static char folder[] = "/tmp/vmbuild-host-XXXXXX";
static char paths[GUESTS_MAX][64];
static unsigned num_guests;
static bool is_running;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t said = PTHREAD_COND_INITIALIZER;
static char lines[LINES_MAX][160];
static unsigned num_lines;

void report(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&lock);
    if (num_lines < LINES_MAX) {
        vsnprintf(lines[num_lines++], sizeof lines[0], format, arguments);
    }
    pthread_cond_broadcast(&said);
    pthread_mutex_unlock(&lock);
    va_end(arguments);
}

static unsigned count_lines(const char *text)
{
    unsigned count = 0;
    for (unsigned i = 0; i < num_lines; i++) {
        count += strstr(lines[i], text) != NULL;
    }
    return count;
}

unsigned back_end_said(const char *text)
{
    pthread_mutex_lock(&lock);
    unsigned count = count_lines(text);
    pthread_mutex_unlock(&lock);
    return count;
}

void back_end_expect(const char *text)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += STANDSTILL_MS / 1000;
    int error = 0;
    pthread_mutex_lock(&lock);
    while (count_lines(text) == 0 && error == 0) {
        error = pthread_cond_timedwait(&said, &lock, &deadline);
    }
    for (unsigned i = 0; error != 0 && i < num_lines; i++) {
        printf("  it said: %s\n", lines[i]);
    }
    pthread_mutex_unlock(&lock);
    if (error != 0) {
        printf("  it did not say: %s\n", text);
        CHECK(false);
    }
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    unlink(path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(listener, 1) == 0);
    return listener;
}

static void remove_folder(void)
{
    for (unsigned i = 0; i < GUESTS_MAX; i++) {
        unlink(paths[i]);
    }
    rmdir(folder);
}

void back_end_start(unsigned num)
{
    back_end_stop();
    if (paths[0][0] == '\0') {
        CHECK(mkdtemp(folder) != NULL);
        atexit(remove_folder);
    }
    num_lines = 0;
    num_guests = num;
    memset(guests, 0, num * sizeof guests[0]);
    for (unsigned i = 0; i < num; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%u", folder, i);
        snprintf(guests[i].name, sizeof guests[i].name, "CID %u", 3 + i);
        guests[i].cid = 3 + i;
        guests[i].listener = listen_at(paths[i]);
    }
    CHECK(guests_join(guests, num, RING_BYTES) == NULL);
    for (unsigned i = 0; i < num; i++) {
        CHECK(pthread_create(&threads[i], NULL, guest_thread, &guests[i]) == 0);
    }
    is_running = true;
}

void back_end_stop(void)
{
    for (unsigned i = 0; is_running && i < num_guests; i++) {
        guest_stop(&guests[i]);
        pthread_join(threads[i], NULL);
        close(guests[i].listener);
    }
    /* Peers wake each other until the last thread has ended. */
    for (unsigned i = 0; is_running && i < num_guests; i++) {
        close(guests[i].wake);
    }
    is_running = false;
}

void back_end_report(void)
{
    for (unsigned i = 0; i < num_guests; i++) {
        guest_report(&guests[i]);
    }
}

const char *back_end_path(unsigned guest)
{
    return paths[guest];
}

uint64_t back_end_counter(unsigned guest, enum vsock_counter counter)
{
    CHECK(!is_running);
    return guests[guest].seat.device.counters[counter];
}

static bool is_readable(int fd)
{
    return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0) == 1;
}

/* While its front end is silent: the thread must not be about to change its descriptors. */
bool back_end_is_asleep(unsigned guest)
{
    const struct seat *seat = &guests[guest].seat;
    bool is_awake = is_readable(guests[guest].wake);
    for (unsigned i = 0; i < SEAT_QUEUES; i++) {
        is_awake = is_awake || (seat->queues[i].kick >= 0 && is_readable(seat->queues[i].kick));
    }
    return !is_awake;
}

uint64_t back_end_busy_ms(unsigned guest)
{
    clockid_t clock;
    struct timespec used;
    CHECK(pthread_getcpuclockid(threads[guest], &clock) == 0 && clock_gettime(clock, &used) == 0);
    return (uint64_t)used.tv_sec * 1000 + (uint64_t)used.tv_nsec / 1000000;
}

uint64_t back_end_polls(unsigned guest)
{
    return guests[guest].seat.counters[SEAT_COUNT_POLLS];
}

unsigned count_fds(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");
    CHECK(dir != NULL);
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}
