// SPDX-License-Identifier: BSD-2-Clause
// Stands in for /root/vsock_recv in a guest without a peer: becomes the real receiver, and starts the real sender as a
// child, over the guest's own loopback (CID 1). The words sender_peer and sender_nonce give the sender orders that
// differ from the receiver's. Built and run by qemu.test.ts.

#include "../../linux/programs/boot_words.h"

enum { WORD_SIZE = 64 };

static void copy_word(char word[WORD_SIZE], const char *name, const char *value)
{
    size_t length = 0;
    for (; *name != '\0' && length < WORD_SIZE - 1; name += 1, length += 1)
        word[length] = *name;
    for (; *value != '\0' && length < WORD_SIZE - 1; value += 1, length += 1)
        word[length] = *value;
    word[length] = '\0';
}

static int run(char **arguments, char **environment)
{
    static char peer[WORD_SIZE];
    static char nonce[WORD_SIZE];
    copy_word(peer, "vsock_peer=", boot_word(environment, "sender_peer"));
    copy_word(nonce, "vsock_nonce=", boot_word(environment, "sender_nonce"));
    char *sender_environment[] = { peer, nonce, NULL };
    if (system_call(SYS_clone, SIGCHLD, 0, 0, 0, 0) == 0) {
        (void)system_call(SYS_execve, (long)"/root/real_send", (long)arguments, (long)sender_environment, 0, 0);
        return 99;
    }
    (void)system_call(SYS_execve, (long)"/root/real_recv", (long)arguments, (long)environment, 0, 0);
    return 99;
}
