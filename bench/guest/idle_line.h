// SPDX-License-Identifier: BSD-2-Clause
// What the two guests of `bench idle` have in common.
#pragma once

#include "../../linux/programs/line.h"

static inline struct line idle_line(const char *text)
{
    return begin_line("idle bench: ", text);
}
