// SPDX-License-Identifier: BSD-2-Clause
// What the VMM's device tree tells a guest program: words `name=value` of the kernel's command line. The kernel hands
// the words that it does not know to PID 1 as environment; an init that cleans its environment would lose them, so
// /proc/cmdline is the second place to look. (A dot in a name would make the word a module parameter.)
#pragma once

#include "system.h"

/* Of the kernel: COMMAND_LINE_SIZE of arm64. */
enum { COMMAND_LINE_SIZE = 2048 };

/* If `text` begins with `name` and '=': what comes after, else NULL. */
static inline char *word_value(char *text, const char *name)
{
    for (; *name != '\0'; text += 1, name += 1) {
        if (*text != *name)
            return NULL;
    }
    return *text == '=' ? text + 1 : NULL;
}

static inline int same_text(const char *a, const char *b)
{
    for (; *a == *b; a += 1, b += 1) {
        if (*a == '\0')
            return 1;
    }
    return 0;
}

/* Value of the last word `name=` in /proc/cmdline, cut at the next blank, or NULL. Valid until the next call. */
static inline char *command_line_word(const char *name)
{
    static char text[COMMAND_LINE_SIZE + 1];
    long fd = open_file("/proc/cmdline", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    long size = read_file((int)fd, text, COMMAND_LINE_SIZE);
    close_file((int)fd);
    if (size <= 0)
        return NULL;
    text[size] = '\0';

    char *found = NULL;
    char *word = text;
    for (long i = 0; i <= size; i += 1) {
        if (text[i] != ' ' && text[i] != '\n' && text[i] != '\0')
            continue;
        text[i] = '\0';
        char *value = word_value(word, name);
        if (value != NULL)
            found = value;
        word = text + i + 1;
    }
    return found;
}

static inline char *boot_word(char **environment, const char *name)
{
    for (; *environment != NULL; environment += 1) {
        char *value = word_value(*environment, name);
        if (value != NULL)
            return value;
    }
    return command_line_word(name);
}

/* Decimal, 1 to 10 digits, up to 2^32 - 1. Returns 0 if `text` is anything else. */
static inline int parse_cid(const char *text, uint32_t *cid)
{
    uint64_t value = 0;
    int digits = 0;
    for (; *text != '\0'; text += 1, digits += 1) {
        if (*text < '0' || *text > '9' || digits == 10)
            return 0;
        value = value * 10 + (uint64_t)(*text - '0');
    }
    *cid = (uint32_t)value;
    return digits > 0 && value <= UINT32_MAX;
}

/* Exactly 16 lower-case hexadecimal digits. Returns 0 if `text` is anything else. */
static inline int parse_nonce(const char *text, uint64_t *nonce)
{
    uint64_t value = 0;
    int digits = 0;
    for (; *text != '\0'; text += 1, digits += 1) {
        int is_decimal = *text >= '0' && *text <= '9';
        int is_letter = *text >= 'a' && *text <= 'f';
        if (digits == 16 || (!is_decimal && !is_letter))
            return 0;
        value = value << 4 | (uint64_t)(is_decimal ? *text - '0' : *text - 'a' + 10);
    }
    *nonce = value;
    return digits == 16;
}
