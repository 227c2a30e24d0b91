/* SPDX-License-Identifier: MIT
 * hub_spool: files and directories only; knows nothing of the network. */
#include "clients/hub_spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/hub_answer.h"
#include "proto/check.h"

#define ANSWER_FILE_BYTES_MAX (64 * 1024)

enum place { PLACE_TMP, PLACE_NEW, PLACE_KEPT, PLACE_OUTBOX, PLACE_SENT, PLACE_FAILED, PLACE_COUNT };
static const char *const place_names[PLACE_COUNT] = {"tmp", "new", "kept", "outbox", "sent", "failed"};

struct spool {
    int places[PLACE_COUNT];
};

static int open_place(int parent, const char *name)
{
    if (mkdirat(parent, name, 0700) && errno != EEXIST)
        return -1;
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Mailbox number first, so that the order of names is the order of the mailbox. */
static void format_name(char name[SPOOL_NAME_BYTES], const struct message *push)
{
    char referral[REFERRAL_ID_BYTES_MAX];

    referral_id_format(push_subject(push), referral);
    snprintf(name, SPOOL_NAME_BYTES, "%016" PRId64 ".%s.json", message_number(push, FIELD_mailbox_number), referral);
}

static bool write_file(int place, const char *name, const char *bytes, size_t length)
{
    int file = openat(place, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t written = 0;
    bool ok = file >= 0;

    while (ok && written < length) {
        ssize_t now = write(file, bytes + written, length - written);
        if (now < 0 && errno == EINTR)
            continue;
        ok = now > 0;
        written += ok ? (size_t)now : 0;
    }
    ok = ok && fsync(file) == 0;
    if (file >= 0)
        ok = close(file) == 0 && ok;
    return ok;
}

static bool move_file(const struct spool *spool, enum place from, const char *name, enum place to, const char *new_name)
{
    return renameat(spool->places[from], name, spool->places[to], new_name) == 0 && fsync(spool->places[to]) == 0 &&
           fsync(spool->places[from]) == 0;
}

static DIR *list_place(const struct spool *spool, enum place place)
{
    int copy = openat(spool->places[place], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;

    if (!directory && copy >= 0)
        close(copy);
    return directory;
}

/* What was in tmp/ when the program was stopped: the last of the journal counts as handed over, so its rename is owed;
 * no other has a line, so the network pushes it again. */
static bool finish_interrupted(const struct spool *spool, const struct journal *journal)
{
    DIR *directory = list_place(spool, PLACE_TMP);
    bool ok = directory != NULL;
    const struct dirent *entry;

    while (ok && (entry = readdir(directory))) {
        if (entry->d_name[0] == '.')
            continue;
        if (strtoll(entry->d_name, NULL, 10) == journal_last(journal))
            ok = move_file(spool, PLACE_TMP, entry->d_name, PLACE_NEW, entry->d_name);
        else
            ok = unlinkat(spool->places[PLACE_TMP], entry->d_name, 0) == 0;
    }
    if (directory)
        closedir(directory);
    return ok;
}

bool spool_open(struct spool **out, const char *directory, const struct journal *journal)
{
    struct spool *spool = malloc(sizeof *spool);
    int parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = spool && parent >= 0;

    for (int i = 0; spool && i < PLACE_COUNT; i++) {
        spool->places[i] = ok ? open_place(parent, place_names[i]) : -1;
        ok = ok && spool->places[i] >= 0;
    }
    ok = ok && fsync(parent) == 0 && finish_interrupted(spool, journal);
    if (parent >= 0)
        close(parent);
    if (!ok) {
        int kept = errno;
        spool_close(&spool);
        errno = kept;
    }
    *out = spool;
    return ok;
}

void spool_close(struct spool **spool)
{
    for (int i = 0; *spool && i < PLACE_COUNT; i++)
        if ((*spool)->places[i] >= 0)
            close((*spool)->places[i]);
    free(*spool);
    *spool = NULL;
}

bool spool_push(struct spool *spool, struct journal *journal, const struct message *push, const char *json,
                size_t length)
{
    char name[SPOOL_NAME_BYTES];

    format_name(name, push);
    return write_file(spool->places[PLACE_TMP], name, json, length) && fsync(spool->places[PLACE_TMP]) == 0 &&
           journal_add(journal, push, NULL) == JOURNAL_OK && move_file(spool, PLACE_TMP, name, PLACE_NEW, name);
}

bool spool_keep(struct spool *spool, const struct message *push, const char *json, size_t length)
{
    char name[SPOOL_NAME_BYTES];

    format_name(name, push);
    return write_file(spool->places[PLACE_TMP], name, json, length) &&
           move_file(spool, PLACE_TMP, name, PLACE_KEPT, name);
}

/* "NAME.<uuid>": an answer that was claimed before. */
static bool split_claimed(const char *claimed, struct outbox_file *file)
{
    size_t length = strlen(claimed);
    const char *dot = length > UUID_TEXT_BYTES ? claimed + length - UUID_TEXT_BYTES - 1 : NULL;

    uint8_t uuid[UUID_BYTES];

    if (!dot || *dot != '.' || dot == claimed || !uuid_parse((struct text){dot + 1, UUID_TEXT_BYTES}, uuid))
        return false;
    snprintf(file->request_id, sizeof file->request_id, "%s", dot + 1);
    snprintf(file->name, sizeof file->name, "%.*s", (int)(dot - claimed), claimed);
    snprintf(file->claimed, sizeof file->claimed, "%s", claimed);
    return true;
}

static bool claim(const struct spool *spool, struct outbox_file *file)
{
    struct answer fresh = {0};

    answer_new_request_id(&fresh);
    snprintf(file->request_id, sizeof file->request_id, "%s", fresh.texts.of[FIELD_request_id]);
    answer_clear(&fresh);
    snprintf(file->claimed, sizeof file->claimed, "%s.%s", file->name, file->request_id);
    return move_file(spool, PLACE_OUTBOX, file->name, PLACE_OUTBOX, file->claimed);
}

bool spool_next_answer(struct spool *spool, struct outbox_file *file)
{
    DIR *directory = list_place(spool, PLACE_OUTBOX);
    char first[OUTBOX_NAME_BYTES] = "";
    const struct dirent *entry;

    while (directory && (entry = readdir(directory))) {
        size_t length = strlen(entry->d_name);
        if (entry->d_name[0] == '.' || length >= sizeof first - UUID_TEXT_BYTES - 1)
            continue;
        if (first[0] == '\0' || strcmp(entry->d_name, first) < 0)
            memcpy(first, entry->d_name, length + 1);
    }
    if (directory)
        closedir(directory);
    if (first[0] == '\0')
        return false;
    if (split_claimed(first, file))
        return true;
    memcpy(file->name, first, sizeof first);
    return claim(spool, file);
}

char *spool_read_answer(struct spool *spool, const struct outbox_file *file, size_t *length)
{
    int in = openat(spool->places[PLACE_OUTBOX], file->claimed, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat status;
    char *text = NULL;
    ssize_t got = -1;

    if (in < 0)
        return NULL;
    if (fstat(in, &status) || !S_ISREG(status.st_mode))
        errno = EINVAL;
    else if (status.st_size > ANSWER_FILE_BYTES_MAX)
        errno = EFBIG;
    else if ((text = calloc(1, (size_t)status.st_size + 1)))
        got = read(in, text, (size_t)status.st_size);
    if (got < 0) {
        int kept = errno;
        free(text);
        text = NULL;
        errno = kept;
    }
    *length = got > 0 ? (size_t)got : 0;
    close(in);
    return text;
}

/* Moves an answer to where it ends, with a file about it beside it. */
static bool finish_answer(const struct spool *spool, const struct outbox_file *file, enum place place,
                          const char *ending, const char *about)
{
    char beside[OUTBOX_NAME_BYTES + 8];

    snprintf(beside, sizeof beside, "%s.%s", file->name, ending);
    return write_file(spool->places[place], beside, about, strlen(about)) &&
           move_file(spool, PLACE_OUTBOX, file->claimed, place, file->name);
}

bool spool_answer_sent(struct spool *spool, const struct outbox_file *file, const char *done)
{
    return finish_answer(spool, file, PLACE_SENT, "done", done);
}

bool spool_answer_failed(struct spool *spool, const struct outbox_file *file, const char *why)
{
    char line[512];

    snprintf(line, sizeof line, "%s\n", why);
    return finish_answer(spool, file, PLACE_FAILED, "why", line);
}
