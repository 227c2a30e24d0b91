/* SPDX-License-Identifier: MIT
 * store_directory: see store_directory.h. */
#include "daemon/io/store_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/io/explanation.h"

struct opening {
    const char *path;
    struct store_directory *directory;
    struct explanation explanation;
};

static bool open_directory(struct opening *opening)
{
    if (mkdir(opening->path, 0700) != 0 && errno != EEXIST)
        return refuse_with(opening->explanation, "Cannot create the store's directory %s: %s.", opening->path,
                           strerror(errno));
    struct stat status;
    int descriptor = open(opening->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    opening->directory->descriptor = descriptor;
    if (descriptor < 0 || fstat(descriptor, &status) != 0)
        return refuse_with(opening->explanation, "Cannot open the store's directory %s: %s.", opening->path,
                           strerror(errno));
    if ((status.st_mode & 077) != 0)
        return refuse_with(opening->explanation,
                           "The store's directory %s has mode %04o, so that others can reach it; chmod 0700 it.",
                           opening->path, (unsigned int)(status.st_mode & 07777));
    return true;
}

/* A file that does not exist yet is fine, except that an empty data file would be taken for a new store. */
static bool check_file(struct opening *opening, const char *name)
{
    struct stat status;
    if (fstatat(opening->directory->descriptor, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT)
            return true;
        return refuse_with(opening->explanation, "Cannot look at %s/%s: %s.", opening->path, name, strerror(errno));
    }
    if (!S_ISREG(status.st_mode))
        return refuse_with(opening->explanation, "%s/%s is not a regular file; remove it or use another directory.",
                           opening->path, name);
    if ((status.st_mode & 077) != 0)
        return refuse_with(opening->explanation, "%s/%s has mode %04o, so that others can reach it; chmod 0600 it.",
                           opening->path, name, (unsigned int)(status.st_mode & 07777));
    if (strcmp(name, "data.mdb") == 0 && status.st_size == 0)
        return refuse_with(
            opening->explanation,
            "The store %s is damaged: data.mdb is empty; restore a backup, or remove the file if this store "
            "has never been used.",
            opening->path);
    return true;
}

static bool check_files(struct opening *opening)
{
    static const char *const names[] = {"lock", "data.mdb", "lock.mdb", "redo.0", "redo.1"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!check_file(opening, names[i]))
            return false;
    return true;
}

static bool refuse_second(struct opening *opening, int lock)
{
    char pid[24] = "";
    ssize_t length = pread(lock, pid, sizeof pid - 1, 0);
    pid[length > 0 ? length : 0] = '\0';
    pid[strcspn(pid, "\n")] = '\0';
    return refuse_with(opening->explanation,
                       "The store %s is in use: a daemon is already running as PID %s; stop that one first.",
                       opening->path, pid[0] != '\0' ? pid : "unknown");
}

/* Taken before LMDB sees the directory: LMDB itself lets a second process, and even the same one, open it again. */
static bool take_lock(struct opening *opening)
{
    int lock = openat(opening->directory->descriptor, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (lock < 0)
        return refuse_with(opening->explanation, "Cannot open %s/lock: %s.", opening->path, strerror(errno));
    opening->directory->lock = lock;
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return refuse_second(opening, lock);
        return refuse_with(opening->explanation, "Cannot lock %s/lock: %s.", opening->path, strerror(errno));
    }
    if (ftruncate(lock, 0) != 0 || dprintf(lock, "%ld\n", (long)getpid()) < 0)
        return refuse_with(opening->explanation, "Cannot write %s/lock: %s.", opening->path, strerror(errno));
    return true;
}

bool store_directory_open(const char *path, struct store_directory *directory, char *why, size_t why_size)
{
    struct opening opening = {path, directory, {why, why_size}};
    *directory = (struct store_directory){-1, -1};
    return open_directory(&opening) && check_files(&opening) && take_lock(&opening);
}
