/* SPDX-License-Identifier: BSD-2-Clause */
/* What the ticker writes for the printer to read. */
#pragma once
#include <stdint.h>

struct blackboard {
    char greeting[32];
    uint32_t ticks;
    uint32_t count;
};
