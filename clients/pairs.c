/* SPDX-License-Identifier: MIT
 * pairs: a reader for `name = "value";`. */
#include "clients/pairs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Reads the whole file; false: errno is set. */
static bool read_file(const char *path, char *text, size_t size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    ssize_t count = -1;

    if (file < 0)
        return false;
    while (length < size - 1 && (count = read(file, text + length, size - 1 - length)) > 0)
        length += (size_t)count;
    int error = count < 0 ? errno : count > 0 ? EFBIG : 0;
    close(file);
    text[length] = '\0';
    errno = error;
    return error == 0;
}

static char *skip_space(char *at)
{
    while (*at == ';' || *at == '#' || (*at != '\0' && strchr(" \t\r\n", *at)))
        at += *at == '#' ? strcspn(at, "\n") : 1;
    return at;
}

/* One pair from *at, which moves behind it. False: not of the form. */
static bool next_pair(char **at, char **name, char **value)
{
    char *end = *at + strspn(*at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    char *equals = end + strspn(end, " \t");
    char *open = *equals == '=' ? equals + 1 + strspn(equals + 1, " \t") : equals;
    char *close = *open == '"' ? open + 1 + strcspn(open + 1, "\"\n") : open;

    if (end == *at || *equals != '=' || *open != '"' || *close != '"')
        return false;
    *name = *at;
    *value = open + 1;
    *end = *close = '\0';
    *at = close + 1;
    return true;
}

static int line_of(const char *text, const char *at)
{
    int line = 1;

    for (; text < at; text++)
        line += *text == '\n';
    return line;
}

bool pairs_read(const char *path, pairs_take take, void *context, char *why, size_t why_size)
{
    char text[PAIRS_FILE_BYTES_MAX] = "", problem[256];
    char *name, *value;
    bool is_good = true;
    int error = 0;

    if (!read_file(path, text, sizeof text)) {
        error = errno;
        snprintf(why, why_size, "cannot read %s: %s", path, strerror(error));
        is_good = false;
    }
    for (char *at = skip_space(text); is_good && *at != '\0'; at = skip_space(at)) {
        int line = line_of(text, at);

        snprintf(problem, sizeof problem, "not of the form name = \"value\";");
        is_good = next_pair(&at, &name, &value) && take(context, name, value, problem, sizeof problem);
        if (!is_good)
            snprintf(why, why_size, "%s:%d: %s", path, line, problem);
    }
    explicit_bzero(text, sizeof text);
    errno = error;
    return is_good;
}
