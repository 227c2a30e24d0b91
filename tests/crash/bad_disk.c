/* SPDX-License-Identifier: MIT
 * bad_disk: a library that is loaded into the daemon (LD_PRELOAD) and lets its disk fail. It counts the writes and
 * syncs of the store's files; at a chosen one of them it returns an error, writes a part, or pretends. What it saw
 * stands in a small file that the test maps: how many there were, whether the fault has come, and how many bytes went
 * to sockets after it. BAD_DISK_STORE: the directory of the store. BAD_DISK_SEEN: the file for what it saw.
 * BAD_DISK_FAULT: write, sync, short, lie or slow. BAD_DISK_AT: at the how-manieth, 1 is the first; lie: from there on;
 * slow: so many milliseconds more for each sync. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Between the fault and its return: whatever was said before has left by then, so that all that follows is too late. */
#define HOLD_NANOSECONDS 20000000

struct seen {
    _Atomic uint64_t writes, syncs, faults, sent_after;
};

static struct {
    struct seen *seen;
    const char *store, *fault;
    uint64_t at;
    atomic_bool failed; /* the fault has been returned */
} bad;

__attribute__((constructor)) static void read_environment(void)
{
    const char *path = getenv("BAD_DISK_SEEN");
    const char *at = getenv("BAD_DISK_AT");
    const char *fault = getenv("BAD_DISK_FAULT");

    bad.store = getenv("BAD_DISK_STORE");
    if (!path || !bad.store)
        return;
    bad.fault = fault ? fault : "";
    bad.at = at ? strtoull(at, NULL, 10) : 0;
    int file = open(path, O_RDWR | O_CLOEXEC);
    assert(file >= 0);
    void *mapped = mmap(NULL, sizeof(struct seen), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    assert(mapped != MAP_FAILED);
    bad.seen = mapped;
    close(file);
}

/* A file that holds what is stored, also while a new store is being made. */
static bool is_the_file(int fd)
{
    static const char *const names[] = {"/data.mdb", "/redo.0", "/redo.1"};
    char link[32], path[PATH_MAX];

    if (!bad.seen)
        return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return false;
    path[length] = '\0';
    const char *name = strrchr(path, '/');
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (name && strncmp(path, bad.store, strlen(bad.store)) == 0 && strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool is_now(const char *fault, uint64_t number)
{
    return strcmp(bad.fault, fault) == 0 && number == bad.at;
}

static void fail_with(int error)
{
    const struct timespec hold = {0, HOLD_NANOSECONDS};

    atomic_fetch_add(&bad.seen->faults, 1);
    nanosleep(&hold, NULL);
    atomic_store(&bad.failed, true);
    errno = error;
}

/* Bytes that this write may put; 0: it fails. */
static size_t write_most(int fd, size_t length)
{
    if (!is_the_file(fd))
        return length;
    uint64_t number = atomic_fetch_add(&bad.seen->writes, 1) + 1;
    if (is_now("write", number)) {
        fail_with(EIO);
        return 0;
    }
    if (is_now("short", number) && length > 1) {
        atomic_fetch_add(&bad.seen->faults, 1);
        return length / 2;
    }
    return length;
}

/* 1: the sync is to be made; 0: it is said to have been; -1: it fails. */
static int sync_how(int fd)
{
    if (!is_the_file(fd))
        return 1;
    uint64_t number = atomic_fetch_add(&bad.seen->syncs, 1) + 1;
    if (strcmp(bad.fault, "slow") == 0) {
        const struct timespec more = {(time_t)(bad.at / 1000), (long)(bad.at % 1000 * 1000000)};
        nanosleep(&more, NULL);
    }
    if (is_now("sync", number)) {
        fail_with(EIO);
        return -1;
    }
    return strcmp(bad.fault, "lie") == 0 && number >= bad.at ? 0 : 1;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    size_t most = write_most(fd, length);

    if (most == 0 && length > 0)
        return -1;
    return (ssize_t)syscall(SYS_pwrite64, fd, bytes, most, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset)
{
    return pwrite(fd, bytes, length, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    size_t length = 0;

    for (int i = 0; i < count; i++)
        length += parts[i].iov_len;
    size_t most = write_most(fd, length);
    if (most == 0 && length > 0)
        return -1;
    if (most == length)
        return (ssize_t)syscall(SYS_writev, fd, parts, count);
    return (ssize_t)syscall(SYS_write, fd, parts[0].iov_base, most < parts[0].iov_len ? most : parts[0].iov_len);
}

int fdatasync(int fd)
{
    int how = sync_how(fd);

    return how > 0 ? (int)syscall(SYS_fdatasync, fd) : how;
}

int fsync(int fd)
{
    int how = sync_how(fd);

    return how > 0 ? (int)syscall(SYS_fsync, fd) : how;
}

static int open_file(const char *path, int flags, va_list arguments)
{
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, mode_t) : 0;

    /* LMDB writes its head through a descriptor that syncs by itself; a disk that lies does not. */
    if (bad.seen && strcmp(bad.fault, "lie") == 0 && strncmp(path, bad.store, strlen(bad.store)) == 0)
        flags &= ~O_SYNC;
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list arguments;

    va_start(arguments, flags);
    int file = open_file(path, flags, arguments);
    va_end(arguments);
    return file;
}

int open64(const char *path, int flags, ...)
{
    va_list arguments;

    va_start(arguments, flags);
    int file = open_file(path, flags, arguments);
    va_end(arguments);
    return file;
}

static void count_sent(ssize_t sent)
{
    if (sent > 0 && bad.seen && atomic_load(&bad.failed))
        atomic_fetch_add(&bad.seen->sent_after, (uint64_t)sent);
}

ssize_t send(int fd, const void *bytes, size_t length, int flags)
{
    ssize_t sent = (ssize_t)syscall(SYS_sendto, fd, bytes, length, flags, NULL, 0);

    count_sent(sent);
    return sent;
}

ssize_t sendto(int fd, const void *bytes, size_t length, int flags, __CONST_SOCKADDR_ARG to, socklen_t to_length)
{
    ssize_t sent = (ssize_t)syscall(SYS_sendto, fd, bytes, length, flags, to.__sockaddr__, to_length);

    count_sent(sent);
    return sent;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t sent = (ssize_t)syscall(SYS_sendmsg, fd, message, flags);

    count_sent(sent);
    return sent;
}
