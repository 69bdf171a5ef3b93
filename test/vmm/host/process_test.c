/* SPDX-License-Identifier: BSD-2-Clause */
/* The back end as a process: what it says, and that it ends when it is told to, whatever its front ends do. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../harness.h"
#include "front_end.h"
#include "process.h"

#define KILLED 128

static struct packet packet;

static struct front_end *boot(const char *cid)
{
    return front_end_boot(temporary_path(cid), (uint64_t)(cid[0] - '0'));
}

/* Ends with its guests' counters, and without the names of its sockets. */
static void check_ends(struct process *process)
{
    CHECK_EQUAL(process_end(process, SIGTERM), 0);
    CHECK(access(temporary_path("3"), F_OK) != 0 && access(temporary_path("4"), F_OK) != 0);
}

TEST(process_says_what_happens)
{
    struct process *process = process_start_two(NULL);
    CHECK(strcmp(process->said, "ready\n") == 0);
    struct front_end *a = boot("3"), *b = boot("4");
    front_ends_connect(a, b);
    front_end_post(b, 1, 3776);
    front_end_stop(a);
    front_end_expect(b, &packet, VSOCK_OP_RST);
    front_end_free(a);
    process_expect(process, "CID 3: QEMU is gone\n");
    check_ends(process);
    process_expect(process, "CID 3: QEMU has connected\nCID 3: driver is up\n");
    process_expect(process, "CID 3: tx packets 1\n");
    process_expect(process, "CID 4: rx packets 2\n");
    process_expect(process, "CID 4: connections reset: the peer's guest died 1\n");
}

/* Asked, it says its counters and goes on; to be asked again at once is no harm. */
TEST(process_says_its_counters_when_asked)
{
    struct process *process = process_start_two(NULL);
    struct front_end *a = boot("3"), *b = boot("4");
    front_ends_connect(a, b);
    front_end_post(b, 1, 3776);
    front_end_send(a, VSOCK_OP_RW, 4, "more", 4);
    front_end_expect(b, &packet, VSOCK_OP_RW);
    CHECK(kill(process->id, SIGUSR1) == 0 && kill(process->id, SIGUSR1) == 0);
    process_expect(process, "CID 3: has counted\n");
    process_expect(process, "CID 4: has counted\n");
    process_expect(process, "CID 3: tx kicks 2\n");
    process_expect(process, "CID 3: tx packets 2\n");
    process_expect(process, "CID 3: wake-ups ");
    process_expect(process, "CID 4: calls ");
    process_expect(process, "CID 4: rx packets 2\n");
    front_ends_connect(b, a);
    check_ends(process);
    process_expect(process, "CID 3: tx packets 3\n");
}

TEST(process_ends_at_any_time)
{
    for (useconds_t delay_us = 0; delay_us < 20000; delay_us += 1000) {
        const char *words[] = {"--guest", "3=/dev/null/no", NULL};
        struct process *process = process_start(words, -1);
        usleep(delay_us);
        int code = process_end(process, SIGTERM);
        CHECK(code == 1 || code == KILLED + SIGTERM); /* it could not start, or had not */
        process = process_start_two(NULL);
        struct front_end *front_end = front_end_new(temporary_path("3"), 3);
        send_value(front_end, M_SET_FEATURES, F_LINUX);
        usleep(delay_us);
        check_ends(process);
    }
}

TEST(process_ends_by_interrupt)
{
    struct process *process = process_start_two(NULL);
    boot("3");
    CHECK_EQUAL(process_end(process, SIGINT), 0);
}

TEST(process_ends_in_the_middle_of_a_head)
{
    struct process *process = process_start_two(NULL);
    struct front_end *front_end = boot("3");
    bytes_send(front_end->socket, &(uint32_t){M_SET_FEATURES}, 4, NULL, 0);
    usleep(20000);
    check_ends(process);
    process_expect(process, "CID 3: connection ended: the front end sent half a message head");
    CHECK(strstr(process->said, "held up") == NULL);
}

TEST(process_ends_in_the_middle_of_a_payload)
{
    struct process *process = process_start_two(NULL);
    struct front_end *front_end = boot("3");
    bytes_send(front_end->socket, &(uint32_t[]){M_SET_FEATURES, M_VERSION, 8, 0}, M_HEAD_SIZE + 4, NULL, 0);
    usleep(20000);
    check_ends(process);
    process_expect(process, "CID 3: connection ended: the front end broke off in the middle of a message");
    CHECK(strstr(process->said, "held up") == NULL);
}

TEST(process_ends_before_answers_that_nobody_reads)
{
    struct process *process = process_start_two(NULL);
    struct front_end *front_end = front_end_new(temporary_path("3"), 3);
    const uint32_t question[] = {M_GET_FEATURES, M_VERSION, 0};
    struct timeval limit = {.tv_sec = 1};
    CHECK(setsockopt(front_end->socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0);
    ssize_t sent;
    do {
        sent = send(front_end->socket, question, sizeof question, MSG_NOSIGNAL);
    } while (sent > 0);
    CHECK(errno == EPIPE || errno == ECONNRESET); /* thrown out, not waited for */
    process_expect(process, "CID 3: connection ended: the front end does not read its answers\n");
    check_ends(process);
}

/* Waits, without an end only if the clock has none. */
static void wait_a_little(unsigned *waited_ms)
{
    CHECK((*waited_ms)++ < STANDSTILL_MS);
    usleep(1000);
}

/* A call descriptor that blocks, although it was told not to. */
TEST(process_ends_without_a_thread_that_is_held_up)
{
    struct process *process = process_start_two(NULL);
    struct front_end *a = boot("3"), *b = boot("4");
    front_ends_connect(a, b);
    front_end_post(b, 1, 3776);
    eventfd_t count;
    uint32_t head, length;
    unsigned waited_ms = 0;
    while (!guest_used(&b->guest, TX, &head, &length)) {
        wait_a_little(&waited_ms);
    }
    front_end_sync(b); /* so its interrupts are all there */
    (void)eventfd_read(b->calls[RX], &count);
    CHECK(fcntl(b->calls[RX], F_SETFL, 0) == 0);
    CHECK(eventfd_write(b->calls[RX], UINT64_MAX - 1) == 0);
    front_end_send(a, VSOCK_OP_RW, 4, "stop", 4);
    while (!guest_receive(&b->guest, &packet)) {
        wait_a_little(&waited_ms);
    }
    check_ends(process);
    process_expect(process, "CID 3: tx packets 2\n");
    process_expect(process, "CID 4: is held up, and left as it is\n");
}

TEST(process_serves_on_when_nobody_reads_it)
{
    struct process *process = process_start_two(NULL);
    close(process->output);
    process->output = -1;
    struct front_end *a = boot("3"), *b = boot("4");
    front_ends_connect(a, b);
    front_end_stop(a);
    front_end_start(a);
    front_end_post(b, 1, 3776);
    front_end_expect(b, &packet, VSOCK_OP_RST);
    front_ends_connect(a, b);
    check_ends(process);
}

TEST(process_ends_when_its_reader_is_stuck)
{
    int ends[2];
    CHECK(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    char bytes[0x1000] = {0};
    while (write(ends[1], bytes, sizeof bytes) > 0) {
    }
    CHECK(fcntl(ends[1], F_SETFL, 0) == 0);
    const char *words[] = {"--guest", "3=/dev/null/no", NULL};
    char guest[96] = "3=";
    words[1] = strcat(guest, temporary_path("3"));
    unlink(temporary_path("3"));
    struct process *process = process_start(words, ends[1]);
    unsigned waited_ms = 0;
    while (access(temporary_path("3"), F_OK) != 0) {
        wait_a_little(&waited_ms);
    }
    usleep(20000);
    struct front_end *front_end = boot("3"); /* served nevertheless */
    front_end_stop(front_end);
    int code = process_end(process, SIGTERM);
    CHECK(code == 0 || code == KILLED + SIGALRM);
    close(ends[0]);
    close(ends[1]);
}

/* The one guest's memory goes away under its driver: its device stands still, and the other guest goes on. */
TEST(process_outlives_memory_that_shrinks)
{
    struct process *process = process_start_two(NULL);
    struct front_end *a = boot("3"), *b = boot("4");
    front_ends_connect(a, b);
    front_end_post(b, 1, 3776);
    CHECK(ftruncate(a->memory, 0) == 0);
    front_end_kick(a, TX);
    process_expect(process, "CID 3: its driver broke its queues");
    front_end_expect(b, &packet, VSOCK_OP_RST);
    front_end_free(a);
    process_expect(process, "CID 3: QEMU is gone\n");
    front_ends_connect(b, boot("3"));
    check_ends(process);
}

/* --- captures into a pipe --- */

static const char *new_pipe(void)
{
    unlink(temporary_path("pipe"));
    CHECK(mkfifo(temporary_path("pipe"), 0600) == 0);
    return temporary_path("pipe");
}

TEST(process_ends_while_it_waits_for_the_reader_of_a_capture)
{
    const char *words[] = {"--guest", "3=/dev/null/no", "--pcap", new_pipe(), NULL};
    struct process *process = process_start(words, -1);
    usleep(50000);
    CHECK_EQUAL(process_end(process, SIGTERM), KILLED + SIGTERM);
}

TEST(process_ends_although_nobody_reads_the_capture)
{
    const char *extra[] = {"--pcap", new_pipe(), NULL};
    int reader = open(extra[1], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct process *process = process_start_two(extra);
    CHECK(fcntl(reader, F_SETPIPE_SZ, 4096) >= 4096);
    struct front_end *a = boot("3"), *b = boot("4");
    front_end_post(b, 8, 3776);
    static uint8_t payload[3000];
    struct vsock_header header = make_header(3, 4, VSOCK_OP_RW, sizeof payload);
    for (unsigned i = 0; i < 8; i++) {
        guest_queue_packet(&a->guest, &header, payload, sizeof payload);
    }
    front_end_kick(a, TX);
    int waiting = 0;
    unsigned waited_ms = 0;
    while (waiting <= 24) { /* the head of the file */
        wait_a_little(&waited_ms);
        CHECK(ioctl(reader, FIONREAD, &waiting) == 0);
    }
    check_ends(process);
    process_expect(process, "CID 3: is held up, and left as it is\n");
    close(reader);
}

TEST(process_serves_on_when_the_reader_of_a_capture_is_gone)
{
    const char *extra[] = {"--pcap", new_pipe(), NULL};
    int reader = open(extra[1], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct process *process = process_start_two(extra);
    struct front_end *a = boot("3"), *b = boot("4");
    close(reader);
    front_ends_connect(a, b);
    front_ends_connect(b, a);
    check_ends(process);
    const char *line = strstr(process->said, "the capture ends here: Broken pipe\n");
    CHECK(line != NULL && strstr(line + 1, "the capture ends here") == NULL);
}
