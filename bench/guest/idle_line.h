// SPDX-License-Identifier: BSD-2-Clause
// What the two guests of `bench idle` have in common.
#pragma once

#include "../../linux/programs/line.h"

static inline struct line idle_line(const char *text)
{
    struct line line;
    line.length = 0;
    add_text(&line, "idle bench: ");
    add_text(&line, text);
    return line;
}
