// SPDX-License-Identifier: BSD-2-Clause
// Puts a liar at the other end of a socket pair and prints how programs/transfer.h judges it. The first argument says
// which end is under test and what the other does; built and run on the build machine by programs.test.ts.

#include "../../linux/programs/boot_words.h"
#include "../../linux/programs/transfer.h"

enum { AF_UNIX = 1, SOCK_STREAM = 1, NONCE = 0x1234, SLOW_MS = 100 };

static uint8_t payload[PAYLOAD_SIZE + 1];
static uint32_t done;
static int64_t detail;

/* The other end of the sender. */
static void play_receiver(int fd, const char *lie)
{
    if (same_text(lie, "silent"))
        sleep_ms(1000);
    uint32_t wanted = same_text(lie, "early-close") ? 1000 : PAYLOAD_SIZE;
    (void)read_exactly(fd, payload, wanted, &done, &detail);
    if (same_text(lie, "early-close") || same_text(lie, "no-answer"))
        return;
    if (same_text(lie, "slow"))
        sleep_ms(SLOW_MS);
    uint8_t answer[8];
    put_u64(answer, hash_bytes(payload, PAYLOAD_SIZE) ^ (same_text(lie, "wrong-hash") ? 1 : 0));
    (void)write_exactly(fd, answer, same_text(lie, "half-answer") ? 4 : 8, &done, &detail);
}

/* The other end of the receiver. */
static void play_sender(int fd, const char *lie)
{
    fill_payload(payload, same_text(lie, "other-nonce") ? NONCE + 1 : NONCE);
    if (same_text(lie, "flipped-bit"))
        payload[20001] ^= 0x10;
    if (same_text(lie, "silent"))
        sleep_ms(1000);
    if (same_text(lie, "slow"))
        sleep_ms(SLOW_MS);
    uint32_t size = PAYLOAD_SIZE;
    if (same_text(lie, "one-short"))
        size = PAYLOAD_SIZE - 1;
    if (same_text(lie, "one-more"))
        size = PAYLOAD_SIZE + 1;
    /* In pieces of an odd size: reads must not expect whole numbers. */
    for (uint32_t at = 0; at < size; at += 1777)
        (void)write_exactly(fd, payload + at, size - at < 1777 ? size - at : 1777, &done, &detail);
    if (same_text(lie, "one-short") || same_text(lie, "leaves"))
        return;
    uint8_t answer[8];
    (void)read_exactly(fd, answer, 8, &done, &detail);
    if (same_text(lie, "never-closes"))
        sleep_ms(1000);
}

static int run(char **arguments, char **environment)
{
    (void)environment;
    if (arguments[1] == NULL || arguments[2] == NULL)
        return 2;
    int is_sender = same_text(arguments[1], "send");
    int64_t start_us = clock_us();
    int pair[2];
    if (system_call(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, (long)pair, 0) < 0)
        return 3;
    long pid = system_call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        close_file(pair[0]);
        if (is_sender)
            play_receiver(pair[1], arguments[2]);
        else
            play_sender(pair[1], arguments[2]);
        return 0;
    }
    close_file(pair[1]);
    /* The other end may have slept for as long as it took us to come here. */
    int64_t begin_us = clock_us();
    int64_t late_us = begin_us - start_us;
    struct transfer transfer = is_sender ? send_payload(pair[0], NONCE) : receive_payload(pair[0], NONCE, begin_us);
    struct line line;
    line.length = 0;
    add_outcome(&line, &transfer);
    if (transfer.outcome == VERIFIED) {
        add_text(&line, " ");
        add_hex(&line, transfer.hash);
        int64_t least_us = same_text(arguments[2], "slow") ? SLOW_MS * 1000 - late_us : 0;
        add_text(&line, transfer.duration_us < least_us ? " too short a time" : "");
        add_text(&line, transfer.duration_us > clock_us() - start_us ? " too long a time" : "");
    }
    write_line(&line, STDOUT);
    return 0;
}
