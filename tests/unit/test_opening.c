/* SPDX-License-Identifier: MIT
 * opening: opening hours as people write them. */
#include <criterion/criterion.h>
#include <string.h>

#include "daemon/core/opening.h"

static const char *written(const struct span *spans, uint32_t count)
{
    static char out[OPENING_BYTES];

    memset(out, 'x', sizeof out);
    opening_write(spans, (struct hours){0, count}, out);
    cr_assert_not_null(memchr(out, '\0', sizeof out));
    return out;
}

Test(opening, days_with_the_same_hours_are_joined)
{
    const struct span spans[] = {
        {WEEKDAY_MONDAY, 540, 1020},   {WEEKDAY_TUESDAY, 540, 1020}, {WEEKDAY_WEDNESDAY, 540, 1020},
        {WEEKDAY_THURSDAY, 540, 1020}, {WEEKDAY_FRIDAY, 540, 1020},  {WEEKDAY_SATURDAY, 600, 845},
    };

    cr_expect_str_eq(written(spans, 6), "Mon-Fri 09:00-17:00, Sat 10:00-14:05");
    cr_expect_str_eq(written(spans, 1), "Mon 09:00-17:00");
}

Test(opening, days_that_do_not_follow_one_another_are_not_joined)
{
    const struct span spans[] = {
        {WEEKDAY_SUNDAY, 0, 1440}, {WEEKDAY_MONDAY, 540, 1020}, {WEEKDAY_WEDNESDAY, 540, 1020}};

    cr_expect_str_eq(written(spans, 3), "Mon 09:00-17:00, Wed 09:00-17:00, Sun 00:00-24:00");
}

Test(opening, days_that_close_at_another_time_or_again_are_not_joined)
{
    const struct span spans[] = {{WEEKDAY_MONDAY, 540, 720},
                                 {WEEKDAY_TUESDAY, 540, 660},
                                 {WEEKDAY_WEDNESDAY, 540, 660},
                                 {WEEKDAY_WEDNESDAY, 780, 1020}};

    cr_expect_str_eq(written(spans, 4), "Mon 09:00-12:00, Tue 09:00-11:00, Wed 09:00-11:00 and 13:00-17:00");
}

Test(opening, several_spans_of_one_day_stand_in_their_order)
{
    const struct span spans[] = {{WEEKDAY_MONDAY, 780, 1020},
                                 {WEEKDAY_MONDAY, 540, 720},
                                 {WEEKDAY_TUESDAY, 540, 720},
                                 {WEEKDAY_TUESDAY, 780, 1020},
                                 {WEEKDAY_WEDNESDAY, 540, 720}};

    cr_expect_str_eq(written(spans, 5), "Mon-Tue 09:00-12:00 and 13:00-17:00, Wed 09:00-12:00");
}

Test(opening, hours_that_are_not_known_are_an_empty_line)
{
    cr_expect_str_eq(written(NULL, 0), "");
}

Test(opening, what_does_not_fit_is_left_out_and_said)
{
    struct span spans[7 * 5];
    uint32_t count = 0;

    for (int day = WEEKDAY_MONDAY; day <= WEEKDAY_SUNDAY; day++)
        for (int i = 0; i < 5; i++) {
            uint16_t opens_at = (uint16_t)(day * 20 + i * 200);
            spans[count++] = (struct span){(enum weekday)day, opens_at, (uint16_t)(opens_at + 100)};
        }
    const char *line = written(spans, count);
    cr_expect_eq(strncmp(line, "Mon 00:20-02:00 and 03:40-05:20 and", 35), 0);
    cr_expect_str_eq(line + strlen(line) - 5, ", ...");
    cr_expect_leq(strlen(line), OPENING_BYTES - 1);
}
