/* SPDX-License-Identifier: MIT
 * anchor: see anchor.h. A number in digits and a line end. */
#include "daemon/io/anchor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 1100, TEXT_BYTES = 32 };

static void write_path(const char *store, const char *end, char path[PATH_BYTES])
{
    size_t length = strlen(store);

    while (length > 1 && store[length - 1] == '/')
        length--;
    snprintf(path, PATH_BYTES, "%.*s%s", (int)length, store, end);
}

static bool parse(const char *text, uint64_t *batch)
{
    char *end = NULL;

    errno = 0;
    *batch = strtoull(text, &end, 10);
    return errno == 0 && text[0] >= '0' && text[0] <= '9' && strcmp(end, "\n") == 0;
}

bool anchor_read(const char *store, uint64_t *batch, char *why, size_t why_size)
{
    char path[PATH_BYTES], text[TEXT_BYTES];

    *batch = 0;
    write_path(store, ".anchor", path);
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0 && errno == ENOENT)
        return true;
    ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
    int error = errno;
    if (file >= 0)
        close(file);
    if (length < 0) {
        snprintf(why, why_size, "%s: cannot be read: %s", path, strerror(error));
        return false;
    }
    text[length] = '\0';
    if (parse(text, batch))
        return true;
    snprintf(why, why_size, "%s: holds no number; when you are sure that the store is the newest, remove the file",
             path);
    return false;
}

static bool write_synced(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    size_t length = strlen(text);
    bool written = file >= 0 && write(file, text, length) == (ssize_t)length && fsync(file) == 0;

    if (file >= 0)
        close(file);
    return written;
}

bool anchor_write(const char *store, uint64_t batch, char *why, size_t why_size)
{
    char path[PATH_BYTES], path_new[PATH_BYTES], text[TEXT_BYTES];

    write_path(store, ".anchor", path);
    write_path(store, ".anchor.new", path_new);
    snprintf(text, sizeof text, "%" PRIu64 "\n", batch);
    if (write_synced(path_new, text) && rename(path_new, path) == 0)
        return true;
    snprintf(why, why_size, "%s: cannot be written: %s", path, strerror(errno));
    unlink(path_new);
    return false;
}
