// SPDX-License-Identifier: BSD-2-Clause
// Stands in for /root/vsock_send: becomes the real sender, with another nonce than the receiver in the same guest has.
// Built and run by qemu.test.ts.

#include "../../linux/programs/system.h"

static int run(char **arguments, char **environment)
{
    (void)environment;
    char *own[] = { (char[]){ "vsock_send=1" }, (char[]){ "vsock_nonce=0123456789abcdee" }, NULL };
    (void)system_call(SYS_execve, (long)"/root/real_send", (long)arguments, (long)own, 0, 0);
    return 99;
}
