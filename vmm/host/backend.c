/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtio-socket devices of several QEMU guests in one process: what VMMs, rings and notifications are on seL4 are
 * threads, shared memory and eventfds here. `vmbuild sim` starts it; a person can as well:
 *
 *     vsock-backend [--ring-bytes N] [--pcap FILE] --guest CID=SOCKET --guest CID=SOCKET ...
 *
 * It listens on each Unix socket for a QEMU with `-chardev socket,id=c,path=SOCKET -device
 * vhost-user-vsock-device,chardev=c`. Every guest reaches every other. It says on stdout what happens, `ready` first,
 * and ends at SIGTERM or SIGINT with each device's counters, taking its sockets' names away; at SIGUSR1 it says the
 * counters and goes on. Exit codes: 0, 1 if it could not start, 2 usage.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "capture.h"
#include "guest.h"
#include "guest_memory.h"
#include "report.h"

#define RING_BYTES_DEFAULT 0x21000

/* For the threads to end in; a second later we end without. */
#define END_TIMEOUT_S 2

static struct guest guests[GUESTS_MAX];
static unsigned num_guests;
static unsigned num_listening;
static const char *capture_path;
static uint64_t ring_bytes = RING_BYTES_DEFAULT;

static int usage(const char *what, const char *word)
{
    fprintf(stderr,
            "vsock-backend: %s '%s'\n"
            "usage: vsock-backend [--ring-bytes N] [--pcap FILE] --guest CID=SOCKET --guest CID=SOCKET ...\n",
            what, word);
    return 2;
}

static int fail(const char *what, const char *name, const char *why)
{
    fprintf(stderr, "vsock-backend: %s '%s': %s\n", what, name, why);
    return 1;
}

static bool parse_number(const char *text, char end, uint64_t *number, const char **rest)
{
    char *stop;
    errno = 0;
    unsigned long long value = strtoull(text, &stop, 0);
    if (errno != 0 || stop == text || *stop != end) {
        return false;
    }
    *number = value;
    *rest = stop + (end != '\0');
    return true;
}

static int listen_on(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0) {
        return -1;
    }
    num_listening++;
    return listen(listener, 1) == 0 ? listener : -1;
}

static void stop_listening(void)
{
    for (unsigned i = 0; i < num_listening; i++) {
        unlink(guests[i].path);
    }
}

/* A guest's own part of its device's setup; the rings follow when all guests are known. */
static int add_guest(const char *word)
{
    const char *path;
    uint64_t cid;
    if (num_guests == GUESTS_MAX || !parse_number(word, '=', &cid, &path) || *path == '\0') {
        return usage(num_guests == GUESTS_MAX ? "one guest too many:" : "a guest is CID=SOCKET, not", word);
    }
    if (!vsock_cid_usable(cid)) {
        return usage("a guest's CID is from 3 to 4294967294, not", word);
    }
    for (unsigned i = 0; i < num_guests; i++) {
        if (guests[i].cid == cid) {
            return usage("another guest has this CID already:", word);
        }
    }
    struct guest *guest = &guests[num_guests];
    guest->cid = cid;
    snprintf(guest->name, sizeof guest->name, "CID %llu", (unsigned long long)cid);
    guest->path = path;
    num_guests++;
    return 0;
}

static int parse_arguments(int count, char **words)
{
    for (int i = 1; i < count; i += 2) {
        const char *value = i + 1 < count ? words[i + 1] : NULL;
        const char *rest;
        int fault = 0;
        if (value == NULL) {
            return usage("unknown, or without its value:", words[i]);
        }
        if (strcmp(words[i], "--guest") == 0) {
            fault = add_guest(value);
        } else if (strcmp(words[i], "--ring-bytes") == 0) {
            if (!parse_number(value, '\0', &ring_bytes, &rest) || !vsock_ring_size_valid(ring_bytes)) {
                fault = usage("rings are a page and a power of two, from 0x2000 bytes on, not", value);
            }
        } else if (strcmp(words[i], "--pcap") == 0) {
            capture_path = value;
        } else {
            fault = usage("unknown option", words[i]);
        }
        if (fault != 0) {
            return fault;
        }
    }
    return num_guests == 0 ? usage("no guest is named by", "--guest") : 0;
}

static int start_guests(pthread_t threads[GUESTS_MAX])
{
    const char *why = guests_join(guests, num_guests, ring_bytes);
    if (why != NULL) {
        return fail("cannot set up the devices of", guests[0].name, why);
    }
    for (unsigned i = 0; i < num_guests; i++) {
        guests[i].listener = listen_on(guests[i].path);
        if (guests[i].listener < 0) {
            return fail("cannot listen on", guests[i].path, strerror(errno));
        }
    }
    for (unsigned i = 0; i < num_guests; i++) {
        int error = pthread_create(&threads[i], NULL, guest_thread, &guests[i]);
        if (error != 0) {
            return fail("cannot start a thread for", guests[i].name, strerror(error));
        }
    }
    return 0;
}

/* Ends the threads, but does not wait for ever for one that is held up: by a pcap pipe that nobody reads, or a front end
 * that makes its eventfds block. The alarm is for ourselves, should nobody read what we say. */
static void end_guests(const pthread_t threads[GUESTS_MAX])
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += END_TIMEOUT_S;
    alarm(END_TIMEOUT_S + 1);
    for (unsigned i = 0; i < num_guests; i++) {
        guest_stop(&guests[i]);
    }
    for (unsigned i = 0; i < num_guests; i++) {
        if (pthread_timedjoin_np(threads[i], NULL, &deadline) == 0) {
            guest_report(&guests[i]);
        } else {
            report("%s: is held up, and left as it is", guests[i].name);
        }
    }
}

static void wait_for_end(const sigset_t *signals)
{
    int received;
    while (sigwait(signals, &received) == 0 && received == SIGUSR1) {
        for (unsigned i = 0; i < num_guests; i++) {
            guest_ask(&guests[i]);
        }
    }
}

static int run(void)
{
    static pthread_t threads[GUESTS_MAX];
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* the threads have it from here */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit of file sizes ends the capture, not the guests */
    guest_memory_outlive_files();

    int fault = start_guests(threads);
    if (fault == 0) {
        report("ready");
        wait_for_end(&signals);
        end_guests(threads);
    }
    stop_listening();
    return fault;
}

int main(int count, char **words)
{
    int fault = parse_arguments(count, words);
    if (fault != 0) {
        return fault;
    }
    /* Before signals are held back: to open a pipe is to wait for its reader. */
    const char *why = capture_path != NULL ? capture_open(capture_path) : NULL;
    return why != NULL ? fail("cannot write the capture", capture_path, why) : run();
}
