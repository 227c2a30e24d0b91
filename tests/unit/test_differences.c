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
    char text[8192];

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
