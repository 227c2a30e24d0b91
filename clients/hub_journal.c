/* SPDX-License-Identifier: MIT
 * hub_journal: an append-only file. One write and one sync for each line; rewritten shorter at open when it has grown.
 */
#include "clients/hub_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "clients/hub_answer.h"
#include "proto/check.h"

#define ENTRIES_KEPT 4096 /* more than the network pushes ahead of a confirmation */
#define LINES_MAX 16384   /* from here on the file is rewritten at open */
#define LINE_BYTES_MAX (JOURNAL_ANSWER_BYTES_MAX + 128)

struct entry {
    int64_t number;
    uint64_t referral;
    enum message_type type;
};

struct journal {
    int directory;
    int file;
    struct entry entries[ENTRIES_KEPT]; /* a ring: the one with index i stands at i % ENTRIES_KEPT */
    uint64_t entries_count;             /* ever read or added */
    char answer[JOURNAL_ANSWER_BYTES_MAX];
};

static const struct entry *last_entry(const struct journal *journal)
{
    return journal->entries_count ? &journal->entries[(journal->entries_count - 1) % ENTRIES_KEPT] : NULL;
}

static void remember(struct journal *journal, struct entry entry, const char *answer)
{
    journal->entries[journal->entries_count++ % ENTRIES_KEPT] = entry;
    snprintf(journal->answer, sizeof journal->answer, "%s", answer ? answer : "");
}

/* "17 R123-45 offer {...}"; answer points into the line. */
static bool parse_line(char *line, struct entry *entry, const char **answer)
{
    char *rest;
    const char *number = strtok_r(line, " ", &rest);
    const char *referral = strtok_r(NULL, " ", &rest);
    const char *type = strtok_r(NULL, " ", &rest);
    const struct message_spec *spec = type ? message_spec_by_name(type, strlen(type)) : NULL;
    char *end;

    if (!spec || !referral_id_parse((struct text){referral, (uint32_t)strlen(referral)}, &entry->referral))
        return false;
    entry->number = strtoll(number, &end, 10);
    entry->type = spec->type;
    *answer = rest;
    return *end == '\0' && entry->number > 0;
}

static enum journal_result read_lines(struct journal *journal, FILE *in, off_t *whole)
{
    char *line = malloc(LINE_BYTES_MAX);
    enum journal_result result = line ? JOURNAL_OK : JOURNAL_IO;

    while (result == JOURNAL_OK && fgets(line, LINE_BYTES_MAX, in)) {
        size_t length = strlen(line);
        struct entry entry;
        const char *answer;

        if (line[length - 1] != '\n')
            break; /* the program was stopped while it wrote this line: nothing was told because of it */
        line[length - 1] = '\0';
        if (!parse_line(line, &entry, &answer))
            result = JOURNAL_DAMAGED;
        else
            remember(journal, entry, answer);
        *whole += (off_t)length;
    }
    free(line);
    return result == JOURNAL_OK && ferror(in) ? JOURNAL_IO : result;
}

/* Reads what is there. The next line is written over a last one that is not whole. */
static enum journal_result load(struct journal *journal)
{
    int copy = dup(journal->file);
    FILE *in = copy >= 0 ? fdopen(copy, "r") : NULL;
    enum journal_result result;
    off_t whole = 0;

    if (!in) {
        if (copy >= 0)
            close(copy);
        return JOURNAL_IO;
    }
    result = read_lines(journal, in, &whole);
    fclose(in);
    if (result == JOURNAL_OK && lseek(journal->file, whole, SEEK_SET) < 0)
        result = JOURNAL_IO;
    return result;
}

static size_t format_line(char *line, const struct entry *entry, const char *answer)
{
    char referral[REFERRAL_ID_BYTES_MAX];
    int length;

    referral_id_format(entry->referral, referral);
    length = snprintf(line, LINE_BYTES_MAX, "%" PRId64 " %s %s%s%s\n", entry->number, referral,
                      message_spec(entry->type)->name, answer && answer[0] ? " " : "", answer ? answer : "");
    return length > 0 && length < LINE_BYTES_MAX ? (size_t)length : 0;
}

static bool write_line(int file, const struct entry *entry, const char *answer)
{
    char line[LINE_BYTES_MAX];
    size_t length = format_line(line, entry, answer);

    return length > 0 && write(file, line, length) == (ssize_t)length;
}

/* Writes the newest entries into a new file and puts it in the place of the old. The lock is on the directory, so it
 * outlives the exchange. */
static enum journal_result shorten(struct journal *journal)
{
    int file = openat(journal->directory, "journal.new", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool written = file >= 0;

    for (uint64_t i = journal->entries_count - ENTRIES_KEPT; written && i < journal->entries_count; i++)
        written = write_line(file, &journal->entries[i % ENTRIES_KEPT],
                             i + 1 == journal->entries_count ? journal->answer : NULL);
    if (written && fsync(file) == 0 &&
        renameat(journal->directory, "journal.new", journal->directory, "journal") == 0 &&
        fsync(journal->directory) == 0) {
        close(journal->file);
        journal->file = file;
        return JOURNAL_OK;
    }
    if (file >= 0)
        close(file);
    return JOURNAL_IO;
}

static enum journal_result open_files(struct journal *journal, const char *directory)
{
    enum journal_result result;

    journal->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (journal->directory < 0)
        return JOURNAL_IO;
    if (flock(journal->directory, LOCK_EX | LOCK_NB))
        return errno == EWOULDBLOCK ? JOURNAL_LOCKED : JOURNAL_IO;
    journal->file = openat(journal->directory, "journal", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (journal->file < 0 || fsync(journal->directory))
        return JOURNAL_IO;
    result = load(journal);
    if (result == JOURNAL_OK && journal->entries_count > LINES_MAX)
        result = shorten(journal);
    return result;
}

enum journal_result journal_open(struct journal **out, const char *directory)
{
    struct journal *journal = calloc(1, sizeof *journal);
    enum journal_result result;

    *out = NULL;
    if (!journal)
        return JOURNAL_IO;
    journal->directory = -1;
    journal->file = -1;
    result = open_files(journal, directory);
    if (result == JOURNAL_OK) {
        *out = journal;
    } else {
        int kept = errno;
        journal_close(&journal);
        errno = kept;
    }
    return result;
}

void journal_close(struct journal **journal)
{
    if (!*journal)
        return;
    if ((*journal)->file >= 0)
        close((*journal)->file);
    if ((*journal)->directory >= 0)
        close((*journal)->directory);
    free(*journal);
    *journal = NULL;
}

bool journal_has(const struct journal *journal, const struct message *push)
{
    int64_t number = message_number(push, FIELD_mailbox_number);
    uint64_t referral = push_subject(push);
    uint64_t oldest = journal->entries_count > ENTRIES_KEPT ? journal->entries_count - ENTRIES_KEPT : 0;

    for (uint64_t i = journal->entries_count; i > oldest; i--) {
        const struct entry *entry = &journal->entries[(i - 1) % ENTRIES_KEPT];
        if (entry->number == number && entry->referral == referral && entry->type == push->type)
            return true;
    }
    return false;
}

enum journal_result journal_add(struct journal *journal, const struct message *push, const char *answer)
{
    struct entry entry = {message_number(push, FIELD_mailbox_number), push_subject(push), push->type};

    if (!write_line(journal->file, &entry, answer) || fdatasync(journal->file))
        return JOURNAL_IO;
    remember(journal, entry, answer);
    return JOURNAL_OK;
}

int64_t journal_last(const struct journal *journal)
{
    return journal->entries_count ? last_entry(journal)->number : 0;
}

const char *journal_answer(const struct journal *journal)
{
    return journal->answer;
}

enum journal_result journal_keep_anchor(const struct journal *journal, const struct exchange_anchor *anchor)
{
    int file = openat(journal->directory, "anchor.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool is_kept = file >= 0 && dprintf(file, "%" PRId64 ":%s\n", anchor->sequence, anchor->head) > 0 &&
                   fsync(file) == 0 && renameat(journal->directory, "anchor.new", journal->directory, "anchor") == 0 &&
                   fsync(journal->directory) == 0;

    if (file >= 0)
        close(file);
    return is_kept ? JOURNAL_OK : JOURNAL_IO;
}

enum journal_result journal_read_anchor(const char *directory, struct exchange_anchor *anchor)
{
    char path[PATH_MAX];
    FILE *in;
    int count;

    snprintf(path, sizeof path, "%s/anchor", directory);
    in = fopen(path, "re");
    if (!in)
        return JOURNAL_IO;
    count = fscanf(in, "%" SCNd64 ":%64[0-9a-f]", &anchor->sequence, anchor->head);
    fclose(in);
    return count == 2 && strlen(anchor->head) == 64 ? JOURNAL_OK : JOURNAL_DAMAGED;
}
