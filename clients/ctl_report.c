/* SPDX-License-Identifier: MIT
 * ctl_report: what could not be met, for whom, and the emergency rules. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "clients/ctl.h"
#include "clients/events.h"
#include "clients/look.h"
#include "proto/check.h"

#define FIFTHS 6 /* 0: those whose fifth is not known */

static const enum field unmet_columns[] = {
    FIELD_week, FIELD_neighbourhood_code, FIELD_neighbourhood_name, FIELD_need, FIELD_cause, FIELD_count, FIELD_COUNT};
static const enum field fifth_columns[] = {FIELD_fifth,  FIELD_population, FIELD_referrals, FIELD_accepted,
                                           FIELD_waited, FIELD_rejected,   FIELD_COUNT};

/* clang-format off */
const struct option_spec ctl_report_options[] = {
    {0, "since", "DATE", NULL, NULL, "only what was submitted on this day or later; or days before today: 30d"}, {0}};
const struct option_spec ctl_emergency_on_options[] = {
    {0, "until", "WHEN", NULL, NULL, "when they end by themselves (mandatory): 90m, 12h, 3d, or 2026-11-25T18:00:00Z"},
    {0, "reason", "TEXT", NULL, NULL, "why (mandatory); it is kept"}, {0}};
const struct option_spec ctl_emergency_off_options[] = {
    {0, "reason", "TEXT", NULL, NULL, "why (mandatory); it is kept"}, {0}};
/* clang-format on */

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const char *ctl_reason(const struct invocation *invocation)
{
    const char *reason = options_value(invocation, "reason");

    if (!reason)
        options_complain(invocation, EX_USAGE, "--reason \"what happened, and who decided it\"",
                         "give the reason; it is kept");
    return reason;
}

/* What a fifth's share of one field is of its own number of another: of itself over all fifths, when they are one. */
static void print_share(int64_t figures[FIFTHS][FIELD_COUNT], const char *name, enum field field, enum field of)
{
    int64_t all = 0;

    for (int fifth = 1; fifth < FIFTHS; fifth++)
        all += figures[fifth][field];
    printf("%-22s", name);
    for (int fifth = 1; fifth < FIFTHS; fifth++) {
        int64_t whole = field == of ? all : figures[fifth][of];

        if (whole > 0)
            printf("  %d: %3.0f%%", fifth, 100.0 * (double)figures[fifth][field] / (double)whole);
        else
            printf("  %d:   - ", fifth);
    }
    putchar('\n');
}

/* So that fifths of different size can be compared. */
static void print_shares(int64_t figures[FIFTHS][FIELD_COUNT])
{
    puts("\nfifth 1 is the most deprived");
    print_share(figures, "of all people", FIELD_population, FIELD_population);
    print_share(figures, "of all referrals", FIELD_referrals, FIELD_referrals);
    print_share(figures, "accepted of its own", FIELD_accepted, FIELD_referrals);
    print_share(figures, "waited of its own", FIELD_waited, FIELD_referrals);
    print_share(figures, "rejected of its own", FIELD_rejected, FIELD_referrals);
}

/* The view comes first: it is the context of every answer. */
struct equity {
    struct view view;
    int64_t figures[FIFTHS][FIELD_COUNT];
};

static void take_fifth(void *context, const struct message *answer)
{
    struct equity *equity = context;
    int64_t fifth = message_number(answer, FIELD_fifth);

    for (const enum field *field = fifth_columns;
         answer->type == MESSAGE_fifth && fifth < FIFTHS && *field != FIELD_COUNT; field++)
        equity->figures[fifth][*field] = message_number(answer, *field);
    view_take_row(context, answer);
}

static int report(struct view *view, enum message_type question, const char *schema, const enum field *columns,
                  exchange_answer take)
{
    struct message request;

    message_init(&request, question);
    if (!events_since(view->invocation, &request))
        return EX_USAGE;
    return view_ask_rows(view, schema, columns, &request, take);
}

int ctl_report_unmet(const struct invocation *invocation)
{
    struct view view = {.invocation = invocation, .is_patient = true};
    int code = report(&view, MESSAGE_unmet, "referral.report-unmet/1", unmet_columns, view_take_row);

    if (code == EX_OK && view.rows == 0)
        fputs("every need could be met at once\n", stderr);
    return code;
}

int ctl_report_equity(const struct invocation *invocation)
{
    struct equity equity = {.view = {.invocation = invocation, .is_patient = true}};
    int code = report(&equity.view, MESSAGE_equity, "referral.report-equity/1", fifth_columns, take_fifth);

    if (code == EX_OK && invocation->format == PRINT_TABLE)
        print_shares(equity.figures);
    return code;
}

static bool read_until(const struct invocation *invocation, struct message *request)
{
    const char *until = options_value(invocation, "until");
    int64_t moment, span;

    if (until && events_span(until, "mhd", &span))
        moment = now_ms() + span;
    else if (!until || !datetime_parse((struct text){until, (uint32_t)strlen(until)}, &moment)) {
        options_complain(invocation, EX_USAGE, "--until 12h, or --until 2026-11-25T18:00:00Z",
                         "say when the emergency rules end");
        return false;
    }
    message_set_number(request, FIELD_until, moment);
    return true;
}

static void take_done(void *context, const struct message *answer)
{
    const struct view *view = context;

    if (answer->type == MESSAGE_done && view->invocation->format != PRINT_TABLE)
        print_one(view->invocation->format, view->schema, answer, false, stdout);
}

/* On, when there is an option that says until when; else off. */
int ctl_emergency(const struct invocation *invocation)
{
    bool is_on = strcmp(invocation->command->name, "emergency on") == 0;
    struct view view = {.invocation = invocation, .schema = "referral.emergency/1"};
    const char *reason = ctl_reason(invocation);
    struct message request;
    struct exchange *exchange;
    char until[25];
    int code;

    message_init(&request, MESSAGE_emergency);
    if (!reason || (is_on && !read_until(invocation, &request)))
        return EX_USAGE;
    message_set_string(&request, FIELD_note, reason);
    exchange = options_connect(invocation, &code);
    if (!exchange)
        return code;
    code = view_ask(&view, exchange, &request, take_done);
    exchange_close(&exchange);
    if (code != EX_OK || invocation->format != PRINT_TABLE)
        return code;
    if (!is_on) {
        puts("the emergency rules are off");
        return EX_OK;
    }
    datetime_format(message_number(&request, FIELD_until), until);
    printf("the emergency rules are on until %s, then they end by themselves\n", until);
    return EX_OK;
}
