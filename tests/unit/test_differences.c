/* SPDX-License-Identifier: MIT
 * differences: what differs between two network files, in the time in which people work and the time they have. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "daemon/differences.h"
#include "daemon/io/network_file.h"

#define FOUND_MAX 64

struct told {
    char item[DIFFERENCE_ITEM_BYTES];
    char setting[64];
    char before[DIFFERENCE_VALUE_BYTES];
    char after[DIFFERENCE_VALUE_BYTES];
};

static struct told told[FOUND_MAX];
static size_t told_count;

static struct network *parse(const char *settings, const char *hub, const char *sender)
{
    static struct config_faults faults;
    char text[16384];

    snprintf(text, sizeof text,
             "name = \"Test\"; neighbourhoods = ( { code = \"e\"; name = \"E\"; easting = 1; northing = 1; } ); %s\n"
             "hubs = ( { id = \"oak\"; name = \"Oak\"; tier = \"targeted\"; easting = 1; northing = 1; %s\n"
             " services = ( { id = \"s\"; needs = [ \"food\" ]; places = 1; } ); } );\n"
             "senders = ( { id = \"gp\"; name = \"GP\"; kind = \"other\"; %s } );",
             settings, hub, sender);
    memset(&faults, 0, sizeof faults);
    struct network *network = network_parse("n.conf", text, strlen(text), &faults);
    cr_assert(network != NULL, "%s", faults.lines[0]);
    return network;
}

static void note(void *argument, const struct difference *difference)
{
    (void)argument;
    cr_assert_lt(told_count, FOUND_MAX);
    struct told *at = &told[told_count++];
    cr_assert_eq(difference->change, CHANGE_CHANGED);
    snprintf(at->item, sizeof at->item, "%s", difference->item);
    snprintf(at->setting, sizeof at->setting, "%s", difference->setting);
    snprintf(at->before, sizeof at->before, "%s", difference->before);
    snprintf(at->after, sizeof at->after, "%s", difference->after);
}

static void compare(const char *settings, const char *hub, const char *sender)
{
    struct network *before = parse("", "", ""), *after = parse(settings, hub, sender);

    told_count = 0;
    differences_find(before, after, note, NULL);
    network_free(&before);
    network_free(&after);
}

static void expect(const char *item, const char *setting, const char *before, const char *after)
{
    for (size_t i = 0; i < told_count; i++)
        if (strcmp(told[i].item, item) == 0 && strcmp(told[i].setting, setting) == 0 &&
            strcmp(told[i].before, before) == 0) {
            cr_expect_str_eq(told[i].after, after, "%s: %s", setting, told[i].after);
            return;
        }
    cr_expect(false, "%s %s: %s -> %s is not told", item, setting, before, after);
}

Test(differences, equal_networks_have_none)
{
    compare("", "", "");
    cr_expect_eq(told_count, 0);
}

Test(differences, every_deadline_is_told_under_its_name)
{
    compare("deadlines = { receipt = { routine = \"2d\"; urgent = \"2h\"; asap = \"90m\"; stat = \"30m\"; };"
            " answer = { routine = \"3d\"; urgent = \"5h\"; asap = \"3h\"; stat = \"30m\"; grace_routine = \"0d\";"
            "  grace_urgent = \"4h\"; grace_asap = \"3h\"; grace_stat = \"1h\"; };"
            " contact = { routine = \"6d\"; urgent = \"3d\"; asap = \"2d\"; stat = \"9h\"; grace_routine = \"2d\";"
            "  grace_urgent = \"5h\"; grace_asap = \"4h\"; grace_stat = \"3h\"; silence = \"next-hub\"; };"
            " progress = { routine = \"30d\"; urgent = \"9d\"; asap = \"8d\"; stat = \"7d\"; grace_routine = \"6d\";"
            "  grace_urgent = \"5d\"; grace_asap = \"4d\"; grace_stat = \"3d\"; silence = \"next-hub\"; };"
            " pause = \"9d\"; enquiry = \"3d\"; attention_review = \"2d\"; waiting_review = \"3d\";"
            " waiting_expiry = \"30d\"; outcome_confirm = \"6d\"; retention = \"2922d\"; };",
            "", "");
    expect("", "deadlines.receipt.routine", "1d", "2d");
    expect("", "deadlines.receipt.urgent", "1h", "2h");
    expect("", "deadlines.receipt.asap", "1h", "90m");
    expect("", "deadlines.receipt.stat", "1h", "30m");
    expect("", "deadlines.answer.routine", "2d", "3d");
    expect("", "deadlines.answer.urgent", "4h", "5h");
    expect("", "deadlines.answer.asap", "2h", "3h");
    expect("", "deadlines.answer.stat", "1h", "30m");
    expect("", "deadlines.answer.grace_routine", "2d", "");
    expect("", "deadlines.answer.grace_urgent", "", "4h");
    expect("", "deadlines.answer.grace_asap", "", "3h");
    expect("", "deadlines.answer.grace_stat", "", "1h");
    expect("", "deadlines.contact.routine", "5d", "6d");
    expect("", "deadlines.contact.urgent", "1d", "3d");
    expect("", "deadlines.contact.asap", "1d", "2d");
    expect("", "deadlines.contact.stat", "1d", "9h");
    expect("", "deadlines.contact.grace_routine", "1d", "2d");
    expect("", "deadlines.contact.grace_urgent", "2h", "5h");
    expect("", "deadlines.contact.grace_asap", "2h", "4h");
    expect("", "deadlines.contact.grace_stat", "2h", "3h");
    expect("", "deadlines.contact.silence", "attention", "next-hub");
    expect("", "deadlines.progress.routine", "20d", "30d");
    expect("", "deadlines.progress.urgent", "5d", "9d");
    expect("", "deadlines.progress.asap", "5d", "8d");
    expect("", "deadlines.progress.stat", "5d", "7d");
    expect("", "deadlines.progress.grace_routine", "5d", "6d");
    expect("", "deadlines.progress.grace_urgent", "1d", "5d");
    expect("", "deadlines.progress.grace_asap", "1d", "4d");
    expect("", "deadlines.progress.grace_stat", "1d", "3d");
    expect("", "deadlines.progress.silence", "attention", "next-hub");
    expect("", "deadlines.pause", "20d", "9d");
    expect("", "deadlines.enquiry", "2d", "3d");
    expect("", "deadlines.attention_review", "1d", "2d");
    expect("", "deadlines.waiting_review", "7d", "3d");
    expect("", "deadlines.waiting_expiry", "84d", "30d");
    expect("", "deadlines.outcome_confirm", "5d", "6d");
    expect("", "deadlines.retention", "", "2922d");
    cr_expect_eq(told_count, 37);
}

Test(differences, the_deadlines_of_a_hub_are_told_step_by_step)
{
    compare("", "deadlines = { contact = { routine = \"9d\"; silence = \"next-hub\"; }; };", "");
    expect("oak", "deadlines.receipt", "", "routine 1d, urgent 1h, asap 1h, stat 1h");
    expect("oak", "deadlines.answer", "", "routine 2d + 2d, urgent 4h, asap 2h, stat 1h");
    expect("oak", "deadlines.contact", "", "routine 9d + 1d, urgent 1d + 2h, asap 1d + 2h, stat 1d + 2h; next-hub");
    expect("oak", "deadlines.progress", "", "routine 20d + 5d, urgent 5d + 1d, asap 5d + 1d, stat 5d + 1d; attention");
    cr_expect_eq(told_count, 4);
}

Test(differences, office_hours_bank_holidays_closures_and_practices_are_told)
{
    compare("office_hours = [ \"mon-tue 09:00-17:00\" ]; bank_holidays = [ \"2026-12-28\", \"2026-12-25\" ];",
            "closures = ( { from = \"2026-12-24\"; to = \"2026-12-26\"; }, { from = \"2027-02-01\"; to = "
            "\"2027-02-01\"; } );",
            "practice = \"L83147\";");
    expect("", "office_hours", "", "monday 09:00-17:00, tuesday 09:00-17:00");
    expect("", "bank_holidays", "", "2026-12-25");
    expect("oak", "closures", "", "2026-12-24 to 2026-12-26, 2027-02-01 to 2027-02-01");
    expect("gp", "practice", "", "L83147");
    cr_expect_eq(told_count, 5);
}

Test(differences, a_bank_holiday_that_is_gone_is_told_with_its_day)
{
    struct network *before = parse("bank_holidays = [ \"2026-12-25\", \"2026-12-28\" ];", "", "");
    struct network *after = parse("bank_holidays = [ \"2026-12-28\", \"2027-01-01\" ];", "", "");

    told_count = 0;
    differences_find(before, after, note, NULL);
    expect("", "bank_holidays", "2026-12-25", "");
    expect("", "bank_holidays", "", "2027-01-01");
    cr_expect_eq(told_count, 2);
    network_free(&before);
    network_free(&after);
}

/* ---- whole files ---- */

#define START                                                                                                          \
    "name = \"Test\"; plus_groups = [ \"migrants\" ];\n"                                                               \
    "neighbourhoods = ( { code = \"e\"; name = \"East\"; easting = 1; northing = 1; },\n"                              \
    " { code = \"w\"; name = \"West\"; easting = 9000; northing = 1; } );\n"
#define SERVICE(more) "services = ( { id = \"s\"; needs = [ \"food\" ]; places = 1; " more " } );"
#define HUB(id, more) "{ id = \"" id "\"; name = \"A hub\"; tier = \"targeted\"; easting = 1; northing = 1; " more " }"
#define GP "senders = ( { id = \"gp\"; name = \"GP\"; kind = \"other\"; } );"

static struct network *parse_text(const char *text)
{
    static struct config_faults faults;

    memset(&faults, 0, sizeof faults);
    struct network *network = network_parse("n.conf", text, strlen(text), &faults);
    cr_assert(network != NULL, "%s", faults.lines[0]);
    return network;
}

static enum change changes[FOUND_MAX];
static size_t changes_count;

/* Of what is new or gone only that is told. */
static void note_any(void *argument, const struct difference *difference)
{
    struct difference changed = *difference;

    cr_assert_lt(changes_count, FOUND_MAX);
    changes[changes_count++] = difference->change;
    changed.change = CHANGE_CHANGED;
    note(argument, &changed);
}

static void compare_texts(const char *old, const char *new)
{
    struct network *before = parse_text(old), *after = parse_text(new);

    told_count = changes_count = 0;
    differences_find(before, after, note_any, NULL);
    network_free(&before);
    network_free(&after);
}

Test(differences, what_a_service_asks_for_is_told_as_it_stands_in_the_file)
{
    compare_texts(
        START "hubs = ( " HUB("oak", SERVICE("")) " ); " GP, START
        "hubs = ( " HUB("oak",
                        SERVICE("conditions = ( { fact = \"risk_flags\"; none_of = [ \"lone-visit\", \"animal\" ]; },"
                                " { fact = \"age\"; at_most = 70; },"
                                " { fact = \"is_carer\"; is = true; },"
                                " { fact = \"plus_groups\"; any_of = [ \"migrants\" ]; } );")) " ); " GP);
    expect("oak/s", "conditions", "",
           "risk_flags none_of lone-visit, animal; age at_most 70; is_carer is 1; plus_groups any_of groups 1");
    cr_expect_eq(told_count, 1);
}

Test(differences, what_is_to_be_true_of_a_hub_from_a_day_on_is_told_whole)
{
    compare_texts(START "hubs = ( " HUB("oak", SERVICE("")) " ); " GP,
                  START "hubs = ( " HUB("oak", SERVICE("") "changes = ( { from = \"2027-01-01\"; name = \"Oak\";"
                                                           " address = \"New\"; phone = \"1\"; areas = [ \"East\" ];"
                                                           " also_serves = [ \"West\" ]; },"
                                                           " { from = \"2027-02-01\"; areas = [ ]; } );") " ); " GP);
    expect("oak", "changes", "",
           "from 2027-01-01: Oak, New, 1, 1, 1; East; West; from 2027-02-01: Oak, New, 1, 1, 1; ; West");
    cr_expect_eq(told_count, 1);
}

Test(differences, hubs_that_belong_together_groups_and_practices_are_told)
{
    compare_texts(
        START "hubs = ( " HUB("oak", SERVICE("")) ", " HUB(
            "elm",
            SERVICE("")) " );"
                         "practices = ( { ods = \"L83147\"; area = \"West\"; easting = 5; northing = 6; } ); " GP,
        "name = \"Test\"; neighbourhoods = ( { code = \"e\"; name = \"East\"; easting = 1; northing = 1; },\n"
        " { code = \"w\"; name = \"West\"; easting = 9000; northing = 1; } );\n"
        "hubs = ( " HUB("oak", SERVICE("")) ", " HUB(
            "elm", SERVICE("") "satellite_of = \"oak\";") " );"
                                                          "practices = ( { ods = \"L83006\"; area = \"East\"; easting "
                                                          "= 7; northing = 8; } ); " GP);
    expect("elm", "satellite_of", "", "oak");
    expect("L83147", "practices", "West, 5, 6", "");
    expect("L83006", "practices", "", "East, 7, 8");
    for (size_t i = 0; i < told_count; i++)
        if (strcmp(told[i].setting, "plus_groups") == 0) {
            cr_expect_eq(strncmp(told[i].before, "1 groups (", 10), 0, "%s", told[i].before);
            cr_expect_str_eq(told[i].after, "");
        }
    cr_expect_eq(told_count, 4);
}

Test(differences, a_sender_that_comes_and_one_that_goes_are_told_by_name)
{
    compare_texts(
        START "hubs = ( " HUB("oak", SERVICE("")) " ); " GP, START
        "hubs = ( " HUB("oak", SERVICE("")) " );"
                                            "senders = ( { id = \"clinic\"; name = \"Clinic\"; kind = \"other\"; } );");
    cr_assert_eq(told_count, 2);
    expect("gp", "", "GP", "");
    expect("clinic", "", "", "Clinic");
    cr_expect_eq(changes[0], CHANGE_REMOVED);
    cr_expect_eq(changes[1], CHANGE_ADDED);
}

/* As many closures as make a value longer than what is shown, and longer than what is compared. */
static void write_closures(char *text, size_t size, int count, const char *last)
{
    size_t length = (size_t)snprintf(text, size, "hours = [ \"mon 09:00-17:00\" ]; closures = ( ");

    for (int i = 0; i < count; i++)
        length += (size_t)snprintf(text + length, size - length, "{ from = \"%d-%02d-01\"; to = \"%d-%02d-01\"; }, ",
                                   2030 + i / 12, 1 + i % 12, 2030 + i / 12, 1 + i % 12);
    snprintf(text + length, size - length, "{ from = \"%s\"; to = \"%s\"; } );", last, last);
}

Test(differences, a_long_value_is_shown_as_far_as_there_is_room_and_compared_as_a_whole)
{
    static char one[8000], other[8000];

    write_closures(one, sizeof one, 60, "2099-01-01");
    write_closures(other, sizeof other, 60, "2099-01-02");
    struct network *before = parse("", one, ""), *after = parse("", other, "");
    told_count = 0;
    differences_find(before, after, note, NULL);
    cr_assert_eq(told_count, 1, "the end differs");
    cr_assert_str_eq(told[0].setting, "closures");
    cr_expect_lt(strlen(told[0].before), DIFFERENCE_VALUE_BYTES);
    cr_expect_str_eq(told[0].before + strlen(told[0].before) - 3, "...");
    cr_expect_str_eq(told[0].before, told[0].after);
    network_free(&before);
    network_free(&after);
}
