/* SPDX-License-Identifier: MIT
 * slow_sync: loaded before the daemon by the bench (LD_PRELOAD), it makes every sync two milliseconds longer, as on a
 * slower drive: fsync, fdatasync, msync, syncfs, and each write to a file that was opened to be written through. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FILES 65536

static _Atomic bool is_written_through[FILES];

static void wait_longer(void)
{
    const struct timespec longer = {.tv_nsec = 2000000};

    clock_nanosleep(CLOCK_MONOTONIC, 0, &longer, NULL);
}

static void wait_after_write(int file)
{
    if (file >= 0 && file < FILES && atomic_load(&is_written_through[file]))
        wait_longer();
}

static int note(int file, int flags)
{
    if (file >= 0 && file < FILES)
        atomic_store(&is_written_through[file], (flags & O_DSYNC) != 0); /* O_SYNC holds its bit */
    return file;
}

static int open_at(int directory, const char *path, int flags, va_list rest)
{
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;

    return note((int)syscall(SYS_openat, directory, path, flags, mode), flags);
}

int open(const char *path, int flags, ...)
{
    va_list rest;

    va_start(rest, flags);
    int file = open_at(AT_FDCWD, path, flags, rest);
    va_end(rest);
    return file;
}

int openat(int directory, const char *path, int flags, ...)
{
    va_list rest;

    va_start(rest, flags);
    int file = open_at(directory, path, flags, rest);
    va_end(rest);
    return file;
}

int close(int file)
{
    note(file, 0);
    return (int)syscall(SYS_close, file);
}

int fdatasync(int file)
{
    wait_longer();
    return (int)syscall(SYS_fdatasync, file);
}

int fsync(int file)
{
    wait_longer();
    return (int)syscall(SYS_fsync, file);
}

int syncfs(int file)
{
    wait_longer();
    return (int)syscall(SYS_syncfs, file);
}

int msync(void *from, size_t length, int flags)
{
    if (flags & MS_SYNC)
        wait_longer();
    return (int)syscall(SYS_msync, from, length, flags);
}

ssize_t write(int file, const void *bytes, size_t count)
{
    wait_after_write(file);
    return syscall(SYS_write, file, bytes, count);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset)
{
    wait_after_write(file);
    return syscall(SYS_pwrite64, file, bytes, count, offset);
}

ssize_t writev(int file, const struct iovec *parts, int count)
{
    wait_after_write(file);
    return syscall(SYS_writev, file, parts, count);
}

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset)
{
    wait_after_write(file);
    return syscall(SYS_pwritev, file, parts, count, offset, 0);
}

/* Programs built for large files by name call these. */
int open64(const char *, int, ...) __attribute__((alias("open")));
int openat64(int, const char *, int, ...) __attribute__((alias("openat")));
ssize_t pwrite64(int, const void *, size_t, off_t) __attribute__((alias("pwrite")));
ssize_t pwritev64(int, const struct iovec *, int, off_t) __attribute__((alias("pwritev")));
