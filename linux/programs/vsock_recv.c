// SPDX-License-Identifier: BSD-2-Clause
// The receiver: listens, takes one connection from the expected guest, checks each number and answers their hash.

#include "vsock.h"

/* Longer than the sender tries to connect: its guest may boot later. */
#ifndef ACCEPT_LIMIT_MS
#define ACCEPT_LIMIT_MS (180 * 1000)
#endif

static int run(char **arguments, char **environment)
{
    (void)arguments;
    struct endpoint receiver = { "VSOCK RECV|INFO: ", "vsock recv: ", "vsock_recv", 0, 0, VMADDR_CID_ANY };
    if (!read_orders(&receiver, environment))
        return EXIT_USAGE;

    long listener = vsock_socket(SOCK_STREAM);
    if (listener < 0)
        return fail_call(&receiver, "socket", listener);
    struct sockaddr_vm own = { AF_VSOCK, 0, PORT, VMADDR_CID_ANY, 0, { 0 } };
    long error = system_call(SYS_bind, listener, (long)&own, sizeof(own), 0, 0);
    if (error < 0)
        return fail_call(&receiver, "bind to port 9999", error);
    error = system_call(SYS_listen, listener, 1, 0, 0, 0);
    if (error < 0)
        return fail_call(&receiver, "listen", error);

    struct line line = info_line(&receiver);
    add_own_cid(&line);
    add_text(&line, ", listening on port ");
    add_number(&line, PORT);
    add_text(&line, " for CID ");
    add_number(&line, receiver.peer);
    write_line(&line, STDOUT);

    long ready = wait_until((int)listener, POLLIN, clock_ms() + ACCEPT_LIMIT_MS);
    if (ready == 0) {
        line = failure_line(&receiver);
        add_text(&line, "nobody connected within ");
        add_number(&line, ACCEPT_LIMIT_MS / 1000);
        add_text(&line, " s");
        write_line(&line, STDOUT);
        return EXIT_FAILED;
    }
    struct sockaddr_vm peer = { 0, 0, 0, 0, 0, { 0 } };
    uint32_t peer_size = sizeof(peer);
    long fd = ready < 0 ? ready
                        : system_call(SYS_accept4, listener, (long)&peer, (long)&peer_size, SOCK_CLOEXEC, 0);
    int64_t accepted_us = clock_us();
    if (fd < 0)
        return fail_call(&receiver, "accept", fd);
    receiver.reached = peer.cid;
    if (peer.cid != receiver.peer) {
        line = failure_line(&receiver);
        add_text(&line, "peer cid is ");
        add_number(&line, peer.cid);
        add_text(&line, ", expected ");
        add_number(&line, receiver.peer);
        write_line(&line, STDOUT);
        return EXIT_FAILED;
    }

    line = info_line(&receiver);
    add_text(&line, "CID ");
    add_number(&line, peer.cid);
    add_text(&line, " connected from port ");
    add_number(&line, peer.port);
    write_line(&line, STDOUT);

    struct transfer transfer = receive_payload((int)fd, receiver.nonce, accepted_us);
    enum exit_code code = report(&receiver, &transfer);
    if (code == EXIT_VERIFIED) {
        line = info_line(&receiver);
        add_text(&line, "All is well in the universe");
        write_line(&line, STDOUT);
    }
    close_file((int)fd);
    close_file((int)listener);
    return code;
}
