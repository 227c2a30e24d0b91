/* SPDX-License-Identifier: MIT
 * referralctl: for operators, over the daemon's unix socket. Only looks; changes nothing. */
#include <inttypes.h>
#include <locale.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "clients/look.h"

#define WATCH_COUNT_DEFAULT 43200
#define VALUE_BYTES 256

static const enum field considered_columns[] = {FIELD_hub_id, FIELD_hub_name,   FIELD_rule,        FIELD_needed,
                                                FIELD_ring,   FIELD_distance_m, FIELD_places_free, FIELD_rank,
                                                FIELD_chosen, FIELD_COUNT};
static const enum field hub_columns[] = {FIELD_hub_id,     FIELD_hub_name,  FIELD_tier,        FIELD_hub_status,
                                         FIELD_service_id, FIELD_places,    FIELD_places_free, FIELD_offers_open,
                                         FIELD_cases_open, FIELD_connected, FIELD_unconfirmed, FIELD_COUNT};

/* "12d 04h", "1h 52m", "38m", "12s". */
static void format_age(int64_t ms, char *out, size_t size)
{
    int64_t seconds = ms > 0 ? ms / 1000 : 0;

    if (seconds >= 86400)
        snprintf(out, size, "%" PRId64 "d %02" PRId64 "h", seconds / 86400, seconds % 86400 / 3600);
    else if (seconds >= 3600)
        snprintf(out, size, "%" PRId64 "h %02" PRId64 "m", seconds / 3600, seconds % 3600 / 60);
    else if (seconds >= 60)
        snprintf(out, size, "%" PRId64 "m", seconds / 60);
    else
        snprintf(out, size, "%" PRId64 "s", seconds);
}

static void print_totals_lines(const struct message *totals)
{
    int64_t now = message_number(totals, FIELD_at);
    int64_t limit = message_number(totals, FIELD_store_limit_bytes);
    int64_t used = message_number(totals, FIELD_store_used_bytes);
    int64_t waiting_since = message_number(totals, FIELD_oldest_waiting_at);
    int64_t overdue = message_number(totals, FIELD_overdue);
    int64_t attention = message_number(totals, FIELD_attention);
    struct text version = message_text(totals, FIELD_version);
    struct text postcodes = message_text(totals, FIELD_postcode_edition);
    char up[24];
    char oldest[24] = "-";

    format_age(now - message_number(totals, FIELD_started_at), up, sizeof up);
    if (waiting_since)
        format_age(now - waiting_since, oldest, sizeof oldest);
    printf("referrald %.*s ready, up %s, network version %" PRId64 ", postcodes %.*s\n", (int)version.length,
           version.bytes, up, message_number(totals, FIELD_network_version),
           postcodes.length ? (int)postcodes.length : 4, postcodes.length ? postcodes.bytes : "none");
    printf("waiting    %-8" PRId64 " oldest %s\n", message_number(totals, FIELD_waiting), oldest);
    printf("open       %-8" PRId64 " on offer %" PRId64 ", at a hub %" PRId64, message_number(totals, FIELD_open),
           message_number(totals, FIELD_offered), message_number(totals, FIELD_placed));
    if (overdue)
        printf("    ! %" PRId64 " past deadline", overdue);
    putchar('\n');
    printf("closed     %-8" PRId64 " of %" PRId64 " ever stored\n", message_number(totals, FIELD_closed),
           message_number(totals, FIELD_stored));
    printf("hubs       %-8" PRId64 " take referrals today\n", message_number(totals, FIELD_hubs_open));
    printf("store      %.1f of %.1f MiB (%" PRId64 "%%)\n", (double)used / 1048576, (double)limit / 1048576,
           limit ? used * 100 / limit : 0);
    if (message_number(totals, FIELD_damaged))
        printf("damaged    ! %" PRId64 " referrals cannot be read: restore the last backup\n",
               message_number(totals, FIELD_damaged));
    printf("attention  %" PRId64 "%s\n", attention, attention ? "        try: referralctl list --attention" : "");
}

static void take_totals(void *context, const struct message *answer)
{
    const struct view *view = context;

    if (answer->type != MESSAGE_totals)
        return;
    if (view->invocation->format == PRINT_TABLE)
        print_totals_lines(answer);
    else
        print_one(view->invocation->format, view->schema, answer, false, stdout);
}

static int ask_overview(const struct invocation *invocation, struct exchange *exchange)
{
    struct view view = {.invocation = invocation, .schema = "referral.overview/1"};
    struct message request;

    message_init(&request, MESSAGE_overview);
    return view_ask(&view, exchange, &request, take_totals);
}

static int run_status(const struct invocation *invocation)
{
    int code;
    struct exchange *exchange = options_connect(invocation, &code);

    if (!exchange)
        return code;
    code = ask_overview(invocation, exchange);
    exchange_close(&exchange);
    return code;
}

static int run_watch(const struct invocation *invocation)
{
    int64_t seconds = 2;
    int64_t count = WATCH_COUNT_DEFAULT;
    bool redraws = invocation->format == PRINT_TABLE && isatty(STDOUT_FILENO);
    struct exchange *exchange;
    int code;

    if (!options_number(invocation, "count", 1, INT32_MAX, &count))
        return EX_USAGE;
    if (invocation->operands_count == 1 && (sscanf(invocation->operands[0], "%" SCNd64, &seconds) != 1 || seconds < 1))
        return options_complain(invocation, EX_USAGE, NULL, "give a whole number of seconds");
    exchange = options_connect(invocation, &code);
    for (int64_t i = 0; exchange && i < count; i++) {
        if (i > 0)
            sleep((unsigned)seconds);
        if (redraws)
            fputs("\033[H\033[2J", stdout);
        code = ask_overview(invocation, exchange);
        fflush(stdout);
    }
    exchange_close(&exchange);
    return code;
}

static const char *meaning_of(enum code_list list, int64_t number)
{
    for (size_t i = 0; i < lists[list].count; i++)
        if (lists[list].codes[i].number == number)
            return lists[list].codes[i].meaning;
    return "";
}

static const char *value_of(const struct message *message, enum field field, char *buffer)
{
    if (!message_has(message, field))
        return "-";
    return print_value(message, field, false, buffer, VALUE_BYTES);
}

/* The decision in words, above the table of hubs. */
static void print_decision(const struct message *decision)
{
    char a[VALUE_BYTES];
    char b[VALUE_BYTES];
    char c[VALUE_BYTES];
    int64_t comparison = message_number(decision, FIELD_comparison);

    printf("%s  %s, %s\n", value_of(decision, FIELD_referral_id, a), value_of(decision, FIELD_priority, b),
           code_text(LIST_need, (int)message_primary_need(decision)));
    printf("place     %s %s (known by %s), deprivation decile ", value_of(decision, FIELD_neighbourhood_code, a),
           value_of(decision, FIELD_neighbourhood_name, b), value_of(decision, FIELD_locality, c));
    printf("%s\n", value_of(decision, FIELD_deprivation_decile, a));
    printf("decided   %s by network version %s, postcodes %s\n", value_of(decision, FIELD_at, a),
           value_of(decision, FIELD_network_version, b), value_of(decision, FIELD_postcode_edition, c));
    printf("occasion  %s: %s\n", value_of(decision, FIELD_event, a),
           meaning_of(LIST_event, message_number(decision, FIELD_event)));
    if (message_has(decision, FIELD_hub_id))
        printf("result    offered to %s", value_of(decision, FIELD_hub_id, a));
    else
        printf("result    offered to nobody");
    if (message_has(decision, FIELD_status_reason))
        printf(": %s", meaning_of(LIST_status_reason, message_number(decision, FIELD_status_reason)));
    if (comparison)
        printf("\nbecause   %s: %s", value_of(decision, FIELD_comparison, a), meaning_of(LIST_comparison, comparison));
    printf("\nreplayed  %s\n\n", message_number(decision, FIELD_replayed)
                                     ? "yes: deciding again from what was recorded gives the same"
                                     : "NO: deciding again from what was recorded gives another result");
}

static void take_decision(void *context, const struct message *answer)
{
    const struct view *view = context;

    if (answer->type == MESSAGE_decision && view->invocation->format == PRINT_TABLE)
        print_decision(answer);
    else
        view_take_row(context, answer);
}

static int run_explain(const struct invocation *invocation)
{
    struct view view = {.invocation = invocation};
    struct exchange *exchange;
    uint64_t referral;
    int code;

    if (!options_referral_id(invocation, invocation->operands[0], &referral))
        return EX_USAGE;
    exchange = options_connect(invocation, &code);
    if (!exchange)
        return code;
    view.printer = print_open(invocation->format, "referral.explain/1", considered_columns, stdout);
    code = view_ask_about(&view, exchange, MESSAGE_explain, referral, take_decision);
    print_close(&view.printer, NULL);
    exchange_close(&exchange);
    return code;
}

/* All hubs, or the one that is named. */
static int run_hubs(const struct invocation *invocation)
{
    struct view view = {.invocation = invocation};
    struct message request;
    struct exchange *exchange;
    int code;

    message_init(&request, MESSAGE_hubs);
    if (invocation->operands_count > 0)
        message_set_string(&request, FIELD_hub_id, invocation->operands[0]);
    exchange = options_connect(invocation, &code);
    if (!exchange)
        return code;
    view.printer = print_open(invocation->format, "referral.hubs/1", hub_columns, stdout);
    code = view_ask(&view, exchange, &request, view_take_row);
    print_close(&view.printer, NULL);
    if (code == EX_OK && invocation->operands_count > 0 && view.rows == 0)
        code = options_complain(invocation, EX_NOUSER, "referralctl hub list", "there is no such hub");
    exchange_close(&exchange);
    return code;
}

/* clang-format off */
static const struct option_spec program_options[] = {OPTIONS_OF_ALL, OPTIONS_OF_OPERATOR, {0}};

static const struct option_spec list_options[] = {LOOK_LIST_OPTIONS, LOOK_LIST_OPTIONS_OF_OPERATOR, {0}};
static const struct option_spec show_options[] = {LOOK_SHOW_OPTIONS_OF_OPERATOR, {0}};
static const struct option_spec watch_options[] = {
    {0, "count", "N", NULL, NULL, "end after so many times (43200 when absent)"}, {0}};

static const struct command commands[] = {
    {"status",   "",            "The whole network on one screen; exit 0 ready, 69 not reachable.", NULL, 0, 0, run_status},
    {"list",     "",            "Referrals, newest first; options narrow it down.", list_options, 0, 0, look_list},
    {"show",     "REFERRAL_ID", "One referral and its history; the person is masked.", show_options, 1, 1, look_show},
    {"explain",  "REFERRAL_ID", "Why it is where it is: every hub, every rule, and what decided.", NULL, 1, 1, run_explain},
    {"hub list", "",            "Hubs, their services and their places.", NULL, 0, 0, run_hubs},
    {"hub show", "HUB_ID",      "One hub.", NULL, 1, 1, run_hubs},
    {"watch",    "[SECONDS]",   "Status again and again, every 2 seconds when not told.", watch_options, 0, 1, run_watch},
    {0}};
/* clang-format on */

int main(int argc, char **argv)
{
    static const struct program program = {"referralctl", "watches over the referral network", program_options,
                                           commands};

    setlocale(LC_ALL, "");
    return options_run(&program, argc, argv);
}
