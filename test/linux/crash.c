// SPDX-License-Identifier: BSD-2-Clause
// A guest program that dies before it has said a word, for qemu.test.ts.

#include "../../linux/programs/system.h"

static int run(char **arguments, char **environment)
{
    (void)arguments;
    (void)environment;
    __builtin_trap();
}
