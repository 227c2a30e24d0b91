/* SPDX-License-Identifier: MIT
 * redo: what was written is read again, in order and to the last whole batch; what was torn ends it, what was lost
 * after it had been on the disk is damage, and what is left of earlier intervals is never read. */
#include "daemon/io/redo.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/outside.h"

enum { BYTES = 64 << 10, PAGE = 4096 };

static char directory[] = "/tmp/test-redo-XXXXXX";
static int directory_fd = -1;
static struct redo *redo;

static void must_open(void)
{
    redo = redo_open(directory_fd, BYTES);
    cr_assert_not_null(redo, "%s", strerror(errno));
}

static void make_directory(void)
{
    cr_assert_not_null(mkdtemp(directory));
    directory_fd = open(directory, O_RDONLY | O_DIRECTORY);
    must_open();
}

static void remove_directory(void)
{
    redo_close(&redo);
    unlinkat(directory_fd, "redo.0", 0);
    unlinkat(directory_fd, "redo.1", 0);
    close(directory_fd);
    rmdir(directory);
}

TestSuite(redo, .init = make_directory, .fini = remove_directory);

static void add(const char *key, const char *text)
{
    redo_add(redo, &(struct redo_change){.table = 3,
                                         .deleted = !text,
                                         .key = key,
                                         .key_length = strlen(key),
                                         .bytes = text,
                                         .length = text ? strlen(text) : 0});
}

static void write_batch(uint64_t number, uint64_t durable, const char *key, const char *text)
{
    add(key, text);
    cr_assert_eq(redo_write(redo, number, durable), REDO_DONE);
}

static char story[4096];
static size_t stop_after;

static bool tell(void *argument, const struct redo_change *change)
{
    size_t *count = argument;
    size_t length = strlen(story);

    if (++*count == stop_after)
        return false;
    cr_assert_eq(change->table, 3);
    snprintf(story + length, sizeof story - length, "%.*s%s%.*s;", (int)change->key_length, (const char *)change->key,
             change->deleted ? "-" : "=", (int)change->length, (const char *)change->bytes);
    return true;
}

static enum redo_result read_again(uint64_t base, uint64_t *number)
{
    size_t count = 0;

    story[0] = '\0';
    return redo_read(redo, base, number, tell, &count);
}

static void expect(uint64_t base, const char *expected, uint64_t last)
{
    uint64_t number = 0;

    cr_assert_eq(read_again(base, &number), REDO_DONE);
    cr_assert_str_eq(story, expected);
    cr_assert_eq(number, last);
}

static void change_byte(const char *name, off_t at)
{
    int file = openat(directory_fd, name, O_RDWR);
    unsigned char byte;

    cr_assert_eq(pread(file, &byte, 1, at), 1);
    byte ^= 4;
    cr_assert_eq(pwrite(file, &byte, 1, at), 1);
    close(file);
}

Test(redo, what_was_written_is_read_again_in_order_also_by_the_next_process)
{
    redo_begin(redo, 7);
    cr_assert(redo_is_empty(redo));
    add("a", "one");
    add("b", "");
    cr_assert_not(redo_is_empty(redo));
    write_batch(1, 0, "c", "three");
    cr_assert(redo_is_empty(redo));
    write_batch(2, 1, "a", NULL);
    cr_assert_eq(redo_used(redo), 2 * PAGE);
    cr_assert(redo_sync(redo));
    expect(7, "a=one;b=;c=three;a-;", 2);
    redo_close(&redo);
    must_open();
    expect(7, "a=one;b=;c=three;a-;", 2);
    expect(6, "", 0);
    expect(8, "", 0);
}

Test(redo, what_is_forgotten_is_not_written)
{
    redo_begin(redo, 7);
    add("a", "one");
    redo_forget(redo);
    write_batch(1, 0, "b", "two");
    expect(7, "b=two;", 1);
}

Test(redo, the_interval_before_stays_and_the_one_before_that_is_written_over)
{
    redo_begin(redo, 7);
    write_batch(1, 0, "a", "one");
    write_batch(2, 1, "a", "two");
    redo_begin(redo, 8);
    write_batch(3, 2, "b", "three");
    expect(7, "a=one;a=two;", 2);
    expect(8, "b=three;", 3);
    redo_begin(redo, 9);
    write_batch(4, 3, "c", "four");
    uint64_t number = 0;
    cr_assert_eq(read_again(7, &number), REDO_DAMAGED); /* nobody who has read its end asks for it */
    expect(8, "b=three;", 3);
    expect(9, "c=four;", 4);
}

Test(redo, an_interval_that_does_not_follow_the_one_before_is_damage)
{
    uint64_t number = 1; /* of an interval of which the last batch could not be read */

    redo_begin(redo, 8);
    write_batch(3, 2, "b", "three");
    cr_assert_eq(read_again(8, &number), REDO_DAMAGED);
    number = 2;
    cr_assert_eq(read_again(8, &number), REDO_DONE);
    cr_assert_eq(number, 3);
}

Test(redo, a_torn_batch_ends_it_wherever_it_is_torn)
{
    for (off_t at = 0; at < 70; at++) {
        redo_begin(redo, 10 + (uint64_t)at);
        write_batch(1, 0, "a", "one");
        write_batch(2, 0, "b", "two");
        const char *name = at % 2 ? "redo.0" : "redo.1"; /* the first begins in the second file */
        change_byte(name, PAGE + at);
        expect(10 + (uint64_t)at, "a=one;", 1);
    }
}

/* Without the one before it: when that was written, the disk had not said that it has it. */
Test(redo, a_whole_batch_behind_a_torn_one_is_not_read)
{
    redo_begin(redo, 7);
    write_batch(1, 0, "a", "one");
    write_batch(2, 1, "b", "two");
    write_batch(3, 1, "c", "three");
    change_byte("redo.1", PAGE + 66);
    expect(7, "a=one;", 1);
}

Test(redo, a_batch_that_was_on_the_disk_and_cannot_be_read_is_damage)
{
    uint64_t number = 0;

    redo_begin(redo, 7);
    write_batch(5, 4, "a", "one");
    write_batch(6, 4, "b", "two");
    write_batch(7, 6, "c", "three");
    change_byte("redo.1", PAGE + 66);
    cr_assert_eq(read_again(7, &number), REDO_DAMAGED);
    change_byte("redo.1", PAGE + 66);
    change_byte("redo.1", 66);
    number = 0;
    cr_assert_eq(read_again(7, &number), REDO_DAMAGED);
    change_byte("redo.1", 66);
    expect(7, "a=one;b=two;c=three;", 7);
}

Test(redo, who_takes_the_changes_may_stop)
{
    uint64_t number = 0;

    redo_begin(redo, 7);
    redo_begin(redo, 8);
    add("a", "one");
    write_batch(1, 0, "b", "two");
    stop_after = 1;
    cr_assert_eq(read_again(8, &number), REDO_STOPPED);
}

Test(redo, a_batch_without_room_is_not_written_and_the_next_one_is)
{
    static char large[REDO_BATCH_BYTES_MAX];

    memset(large, 'x', sizeof large - 1);
    redo_begin(redo, 7);
    add("a", large);
    add("b", "small");
    cr_assert_not(redo_is_empty(redo));
    cr_assert_eq(redo_write(redo, 1, 0), REDO_NO_ROOM);
    redo_forget(redo);
    large[BYTES / 2] = '\0';
    cr_assert_not(redo_is_full(redo));
    write_batch(1, 0, "a", large);
    add("b", large);
    cr_assert_eq(redo_write(redo, 2, 0), REDO_NO_ROOM);
    redo_forget(redo);
    large[BYTES / 4] = '\0';
    write_batch(2, 0, "b", large);
    cr_assert(redo_is_full(redo));
    redo_begin(redo, 8);
    cr_assert_not(redo_is_full(redo));
}

Test(redo, a_file_that_is_full_to_its_end_is_read)
{
    static char whole[BYTES - 200];
    uint64_t number = 0;

    memset(whole, 'x', sizeof whole - 1);
    redo_begin(redo, 7);
    write_batch(1, 0, "a", whole);
    cr_assert_eq(redo_used(redo), BYTES);
    cr_assert_eq(read_again(7, &number), REDO_DONE);
    cr_assert_eq(number, 1);
}

/* Nothing of another batch, and nothing of the memory that was there before. */
Test(redo, behind_a_batch_its_page_is_zeros)
{
    static unsigned char page[PAGE];
    char large[2000];

    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    redo_begin(redo, 7);
    write_batch(1, 0, "a", large);
    write_batch(2, 0, "a", "small");
    int file = openat(directory_fd, "redo.1", O_RDONLY);
    cr_assert_eq(pread(file, page, sizeof page, PAGE), PAGE);
    close(file);
    cr_assert_not_null(memmem(page, sizeof page, "small", 5));
    for (size_t i = 200; i < sizeof page; i++)
        cr_assert_eq(page[i], 0, "%zu", i);
}

Test(redo, a_write_or_a_sync_that_fails_is_told)
{
    redo_begin(redo, 7);
    add("a", "one");
    outside_fails("pwrite", 1, EIO);
    cr_assert_eq(redo_write(redo, 1, 0), REDO_FAILED);
    cr_assert_eq(outside_works(), 1);
    outside_fails("fdatasync", 1, EIO);
    cr_assert_not(redo_sync(redo));
    cr_assert_eq(outside_works(), 1);
}

Test(redo, a_short_write_has_failed)
{
    const struct rlimit limit = {2 * PAGE + 100, RLIM_INFINITY};

    signal(SIGXFSZ, SIG_IGN);
    redo_begin(redo, 7);
    write_batch(1, 0, "a", "one");
    write_batch(2, 0, "a", "two");
    setrlimit(RLIMIT_FSIZE, &limit);
    add("a", "three");
    errno = 0;
    cr_assert_eq(redo_write(redo, 3, 0), REDO_FAILED);
    cr_assert_eq(errno, EIO);
}

Test(redo, a_batch_that_says_it_is_shorter_than_its_own_header_is_none)
{
    redo_begin(redo, 7);
    write_batch(1, 0, "a", "one");
    int file = openat(directory_fd, "redo.1", O_RDWR);
    cr_assert_eq(pwrite(file, (char[8]){0}, 8, 16 + 6 * 8), 8);
    close(file);
    expect(7, "", 0);
}

Test(redo, a_file_that_has_become_shorter_cannot_be_read)
{
    uint64_t number = 0;
    int file = openat(directory_fd, "redo.0", O_RDWR);

    cr_assert_eq(ftruncate(file, PAGE), 0);
    close(file);
    errno = 0;
    cr_assert_eq(read_again(7, &number), REDO_FAILED);
    cr_assert_eq(errno, EIO);
}

Test(redo, what_cannot_be_read_is_told)
{
    uint64_t number = 0, lowest, highest;

    for (int i = 1; i <= 2; i++) {
        outside_fails("pread", (unsigned)i, EIO);
        cr_assert_eq(read_again(7, &number), REDO_FAILED);
        cr_assert(outside_works() == 1 && errno == EIO);
        outside_fails("malloc", (unsigned)i, ENOMEM);
        cr_assert_eq(redo_bases(redo, 7, &lowest, &highest), REDO_FAILED);
        cr_assert(outside_works() == 1 && errno == ENOMEM);
    }
}

static void expect_bases(uint64_t from, uint64_t lowest, uint64_t highest)
{
    uint64_t found_lowest, found_highest;

    cr_assert_eq(redo_bases(redo, from, &found_lowest, &found_highest), REDO_DONE);
    cr_assert_eq(found_lowest, lowest);
    cr_assert_eq(found_highest, highest);
}

Test(redo, the_bases_of_batches_are_found_wherever_they_stand)
{
    expect_bases(0, 0, 0);
    redo_begin(redo, 7);
    write_batch(1, 0, "a", "one");
    write_batch(2, 1, "b", "two");
    change_byte("redo.1", 0);
    expect_bases(0, 7, 7);
    expect_bases(7, 7, 7);
    expect_bases(8, 0, 0);
    redo_begin(redo, 9);
    write_batch(3, 2, "a", "one");
    expect_bases(0, 7, 9);
    expect_bases(8, 9, 9);
    expect_bases(10, 0, 0);
}

/* On one base two processes may have written: the first of them something that was torn. */
Test(redo, what_another_opening_has_written_behind_is_not_read)
{
    redo_begin(redo, 7);
    write_batch(1, 0, "a", "torn");
    write_batch(2, 0, "b", "left over");
    redo_close(&redo);
    must_open();
    redo_begin(redo, 7);
    write_batch(1, 0, "a", "new");
    expect(7, "a=new;", 1);
}

/* Its numbers go further than those of the opening that begins anew with 1, so what it says is on the disk does too. */
Test(redo, what_another_opening_says_was_on_the_disk_is_not_missed)
{
    redo_begin(redo, 7);
    write_batch(1000, 999, "a", "torn");
    write_batch(1001, 999, "b", "left over");
    change_byte("redo.1", 0);
    redo_close(&redo);
    must_open();
    expect(7, "", 0);
    redo_begin(redo, 7);
    write_batch(1, 0, "a", "new");
    expect(7, "a=new;", 1);
    write_batch(2, 1, "b", "newer");
    expect(7, "a=new;b=newer;", 2);
}

static off_t length_of(const char *name)
{
    struct stat status;

    cr_assert_eq(fstatat(directory_fd, name, &status, 0), 0);
    cr_assert_geq(status.st_blocks * 512, status.st_size);
    return status.st_size;
}

Test(redo, files_grow_and_never_shrink)
{
    redo_begin(redo, 7);
    write_batch(1, 0, "a", "one");
    redo_close(&redo);
    redo = redo_open(directory_fd, 2 * BYTES - 1);
    cr_assert_not_null(redo);
    expect(7, "a=one;", 1);
    cr_assert_eq(length_of("redo.0"), 2 * BYTES);
    cr_assert_eq(length_of("redo.1"), 2 * BYTES);
    redo_close(&redo);
    int file = openat(directory_fd, "redo.0", O_RDWR); /* as a start leaves it that was killed */
    cr_assert_eq(ftruncate(file, PAGE + 1), 0);
    close(file);
    must_open();
    cr_assert_eq(length_of("redo.0"), 2 * BYTES);
    expect(7, "a=one;", 1);
}

Test(redo, a_file_that_is_no_redo_log_is_refused)
{
    int file = openat(directory_fd, "redo.1", O_RDWR);

    redo_close(&redo);
    cr_assert_eq(ftruncate(file, REDO_BYTES_MAX + 1), 0);
    close(file);
    cr_assert_null(redo_open(directory_fd, BYTES));
    cr_assert_eq(errno, EFBIG);
}

Test(redo, each_call_that_fails_at_the_opening_is_told)
{
    static const char *const calls[] = {"malloc", "openat", "lseek", "pwrite", "fsync"};
    unsigned failures = 0;

    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        for (unsigned n = 1;; n++, failures++) {
            redo_close(&redo);
            unlinkat(directory_fd, "redo.0", 0);
            unlinkat(directory_fd, "redo.1", 0);
            int error = strcmp(calls[i], "malloc") == 0 ? ENOMEM : EACCES;
            outside_fails(calls[i], n, error);
            redo = redo_open(directory_fd, BYTES);
            int why = errno;
            if (outside_works() == 0)
                break;
            cr_assert_null(redo, "%s %u", calls[i], n);
            cr_assert_eq(why, error, "%s %u: %s", calls[i], n, strerror(why));
        }
    cr_assert_not_null(redo);
    cr_assert_eq(failures, 1 + 2 + 4 + 2 + 3);
}
