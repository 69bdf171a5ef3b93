// SPDX-License-Identifier: BSD-2-Clause
// The program of every protection domain in fixtures/: it does nothing and has the variables that they name.
#include <microkit.h>

unsigned long x, n, m_paddr, guest_vcpu;

void init(void)
{
}

void notified(microkit_channel channel)
{
    (void)channel;
}
