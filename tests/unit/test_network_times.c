/* SPDX-License-Identifier: MIT
 * network_times: what the network file says of when who works and how long the network waits: taken, merged, and
 * refused line by line where it contradicts itself; the shipped city's bank holidays are those of England. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/io/network_file.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static struct config_faults faults;

static struct network *load_plymouth(void)
{
    char why[CONFIG_FAULT_BYTES];
    size_t length;
    char *text = config_load_file(SOURCE_DIR "/etc/networks/plymouth.conf", &length, why, sizeof why);

    cr_assert(text != NULL);
    memset(&faults, 0, sizeof faults);
    struct network *network = network_parse("plymouth.conf", text, length, &faults);
    cr_assert(network != NULL, "%s", faults.lines[0]);
    free(text);
    return network;
}

/* Settings of the whole from line 2 on, those of the one hub from line 4 on, senders from line 6 on, as long as each
 * takes one line. */
static struct network *parse(const char *settings, const char *hub, const char *senders)
{
    char text[8192];

    snprintf(text, sizeof text,
             "name = \"Test\"; neighbourhoods = ( { code = \"e\"; name = \"E\"; easting = 1; northing = 1; } );\n"
             "%s\n"
             "hubs = ( { id = \"oak\"; name = \"Oak\"; tier = \"targeted\"; easting = 1; northing = 1;\n"
             "%s services = ( { id = \"s\"; needs = [ \"food\" ]; places = 1; } ); } );\n"
             "senders = (\n%s );\n",
             settings, hub, senders);
    memset(&faults, 0, sizeof faults);
    return network_parse("n.conf", text, strlen(text), &faults);
}

static struct network *accept(const char *settings, const char *hub, const char *senders)
{
    struct network *network = parse(settings, hub, senders);

    cr_assert(network != NULL, "%s", faults.lines[0]);
    return network;
}

static void refuse_all(const char *settings, const char *hub, const char *senders, const char *fault)
{
    struct network *network = parse(settings, hub, senders);

    cr_assert(network == NULL, "accepted, expected: %s", fault);
    cr_assert(eq(sz, faults.count, 1), "%s | %s", faults.lines[0], faults.lines[1]);
    cr_assert_str_eq(faults.lines[0], fault);
}

static void refuse(const char *settings, const char *hub, const char *fault)
{
    refuse_all(settings, hub, "", fault);
}

/* ---- how long the network waits ---- */

static int64_t waits(const struct network *network, enum stage stage, enum priority priority)
{
    return network_stage(network, network->hubs, stage)->ms[priority];
}

Test(network_times, every_deadline_of_the_file_is_taken_and_the_others_are_as_usual)
{
    struct network *network =
        accept("deadlines = { receipt = { routine = \"2h\"; stat = \"30m\"; };"
               " answer = { routine = \"3d\"; urgent = \"5h\"; grace_routine = \"0d\"; };"
               " contact = { asap = \"20h\"; grace_asap = \"1h\"; stat = \"19h\"; silence = \"next-hub\"; };"
               " progress = { routine = \"30d\"; grace_routine = \"6d\"; };"
               " pause = \"9d\"; enquiry = \"3d\"; attention_review = \"2d\"; waiting_review = \"3d\";"
               " waiting_expiry = \"30d\"; outcome_confirm = \"6d\"; retention = \"2922d\"; };",
               "", "");

    cr_expect(eq(i64, waits(network, STAGE_RECEIPT, PRIORITY_ROUTINE), 2 * HOUR_MS));
    cr_expect(eq(i64, waits(network, STAGE_RECEIPT, PRIORITY_ASAP), HOUR_MS));
    cr_expect(eq(i64, waits(network, STAGE_RECEIPT, PRIORITY_STAT), HOUR_MS / 2));
    cr_expect(eq(i64, waits(network, STAGE_ANSWER, PRIORITY_ROUTINE), 3 * DAY_MS));
    cr_expect(eq(i64, waits(network, STAGE_ANSWER, PRIORITY_URGENT), 5 * HOUR_MS));
    cr_expect(eq(i64, network_stage(network, network->hubs, STAGE_ANSWER)->grace_ms[PRIORITY_ROUTINE], 0));
    cr_expect(eq(i64, waits(network, STAGE_CONTACT, PRIORITY_URGENT), DAY_MS));
    cr_expect(eq(i64, waits(network, STAGE_CONTACT, PRIORITY_ASAP), 20 * HOUR_MS));
    cr_expect(eq(int, network_stage(network, network->hubs, STAGE_CONTACT)->silence, SILENCE_NEXT_HUB));
    cr_expect(eq(int, network_stage(network, network->hubs, STAGE_PROGRESS)->silence, SILENCE_ATTENTION));
    cr_expect(eq(i64, waits(network, STAGE_PROGRESS, PRIORITY_ROUTINE), 30 * DAY_MS));
    cr_expect(eq(i64, network_stage(network, network->hubs, STAGE_PROGRESS)->grace_ms[PRIORITY_ROUTINE], 6 * DAY_MS));
    cr_expect(eq(i64, network->deadlines.pause_ms, 9 * DAY_MS));
    cr_expect(eq(i64, network->deadlines.enquiry_ms, 3 * DAY_MS));
    cr_expect(eq(i64, network->deadlines.attention_review_ms, 2 * DAY_MS));
    cr_expect(eq(i64, network->deadlines.waiting_review_ms, 3 * DAY_MS));
    cr_expect(eq(i64, network->deadlines.waiting_expiry_ms, 30 * DAY_MS));
    cr_expect(eq(i64, network->deadlines.outcome_confirm_ms, 6 * DAY_MS));
    cr_expect(eq(i64, network->deadlines.retention_ms, 2922 * DAY_MS));
    network_free(&network);
}

Test(network_times, a_hub_overrides_what_it_names_and_nothing_else)
{
    struct network *network = accept("deadlines = { answer = { routine = \"3d\"; urgent = \"3h\"; }; };",
                                     "deadlines = { answer = { routine = \"9d\"; };"
                                     " contact = { silence = \"next-hub\"; }; };",
                                     "");

    cr_expect(eq(i64, waits(network, STAGE_ANSWER, PRIORITY_ROUTINE), 9 * DAY_MS));
    cr_expect(eq(i64, waits(network, STAGE_ANSWER, PRIORITY_URGENT), 3 * HOUR_MS));
    cr_expect(eq(i64, waits(network, STAGE_PROGRESS, PRIORITY_ROUTINE), 20 * DAY_MS));
    cr_expect(eq(int, network_stage(network, network->hubs, STAGE_CONTACT)->silence, SILENCE_NEXT_HUB));
    cr_expect(eq(i64, network->deadlines.stages.clocks[STAGE_ANSWER].ms[PRIORITY_ROUTINE], 3 * DAY_MS));
    cr_expect(eq(int, network->deadlines.stages.clocks[STAGE_CONTACT].silence, SILENCE_ATTENTION));
    cr_expect(eq(u32, network->stages_count, 1));
    network_free(&network);
    network = accept("", "", "");
    cr_expect(eq(int, network->hubs[0].stages, -1));
    network_free(&network);
}

Test(network_times, the_more_pressing_may_not_wait_longer)
{
    refuse("deadlines = { answer = { routine = \"2d\";\nurgent = \"3d\"; asap = \"1h\"; }; };", "",
           "n.conf:3: answer: urgent is longer than routine");
    refuse("deadlines = { receipt = { stat = \"2h\"; }; };", "", "n.conf:2: receipt: stat is longer than asap");
    refuse("deadlines = { contact = { grace_stat = \"3h\"; }; };", "",
           "n.conf:2: contact: stat with its grace is longer than asap with its grace");
    refuse("", "deadlines = { progress = { asap = \"6d\"; grace_asap = \"0d\"; }; };",
           "n.conf:4: progress: asap is longer than urgent");
    refuse("", "deadlines = { answer = {\nroutine = \"3h\"; }; };", "n.conf:4: answer: urgent is longer than routine");
}

Test(network_times, deadlines_that_cannot_be_are_refused)
{
    refuse("deadlines = { answer = { routine = \"201d\"; }; };", "",
           "n.conf:2: routine must be between 1s and 200d, not 201d");
    refuse("deadlines = { answer = { stat = \"0h\"; }; };", "", "n.conf:2: stat must be between 1s and 200d, not 0h");
    refuse("deadlines = { answer = { grace_stat = \"2\"; }; };", "",
           "n.conf:2: grace_stat must be a time in quotes, like \"36h\" (ms, s, m, h, d, w), not \"2\"");
    refuse("deadlines = { contact = { silence = \"nexthub\"; }; };", "",
           "n.conf:2: there is no silence \"nexthub\", did you mean \"next-hub\"?");
    refuse("deadlines = { waiting_review = \"8d\";\nwaiting_expiry = \"7d\"; };", "",
           "n.conf:3: waiting_expiry is shorter than waiting_review");
    refuse("deadlines = { retention = \"never\"; };", "",
           "n.conf:2: retention must be a time in quotes, like \"36h\" (ms, s, m, h, d, w), not \"never\"");
}

/* Where a setting would have no effect, it is unknown. */
Test(network_times, deadlines_know_their_settings)
{
    static const struct {
        const char *settings, *hub, *fault;
    } cases[] = {
        {"deadlines = { offer_routine = \"2d\"; };", "", "\"offer_routine\""},
        {"deadlines = { receipt = { grace_routine = \"2d\"; }; };", "", "\"grace_routine\""},
        {"deadlines = { answer = { silence = \"attention\"; }; };", "", "\"silence\""},
        {"", "deadlines = { pause = \"2d\"; };", "\"pause\""},
        {"", "closures = ( { from = \"2026-12-24\"; till = \"2026-12-24\"; } );", "\"till\""},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        cr_expect(parse(cases[i].settings, cases[i].hub, "") == NULL, "%s", cases[i].fault);
        cr_expect(faults.count > 0 && strstr(faults.lines[0], cases[i].fault), "%s", faults.lines[0]);
    }
}

#define RARELY "hours = [ \"mon-fri 09:00-17:00\", \"sat 10:00-11:00\" ];"

/* On Saturday it is open for an hour: four hours from then on end after a day or two. */
Test(network_times, hours_that_end_later_than_days_of_the_less_pressing_are_refused)
{
    refuse(
        "", RARELY,
        "n.conf:3: hub \"oak\" is open for 60 minutes on some days, so that answer urgent may end later than routine: "
        "give it deadlines of its own");
    struct network *network = accept("", RARELY " deadlines = { answer = { urgent = \"2h\"; }; };", "");
    network_free(&network);
    network = accept("", "hours = [ \"sat 10:00-12:00\" ];", "");
    network_free(&network);
    refuse(
        "office_hours = [ \"sat 10:00-11:00\" ]; deadlines = { answer = { routine = \"3d\"; }; };", "",
        "n.conf:3: hub \"oak\" is open for 60 minutes on some days, so that answer urgent may end later than routine: "
        "give it deadlines of its own");
}

/* ---- who works when ---- */

Test(network_times, office_hours_bank_holidays_and_closures_are_calendars)
{
    struct network *network = accept("office_hours = [ \"mon-fri 10:00-16:00\" ];"
                                     " bank_holidays = [ \"2026-12-28\", \"2026-12-25\" ];",
                                     "hours = [ \"sat 09:00-12:00\", \"mon 09:00-12:00\" ]; closures = ("
                                     " { from = \"2026-12-26\"; to = \"2026-12-26\"; },"
                                     " { from = \"2027-01-01\"; to = \"2027-01-03\"; } );",
                                     "");
    struct calendar office = network_office_calendar(network);
    struct calendar hub = network_hub_calendar(network, network->hubs);

    cr_assert(network->holidays_count == 2 && network->holidays[0] == 20812 && network->holidays[1] == 20815);
    for (int64_t day = 20812; day < 20824; day++) { /* Christmas Day, a Friday, to 2027-01-05, a Tuesday */
        cr_expect(eq(int, calendar_works_on(&office, day), (day >= 20816 && day <= 20819) || day >= 20822), "%d",
                  (int)day);
        cr_expect(eq(int, calendar_works_on(&hub, day), day == 20822), "%d", (int)day);
    }
    network_free(&network);
}

Test(network_times, a_hub_without_hours_works_in_those_of_the_office)
{
    struct network *network = accept("office_hours = [ \"mon-fri 10:00-16:00\" ];",
                                     "closures = ( { from = \"2026-12-21\"; to = \"2026-12-22\"; } );", "");
    struct calendar hub = network_hub_calendar(network, network->hubs);

    cr_expect(not(calendar_works_on(&hub, 20808))); /* Monday and Tuesday before Christmas */
    cr_expect(not(calendar_works_on(&hub, 20809)));
    cr_expect(calendar_works_on(&hub, 20810));
    cr_expect(not(calendar_works_on(&hub, 20813)));
    network_free(&network);
    network = accept("", "", "");
    hub = network_hub_calendar(network, network->hubs);
    cr_expect(calendar_works_on(&hub, 20813));
    network_free(&network);
}

Test(network_times, days_that_cannot_be_are_refused)
{
    refuse("bank_holidays = [ \"2026-12-25\",\n\"2026-02-30\" ];", "",
           "n.conf:3: a bank holiday is a date that the calendar has, like \"2026-12-25\", not \"2026-02-30\"");
    refuse("bank_holidays = [ \"2026-12-25\",\n\"2026-12-25\" ];", "",
           "n.conf:3: bank holiday \"2026-12-25\" stands twice");
    refuse("office_hours = [ \"mon-fri 9-17\" ];", "",
           "n.conf:2: hours are like \"mon-fri 09:00-17:00\" or \"sat 10:00-14:00\", not \"mon-fri 9-17\"");
    refuse("", "hours = [ \"mon-fri 09:00-17:00\" ]; closures = ( { from = \"2026-12-24\";\nto = \"2026-12-23\"; } );",
           "n.conf:5: this closure of hub \"oak\" ends before it begins");
    refuse("", "hours = [ \"mon-fri 09:00-17:00\" ]; closures = ( { from = \"2026-12-24\"; } );",
           "n.conf:4: a closure needs a setting to: a date in quotes, like \"2025-09-01\"");
    refuse("", "closures = ( { from = \"2026-12-24\"; to = \"2026-12-24\"; } );",
           "n.conf:4: hub \"oak\" has closures, but when it is open is not known: give it hours, or the network "
           "office_hours");
}

/* ---- mailboxes of practices ---- */

#define SENDER(id, rest) "{ id = \"" id "\"; name = \"A sender\"; kind = \"other\"; " rest " }"

Test(network_times, a_sender_may_be_a_practice_of_the_list_or_any_other)
{
    struct network *network =
        accept("practices = ( { ods = \"L83147\"; area = \"e\"; easting = 1; northing = 1; } );", "",
               SENDER("a", "practice = \"L83147\";") ", " SENDER("b", "") ", " SENDER("c", "practice = \"A81001\";"));

    for (uint32_t i = 0; i < 3; i++)
        network->senders[i].party = 10 + i;
    cr_expect(eq(u32, network_practice_party(network, "L83147", 6), 10));
    cr_expect(eq(u32, network_practice_party(network, "A81001", 6), 12));
    cr_expect(eq(u32, network_practice_party(network, "A81002", 6), PARTY_NONE));
    cr_expect(eq(u32, network_practice_party(network, "", 0), PARTY_NONE));
    network_free(&network);
}

Test(network_times, a_practice_has_one_mailbox)
{
    refuse_all(
        "", "", SENDER("b", "practice = \"L83147\";") ",\n" SENDER("a", "practice = \"L83147\";"),
        "n.conf:7: practice \"L83147\" is already that of sender \"b\" on line 6: its messages go to one mailbox");
    refuse_all("", "", SENDER("a", "practice = \"l-47\";"),
               "n.conf:6: \"l-47\" is no ODS code: 3 to 12 capital letters and digits");
}

Test(network_times, every_practice_of_plymouth_has_a_mailbox)
{
    struct network *network = load_plymouth();

    for (uint32_t i = 0; i < network->senders_count; i++)
        network->senders[i].party = 1 + i;
    cr_assert(eq(u32, network->practices_count, 22));
    for (uint32_t i = 0; i < network->practices_count; i++) {
        const char *ods = network->practices[i].ods;
        uint32_t party = network_practice_party(network, ods, strlen(ods));
        cr_assert(party != PARTY_NONE, "%s", ods);
        cr_expect_str_eq(network->senders[party - 1].id + strlen("gp-"), ods);
    }
    network_free(&network);
}

/* ---- the bank holidays of England ---- */

static int64_t weekday_of(int64_t day)
{
    return day - hours_monday(day); /* 0: Monday */
}

static int64_t day_of(int year, int month, int mday)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t day = (year - 1970) * 365 + (year - 1969) / 4; /* right from 1970 to 2099 */

    return day + before[month - 1] + (month > 2 && year % 4 == 0) + mday - 1;
}

/* The Sunday after the full moon of the church on or after 21 March, by the golden number (1900 to 2199). */
static int64_t easter(int year)
{
    int golden = year % 19;
    int moon = (19 * golden + 24) % 30; /* days after 21 March */

    moon -= moon == 29 || (moon == 28 && golden > 10);
    int64_t full_moon = day_of(year, 3, 21) + moon;
    return full_moon + 7 - (weekday_of(full_moon) + 1) % 7;
}

static int64_t first_monday(int64_t day)
{
    return day + (7 - weekday_of(day)) % 7;
}

static int64_t last_monday(int64_t last_of_month)
{
    return last_of_month - weekday_of(last_of_month);
}

/* Eight in a year; what falls on a weekend is made up for on the next weekday that is none already. No Christmas Day of
 * these years is a Sunday. */
static void holidays_of(int year, int64_t days[8])
{
    int64_t new_year = day_of(year, 1, 1), christmas = day_of(year, 12, 25), boxing = christmas + 1;

    days[0] = weekday_of(new_year) >= 5 ? first_monday(new_year) : new_year;
    days[1] = easter(year) - 2;
    days[2] = easter(year) + 1;
    days[3] = first_monday(day_of(year, 5, 1));
    days[4] = last_monday(day_of(year, 5, 31));
    days[5] = last_monday(day_of(year, 8, 31));
    days[6] = weekday_of(christmas) >= 5 ? day_of(year, 12, 27) : christmas;
    days[7] = weekday_of(boxing) >= 5 ? day_of(year, 12, 28) : boxing;
}

Test(network_times, plymouth_keeps_the_bank_holidays_of_england_from_2025_to_2028)
{
    struct network *network = load_plymouth();
    int64_t days[8];

    cr_assert(eq(u32, network->holidays_count, 32));
    for (int year = 2025; year <= 2028; year++) {
        holidays_of(year, days);
        for (int i = 0; i < 8; i++)
            cr_expect(eq(i64, network->holidays[(year - 2025) * 8 + i], days[i]), "%d, %d", year, i);
    }
    network_free(&network);
}
