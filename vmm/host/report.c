/* SPDX-License-Identifier: BSD-2-Clause */
#include "report.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_SIZE 512

/* For a reader that has fallen behind. */
#define READER_TIMEOUT_MS 100

void report(const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    if (length < 0) {
        return;
    }
    size_t size = (size_t)length < sizeof line - 1 ? (size_t)length : sizeof line - 2;
    line[size] = '\n';
    /* Nobody reads on: then there is nobody to tell, and no guest to be kept waiting for it. */
    if (poll(&(struct pollfd){.fd = STDOUT_FILENO, .events = POLLOUT}, 1, READER_TIMEOUT_MS) != 1) {
        return;
    }
    ssize_t ignored = write(STDOUT_FILENO, line, size + 1);
    (void)ignored;
}
