// SPDX-License-Identifier: BSD-2-Clause
// AF_VSOCK as the two programs use it, and the lines that both print. Source of the numbers: Linux
// include/linux/socket.h, include/uapi/linux/vm_sockets.h.
#pragma once

#include "boot_words.h"
#include "transfer.h"

enum {
    AF_VSOCK = 40,
    SOCK_STREAM = 1,
    SOCK_CLOEXEC = O_CLOEXEC,
    SHUT_WR = 1,
    PORT = 9999,
    CONNECT_PAUSE_MS = 50, /* between two attempts */
    /* _IO(7, 0xb9): stores this machine's CID. */
    IOCTL_VM_SOCKETS_GET_LOCAL_CID = 0x7b9,
};

/* As listening address: any CID of this machine. As own CID: none yet. */
#define VMADDR_CID_ANY UINT32_MAX

struct sockaddr_vm {
    uint16_t family;
    uint16_t reserved;
    uint32_t port;
    uint32_t cid;
    uint8_t flags;
    uint8_t zero[3];
};
_Static_assert(sizeof(struct sockaddr_vm) == 16, "struct sockaddr_vm is as large as struct sockaddr");

static inline long vsock_socket(int type)
{
    return system_call(SYS_socket, AF_VSOCK, type | SOCK_CLOEXEC, 0, 0, 0);
}

/* `fd`, which is connected now; or -errno, and it is closed. */
static inline long connect_or_close(long fd, const void *address, size_t size)
{
    long error = system_call(SYS_connect, fd, (long)address, (long)size, 0, 0);
    if (error == 0)
        return fd;
    close_file((int)fd);
    return error;
}

enum exit_code { EXIT_VERIFIED = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* One end of the transfer: what it was told, and how it calls itself in its lines. */
struct endpoint {
    const char *info;    /* "VSOCK RECV|INFO: " */
    const char *verdict; /* "vsock recv: " */
    const char *peer_word; /* "vsock_recv": the boot word that names its peer */
    uint32_t peer; /* whom it shall talk to */
    uint64_t nonce;
    uint32_t reached; /* whom it talks to, as the kernel says; what the verdict names */
};

static inline struct line info_line(const struct endpoint *endpoint)
{
    return begin_line(endpoint->info, "");
}

static inline struct line failure_line(const struct endpoint *endpoint)
{
    return begin_line(endpoint->verdict, "FAILED ");
}

/* `vsock recv: FAILED <what> <errno>` */
static inline enum exit_code fail_call(const struct endpoint *endpoint, const char *what, long error)
{
    struct line line = failure_line(endpoint);
    add_text(&line, what);
    add_text(&line, " ");
    add_error(&line, error);
    if (error == -EAFNOSUPPORT)
        add_text(&line, ": the kernel has no vsock, or its module is not loaded");
    write_line(&line, STDOUT);
    return EXIT_FAILED;
}

/* Takes the peer and the nonce from the boot words. Returns 0 after saying what is wrong with them. */
static inline int read_orders(struct endpoint *endpoint, char **environment)
{
    struct line line = failure_line(endpoint);
    char *peer = boot_word(environment, endpoint->peer_word);
    if (peer == NULL || !parse_cid(peer, &endpoint->peer)) {
        add_text(&line, endpoint->peer_word);
        add_text(&line, " is '");
        add_text(&line, peer == NULL ? "" : peer);
        add_text(&line, "', expected a CID in decimal");
        write_line(&line, STDOUT);
        return 0;
    }
    char *nonce = boot_word(environment, "vsock_nonce");
    if (nonce == NULL || !parse_nonce(nonce, &endpoint->nonce)) {
        add_text(&line, "vsock_nonce is '");
        add_text(&line, nonce == NULL ? "" : nonce);
        add_text(&line, "', expected 16 lower-case hexadecimal digits");
        write_line(&line, STDOUT);
        return 0;
    }
    return 1;
}

static inline void add_own_cid(struct line *line)
{
    uint32_t cid = VMADDR_CID_ANY;
    long fd = open_file("/dev/vsock", O_RDONLY | O_CLOEXEC);
    long result = fd;
    if (fd >= 0) {
        result = system_call(SYS_ioctl, fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, (long)&cid, 0, 0);
        close_file((int)fd);
    }
    add_text(line, "own CID ");
    if (result < 0)
        add_error(line, result);
    else if (cid == VMADDR_CID_ANY)
        add_text(line, "none");
    else
        add_number(line, cid);
}

/* The one line that the launcher judges, and the exit code that belongs to it. */
static inline enum exit_code report(const struct endpoint *endpoint, const struct transfer *transfer)
{
    if (transfer->outcome != VERIFIED) {
        struct line line = failure_line(endpoint);
        add_outcome(&line, transfer);
        write_line(&line, STDOUT);
        return EXIT_FAILED;
    }
    struct line line = begin_line(endpoint->verdict, "peer=");
    add_number(&line, endpoint->reached);
    add_text(&line, " port=");
    add_number(&line, PORT);
    add_text(&line, " bytes=");
    add_number(&line, PAYLOAD_SIZE);
    add_text(&line, " hash=");
    add_hex(&line, transfer->hash);
    add_text(&line, " nonce=");
    add_hex(&line, endpoint->nonce);
    add_text(&line, " us=");
    add_number(&line, (uint64_t)transfer->duration_us);
    add_text(&line, " verified");
    write_line(&line, STDOUT);
    return EXIT_VERIFIED;
}
