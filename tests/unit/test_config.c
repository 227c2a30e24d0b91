/* SPDX-License-Identifier: MIT
 * config: a text with mistakes names each of them with its line, and nothing is bent silently. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/io/config.h"

struct sample {
    char name[20];
    char id[20];
    enum tier tier;
    uint32_t number;
    int64_t wide;
    bool flag;
    uint64_t size;
    int64_t time;
    uint32_t distance;
    int64_t date;
    const struct config_node *texts, *numbers, *group, *groups;
};

#define ROW(member, kind, least, most, list, standard)                                                                 \
    CONFIG_ROW(sample, member, #member, kind, least, most, list, standard)
static const struct config_row rows[] = {
    ROW(name, CONFIG_TEXT, 1, 19, LIST_none, "somebody"),
    ROW(id, CONFIG_ID, 1, 19, LIST_none, NULL),
    ROW(tier, CONFIG_CODE, 0, 0, LIST_tier, "universal"),
    ROW(number, CONFIG_NUMBER, 1, 1000, LIST_none, "7"),
    ROW(wide, CONFIG_NUMBER, -5, INT64_C(5000000000), LIST_none, "8"),
    ROW(flag, CONFIG_BOOL, 0, 0, LIST_none, "true"),
    ROW(size, CONFIG_SIZE, 1024, INT64_C(1) << 40, LIST_none, "1MiB"),
    ROW(time, CONFIG_TIME, 1000, 86400000, LIST_none, "2m"),
    ROW(distance, CONFIG_DISTANCE, 0, 100000, LIST_none, "3km"),
    ROW(date, CONFIG_DATE, 0, 0, LIST_none, ""),
    ROW(texts, CONFIG_TEXTS, 0, 2, LIST_none, ""),
    ROW(numbers, CONFIG_NUMBERS, 1, 3, LIST_none, ""),
    ROW(group, CONFIG_GROUP, 0, 0, LIST_none, ""),
    ROW(groups, CONFIG_GROUPS, 0, 2, LIST_none, ""),
};

static struct config_faults faults;
static struct sample sample;

/* Reads the text into `sample` and `faults`. */
static void read_bytes(const char *text, size_t length)
{
    memset(&faults, 0, sizeof faults);
    memset(&sample, 0, sizeof sample);
    struct config_tree *tree = config_parse("t.conf", text, length, &faults);
    if (tree)
        config_take(tree, config_root(tree), "the file", rows, sizeof rows / sizeof rows[0], &sample);
    config_free(&tree);
}

static void read_text(const char *text)
{
    read_bytes(text, strlen(text));
}

static void expect_only(const char *fault)
{
    cr_assert(eq(sz, faults.count, 1), "%s | %s", faults.lines[0], faults.lines[1]);
    cr_assert_str_eq(faults.lines[0], fault);
}

Test(config, what_is_missing_takes_its_default)
{
    read_text("id = \"a\";");
    cr_assert(eq(sz, faults.count, 0));
    cr_assert_str_eq(sample.name, "somebody");
    cr_assert(eq(int, sample.tier, TIER_UNIVERSAL));
    cr_assert(eq(u32, sample.number, 7));
    cr_assert(eq(i64, sample.wide, 8));
    cr_assert(sample.flag);
    cr_assert(eq(u64, sample.size, 1048576));
    cr_assert(eq(i64, sample.time, 120000));
    cr_assert(eq(u32, sample.distance, 3000));
    cr_assert(eq(i64, sample.date, 0));
    cr_assert(sample.texts == NULL);
}

Test(config, every_kind_is_read)
{
    read_text("name = \"Z\xc3\xb6 \\\"x\\\" \\\\\"; id = \"a-b.c_1\"; tier = \"specialist\"; number = 0x10; wide = "
              "5000000000L;\n"
              "flag = false; size = \"8 GiB\"; time = \"36s\"; distance = \"1500m\"; date = \"2025-09-01\";");
    cr_assert(eq(sz, faults.count, 0), "%s", faults.lines[0]);
    cr_assert_str_eq(sample.name, "Z\xc3\xb6 \"x\" \\");
    cr_assert(eq(int, sample.tier, TIER_SPECIALIST));
    cr_assert(eq(u32, sample.number, 16));
    cr_assert(eq(i64, sample.wide, INT64_C(5000000000)));
    cr_assert(not(sample.flag));
    cr_assert(eq(u64, sample.size, UINT64_C(8) << 30));
    cr_assert(eq(i64, sample.time, 36000));
    cr_assert(eq(u32, sample.distance, 1500));
    cr_assert(eq(i64, sample.date, 20332));
}

Test(config, ten_faults_are_named_at_once_in_the_order_of_their_lines)
{
    static const char *const expected[] = {
        "t.conf:1: the file has no setting \"nane\", did you mean \"name\"?",
        "t.conf:2: id \"a b\" may hold letters, digits, dot, hyphen and underscore only",
        "t.conf:3: there is no tier \"targetted\", did you mean \"targeted\"?",
        "t.conf:4: number must be between 1 and 1000, not 1001",
        "t.conf:5: the number 4294967297 is far too large",
        "t.conf:6: flag must be true or false, without quotes",
        "t.conf:7: size must be a size in quotes, like \"8GiB\" (B, KiB, MiB, GiB, TiB), not \"8GB\"",
        "t.conf:8: time must be between 1s and 1d, not 2d",
        "t.conf:9: date must be a date in quotes, like \"2025-09-01\" that the calendar has, not \"2025-02-30\"",
        "t.conf:10: texts must be texts in square brackets, like [ \"a\", \"b\" ]",
    };

    read_text("nane = \"x\";\n"
              "id = \"a b\";\n"
              "tier = \"targetted\";\n"
              "number = 1001;\n"
              "wide = 4294967297;\n"
              "flag = 1;\n"
              "size = \"8GB\";\n"
              "time = \"2d\";\n"
              "date = \"2025-02-30\";\n"
              "texts = [ 1, 2 ];\n");
    cr_assert(eq(sz, faults.count, 10), "%zu: %s", faults.count, faults.lines[10]);
    for (size_t i = 0; i < 10; i++)
        cr_assert_str_eq(faults.lines[i], expected[i]);
}

Test(config, a_number_that_libconfig_would_bend_is_refused)
{
    static const char *const numbers[] = {"2147483648",
                                          "-2147483649",
                                          "4294967297",
                                          "0x1FFFFFFFF",
                                          "9223372036854775808L",
                                          "99999999999999999999",
                                          "0000000000000000000000000000000000000000000000000001"};

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char text[120];
        snprintf(text, sizeof text, "id = \"a\";\nnumber = %s;", numbers[i]);
        read_text(text);
        cr_assert(eq(sz, faults.count, 1), "%s", numbers[i]);
        cr_assert(strstr(faults.lines[0], "t.conf:2: the number ") && strstr(faults.lines[0], "far too large"), "%s",
                  faults.lines[0]);
    }
}

Test(config, a_comment_that_never_ends_is_named_where_it_begins)
{
    read_text("id = \"a\";\n\n/* all the rest\nnumber = 3;\n");
    expect_only("t.conf:3: the comment that begins here with /* never ends, close it with */");
}

Test(config, what_stands_in_comments_and_texts_is_not_looked_at)
{
    read_text("# 99999999999 @include\n// \" 99999999999\n/* \" @ \n */ id = \"a\"; name = \"# /* // @ 99999999\";");
    cr_assert(eq(sz, faults.count, 0), "%s", faults.lines[0]);
    cr_assert_str_eq(sample.name, "# /* // @ 99999999");
}

Test(config, lines_are_counted_through_comments)
{
    read_text("/* one\n two */ # three\nid = \"a\"; wide = 99999999999;");
    expect_only("t.conf:3: the number 99999999999 is far too large");
}

Test(config, a_text_without_an_end_is_named_on_its_line)
{
    read_text("id = \"a\";\nname = \"somebody;\nnumber = 3;\n");
    expect_only("t.conf:2: a text on this line has no closing \"");
}

Test(config, an_include_is_refused)
{
    read_text("id = \"a\";\n@include \"other.conf\"\n");
    expect_only(
        "t.conf:2: @include is not taken: everything stands in this one file, so that its versions can be kept");
}

Test(config, bytes_that_are_no_text_are_refused)
{
    static const char zero[] = "id = \"a\";\0 number = 5000;";

    read_bytes(zero, sizeof zero - 1);
    expect_only("t.conf: not a text: it holds a byte of value 0");
    read_text("id = \"a\"; \x01");
    cr_assert(eq(sz, faults.count, 1));
    read_text("id = \xe2\x80\x9c"
              "a\";");
    cr_assert(eq(sz, faults.count, 1));
    read_text("id = \"a\"; name = \"\xff\";");
    expect_only("t.conf:1: name holds a character that is not UTF-8 or cannot be seen");
    read_text("id = \"a\"; name = \"\\x00\";");
    expect_only("t.conf:1: a backslash in a text stands only before \" or another backslash");
}

Test(config, a_setting_that_stands_twice_is_refused)
{
    read_text("id = \"a\";\nnumber = 1;\nnumber = 2;\n");
    expect_only("t.conf:3: this setting stands twice, remove one");
}

Test(config, a_mandatory_setting_that_is_missing_is_named)
{
    read_text("number = 1;");
    expect_only("t.conf:1: the file needs a setting id: an id in quotes, like \"four-greens\"");
}

Test(config, too_many_entries_and_wrong_ones_are_refused)
{
    read_text("id = \"a\";\ntexts = [ \"a\", \"b\", \"c\" ];");
    expect_only("t.conf:2: texts must have 0 to 2 entries, not 3");
    read_text("id = \"a\";\ngroups = ( { }, 3 );");
    cr_assert(eq(sz, faults.count, 1));
    read_text("id = \"a\";\ngroup = 3;");
    cr_assert(eq(sz, faults.count, 1));
}

Test(config, quantities_beyond_every_bound_do_not_wrap)
{
    read_text("id = \"a\";\nsize = \"18446744073709551617B\";");
    cr_assert(eq(sz, faults.count, 1));
    read_text("id = \"a\";\nsize = \"9007199254740993TiB\";");
    cr_assert(eq(sz, faults.count, 1));
    read_text("id = \"a\";\ntime = \"-5s\";");
    cr_assert(eq(sz, faults.count, 1));
    read_text("id = \"a\";\ntime = \"s\";");
    cr_assert(eq(sz, faults.count, 1));
}

Test(config, more_faults_than_are_kept_are_counted)
{
    memset(&faults, 0, sizeof faults);
    for (int line = CONFIG_FAULTS_MAX + 50; line > 0; line--)
        config_fault(&faults, "t.conf", line, "wrong");
    cr_assert(eq(sz, faults.count, CONFIG_FAULTS_MAX + 50));
    for (size_t i = 1; i < CONFIG_FAULTS_MAX; i++)
        cr_assert(lt(int, faults.line[i - 1], faults.line[i]));
}

Test(config, a_file_that_cannot_be_read_says_why)
{
    char why[CONFIG_FAULT_BYTES];
    size_t length;

    cr_assert(config_load_file("/nowhere/t.conf", &length, why, sizeof why) == NULL);
    cr_assert_str_eq(why, "cannot be read: No such file or directory");
    cr_assert(config_load_file("/tmp", &length, why, sizeof why) == NULL);
    cr_assert_str_eq(why, "cannot be read: not a file of at most 8 MiB");
}

Test(config, whole_numbers_stand_in_a_list)
{
    static const char text[] = "id = \"a\"; numbers = [ 1, -2, 3 ]; group = { id = 1; };";

    memset(&faults, 0, sizeof faults);
    memset(&sample, 0, sizeof sample);
    struct config_tree *tree = config_parse("t.conf", text, sizeof text - 1, &faults);
    config_take(tree, config_root(tree), "the file", rows, sizeof rows / sizeof rows[0], &sample);
    cr_assert(eq(sz, faults.count, 0), "%s", faults.lines[0]);
    cr_assert(eq(sz, config_count(sample.numbers), 3));
    cr_assert(eq(i64, config_number(config_at(sample.numbers, 1)), -2));
    cr_assert(config_member(config_root(tree), "numbers") == sample.numbers);
    cr_assert(config_member(sample.group, "numbers") == NULL);
    config_free(&tree);
    read_text("id = \"a\"; numbers = [ ];");
    expect_only("t.conf:1: numbers must have 1 to 3 entries, not 0");
    read_text("id = \"a\"; numbers = [ \"1\" ];");
    expect_only("t.conf:1: numbers must be whole numbers in square brackets, like [ 1, 2 ]");
    read_text("id = \"a\"; numbers = 1;");
    expect_only("t.conf:1: numbers must be whole numbers in square brackets, like [ 1, 2 ]");
}
