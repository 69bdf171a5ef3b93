// SPDX-License-Identifier: BSD-2-Clause
// The sender: connects to the receiver in the other guest, sends it the payload of this run and wants its hash back.

#include "vsock.h"

#ifndef CONNECT_LIMIT_MS
#define CONNECT_LIMIT_MS (120 * 1000)
#endif

enum {
    /* A line for every so many fruitless attempts, so that a waiting guest does not look dead. */
    ATTEMPTS_PER_LINE = 200,
};

/* The receiver is not there yet: its guest still boots, its driver is not up, or it does not listen. */
static int is_retried(long error)
{
    switch (-error) {
    case ECONNRESET:
    case ECONNREFUSED:
    case ETIMEDOUT:
    case ENODEV:
    case EAGAIN:
    case EINTR:
    case ENETUNREACH:
    case EHOSTUNREACH:
        return 1;
    default:
        return 0;
    }
}

/* The connected socket, or -errno of the last attempt; *attempts counts them. */
static long connect_to(const struct endpoint *endpoint, uint64_t *attempts)
{
    struct sockaddr_vm address = { AF_VSOCK, 0, PORT, endpoint->peer, 0, { 0 } };
    int64_t deadline_ms = clock_ms() + CONNECT_LIMIT_MS;
    for (*attempts = 1;; *attempts += 1) {
        long fd = vsock_socket(SOCK_STREAM);
        if (fd < 0)
            return fd;
        /* Blocks for 2 s at most, which is the kernel's own limit for a vsock connect. */
        fd = connect_or_close(fd, &address, sizeof(address));
        if (fd >= 0 || !is_retried(fd) || clock_ms() >= deadline_ms)
            return fd;
        if (*attempts % ATTEMPTS_PER_LINE == 0) {
            struct line line = info_line(endpoint);
            add_text(&line, "no receiver yet after ");
            add_number(&line, *attempts);
            add_text(&line, " attempts: ");
            add_error(&line, fd);
            write_line(&line, STDOUT);
        }
        sleep_ms(CONNECT_PAUSE_MS);
    }
}

static int run(char **arguments, char **environment)
{
    (void)arguments;
    struct endpoint sender = { "VSOCK SEND|INFO: ", "vsock send: ", "vsock_send", 0, 0, VMADDR_CID_ANY };
    if (!read_orders(&sender, environment))
        return EXIT_USAGE;

    struct line line = info_line(&sender);
    add_own_cid(&line);
    add_text(&line, ", connecting to CID ");
    add_number(&line, sender.peer);
    add_text(&line, " port ");
    add_number(&line, PORT);
    write_line(&line, STDOUT);

    uint64_t attempts = 0;
    long fd = connect_to(&sender, &attempts);
    if (fd < 0) {
        line = failure_line(&sender);
        add_text(&line, "connect to CID ");
        add_number(&line, sender.peer);
        add_text(&line, " port ");
        add_number(&line, PORT);
        add_text(&line, ": ");
        add_error(&line, fd);
        add_text(&line, " at attempt ");
        add_number(&line, attempts);
        if (fd == -EAFNOSUPPORT)
            add_text(&line, ": the kernel has no vsock, or its module is not loaded");
        write_line(&line, STDOUT);
        return EXIT_FAILED;
    }

    struct sockaddr_vm peer = { 0, 0, 0, VMADDR_CID_ANY, 0, { 0 } };
    uint32_t peer_size = sizeof(peer);
    if (system_call(SYS_getpeername, fd, (long)&peer, (long)&peer_size, 0, 0) == 0)
        sender.reached = peer.cid;

    line = info_line(&sender);
    add_text(&line, "connected at attempt ");
    add_number(&line, attempts);
    add_text(&line, ", sending ");
    add_number(&line, PAYLOAD_SIZE);
    add_text(&line, " bytes");
    write_line(&line, STDOUT);

    struct transfer transfer = send_payload((int)fd, sender.nonce);
    enum exit_code code = report(&sender, &transfer);

    /* The end of the stream reaches the receiver before this guest powers off only if somebody waits for it. */
    (void)system_call(SYS_shutdown, fd, SHUT_WR, 0, 0, 0);
    if (code == EXIT_VERIFIED)
        (void)wait_until((int)fd, POLLIN, clock_ms() + LINGER_MS);
    close_file((int)fd);
    return code;
}
