// SPDX-License-Identifier: BSD-2-Clause
// Preloaded into a program, makes the system refuse: VMBUILD_FAULT=CALL:ERRNO:PATH:N fails the N-th CALL (0: every one)
// of this process on a file whose path contains PATH. CALL is write, open (for writing), fsync, rename, mkdir or link.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_int calls;

// True if this call is the one to fail; errno is set then.
static int fails(const char *call, const char *path)
{
    const char *fault = getenv("VMBUILD_FAULT");
    char name[16], part[PATH_MAX];
    int error, nth;
    if (fault == NULL || sscanf(fault, "%15[^:]:%d:%4095[^:]:%d", name, &error, part, &nth) != 4)
        return 0;
    if (strcmp(name, call) != 0 || path == NULL || strstr(path, part) == NULL)
        return 0;
    int now = atomic_fetch_add(&calls, 1) + 1;
    if (nth != 0 && now != nth)
        return 0;
    errno = error;
    return 1;
}

static int fails_on(const char *call, int fd)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = '\0';
    return fails(call, path);
}

#define REAL(result, name, ...) ((result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t size)
{
    return fails_on("write", fd) ? -1 : REAL(ssize_t, write, int, const void *, size_t)(fd, data, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return fails_on("write", fd) ? -1 : REAL(ssize_t, writev, int, const struct iovec *, int)(fd, parts, count);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    return fails_on("write", fd) ? -1 : REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t)(fd, data, size, at);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    return fails_on("write", fd) ? -1 : REAL(ssize_t, pwrite, int, const void *, size_t, off_t)(fd, data, size, at);
}

static int opens_to_write(int flags)
{
    return (flags & (O_WRONLY | O_RDWR | O_CREAT)) != 0;
}

int open(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = va_arg(more, mode_t);
    va_end(more);
    if (opens_to_write(flags) && fails("open", path))
        return -1;
    return REAL(int, open, const char *, int, ...)(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = va_arg(more, mode_t);
    va_end(more);
    if (opens_to_write(flags) && fails("open", path))
        return -1;
    return REAL(int, open64, const char *, int, ...)(path, flags, mode);
}

int fsync(int fd)
{
    return fails_on("fsync", fd) ? -1 : REAL(int, fsync, int)(fd);
}

int rename(const char *from, const char *to)
{
    return fails("rename", to) ? -1 : REAL(int, rename, const char *, const char *)(from, to);
}

int mkdir(const char *path, mode_t mode)
{
    return fails("mkdir", path) ? -1 : REAL(int, mkdir, const char *, mode_t)(path, mode);
}

char *mkdtemp(char *pattern)
{
    return fails("mkdir", pattern) ? NULL : REAL(char *, mkdtemp, char *)(pattern);
}

int link(const char *from, const char *to)
{
    return fails("link", to) ? -1 : REAL(int, link, const char *, const char *)(from, to);
}
