/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines on stdout, for whoever started the back end. Any thread may report; a line is one write. */
#pragma once

void report(const char *format, ...) __attribute__((format(printf, 1, 2)));
