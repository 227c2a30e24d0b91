/* SPDX-License-Identifier: MIT
 * redo: see redo.h. Numbers are little-endian. A batch begins on a page of its own, so that writing one never touches
 * what another's acknowledgement rests on. */
#include "daemon/io/redo.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <xxhash.h>

enum { FILES = 2, PAGE_BYTES = 4096 };

static const char *const file_names[FILES] = {"redo.0", "redo.1"};

/* Of a batch: the digest of all that follows it, the format and six numbers, the changes. */
enum { DIGEST_BYTES = 16, NUMBER_BYTES = 8, HEADER_BYTES = DIGEST_BYTES + 7 * NUMBER_BYTES };
static const char format[NUMBER_BYTES] = {'r', 'e', 'd', 'o', ' ', '1', '\n', '\0'};

/* Of a change: table, whether it deletes, length of the key; length of the bytes; key; bytes. */
enum { CHANGE_BYTES = 3 + 4 };

struct redo {
    int files[FILES];
    size_t bytes; /* of each */
    int current;
    uint64_t opening, base, first;
    size_t used;
    bool overflow;
    size_t length; /* of the batch that is gathered, with its header */
    uint8_t batch[REDO_BATCH_BYTES_MAX];
};

struct batch {
    uint64_t opening, base, first, number, durable;
    const uint8_t *changes;
    size_t length;
};

static size_t whole_pages(size_t length)
{
    return (length + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

static void write_number(uint8_t *at, uint64_t number)
{
    number = htole64(number);
    memcpy(at, &number, sizeof number);
}

static uint64_t read_number(const uint8_t *at)
{
    uint64_t number;
    memcpy(&number, at, sizeof number);
    return le64toh(number);
}

static void digest_of(const uint8_t *batch, size_t length, uint8_t digest[DIGEST_BYTES])
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(batch + DIGEST_BYTES, length - DIGEST_BYTES));
    memcpy(digest, canonical.digest, DIGEST_BYTES);
}

/* ---- the files ---- */

static bool write_whole(int file, const uint8_t *bytes, size_t length, off_t at)
{
    ssize_t written = pwrite(file, bytes, length, at);
    if (written >= 0 && (size_t)written < length)
        errno = EIO;
    return written == (ssize_t)length;
}

static bool fill_with_zeros(int file, size_t bytes)
{
    static uint8_t zeros[1 << 20];
    off_t at = lseek(file, 0, SEEK_END), end = (off_t)bytes;
    bool filled = at >= 0;
    if (at >= end)
        return true;
    while (filled && at < end) {
        size_t length = (size_t)(end - at) < sizeof zeros ? (size_t)(end - at) : sizeof zeros;
        filled = write_whole(file, zeros, length, at);
        at += (off_t)length;
    }
    return filled && fsync(file) == 0;
}

static bool open_files(struct redo *redo, int directory_fd)
{
    for (int i = 0; i < FILES; i++) {
        redo->files[i] = openat(directory_fd, file_names[i], O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        off_t length = redo->files[i] < 0 ? -1 : lseek(redo->files[i], 0, SEEK_END);
        if (length < 0)
            return false;
        if (length > REDO_BYTES_MAX) {
            errno = EFBIG;
            return false;
        }
        if ((size_t)length > redo->bytes) /* the store was larger */
            redo->bytes = whole_pages((size_t)length);
    }
    return true;
}

struct redo *redo_open(int directory_fd, size_t bytes)
{
    struct redo *redo = malloc(sizeof *redo); /* not cleared: what is never used costs no memory */
    if (!redo) {
        errno = ENOMEM;
        return NULL;
    }
    redo->files[0] = redo->files[1] = -1;
    redo->bytes = whole_pages(bytes);
    redo->current = 0;
    redo->base = redo->first = redo->used = 0;
    redo_forget(redo);
    if (getrandom(&redo->opening, sizeof redo->opening, 0) != sizeof redo->opening || !open_files(redo, directory_fd) ||
        !fill_with_zeros(redo->files[0], redo->bytes) || !fill_with_zeros(redo->files[1], redo->bytes) ||
        fsync(directory_fd) != 0)
        redo_close(&redo);
    return redo;
}

void redo_close(struct redo **redo)
{
    int error = errno;
    for (int i = 0; *redo && i < FILES; i++)
        if ((*redo)->files[i] >= 0)
            close((*redo)->files[i]);
    free(*redo);
    *redo = NULL;
    errno = error;
}

/* ---- writing ---- */

void redo_forget(struct redo *redo)
{
    redo->length = HEADER_BYTES;
    redo->overflow = false;
}

bool redo_is_empty(const struct redo *redo)
{
    return redo->length == HEADER_BYTES && !redo->overflow;
}

size_t redo_used(const struct redo *redo)
{
    return redo->used;
}

bool redo_is_full(const struct redo *redo)
{
    return redo->used > redo->bytes / 4 * 3;
}

void redo_add(struct redo *redo, const struct redo_change *change)
{
    assert(change->key_length <= REDO_KEY_BYTES_MAX);
    size_t size = CHANGE_BYTES + change->key_length + change->length;
    redo->overflow = redo->overflow || size > sizeof redo->batch - redo->length;
    if (redo->overflow)
        return;
    uint8_t *at = redo->batch + redo->length;
    uint32_t length = htole32((uint32_t)change->length);
    at[0] = change->table;
    at[1] = change->deleted;
    at[2] = (uint8_t)change->key_length;
    memcpy(at + 3, &length, sizeof length);
    memcpy(at + CHANGE_BYTES, change->key, change->key_length);
    if (change->length > 0)
        memcpy(at + CHANGE_BYTES + change->key_length, change->bytes, change->length);
    redo->length += size;
}

static void write_header(struct redo *redo, uint64_t number, uint64_t durable)
{
    uint8_t *at = redo->batch + DIGEST_BYTES;
    const uint64_t numbers[] = {redo->opening, redo->base, redo->first, number, durable, redo->length};
    memcpy(at, format, sizeof format);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        write_number(at + (i + 1) * NUMBER_BYTES, numbers[i]);
    digest_of(redo->batch, redo->length, redo->batch);
}

enum redo_result redo_write(struct redo *redo, uint64_t number, uint64_t durable)
{
    size_t size = whole_pages(redo->length);
    if (redo->overflow || size > redo->bytes - redo->used)
        return REDO_NO_ROOM;
    if (redo->used == 0)
        redo->first = number;
    write_header(redo, number, durable);
    memset(redo->batch + redo->length, 0, size - redo->length);
    if (!write_whole(redo->files[redo->current], redo->batch, size, (off_t)redo->used))
        return REDO_FAILED;
    redo->used += size;
    redo_forget(redo);
    return REDO_DONE;
}

bool redo_sync(struct redo *redo)
{
    return fdatasync(redo->files[redo->current]) == 0;
}

void redo_begin(struct redo *redo, uint64_t base)
{
    assert(base > redo->base);
    redo->current = 1 - redo->current;
    redo->base = base;
    redo->used = 0;
}

/* ---- reading ---- */

/* A file in memory. */
struct content {
    uint8_t *bytes;
    size_t length;
};

static bool find_batch(const struct content *file, size_t at, struct batch *batch)
{
    const uint8_t *start = file->bytes + at;
    const uint8_t *numbers = start + DIGEST_BYTES + NUMBER_BYTES;
    uint8_t digest[DIGEST_BYTES];
    if (memcmp(start + DIGEST_BYTES, format, sizeof format) != 0)
        return false;
    uint64_t length = read_number(numbers + 5 * NUMBER_BYTES);
    if (length < HEADER_BYTES || length > file->length - at)
        return false;
    digest_of(start, length, digest);
    *batch = (struct batch){.opening = read_number(numbers),
                            .base = read_number(numbers + NUMBER_BYTES),
                            .first = read_number(numbers + 2 * NUMBER_BYTES),
                            .number = read_number(numbers + 3 * NUMBER_BYTES),
                            .durable = read_number(numbers + 4 * NUMBER_BYTES),
                            .changes = start + HEADER_BYTES,
                            .length = length - HEADER_BYTES};
    return memcmp(digest, start, DIGEST_BYTES) == 0;
}

/* The changes of a batch whose digest is right are as they were written. */
static bool take_changes(const struct batch *batch, bool (*take)(void *, const struct redo_change *), void *argument)
{
    const uint8_t *at = batch->changes;
    const uint8_t *end = at + batch->length;
    bool taken = true;
    while (at < end && taken) {
        uint32_t length;
        memcpy(&length, at + 3, sizeof length);
        struct redo_change change = {
            .table = at[0], .deleted = at[1], .key_length = at[2], .length = le32toh(length), .key = at + CHANGE_BYTES};
        change.bytes = at + CHANGE_BYTES + change.key_length;
        at += CHANGE_BYTES + change.key_length + change.length;
        assert(at <= end);
        taken = take(argument, &change);
    }
    return taken;
}

/* False: errno says why. */
static bool load(const struct redo *redo, int i, struct content *file)
{
    ssize_t length = 1;
    *file = (struct content){malloc(redo->bytes), redo->bytes};
    if (!file->bytes)
        errno = ENOMEM;
    for (size_t at = 0; file->bytes && at < file->length && length > 0; at += (size_t)length)
        length = pread(redo->files[i], file->bytes + at, file->length - at, (off_t)at);
    if (file->bytes && length > 0)
        return true;
    if (length == 0)
        errno = EIO; /* it has become shorter */
    free(file->bytes);
    return false;
}

/* Whether a batch behind `at`, whatever stands between, says that the one after `number` (0: the interval's first) was
 * on the disk before. Behind batches that were read, those of another opening are left over: their numbers are others.
 */
static bool next_was_durable(const struct content *file, size_t at, uint64_t base, uint64_t opening, uint64_t number)
{
    struct batch batch;
    for (bool is_any = at == 0; at < file->length; at += PAGE_BYTES)
        if (find_batch(file, at, &batch) && batch.base == base && (is_any || batch.opening == opening) &&
            batch.durable >= (number ? number + 1 : batch.first))
            return true;
    return false;
}

static enum redo_result read_content(const struct content *file, uint64_t base, uint64_t *number,
                                     bool (*take)(void *, const struct redo_change *), void *argument)
{
    struct batch batch;
    uint64_t opening = 0;
    size_t at = 0;
    while (at < file->length && find_batch(file, at, &batch) && batch.base == base &&
           (at == 0 || batch.opening == opening) && batch.number == (*number ? *number + 1 : batch.first)) {
        if (!take_changes(&batch, take, argument))
            return REDO_STOPPED;
        opening = batch.opening;
        *number = batch.number;
        at += whole_pages(HEADER_BYTES + batch.length);
    }
    return next_was_durable(file, at, base, opening, *number) ? REDO_DAMAGED : REDO_DONE;
}

enum redo_result redo_read(struct redo *redo, uint64_t base, uint64_t *number,
                           bool (*take)(void *, const struct redo_change *), void *argument)
{
    enum redo_result result = REDO_DONE;
    for (int i = 0; i < FILES && result == REDO_DONE; i++) {
        struct content file;
        if (!load(redo, i, &file))
            return REDO_FAILED;
        result = read_content(&file, base, number, take, argument);
        free(file.bytes);
    }
    return result;
}

static void note_base(const struct batch *batch, uint64_t from, uint64_t *lowest, uint64_t *highest)
{
    if (batch->base < from)
        return;
    if (*lowest == 0 || batch->base < *lowest)
        *lowest = batch->base;
    if (batch->base > *highest)
        *highest = batch->base;
}

enum redo_result redo_bases(struct redo *redo, uint64_t from, uint64_t *lowest, uint64_t *highest)
{
    struct batch batch;
    *lowest = *highest = 0;
    for (int i = 0; i < FILES; i++) {
        struct content file;
        if (!load(redo, i, &file))
            return REDO_FAILED;
        for (size_t at = 0; at < file.length; at += PAGE_BYTES)
            if (find_batch(&file, at, &batch))
                note_base(&batch, from, lowest, highest);
        free(file.bytes);
    }
    return REDO_DONE;
}
