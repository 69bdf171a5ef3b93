// SPDX-License-Identifier: BSD-2-Clause
// The sender, which first lets its peer reset in the middle of a transfer (see rebooting_recv.c), tells how its
// connection ended, and does the whole transfer with the peer's second life.
#include "vsock.h"
#define run whole_transfer
#include "whole_send.c"
#undef run

enum { ORDERS_PORT = 9998, ORDERS_LIMIT_MS = 300 * 1000 };

static void say_result(const char *text, uint64_t number, long error)
{
    struct line line;
    line.length = 0;
    add_text(&line, text);
    add_number(&line, number);
    if (error != 0) {
        add_text(&line, " ");
        add_error(&line, error);
    }
    write_line(&line, STDOUT);
}

static long connect_for_orders(uint32_t peer)
{
    struct sockaddr_vm address = { AF_VSOCK, 0, ORDERS_PORT, peer, 0, { 0 } };
    for (int64_t deadline_ms = clock_ms() + ORDERS_LIMIT_MS; clock_ms() < deadline_ms; sleep_ms(CONNECT_PAUSE_MS)) {
        long fd = system_call(SYS_socket, AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0);
        if (fd >= 0 && system_call(SYS_connect, fd, (long)&address, sizeof(address), 0, 0) == 0)
            return fd;
        close_file((int)fd);
    }
    return -ETIMEDOUT;
}

static int run(char **arguments, char **environment)
{
    static uint8_t bytes[4096];
    struct endpoint sender = { "VSOCK SEND|INFO: ", "vsock send: ", "vsock_send", 0, 0, VMADDR_CID_ANY };
    if (!read_orders(&sender, environment))
        return EXIT_USAGE;
    long fd = connect_for_orders(sender.peer);
    bytes[0] = 'r';
    uint64_t sent = 0;
    for (;;) {
        long put = fd < 0 ? fd : send_bytes((int)fd, bytes, sizeof(bytes));
        if (put < 0) {
            say_result("REBOOT: the connection ended after bytes ", sent, put);
            break;
        }
        sent += (uint64_t)put;
    }
    close_file((int)fd);

    int64_t start_ms = clock_ms();
    fd = connect_for_orders(sender.peer);
    if (fd < 0 || send_bytes((int)fd, (uint8_t[]) { 'g' }, 1) != 1)
        return EXIT_FAILED;
    say_result("REBOOT: the peer is back after ms ", (uint64_t)(clock_ms() - start_ms), 0);
    (void)read_file((int)fd, bytes, 1);
    close_file((int)fd);
    return whole_transfer(arguments, environment);
}
