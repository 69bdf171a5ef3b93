// SPDX-License-Identifier: BSD-2-Clause
// One line of text, built up and written with one system call: two programs and the kernel share the console, and a
// line that comes in pieces could be torn. What does not fit is cut; the newline always fits.
#pragma once

#include "system.h"

enum { LINE_SIZE = 240 };

struct line {
    size_t length;
    char text[LINE_SIZE];
};

static inline void add_text(struct line *line, const char *text)
{
    for (; *text != '\0' && line->length < LINE_SIZE - 1; text += 1) {
        line->text[line->length] = *text;
        line->length += 1;
    }
}

/* `title` says which program speaks. */
static inline struct line begin_line(const char *title, const char *text)
{
    struct line line;
    line.length = 0;
    add_text(&line, title);
    add_text(&line, text);
    return line;
}

static inline void add_number(struct line *line, uint64_t value)
{
    char digits[21];
    size_t first = sizeof(digits) - 1;
    digits[first] = '\0';
    do {
        first -= 1;
        digits[first] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    add_text(line, digits + first);
}

static inline void add_field(struct line *line, const char *name, uint64_t value)
{
    add_text(line, name);
    add_number(line, value);
}

/* Always 16 digits: the launcher compares the text. */
static inline void add_hex(struct line *line, uint64_t value)
{
    char digits[17];
    for (int i = 0; i < 16; i += 1)
        digits[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
    digits[16] = '\0';
    add_text(line, digits);
}

static inline const char *error_name(long error)
{
    switch (error) {
    case ENOENT: return "ENOENT";
    case EINTR: return "EINTR";
    case EIO: return "EIO";
    case ENXIO: return "ENXIO";
    case EAGAIN: return "EAGAIN";
    case ENOMEM: return "ENOMEM";
    case EACCES: return "EACCES";
    case EBUSY: return "EBUSY";
    case EEXIST: return "EEXIST";
    case ENODEV: return "ENODEV";
    case EINVAL: return "EINVAL";
    case EPIPE: return "EPIPE";
    case ENOSYS: return "ENOSYS";
    case EAFNOSUPPORT: return "EAFNOSUPPORT";
    case EADDRINUSE: return "EADDRINUSE";
    case EADDRNOTAVAIL: return "EADDRNOTAVAIL";
    case ENETUNREACH: return "ENETUNREACH";
    case ECONNRESET: return "ECONNRESET";
    case ENOBUFS: return "ENOBUFS";
    case ENOTCONN: return "ENOTCONN";
    case ETIMEDOUT: return "ETIMEDOUT";
    case ECONNREFUSED: return "ECONNREFUSED";
    case EHOSTUNREACH: return "EHOSTUNREACH";
    default: return "error";
    }
}

/* `error` as the kernel returned it, negative: `ECONNRESET (104)`. */
static inline void add_error(struct line *line, long error)
{
    add_text(line, error_name(-error));
    add_text(line, " (");
    add_number(line, (uint64_t)-error);
    add_text(line, ")");
}

/* Writes the line and empties it. A console that takes only a part gets the rest. */
static inline void write_line(struct line *line, int fd)
{
    line->text[line->length] = '\n';
    size_t size = line->length + 1;
    for (size_t done = 0; done < size;) {
        long written = write_file(fd, line->text + done, size - done);
        if (written <= 0 && written != -EINTR)
            break;
        if (written > 0)
            done += (size_t)written;
    }
    line->length = 0;
}
