/* SPDX-License-Identifier: MIT
 * age: by the calendar. */
#include "daemon/core/age.h"

/* Orders days by year, month and day, so that the difference of two tells whole years (as the proleptic Gregorian
 * calendar counts from March, a leap day ends the year). */
static int64_t year_month_day(int64_t days)
{
    int64_t from_march_0 = days + 719468;
    int64_t era = from_march_0 / 146097;
    int64_t day_of_era = from_march_0 % 146097;
    int64_t year = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * day_of_year + 2) / 153;

    return (era * 400 + year) * 10000 + month * 100 + day_of_year - (153 * month + 2) / 5;
}

int64_t age_in_years(int64_t born, int64_t day)
{
    int64_t years = (year_month_day(day) - year_month_day(born)) / 10000;

    return day < born ? 0 : years;
}
