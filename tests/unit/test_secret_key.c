/* SPDX-License-Identifier: MIT
 * The daemon's own key: what is taken, and what is refused with what to do. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/io/secret_key.h"
#include "tests/outside.h"

#define PUBLIC "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define SECRET "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"

static char directory[] = "/tmp/test-secret-key-XXXXXX";
static char path[64];
static struct key_pair pair;
static char why[512];

static void prepare(void)
{
    cr_assert(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/server.key", directory);
}

static void clean(void)
{
    unlink(path);
    rmdir(path);
    rmdir(directory);
}

TestSuite(secret_key, .init = prepare, .fini = clean);

static void write_key(const char *text)
{
    FILE *file = fopen(path, "w");

    cr_assert(file);
    fputs(text, file);
    fclose(file);
    chmod(path, 0600);
}

static void expect_refused(const char *part)
{
    why[0] = '\0';
    cr_assert_not(secret_key_load(path, &pair, why, sizeof why));
    cr_expect(strstr(why, part), "\"%s\" is not in: %s", part, why);
    cr_expect(strstr(why, path), "%s", why);
    cr_expect_not(strstr(why, SECRET), "%s", why);
}

Test(secret_key, lines_between_others_in_any_order_are_taken)
{
    write_key("# of this daemon\n\tsecret_key=\"" SECRET "\";\n\npublic_key =  \"" PUBLIC "\";\n");
    cr_assert(secret_key_load(path, &pair, why, sizeof why), "%s", why);
    cr_expect_str_eq(pair.secret_key, SECRET);
    cr_expect_str_eq(pair.public_key, PUBLIC);
}

Test(secret_key, a_file_that_is_not_whole_is_refused_and_leaves_nothing_behind)
{
    static const char *const texts[] = {
        "",
        "secret_key = \"" SECRET "\";\n",
        "public_key = \"" PUBLIC "\";\n",
        "public_key = \"" PUBLIC "\";\nsecret_key \"" SECRET "\";\n",
        "public_key = \"" PUBLIC "\";\nsecret_key = " SECRET ";\n",
        "public_key = \"" PUBLIC "\";\nsecret_key = \"" SECRET "x\";\n",
        "public_key = \"" PUBLIC "\";\nsecret_key = \"" SECRET "\n",
        "public_key = \"" PUBLIC "\";\n# secret_key = \"" SECRET "\";\n",
    };
    static const struct key_pair nothing;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_key(texts[i]);
        expect_refused("referral-keygen");
        cr_expect_eq(memcmp(&pair, &nothing, sizeof pair), 0, "%s", texts[i]);
    }
}

Test(secret_key, who_has_none_is_told_how_to_make_one)
{
    expect_refused("No such file or directory; make one with referral-keygen");
}

Test(secret_key, what_is_no_ordinary_file_is_refused_and_not_waited_for)
{
    cr_assert_eq(mkfifo(path, 0600), 0);
    expect_refused("no ordinary file");
    unlink(path);
    mkdir(path, 0700);
    expect_refused("no ordinary file");
    rmdir(path);
    cr_assert_eq(symlink("/dev/null", path), 0);
    expect_refused("cannot read the secret key");
    cr_expect_not(strstr(why, "make one"), "there is one: %s", why);
}

Test(secret_key, modes_that_let_others_in_are_refused)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610, 0601};

    write_key("public_key = \"" PUBLIC "\";\nsecret_key = \"" SECRET "\";\n");
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        chmod(path, modes[i]);
        expect_refused("chmod 0600");
    }
    chmod(path, 0400);
    cr_expect(secret_key_load(path, &pair, why, sizeof why), "%s", why);
}

Test(secret_key, the_key_of_another_user_is_refused)
{
    write_key("public_key = \"" PUBLIC "\";\nsecret_key = \"" SECRET "\";\n");
    if (chown(path, 12345, (gid_t)-1) != 0)
        cr_skip_test("only root may give a file away");
    expect_refused("another user");
}

Test(secret_key, a_disk_that_fails_is_told)
{
    write_key("public_key = \"" PUBLIC "\";\nsecret_key = \"" SECRET "\";\n");
    outside_fails("fstat", 1, EIO);
    expect_refused("Input/output error");
    outside_fails("read", 1, EIO);
    expect_refused("Input/output error");
    cr_expect_eq(outside_works(), 2u);
}
