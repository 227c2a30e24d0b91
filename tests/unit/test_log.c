/* SPDX-License-Identifier: MIT
 * Lines of the log, as whoever reads them sees them. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/io/log.h"

static int reading;

/* What the log writes comes through a pipe. */
static void capture(void)
{
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    reading = ends[0];
    fcntl(reading, F_SETFL, O_NONBLOCK);
    unsetenv("JOURNAL_STREAM");
}

static const char *captured(void)
{
    static char text[65536];
    ssize_t length = read(reading, text, sizeof text - 1);

    text[length > 0 ? length : 0] = '\0';
    return text;
}

Test(log, a_line_names_the_event_and_its_values, .init = capture)
{
    LOG(LOGGED_STARTED, {"address", .text = "tcp://127.0.0.1:7400"}, {"count", .number = -3});
    cr_expect_str_eq(captured(), "event=started address=\"tcp://127.0.0.1:7400\" count=-3\n");
}

Test(log, the_journal_gets_the_level_in_front, .init = capture)
{
    setenv("JOURNAL_STREAM", "8:1", 1);
    LOG(LOGGED_CANNOT_START, {"why", .text = "x"});
    cr_expect_str_eq(captured(), "<3>event=cannot_start why=\"x\"\n");
}

Test(log, a_value_cannot_begin_another_line_or_key, .init = capture)
{
    LOG(LOGGED_STARTED, {"address", .text = "a\" b=\"c\n<0>event=\\"});
    cr_expect_str_eq(captured(), "event=started address=\"a\\\" b=\\\"c\\x0a<0>event=\\\\\"\n");
}

Test(log, a_long_value_is_cut_and_the_line_still_ends, .init = capture)
{
    static char value[10000];
    const char *text;

    memset(value, 'v', sizeof value - 1);
    LOG(LOGGED_STARTED, {"address", .text = value});
    text = captured();
    cr_expect_leq(strlen(text), 2048);
    cr_expect_eq(text[strlen(text) - 1], '\n');
}

Test(log, repeated_refusals_are_limited_for_each_kind_apart, .init = capture)
{
    int lines = 0;

    for (int i = 0; i < 100; i++)
        LOG_KIND(LOGGED_REFUSED, 1, {"refusal", .text = "A"});
    for (const char *at = captured(); (at = strchr(at, '\n')); at++)
        lines++;
    cr_expect_eq(lines, 10);
    LOG_KIND(LOGGED_REFUSED, 2, {"refusal", .text = "B"});
    cr_expect_str_eq(captured(), "event=refused refusal=\"B\"\n");
}

Test(log, of_a_crash_the_signal_is_told, .init = capture)
{
    log_crashed(11);
    cr_expect_str_eq(captured(), "event=crashed signal=11\n");
}
