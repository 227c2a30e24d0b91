/* SPDX-License-Identifier: MIT
 * How the command lines of all clients are read: commands of one and two words, options before and after them, and what
 * is said to who mistypes. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "clients/options.h"

static char seen[256];

static int run_any(const struct invocation *invocation)
{
    const char *colour = options_value(invocation, "colour");

    snprintf(seen, sizeof seen, "%s|%s|%s|%d|%d", invocation->command->name, colour ? colour : "-",
             invocation->operands_count > 0 ? invocation->operands[0] : "-", options_given(invocation, "loud"),
             (int)invocation->format);
    return 7;
}

static int run_version(const struct invocation *invocation)
{
    snprintf(seen, sizeof seen, "version %s", options_value(invocation, "version"));
    return 8;
}

static const struct option_spec common[] = {OPTIONS_OF_ALL, {0, "loud", NULL, NULL, NULL, "says more"}, {0}};
static const struct option_spec named[] = {{0, "version", "N", NULL, NULL, "which version"}, {0}};
static const struct option_spec own[] = {{'c', "colour", "NAME", "TEST_COLOUR", "green", "which colour"}, {0}};
static const struct command commands[] = {{"list", "", "Lists.", own, 0, 0, run_any},
                                          {"hub", "", "One word.", NULL, 0, 0, run_any},
                                          {"hub show", "ID", "Two words.", own, 1, 1, run_any},
                                          {"apply", "", "Has a version.", named, 0, 0, run_version},
                                          {0}};
static const struct program program = {"tester", "is tested", common, commands};

static int run_of(const struct program *which, const char *line)
{
    static char copy[256];
    char *words[17] = {copy};
    int count = 1;
    char *rest;

    snprintf(copy, sizeof copy, "tester %s", line);
    words[0] = strtok_r(copy, " ", &rest);
    for (char *word; count < 16 && (word = strtok_r(NULL, " ", &rest));)
        words[count++] = word;
    seen[0] = '\0';
    return options_run(which, count, words);
}

static int run(const char *line)
{
    return run_of(&program, line);
}

static void expect_on_stderr(const char *part)
{
    char text[2048] = "";

    fflush(stderr);
    cr_assert_gt(fread(text, 1, sizeof text - 1, cr_get_redirected_stderr()), 0);
    cr_assert_not_null(strstr(text, part), "%s", text);
}

Test(options, the_exit_code_is_that_of_the_command)
{
    cr_assert_eq(run("list"), 7);
    cr_assert_str_eq(seen, "list|green|-|0|0");
}

Test(options, options_stand_before_and_after_the_words)
{
    cr_assert_eq(run("-o json --loud hub show -c red x"), 7);
    cr_assert_str_eq(seen, "hub show|red|x|1|1");
    cr_assert_eq(run("hub show x --colour=red -o jsonl"), 7);
    cr_assert_str_eq(seen, "hub show|red|x|0|2");
}

Test(options, a_command_may_have_a_version_of_its_own)
{
    cr_assert_eq(run("apply --version 3"), 8);
    cr_assert_str_eq(seen, "version 3");
    cr_assert_eq(run("--version apply"), EX_OK);
    cr_assert_str_eq(seen, "");
}

static const struct option_field colours[] = {{"colour", FIELD_priority}, {"loud", FIELD_is_carer}, {0}};

static int run_fields(const struct invocation *invocation)
{
    struct record_texts texts = {{0}};
    struct message message;
    bool is_set;

    message_init(&message, MESSAGE_submit);
    is_set = options_set_fields(invocation, colours, &texts, &message);
    snprintf(seen, sizeof seen, "%lld|%d", (long long)message_number(&message, FIELD_priority),
             message_number(&message, FIELD_is_carer) == 1);
    record_texts_clear(&texts);
    return is_set ? EX_OK : EX_USAGE;
}

Test(options, options_that_are_fields_are_read_as_the_wire_has_them, .init = cr_redirect_stderr)
{
    static const struct command field_commands[] = {{"list", "", "Lists.", own, 0, 0, run_fields}, {0}};
    static const struct program fields_program = {"tester", "is tested", common, field_commands};

    cr_assert_eq(run_of(&fields_program, "list --colour urgent --loud"), EX_OK);
    cr_assert_str_eq(seen, "2|1");
    cr_assert_eq(run_of(&fields_program, "list --colour secretly"), EX_USAGE);
    expect_on_stderr("--colour: priority does not have the form of its kind: it takes a code of the list priority\n"
                     "  routine              in its turn\n");
}

Test(options, a_number_is_a_whole_one_within_its_limits_and_nothing_else)
{
    static const char *const bad[] = {"", "0", "100", "2x", "x", "1.5", " ", "99999999999999999999"};
    int64_t number = 7;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect_not(options_read_number(bad[i], 1, 99, &number), "%s", bad[i]);
    cr_expect_eq(number, 7);
    cr_expect(options_read_number("99", 1, 99, &number));
    cr_expect_eq(number, 99);
}

Test(options, two_words_win_over_one)
{
    cr_assert_eq(run("hub"), 7);
    cr_assert_str_eq(seen, "hub|-|-|0|0");
}

Test(options, the_environment_comes_after_what_is_typed_and_before_the_fallback)
{
    setenv("TEST_COLOUR", "blue", 1);
    run("list");
    cr_assert_str_eq(seen, "list|blue|-|0|0");
    run("list --colour red");
    cr_assert_str_eq(seen, "list|red|-|0|0");
    setenv("TEST_COLOUR", "", 1);
    run("list");
    cr_assert_str_eq(seen, "list|green|-|0|0");
}

Test(options, an_option_that_needs_a_value_is_not_given_an_empty_one, .init = cr_redirect_stderr)
{
    cr_assert_eq(run("list --colour="), EX_USAGE);
    cr_assert_str_eq(seen, "");
    expect_on_stderr("--colour needs a value");
}

Test(options, a_mistyped_command_is_guessed_but_not_run, .init = cr_redirect_stderr)
{
    cr_assert_eq(run("lsit"), EX_USAGE);
    cr_assert_str_eq(seen, "");
    expect_on_stderr("Did you mean \"list\"?");
}

Test(options, a_mistyped_option_is_guessed_but_not_taken, .init = cr_redirect_stderr)
{
    cr_assert_eq(run("list --color red"), EX_USAGE);
    cr_assert_str_eq(seen, "");
    expect_on_stderr("\"--colour\"");
}

Test(options, nothing_near_is_not_guessed, .init = cr_redirect_stderr)
{
    static const char *const names[] = {"list", "show", NULL};

    cr_assert_null(options_nearest("xyzzyplugh", names));
    cr_assert_eq(run("xyzzyplugh"), EX_USAGE);
    expect_on_stderr("tester --help");
}

Test(options, of_a_command_of_two_words_both_are_told_when_the_second_is_wrong, .init = cr_redirect_stderr)
{
    static const struct command reports[] = {{"report unmet", "", "Two words.", NULL, 0, 0, run_any}, {0}};
    static const struct program reporting = {"tester", "is tested", common, reports};

    cr_assert_eq(run_of(&reporting, "report elephants"), EX_USAGE);
    expect_on_stderr("there is no command \"report elephants\"");
}

Test(options, too_few_and_too_many_operands_are_refused, .init = cr_redirect_stderr)
{
    cr_assert_eq(run("hub show"), EX_USAGE);
    cr_assert_eq(run("hub show a b"), EX_USAGE);
    cr_assert_eq(run("list -o xml"), EX_USAGE);
    cr_assert_eq(run("list --colour"), EX_USAGE);
    cr_assert_str_eq(seen, "");
}
