// SPDX-License-Identifier: BSD-2-Clause
// The receiver, with a first life before its transfer: on another port it takes a connection whose first byte says what
// to do. 'r': read some more, then reset this machine with the peer still sending. 'g': this is the second life, go on.
#include "vsock.h"
#define run whole_transfer
#include "whole_recv.c"
#undef run

enum { ORDERS_PORT = 9998, ORDERS_LIMIT_MS = 300 * 1000, READ_BEFORE_RESET = 100000 };

/* reboot(2) */
#define REBOOT_MAGIC_1 0xfee1deadL
#define REBOOT_MAGIC_2 672274793L
#define REBOOT_RESTART 0x01234567L

static void say(const char *text)
{
    struct line line;
    line.length = 0;
    add_text(&line, text);
    write_line(&line, STDOUT);
}

static long accept_orders(void)
{
    struct sockaddr_vm own = { AF_VSOCK, 0, ORDERS_PORT, VMADDR_CID_ANY, 0, { 0 } };
    long listener = system_call(SYS_socket, AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0);
    if (listener < 0 || system_call(SYS_bind, listener, (long)&own, sizeof(own), 0, 0) < 0
        || system_call(SYS_listen, listener, 1, 0, 0, 0) < 0)
        return -1;
    if (wait_until((int)listener, POLLIN, clock_ms() + ORDERS_LIMIT_MS) != 1)
        return -1;
    return system_call(SYS_accept4, listener, 0, 0, SOCK_CLOEXEC, 0);
}

static int run(char **arguments, char **environment)
{
    static uint8_t bytes[4096];
    say("REBOOT: a life begins");
    long fd = accept_orders();
    if (fd < 0 || read_file((int)fd, bytes, 1) != 1) {
        say("REBOOT: no orders");
        return EXIT_FAILED;
    }
    if (bytes[0] == 'g') {
        close_file((int)fd);
        return whole_transfer(arguments, environment);
    }
    for (long total = 0; total < READ_BEFORE_RESET;) {
        long got = read_file((int)fd, bytes, sizeof(bytes));
        if (got <= 0)
            break;
        total += got;
    }
    say("REBOOT: resetting in the middle of a transfer");
    (void)system_call(SYS_ioctl, STDOUT, 0x5409 /* TCSBRK: drain the console */, 1, 0, 0);
    (void)system_call(SYS_reboot, REBOOT_MAGIC_1, REBOOT_MAGIC_2, REBOOT_RESTART, 0, 0);
    say("REBOOT: still here");
    return EXIT_FAILED;
}
