/* SPDX-License-Identifier: MIT
 * secret_key: see secret_key.h. Read by hand and not by libconfig, so that no copy of the key stays in memory. */
#include "daemon/io/secret_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX 4096

/* The file's length, or -1. */
static ssize_t read_closed_file(const char *path, char text[FILE_BYTES_MAX], char *why, size_t why_size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK); /* a pipe would wait for a writer */
    struct stat found;
    ssize_t length = -1;

    if (file < 0 || fstat(file, &found) != 0)
        snprintf(why, why_size, "%s: cannot read the secret key: %s%s", path, strerror(errno),
                 errno == ENOENT ? "; make one with referral-keygen" : "");
    else if (!S_ISREG(found.st_mode))
        snprintf(why, why_size, "%s: the secret key is no ordinary file", path);
    else if ((found.st_mode & 077) != 0)
        snprintf(why, why_size, "%s: others may read the secret key; chmod 0600 it", path);
    else if (found.st_uid != 0 && found.st_uid != geteuid())
        snprintf(why, why_size, "%s: the secret key belongs to another user; chown it", path);
    else if ((length = read(file, text, FILE_BYTES_MAX)) < 0)
        snprintf(why, why_size, "%s: cannot read the secret key: %s", path, strerror(errno));
    if (file >= 0)
        close(file);
    return length;
}

/* Takes the 40 characters between quotes of a line `name = "...";`. */
static bool take_key(const char *line, const char *name, char key[KEY_TEXT_BYTES + 1])
{
    size_t length = strlen(name);
    const char *value;

    line += strspn(line, " \t");
    if (strncmp(line, name, length) != 0)
        return false;
    value = line + length;
    value += strspn(value, " \t");
    if (*value++ != '=')
        return false;
    value += strspn(value, " \t");
    if (*value++ != '"' || strcspn(value, "\"\n") != KEY_TEXT_BYTES || value[KEY_TEXT_BYTES] != '"')
        return false;
    memcpy(key, value, KEY_TEXT_BYTES);
    key[KEY_TEXT_BYTES] = '\0';
    return true;
}

bool secret_key_load(const char *path, struct key_pair *pair, char *why, size_t why_size)
{
    char text[FILE_BYTES_MAX + 1];
    ssize_t length = read_closed_file(path, text, why, why_size);
    bool has_public = false, has_secret = false;

    if (length < 0)
        return false;
    text[length] = '\0';
    for (char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        has_public = take_key(line, "public_key", pair->public_key) || has_public;
        has_secret = take_key(line, "secret_key", pair->secret_key) || has_secret;
    }
    explicit_bzero(text, sizeof text);
    if (!has_public || !has_secret) {
        explicit_bzero(pair, sizeof *pair);
        snprintf(why, why_size,
                 "%s: needs the lines public_key = \"...\"; and secret_key = \"...\"; with 40 characters"
                 " each, as referral-keygen writes them",
                 path);
        return false;
    }
    return true;
}
