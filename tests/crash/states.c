/* SPDX-License-Identifier: MIT
 * states: what a power cut may leave of the store. Commits of the daemon's kind are written to a real store while every
 * write and sync of its files is recorded; some are told to be durable at once, some with later ones, and now and then
 * the store is settled, as the daemon does. Then, for each moment between two of them, the files are put together as a
 * disk may have kept them: of each everything up to its last sync, and of what was written since any part, down to
 * single sectors. Such files are opened as the daemon opens them, and must hold exactly the newest acknowledged commit,
 * or a later one that was begun. On some of them the daemon goes on and is killed, and what it has told must be there
 * then. --without-sync leaves the syncs out of the record: then the check must find
 * violations. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/io/store_lmdb.h"
#include "tests/sim/random.h"

enum {
    MAP_BYTES = 3 << 20,
    PAGE_BYTES = 4096,
    SECTOR_BYTES = 512,
    SECTORS = PAGE_BYTES / SECTOR_BYTES,
    COMMITS = 240,
    EVENTS_MAX = 1 << 17,
    WRITES_MAX = 1024,
    VALUE_BYTES_MAX = 20000,
    VIOLATIONS_SHOWN = 5,
    ONE_LIVES_ON = 32 /* of so many states */
};

static uint64_t random_below(struct random *random, uint64_t most)
{
    return random_next(random) % most;
}

/* ---- the record ---- */

enum event_kind { WRITTEN, WRITTEN_THROUGH, SYNCED, BEGUN, ACKNOWLEDGED };

enum { FILES = 3 };
static const char *const file_names[FILES] = {"data.mdb", "redo.0", "redo.1"};

struct event {
    enum event_kind kind;
    int file; /* of writes and syncs */
    off_t offset;
    size_t length;
    uint8_t *bytes;
    uint32_t commit; /* of BEGUN and ACKNOWLEDGED */
};

static struct {
    bool on;
    bool without_sync;
    dev_t device;
    ino_t inodes[FILES];
    struct event events[EVENTS_MAX];
    uint32_t count;
} record;

/* What an opening has written to the files that it looks at. */
static struct {
    bool on;
    struct {
        int file;
        off_t offset;
        size_t length;
    } writes[WRITES_MAX];
    uint32_t count;
} opening;

static struct event *add_event(enum event_kind kind)
{
    assert(record.count < EVENTS_MAX);
    struct event *event = &record.events[record.count++];
    *event = (struct event){.kind = kind};
    return event;
}

/* -1: none of the store's. */
static int file_of(int fd)
{
    struct stat status;

    if ((!record.on && !opening.on) || fstat(fd, &status) != 0 || status.st_dev != record.device)
        return -1;
    for (int i = 0; i < FILES; i++)
        if (status.st_ino == record.inodes[i])
            return i;
    return -1;
}

static void add_write(int fd, int file, const void *bytes, size_t length, off_t offset)
{
    if (opening.on) {
        assert(opening.count < WRITES_MAX);
        opening.writes[opening.count].file = file;
        opening.writes[opening.count].offset = offset;
        opening.writes[opening.count++].length = length;
        return;
    }
    struct event *event = add_event((fcntl(fd, F_GETFL) & O_DSYNC) ? WRITTEN_THROUGH : WRITTEN);

    event->file = file;
    event->offset = offset;
    event->length = length;
    event->bytes = malloc(length);
    assert(event->bytes);
    memcpy(event->bytes, bytes, length);
}

static void add_sync(int fd)
{
    int file = file_of(fd);

    if (file >= 0 && record.on && !record.without_sync)
        add_event(SYNCED)->file = file;
}

static ssize_t result_of(long result)
{
    return (ssize_t)result;
}

/* What LMDB calls in the C library; the program's own symbols come first. */
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset);
ssize_t writev(int fd, const struct iovec *parts, int count);
int fdatasync(int fd);
int fsync(int fd);

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    int file = file_of(fd);

    if (file >= 0)
        add_write(fd, file, bytes, length, offset);
    return result_of(syscall(SYS_pwrite64, fd, bytes, length, offset));
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    int file = file_of(fd);

    if (file >= 0) {
        off_t offset = lseek(fd, 0, SEEK_CUR);
        for (int i = 0; i < count; offset += (off_t)parts[i].iov_len, i++)
            add_write(fd, file, parts[i].iov_base, parts[i].iov_len, offset);
    }
    return result_of(syscall(SYS_writev, fd, parts, count));
}

int fdatasync(int fd)
{
    int result = (int)syscall(SYS_fdatasync, fd);

    add_sync(fd);
    return result;
}

int fsync(int fd)
{
    int result = (int)syscall(SYS_fsync, fd);

    add_sync(fd);
    return result;
}

/* ---- commits of the daemon's kind ---- */

static uint64_t digests[COMMITS + 1]; /* of the whole store after each commit */

static uint64_t digest_bytes(uint64_t digest, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    uint64_t word;

    for (; length >= sizeof word; at += sizeof word, length -= sizeof word) {
        memcpy(&word, at, sizeof word);
        digest = (digest ^ word) * UINT64_C(0x9E3779B97F4A7C15);
        digest ^= digest >> 29;
    }
    for (; length; at++, length--)
        digest = (digest ^ *at) * UINT64_C(0x9E3779B97F4A7C15);
    return digest;
}

static uint64_t digest_of(struct transaction *transaction, struct store *store, bool *good)
{
    uint64_t digest = 0;

    for (int table = 0; table < TABLE_COUNT; table++) {
        uint64_t key = 0;
        const void *bytes = NULL;
        size_t length = 0;
        enum store_result result;
        while ((result = store_seek(store, transaction, (enum table)table, false, &key, &bytes, &length)) == STORE_OK) {
            digest = digest_bytes(digest ^ (uint64_t)table, &key, sizeof key);
            digest = digest_bytes(digest, bytes, length);
            if (key++ == UINT64_MAX)
                break;
        }
        *good = *good && (result == STORE_OK || result == STORE_NOT_FOUND);
    }
    return digest;
}

static void put(struct store *store, struct transaction *transaction, struct random *random, enum table table,
                uint64_t key, size_t length)
{
    static uint8_t bytes[VALUE_BYTES_MAX];

    assert(length <= sizeof bytes);
    for (size_t i = 0; i + sizeof(uint64_t) <= length; i += sizeof(uint64_t)) {
        uint64_t word = random_next(random);
        memcpy(bytes + i, &word, sizeof word);
    }
    store_put(store, transaction, table, key, bytes, length);
}

/* What one turn writes: new referrals, answers to old ones, now and then a network, a spilled mailbox, an erasure. */
static void write_turn(struct store *store, struct transaction *transaction, struct random *random, uint32_t commit)
{
    static uint64_t referral, sequence, owed;
    uint64_t head[8] = {commit};
    uint32_t submits = (uint32_t)random_below(random, 4);

    for (uint32_t i = 0; i < submits; i++) {
        put(store, transaction, random, TABLE_CONTENT, ++referral, 200 + random_below(random, 900));
        put(store, transaction, random, TABLE_REFERRAL, referral, 150 + random_below(random, 200));
        put(store, transaction, random, TABLE_HISTORY, ++sequence, 120 + random_below(random, 400));
    }
    for (uint64_t i = random_below(random, 5); i && referral; i--) {
        put(store, transaction, random, TABLE_REFERRAL, 1 + random_below(random, referral),
            150 + random_below(random, 400));
        put(store, transaction, random, TABLE_HISTORY, ++sequence, 120 + random_below(random, 900));
    }
    if (random_below(random, 3) == 0)
        put(store, transaction, random, TABLE_PARTY, 1 + random_below(random, 12), 80);
    if (random_below(random, 6) == 0)
        put(store, transaction, random, TABLE_CAPACITY, random_below(random, 8) << 32 | 7, 60);
    if (random_below(random, 10) == 0)
        put(store, transaction, random, TABLE_OWED, ++owed, 56);
    if (owed && random_below(random, 20) == 0)
        store_del(store, transaction, TABLE_OWED, owed--);
    if (random_below(random, 60) == 0)
        put(store, transaction, random, TABLE_NETWORK, commit, 5000 + random_below(random, 5000));
    for (uint64_t i = random_below(random, 50) ? 0 : 8; i; i--) /* more than the redo log has room for */
        put(store, transaction, random, TABLE_UNMET, i, VALUE_BYTES_MAX);
    if (referral && random_below(random, 15) == 0) {
        uint64_t erased = 1 + random_below(random, referral);
        const void *bytes;
        size_t length;
        if (store_get(store, transaction, TABLE_CONTENT, erased, &bytes, &length) == STORE_OK)
            store_del(store, transaction, TABLE_CONTENT, erased);
    }
    store_put(store, transaction, TABLE_META, META_HEAD, head, sizeof head);
}

static void write_commits(struct store *store, struct random *random)
{
    for (uint32_t commit = 1; commit <= COMMITS; commit++) {
        bool good = true;
        struct transaction *transaction = store_begin(store, true, NULL);
        assert(transaction);
        write_turn(store, transaction, random, commit);
        digests[commit] = digest_of(transaction, store, &good);
        assert(good);
        add_event(BEGUN)->commit = commit;
        enum store_result result = store_commit(store, &transaction);
        assert(result == STORE_OK);
        if (random_below(random, 2))
            continue;
        result = random_below(random, 8) ? store_sync(store) : store_settle(store);
        assert(result == STORE_OK);
        add_event(ACKNOWLEDGED)->commit = commit;
    }
}

/* ---- what a disk may have kept ---- */

struct disk_file {
    char path[96];
    size_t bytes;
    uint8_t *kept;  /* everything up to its last sync */
    uint8_t *file;  /* that is opened, mapped */
    uint32_t first; /* its events from here on are not synced */
};

struct disk {
    char directory[64];
    struct disk_file files[FILES];
    uint32_t begun, acknowledged;
    uint64_t states, violations, held_next, lived_on;
    struct random random;
};

/* How much of what was not synced has reached the disk. */
enum shape { NOTHING, ALL, PREFIX, PAGES, ALL_BUT_ONE, ONE, SECTORS_OF_ALL, SHAPES };

static void keep_part(struct disk *disk, const struct event *event, bool by_sectors)
{
    uint8_t *file = disk->files[event->file].file;

    if (!by_sectors) {
        memcpy(file + event->offset, event->bytes, event->length);
        return;
    }
    for (size_t at = 0; at < event->length; at += SECTOR_BYTES) {
        size_t length = event->length - at < SECTOR_BYTES ? event->length - at : SECTOR_BYTES;
        if (random_below(&disk->random, 2))
            memcpy(file + event->offset + at, event->bytes + at, length);
    }
}

static bool is_write(const struct event *event)
{
    return event->kind == WRITTEN || event->kind == WRITTEN_THROUGH;
}

/* A write that is not on the disk for certain. */
static bool is_open(const struct disk *disk, uint32_t i)
{
    const struct event *event = &record.events[i];

    return is_write(event) && i >= disk->files[event->file].first;
}

static uint32_t first_open(const struct disk *disk)
{
    uint32_t first = record.count;

    for (int i = 0; i < FILES; i++)
        if (disk->files[i].first < first)
            first = disk->files[i].first;
    return first;
}

/* The open writes before `end` that a disk of this shape has kept. A write-through that has returned is kept. */
static void make_state(struct disk *disk, uint32_t end, enum shape shape)
{
    uint32_t writes = 0, index = 0, first = first_open(disk);

    for (uint32_t i = first; i < end; i++)
        writes += is_open(disk, i);
    uint64_t chosen = writes ? random_below(&disk->random, writes) : 0;
    for (uint32_t i = first; i < end; i++) {
        const struct event *event = &record.events[i];
        bool returned = event->kind == WRITTEN_THROUGH && i + 1 < end && !record.without_sync;
        if (!is_open(disk, i))
            continue;
        bool kept = shape == ALL || (shape == PREFIX && index < chosen) ||
                    (shape == PAGES && random_below(&disk->random, 2)) || (shape == ALL_BUT_ONE && index != chosen) ||
                    (shape == ONE && index == chosen) || shape == SECTORS_OF_ALL;
        if (returned || kept)
            keep_part(disk, event, shape == SECTORS_OF_ALL && !returned);
        index++;
    }
}

static void restore(const struct disk_file *file, off_t offset, size_t length)
{
    memcpy(file->file + offset, file->kept + offset, length);
}

static void restore_all(struct disk *disk)
{
    for (int i = 0; i < FILES; i++)
        restore(&disk->files[i], 0, disk->files[i].bytes);
}

/* Puts back what make_state and the opening have changed. What another process has written is not known. */
static void unmake_state(struct disk *disk, uint32_t end)
{
    for (uint32_t i = first_open(disk); i < end; i++)
        if (is_open(disk, i))
            restore(&disk->files[record.events[i].file], record.events[i].offset, record.events[i].length);
    for (uint32_t i = 0; i < opening.count; i++)
        restore(&disk->files[opening.writes[i].file], opening.writes[i].offset, opening.writes[i].length);
    opening.count = 0;
    if (record.without_sync)
        restore_all(disk);
}

/* NULL: as it must be. */
static const char *what_is_wrong(struct disk *disk, uint64_t *found)
{
    char why[256];
    struct store *store = store_lmdb_open(disk->directory, MAP_BYTES, why, sizeof why);
    const void *bytes = NULL;
    const char *wrong = NULL;
    size_t length = 0;
    bool good = true;

    *found = 0;
    if (!store)
        return "it cannot be opened";
    struct transaction *transaction = store_begin(store, false, NULL);
    assert(transaction);
    if (store_get(store, transaction, TABLE_META, META_HEAD, &bytes, &length) == STORE_OK && length >= sizeof *found)
        memcpy(found, bytes, sizeof *found);
    if (*found < disk->acknowledged)
        wrong = "an acknowledged commit is lost";
    else if (*found > disk->begun)
        wrong = "it holds what was not written yet";
    else if (digest_of(transaction, store, &good) != digests[*found] || !good)
        wrong = "it holds a commit in part";
    store_abort(store, &transaction);
    store_close(&store);
    return wrong;
}

/* Without syncs the file may be such that LMDB kills its reader: so the reader is another process. */
static const char *what_is_wrong_apart(struct disk *disk, uint64_t *found)
{
    int status;

    *found = 0;
    fflush(stdout);
    pid_t child = fork();
    assert(child >= 0);
    if (child == 0) {
        int silent = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(silent, STDERR_FILENO);
        _exit(what_is_wrong(disk, found) ? 1 : 0);
    }
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return "it kills its reader";
    return WEXITSTATUS(status) ? "it does not hold what it must" : NULL;
}

/* Starts, stores two turns, and is killed. Tells the digest of what must be there then. */
static void live_on(struct disk *disk, uint64_t *digest)
{
    char why[256];
    bool good = true;
    struct store *store = store_lmdb_open(disk->directory, MAP_BYTES, why, sizeof why);

    for (uint64_t turn = 1; store && turn <= 2; turn++) {
        struct transaction *transaction = store_begin(store, true, NULL);
        assert(transaction);
        put(store, transaction, &disk->random, TABLE_META, META_HEAD, 64);
        *digest = digest_of(transaction, store, &good);
        good = good && store_commit(store, &transaction) == STORE_OK && store_sync(store) == STORE_OK;
    }
    _exit(store && good ? 0 : 1);
}

/* NULL: what was stored after such a cut is there when the daemon was killed later. */
static const char *what_is_wrong_later(struct disk *disk)
{
    uint64_t *digest = mmap(NULL, sizeof *digest, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char why[256];
    bool good = true;
    int status;

    assert(digest != MAP_FAILED);
    fflush(stdout);
    pid_t child = fork();
    assert(child >= 0);
    if (child == 0)
        live_on(disk, digest);
    bool lived = waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    uint64_t expected = *digest;
    munmap(digest, sizeof *digest);
    if (!lived)
        return "nothing can be stored after it";
    struct store *store = store_lmdb_open(disk->directory, MAP_BYTES, why, sizeof why);
    if (!store)
        return "it cannot be opened after another start";
    struct transaction *transaction = store_begin(store, false, NULL);
    assert(transaction);
    uint64_t found = digest_of(transaction, store, &good);
    store_abort(store, &transaction);
    store_close(&store);
    return good && found == expected ? NULL : "what another start has stored is not there";
}

static void tell_violation(struct disk *disk, uint32_t end, enum shape shape, uint64_t found, const char *wrong)
{
    if (wrong && disk->violations++ < VIOLATIONS_SHOWN)
        printf("after event %" PRIu32 ", shape %d, commit %" PRIu32 " acknowledged, %" PRIu64 " found: %s\n", end,
               (int)shape, disk->acknowledged, found, wrong);
}

static void check_state(struct disk *disk, uint32_t end, enum shape shape)
{
    uint64_t found;

    if (!record.without_sync && random_below(&disk->random, ONE_LIVES_ON) == 0) {
        make_state(disk, end, shape);
        disk->lived_on++;
        tell_violation(disk, end, shape, 0, what_is_wrong_later(disk));
        restore_all(disk);
    }
    make_state(disk, end, shape);
    opening.on = !record.without_sync;
    const char *wrong = record.without_sync ? what_is_wrong_apart(disk, &found) : what_is_wrong(disk, &found);
    opening.on = false;
    disk->states++;
    disk->held_next += found > disk->acknowledged;
    tell_violation(disk, end, shape, found, wrong);
    unmake_state(disk, end);
}

static void pass(struct disk *disk, const struct event *event)
{
    if (event->kind == BEGUN)
        disk->begun = event->commit;
    if (event->kind == ACKNOWLEDGED)
        disk->acknowledged = event->commit;
}

/* Everything so far of this file is on the disk. */
static void settle(struct disk *disk, int index, uint32_t end)
{
    struct disk_file *file = &disk->files[index];

    for (; file->first < end; file->first++) {
        const struct event *event = &record.events[file->first];
        if (!is_write(event) || event->file != index)
            continue;
        memcpy(file->kept + event->offset, event->bytes, event->length);
        memcpy(file->file + event->offset, event->bytes, event->length);
    }
}

static void check_all(struct disk *disk, uint64_t states)
{
    uint32_t writes = 0;

    for (uint32_t i = 0; i < record.count; i++)
        writes += is_write(&record.events[i]);
    for (uint32_t i = 0; i < record.count; i++) {
        pass(disk, &record.events[i]);
        if (record.events[i].kind == SYNCED)
            settle(disk, record.events[i].file, i + 1);
        if (!is_write(&record.events[i]))
            continue;
        uint64_t want = (states * (i + 1)) / record.count;
        for (uint64_t n = 0; disk->states < want || (n < SHAPES && !record.without_sync); n++)
            check_state(disk, i + 1, (enum shape)(n < SHAPES ? n : PREFIX + random_below(&disk->random, 5)));
    }
    printf("%" PRIu32 " commits, %" PRIu32 " writes, ", (uint32_t)COMMITS, writes);
}

/* ---- the run ---- */

/* What stands in a file before the first commit. */
static void read_file(struct disk_file *of, ino_t *inode)
{
    struct stat status;
    int file = open(of->path, O_RDONLY | O_CLOEXEC);
    int rc = file < 0 ? -1 : fstat(file, &status);

    assert(rc == 0);
    (void)rc;
    record.device = status.st_dev;
    *inode = status.st_ino;
    of->bytes = (size_t)status.st_size;
    of->kept = malloc(of->bytes);
    assert(of->kept);
    for (size_t at = 0; at < of->bytes;) {
        ssize_t got = read(file, of->kept + at, of->bytes - at);
        assert(got > 0);
        at += (size_t)got;
    }
    close(file);
}

static void map_file(struct disk_file *of)
{
    int file = open(of->path, O_RDWR | O_CLOEXEC);

    assert(file >= 0);
    of->file = mmap(NULL, of->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    assert(of->file != MAP_FAILED);
    close(file);
    memcpy(of->file, of->kept, of->bytes);
}

static void make_directory(struct disk *disk)
{
    snprintf(disk->directory, sizeof disk->directory, "%s/referrald-states-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(disk->directory)) {
        fprintf(stderr, "states: cannot make a directory %s: %s\n", disk->directory, strerror(errno));
        exit(2);
    }
    for (int i = 0; i < FILES; i++)
        snprintf(disk->files[i].path, sizeof disk->files[i].path, "%s/%s", disk->directory, file_names[i]);
}

static void remove_directory(const struct disk *disk)
{
    static const char *const names[] = {"data.mdb", "lock.mdb", "lock", "redo.0", "redo.1"};
    char path[96];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", disk->directory, names[i]);
        unlink(path);
    }
    rmdir(disk->directory);
}

static void make_record(struct disk *disk)
{
    char why[256];
    bool good = true;
    struct store *store = store_lmdb_open(disk->directory, MAP_BYTES, why, sizeof why);

    if (!store) {
        fprintf(stderr, "states: %s\n", why);
        exit(2);
    }
    struct transaction *transaction = store_begin(store, false, NULL);
    assert(transaction);
    digests[0] = digest_of(transaction, store, &good);
    store_abort(store, &transaction);
    for (int i = 0; i < FILES; i++)
        read_file(&disk->files[i], &record.inodes[i]);
    record.on = true;
    write_commits(store, &disk->random);
    record.on = false;
    store_close(&store);
    for (int i = 0; i < FILES; i++)
        map_file(&disk->files[i]);
}

static void finish(struct disk *disk)
{
    for (int i = 0; i < FILES; i++) {
        munmap(disk->files[i].file, disk->files[i].bytes);
        free(disk->files[i].kept);
    }
    for (uint32_t i = 0; i < record.count; i++)
        free(record.events[i].bytes);
    remove_directory(disk);
}

int main(int count, char **words)
{
    static struct disk disk;
    uint64_t states = 20000;
    uint64_t seed = 1;

    for (int i = 1; i < count; i++) {
        if (strcmp(words[i], "--without-sync") == 0)
            record.without_sync = true;
        else if (strcmp(words[i], "--states") == 0 && i + 1 < count)
            states = strtoull(words[++i], NULL, 10);
        else if (strcmp(words[i], "--seed") == 0 && i + 1 < count)
            seed = strtoull(words[++i], NULL, 10);
        else {
            fprintf(stderr, "states: usage: states [--states N] [--seed N] [--without-sync]\n");
            return 64;
        }
    }
    disk.random.state = seed;
    make_directory(&disk);
    make_record(&disk);
    check_all(&disk, states);
    finish(&disk);
    printf("seed %" PRIu64 ": %" PRIu64 " states, %" PRIu64 " with the commit that was being made, %" PRIu64
           " that went on, %" PRIu64 " violations%s\n",
           seed, disk.states, disk.held_next, disk.lived_on, disk.violations,
           record.without_sync ? " (without syncs)" : "");
    return (disk.violations > 0) != record.without_sync;
}
