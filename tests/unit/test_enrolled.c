/* SPDX-License-Identifier: MIT
 * enrolled: who may connect is what the directory says. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/io/enrolled.h"

#define KEY_A "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define KEY_B "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define KEY_C "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"

static struct config_faults faults;
static char directory[32];

static void open_directory(void)
{
    strcpy(directory, "/tmp/enrolled-XXXXXX");
    cr_assert(mkdtemp(directory) != NULL);
    memset(&faults, 0, sizeof faults);
}

static void remove_directory(void)
{
    char path[300];
    DIR *open = opendir(directory);

    for (const struct dirent *file = readdir(open); file; file = readdir(open)) {
        snprintf(path, sizeof path, "%s/%s", directory, file->d_name);
        unlink(path);
    }
    closedir(open);
    rmdir(directory);
}

static void write_text(const char *name, const char *text)
{
    char path[300];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
}

static void write_key(const char *name, const char *party, const char *role, const char *key)
{
    char text[300];

    snprintf(text, sizeof text, "party = \"%s\"; role = \"%s\"; public_key = \"%s\";\n", party, role, key);
    write_text(name, text);
}

static void expect_fault(const char *words)
{
    struct enrolled *enrolled = enrolled_load(directory, &faults);

    cr_assert(enrolled == NULL);
    cr_assert(eq(sz, faults.count, 1), "%s | %s", faults.lines[0], faults.lines[1]);
    cr_assert(strstr(faults.lines[0], words) != NULL, "%s", faults.lines[0]);
}

TestSuite(enrolled, .init = open_directory, .fini = remove_directory);

Test(enrolled, a_key_is_found_with_its_party_and_role)
{
    write_key("a.pub", "four-greens", "hub", KEY_A);
    write_key("b.pub", "social-prescribing", "sender", KEY_B);
    write_text("notes.txt", "not a key");
    write_text(".hidden.pub", "not a key");
    struct enrolled *enrolled = enrolled_load(directory, &faults);
    cr_assert(enrolled != NULL, "%s", faults.lines[0]);
    cr_assert(eq(sz, enrolled_count(enrolled), 2));
    const struct principal *principal = enrolled_find(enrolled, KEY_A);
    cr_assert(principal != NULL);
    cr_assert_str_eq(principal->party, "four-greens");
    cr_assert(eq(int, principal->role, ROLE_HUB));
    principal = enrolled_find(enrolled, KEY_B);
    cr_assert(principal != NULL);
    cr_assert(eq(int, principal->role, ROLE_SENDER));
    cr_assert(enrolled_find(enrolled, "0000000000000000000000000000000000000000") == NULL);
    enrolled_free(&enrolled);
    cr_assert(enrolled == NULL);
}

Test(enrolled, a_party_may_have_two_keys_while_one_follows_the_other)
{
    write_key("old.pub", "four-greens", "hub", KEY_A);
    write_key("new.pub", "four-greens", "hub", KEY_B);
    struct enrolled *enrolled = enrolled_load(directory, &faults);
    cr_assert(enrolled != NULL, "%s", faults.lines[0]);
    cr_assert_str_eq(enrolled_find(enrolled, KEY_A)->party, "four-greens");
    cr_assert_str_eq(enrolled_find(enrolled, KEY_B)->party, "four-greens");
    enrolled_free(&enrolled);
}

Test(enrolled, a_third_key_of_a_party_is_refused)
{
    write_key("a.pub", "four-greens", "hub", KEY_A);
    write_key("b.pub", "four-greens", "hub", KEY_B);
    write_key("c.pub", "four-greens", "hub", KEY_C);
    expect_fault("four-greens has 3 keys (a.pub, b.pub, ...), at most 2: remove those it has replaced");
}

Test(enrolled, a_party_has_one_role)
{
    write_key("a.pub", "four-greens", "hub", KEY_A);
    write_key("b.pub", "four-greens", "operator", KEY_B);
    expect_fault("a.pub and b.pub give four-greens two roles");
}

Test(enrolled, every_role_can_be_enrolled)
{
    for (size_t i = 0; i < lists[LIST_role].count; i++) {
        write_key("a.pub", "somebody", lists[LIST_role].codes[i].text, KEY_A);
        struct enrolled *enrolled = enrolled_load(directory, &faults);
        cr_assert(enrolled != NULL, "%s", faults.lines[0]);
        cr_assert(eq(int, enrolled_find(enrolled, KEY_A)->role, (enum role)lists[LIST_role].codes[i].number));
        enrolled_free(&enrolled);
    }
}

Test(enrolled, nobody_takes_the_name_of_a_user_or_of_the_network)
{
    write_key("a.pub", "uid-0", "hub", KEY_A);
    write_key("b.pub", "network", "hub", KEY_B);
    cr_assert(enrolled_load(directory, &faults) == NULL);
    cr_assert(eq(sz, faults.count, 2));
    cr_assert(strstr(faults.lines[0], "no party can be called uid-0") != NULL, "%s", faults.lines[0]);
}

/* What is in force after a directory with faults was read again. */
static struct enrolled *load_again(const struct enrolled *before)
{
    memset(&faults, 0, sizeof faults);
    struct enrolled *enrolled = enrolled_load_again(before, directory, &faults);
    cr_assert(enrolled != NULL);
    cr_assert(gt(sz, faults.count, 0));
    return enrolled;
}

Test(enrolled, a_removed_or_changed_key_is_revoked_although_another_file_has_a_fault)
{
    char path[300];

    write_key("a.pub", "four-greens", "hub", KEY_A);
    write_key("b.pub", "rees", "hub", KEY_B);
    struct enrolled *before = enrolled_load(directory, &faults);
    write_text("b.pub", "party = ");
    write_key("c.pub", "jan-cutting", "hub", KEY_C);
    struct enrolled *now = load_again(before);
    cr_expect(enrolled_find(now, KEY_A) != NULL);
    cr_expect(enrolled_find(now, KEY_B) != NULL, "its file cannot be read, perhaps it is just being written");
    cr_expect(enrolled_find(now, KEY_C) == NULL, "nothing new with a fault");
    enrolled_free(&now);
    write_key("a.pub", "four-greens", "sender", KEY_A);
    now = load_again(before);
    cr_expect(enrolled_find(now, KEY_A) == NULL, "it says something else now");
    enrolled_free(&now);
    snprintf(path, sizeof path, "%s/a.pub", directory);
    unlink(path);
    now = load_again(before);
    cr_expect(enrolled_find(now, KEY_A) == NULL);
    cr_expect(enrolled_find(now, KEY_B) != NULL);
    enrolled_free(&now);
    enrolled_free(&before);
}

Test(enrolled, without_faults_all_are_read_anew)
{
    struct enrolled *before = enrolled_load(directory, &faults);

    write_key("a.pub", "four-greens", "hub", KEY_A);
    struct enrolled *now = enrolled_load_again(before, directory, &faults);
    cr_assert(now != NULL && faults.count == 0);
    cr_expect(enrolled_find(now, KEY_A) != NULL);
    enrolled_free(&now);
    cr_expect(enrolled_load_again(before, "/nowhere", &faults) == NULL);
    enrolled_free(&before);
}

Test(enrolled, an_empty_directory_enrols_nobody)
{
    struct enrolled *enrolled = enrolled_load(directory, &faults);
    cr_assert(enrolled != NULL);
    cr_assert(enrolled_find(enrolled, KEY_A) == NULL);
    enrolled_free(&enrolled);
}

Test(enrolled, the_same_key_in_two_files_names_both)
{
    write_key("a.pub", "four-greens", "hub", KEY_A);
    write_key("b.pub", "rees", "hub", KEY_A);
    expect_fault("a.pub and b.pub hold the same key");
}

Test(enrolled, a_key_of_the_wrong_length_is_refused)
{
    write_key("a.pub", "four-greens", "hub", "short");
    expect_fault("a.pub:1: public_key must have 40 characters, not 5");
}

Test(enrolled, a_key_with_a_character_outside_z85_is_refused)
{
    write_key("a.pub", "four-greens", "hub", "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf,");
    expect_fault("a.pub: public_key is not a key");
}

Test(enrolled, an_unknown_role_is_named_with_the_one_that_was_meant)
{
    write_key("a.pub", "four-greens", "hubb", KEY_A);
    expect_fault("a.pub:1: there is no role \"hubb\", did you mean \"hub\"?");
}

Test(enrolled, a_directory_that_everybody_may_write_is_refused)
{
    chmod(directory, 0777);
    expect_fault("everybody may write here");
}

Test(enrolled, a_missing_directory_is_a_fault)
{
    cr_assert(enrolled_load("/nowhere", &faults) == NULL);
    cr_assert_str_eq(faults.lines[0], "/nowhere: cannot be read: No such file or directory; the setting enrolled names "
                                      "the directory of the public keys");
}

Test(enrolled, the_fingerprint_notices_another_size_at_the_same_time)
{
    static const struct timespec times[2] = {{1000, 0}, {1000, 0}};
    char path[300];

    snprintf(path, sizeof path, "%s/a.pub", directory);
    write_key("a.pub", "four-greens", "hub", KEY_A);
    cr_assert(eq(int, utimensat(AT_FDCWD, path, times, 0), 0));
    uint64_t before = enrolled_fingerprint(directory);
    write_key("a.pub", "four-greens2", "hub", KEY_A);
    cr_assert(eq(int, utimensat(AT_FDCWD, path, times, 0), 0));
    cr_assert(ne(u64, enrolled_fingerprint(directory), before));
}

Test(enrolled, the_fingerprint_changes_with_every_change_and_only_then)
{
    uint64_t empty = enrolled_fingerprint(directory);
    write_key("a.pub", "four-greens", "hub", KEY_A);
    uint64_t one = enrolled_fingerprint(directory);
    write_key("b.pub", "rees", "hub", KEY_B);
    uint64_t two = enrolled_fingerprint(directory);
    write_key("b.pub", "rees2", "hub", KEY_B);
    uint64_t rewritten = enrolled_fingerprint(directory);
    cr_assert(ne(u64, empty, one));
    cr_assert(ne(u64, one, two));
    cr_assert(ne(u64, two, rewritten));
    write_text("notes.txt", "not a key");
    cr_assert(eq(u64, enrolled_fingerprint(directory), rewritten));
    cr_assert(eq(u64, enrolled_fingerprint("/nowhere"), 0));
}
