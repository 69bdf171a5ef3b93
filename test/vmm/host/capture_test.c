/* SPDX-License-Identifier: BSD-2-Clause */
/* The capture's bytes, against the formats as they are written down: pcap-savefile(5), and Linux'
 * include/uapi/linux/vsockmon.h for link type 271. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "../harness.h"
#include "front_end.h"
#include "process.h"

#define FILE_SIZE_MAX   0x80000
#define FILE_HEAD_SIZE  24
#define PACKET_SIZE     16 /* of what pcap puts before each */
#define MONITOR_SIZE    32 /* of what vsockmon puts before each */
#define WIRE_SIZE       44
#define PAYLOAD_MAX     65536
#define MONITOR_CONNECT 1
#define MONITOR_END     2
#define MONITOR_CONTROL 3
#define MONITOR_PAYLOAD 4

static uint8_t bytes[FILE_SIZE_MAX];
static size_t size, at;
static uint64_t last_time;
static struct packet packet;
static struct front_end *a, *b;
static struct process *process;

static uint64_t number(size_t offset, unsigned width)
{
    uint64_t value = 0;
    CHECK(offset + width <= size);
    memcpy(&value, bytes + offset, width);
    return value;
}

static void start(const char *ring_bytes)
{
    const char *extra[] = {"--pcap", temporary_path("pcap"), "--ring-bytes", ring_bytes, NULL};
    process = process_start_two(extra);
    a = front_end_boot(temporary_path("3"), 3);
    b = front_end_boot(temporary_path("4"), 4);
}

/* Reads the file, and judges its head. */
static void read_file(void)
{
    int file = open(temporary_path("pcap"), O_RDONLY | O_CLOEXEC);
    ssize_t got = read(file, bytes, sizeof bytes);
    close(file);
    CHECK(got >= FILE_HEAD_SIZE && got < FILE_SIZE_MAX);
    size = (size_t)got;
    CHECK_EQUAL(number(0, 4), 0xa1b23c4d); /* nanoseconds, in the byte order of this machine */
    CHECK_EQUAL(number(4, 2), 2);
    CHECK_EQUAL(number(6, 2), 4);
    CHECK_EQUAL(number(8, 8), 0);
    CHECK_EQUAL(number(16, 4), MONITOR_SIZE + WIRE_SIZE + PAYLOAD_MAX);
    CHECK_EQUAL(number(20, 4), 271);
    at = FILE_HEAD_SIZE;
    last_time = 0;
}

/* The next packet has these addresses, both ways that they are written, this operation and this payload. */
static void check_packet(uint64_t from, uint64_t to, unsigned monitor_op, unsigned op, const void *payload,
                         uint32_t payload_size)
{
    uint64_t now_s = (uint64_t)time(NULL), time_s = number(at, 4), time_ns = number(at + 4, 4);
    CHECK(time_s <= now_s && now_s - time_s < 3600 && time_ns < 1000000000);
    CHECK(time_s * 1000000000 + time_ns >= last_time);
    last_time = time_s * 1000000000 + time_ns;
    CHECK_EQUAL(number(at + 8, 4), MONITOR_SIZE + WIRE_SIZE + payload_size);
    CHECK_EQUAL(number(at + 12, 4), MONITOR_SIZE + WIRE_SIZE + payload_size);
    size_t monitor = at + PACKET_SIZE, wire = monitor + MONITOR_SIZE;
    CHECK_EQUAL(number(monitor, 8), from);
    CHECK_EQUAL(number(monitor + 8, 8), to);
    CHECK_EQUAL(number(monitor + 16, 4), from < to ? 1000 : 9999);
    CHECK_EQUAL(number(monitor + 20, 4), from < to ? 9999 : 1000);
    CHECK_EQUAL(number(monitor + 24, 2), monitor_op);
    CHECK_EQUAL(number(monitor + 26, 2), 2); /* virtio */
    CHECK_EQUAL(number(monitor + 28, 2), WIRE_SIZE);
    CHECK_EQUAL(number(monitor + 30, 2), 0);
    CHECK_EQUAL(number(wire, 8), from);
    CHECK_EQUAL(number(wire + 8, 8), to);
    CHECK_EQUAL(number(wire + 16, 4), from < to ? 1000 : 9999);
    CHECK_EQUAL(number(wire + 20, 4), from < to ? 9999 : 1000);
    CHECK_EQUAL(number(wire + 24, 4), payload_size);
    CHECK_EQUAL(number(wire + 28, 2), 1); /* stream */
    CHECK_EQUAL(number(wire + 30, 2), op);
    CHECK(wire + WIRE_SIZE + payload_size <= size);
    CHECK(payload_size == 0 || memcmp(bytes + wire + WIRE_SIZE, payload, payload_size) == 0);
    at = wire + WIRE_SIZE + payload_size;
}

TEST(capture_of_a_conversation)
{
    start("0x11000");
    front_ends_connect(a, b);
    front_end_post(b, 3, 3776);
    front_end_post(a, 3, 3776);
    front_end_send(a, VSOCK_OP_RW, 4, "hello", 5);
    front_end_expect(b, &packet, VSOCK_OP_RW);
    front_end_send(b, VSOCK_OP_CREDIT_UPDATE, 3, NULL, 0);
    front_end_expect(a, &packet, VSOCK_OP_CREDIT_UPDATE);
    front_end_send(b, VSOCK_OP_CREDIT_REQUEST, 3, NULL, 0);
    front_end_expect(a, &packet, VSOCK_OP_CREDIT_REQUEST);
    front_end_send(a, VSOCK_OP_SHUTDOWN, 4, NULL, 0);
    front_end_expect(b, &packet, VSOCK_OP_SHUTDOWN);
    front_end_send(b, VSOCK_OP_RST, 3, NULL, 0);
    front_end_expect(a, &packet, VSOCK_OP_RST);
    /* What the device makes up itself: RST from a guest that is not there. */
    front_end_post(a, 1, 3776);
    front_end_send(a, VSOCK_OP_REQUEST, 9, NULL, 0);
    front_end_expect(a, &packet, VSOCK_OP_RST);
    CHECK_EQUAL(process_end(process, SIGTERM), 0);
    read_file();
    check_packet(3, 4, MONITOR_CONNECT, VSOCK_OP_REQUEST, NULL, 0);
    check_packet(4, 3, MONITOR_CONNECT, VSOCK_OP_RESPONSE, NULL, 0);
    check_packet(3, 4, MONITOR_PAYLOAD, VSOCK_OP_RW, "hello", 5);
    check_packet(4, 3, MONITOR_CONTROL, VSOCK_OP_CREDIT_UPDATE, NULL, 0);
    check_packet(4, 3, MONITOR_CONTROL, VSOCK_OP_CREDIT_REQUEST, NULL, 0);
    check_packet(3, 4, MONITOR_END, VSOCK_OP_SHUTDOWN, NULL, 0);
    check_packet(4, 3, MONITOR_END, VSOCK_OP_RST, NULL, 0);
    check_packet(9, 3, MONITOR_END, VSOCK_OP_RST, NULL, 0);
    CHECK_EQUAL(at, size);
}

static void send_pattern(unsigned round, uint8_t *payload, uint32_t payload_size)
{
    for (uint32_t i = 0; i < payload_size; i++) {
        payload[i] = (uint8_t)(i * 7 + round);
    }
    front_end_post(b, 1, 3776);
    front_end_send(a, VSOCK_OP_RW, 4, payload, payload_size);
    front_end_expect(b, &packet, VSOCK_OP_RW);
    CHECK_EQUAL(packet.size, payload_size);
}

/* A ring of 4 KiB and packets of 1.5 KiB: their payload often comes in two parts. */
TEST(capture_of_payload_that_wraps)
{
    static uint8_t payload[1500];
    start("0x2000");
    front_ends_connect(a, b);
    for (unsigned i = 0; i < 16; i++) {
        send_pattern(i, payload, sizeof payload);
    }
    CHECK_EQUAL(process_end(process, SIGTERM), 0);
    read_file();
    check_packet(3, 4, MONITOR_CONNECT, VSOCK_OP_REQUEST, NULL, 0);
    check_packet(4, 3, MONITOR_CONNECT, VSOCK_OP_RESPONSE, NULL, 0);
    for (unsigned round = 0; round < 16; round++) {
        for (uint32_t i = 0; i < sizeof payload; i++) {
            payload[i] = (uint8_t)(i * 7 + round);
        }
        check_packet(3, 4, MONITOR_PAYLOAD, VSOCK_OP_RW, payload, sizeof payload);
    }
    CHECK_EQUAL(at, size);
}

/* No more room for the file: one line, whole packets in the file, and the guests notice nothing. */
static void check_full(rlim_t limit, const char *why)
{
    static uint8_t payload[1500];
    start("0x11000");
    CHECK(prlimit(process->id, RLIMIT_FSIZE, &(struct rlimit){limit, limit}, NULL) == 0);
    front_ends_connect(a, b);
    for (unsigned i = 0; i < 8; i++) {
        send_pattern(i, payload, sizeof payload);
    }
    CHECK_EQUAL(process_end(process, SIGTERM), 0);
    const char *line = strstr(process->said, "the capture ends here: ");
    CHECK(line != NULL && strstr(line, why) == line + strlen("the capture ends here: "));
    CHECK(strstr(line + 1, "the capture ends here") == NULL);
    read_file();
    check_packet(3, 4, MONITOR_CONNECT, VSOCK_OP_REQUEST, NULL, 0);
    check_packet(4, 3, MONITOR_CONNECT, VSOCK_OP_RESPONSE, NULL, 0);
    for (unsigned round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < sizeof payload; i++) {
            payload[i] = (uint8_t)(i * 7 + round);
        }
        check_packet(3, 4, MONITOR_PAYLOAD, VSOCK_OP_RW, payload, sizeof payload);
    }
    CHECK_EQUAL(at, size);
}

TEST(capture_that_cannot_take_a_whole_packet)
{
    check_full(4000, "no room for a whole packet\n");
}

TEST(capture_that_cannot_take_a_byte)
{
    const rlim_t empty = PACKET_SIZE + MONITOR_SIZE + WIRE_SIZE;
    check_full(FILE_HEAD_SIZE + 2 * empty + 2 * (empty + 1500), "File too large\n");
}

TEST(capture_overwrites_what_was_there)
{
    int file = open(temporary_path("pcap"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(write(file, bytes, 10000) == 10000);
    close(file);
    start("0x11000");
    CHECK_EQUAL(process_end(process, SIGTERM), 0);
    read_file();
    CHECK_EQUAL(at, size);
}
