/* SPDX-License-Identifier: MIT
 * The file beside the store that says how far it has come. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/io/anchor.h"

static char directory[] = "/tmp/test-anchor-XXXXXX";
static char store[64], path[64], path_new[64], why[300];
static uint64_t batch;

static void begin(void)
{
    cr_assert_not_null(mkdtemp(directory));
    snprintf(store, sizeof store, "%s/store", directory);
    snprintf(path, sizeof path, "%s/store.anchor", directory);
    snprintf(path_new, sizeof path_new, "%s/store.anchor.new", directory);
}

static void end(void)
{
    rmdir(path_new);
    unlink(path);
    rmdir(directory);
}

TestSuite(anchor, .init = begin, .fini = end);

static void write_text(const char *text)
{
    FILE *file = fopen(path, "w");

    cr_assert(file);
    fputs(text, file);
    fclose(file);
}

Test(anchor, what_was_written_is_read_and_no_file_is_zero)
{
    batch = 9;
    cr_assert(anchor_read(store, &batch, why, sizeof why));
    cr_assert_eq(batch, 0);
    cr_assert(anchor_write(store, 4711, why, sizeof why), "%s", why);
    cr_assert(anchor_write(store, UINT64_MAX, why, sizeof why), "%s", why);
    cr_assert(anchor_read(store, &batch, why, sizeof why), "%s", why);
    cr_assert_eq(batch, UINT64_MAX);
    cr_assert_neq(access(path_new, F_OK), 0);
}

Test(anchor, it_stands_beside_the_directory_of_the_store_also_when_that_ends_in_a_stroke)
{
    strcat(store, "//");
    cr_assert(anchor_write(store, 3, why, sizeof why), "%s", why);
    cr_assert_eq(access(path, F_OK), 0);
}

Test(anchor, anything_else_in_the_file_is_refused)
{
    static const char *const texts[] = {"", "12", "-12\n", " 12\n", "12\n12\n", "twelve\n", "99999999999999999999\n"};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_text(texts[i]);
        cr_assert_not(anchor_read(store, &batch, why, sizeof why), "%s", texts[i]);
        cr_assert(strstr(why, path) && strstr(why, "remove the file"), "%s", why);
    }
}

Test(anchor, one_that_cannot_be_written_stays_as_it_was)
{
    cr_assert(anchor_write(store, 3, why, sizeof why), "%s", why);
    cr_assert_eq(mkdir(path_new, 0700), 0);
    cr_assert_not(anchor_write(store, 4, why, sizeof why));
    cr_assert(strstr(why, "cannot be written"), "%s", why);
    cr_assert(anchor_read(store, &batch, why, sizeof why), "%s", why);
    cr_assert_eq(batch, 3);
}
