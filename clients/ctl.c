/* SPDX-License-Identifier: MIT
 * referralctl: for operators, over the daemon's unix socket. */
#include <inttypes.h>
#include <locale.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "clients/ctl.h"
#include "clients/look.h"
#include "clients/words.h"

#define WATCH_COUNT_DEFAULT 43200
#define IDS_MAX 10000
#define HUBS_SCHEMA "referral.hubs/1"

static const enum field hub_columns[] = {FIELD_hub_id,      FIELD_hub_name,    FIELD_tier,        FIELD_hub_status,
                                         FIELD_service_id,  FIELD_places,      FIELD_places_free, FIELD_stale,
                                         FIELD_shared_with, FIELD_offers_open, FIELD_cases_open,  FIELD_connected,
                                         FIELD_unconfirmed, FIELD_COUNT};
/* What is true of the hub as a whole stands above the table. */
static const enum field service_columns[] = {FIELD_service_id,       FIELD_places,          FIELD_places_free,
                                             FIELD_places_stated_at, FIELD_stale,           FIELD_shared_with,
                                             FIELD_per_week,         FIELD_taken_this_week, FIELD_opening_hours,
                                             FIELD_offers_open,      FIELD_cases_open,      FIELD_COUNT};

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
    char until[WORDS_BYTES];
    char up[24];
    char oldest[24] = "-";

    format_age(now - message_number(totals, FIELD_started_at), up, sizeof up);
    if (waiting_since)
        format_age(now - waiting_since, oldest, sizeof oldest);
    printf("referrald %.*s ready, up %s, network version %" PRId64 ", postcodes %.*s\n", (int)version.length,
           version.bytes, up, message_number(totals, FIELD_network_version),
           postcodes.length ? (int)postcodes.length : 4, postcodes.length ? postcodes.bytes : "none");
    if (message_has(totals, FIELD_emergency_until))
        printf("emergency  ! the emergency rules are on until %s\n", words_value(totals, FIELD_emergency_until, until));
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
    if (message_number(totals, FIELD_enquiries_open))
        printf("enquiries  %" PRId64 " wait for an answer\n", message_number(totals, FIELD_enquiries_open));
    if (message_number(totals, FIELD_mailboxes_silent))
        printf("mailboxes  ! %" PRId64 " silent        try: referralctl mailbox list --unconfirmed\n",
               message_number(totals, FIELD_mailboxes_silent));
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
    if (invocation->operands_count == 1 && !options_read_number(invocation->operands[0], 1, INT32_MAX, &seconds))
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

static int run_hub_list(const struct invocation *invocation)
{
    struct view view = {.invocation = invocation};
    struct message request;

    message_init(&request, MESSAGE_hubs);
    return view_ask_rows(&view, HUBS_SCHEMA, hub_columns, &request, view_take_row);
}

static void print_hub(const struct message *hub)
{
    char id[WORDS_BYTES], name[WORDS_BYTES], tier[WORDS_BYTES];

    printf("%s  %s, %s: %s\n", words_value(hub, FIELD_hub_id, id), words_value(hub, FIELD_hub_name, name),
           words_value(hub, FIELD_tier, tier), words_meaning(LIST_hub_status, message_number(hub, FIELD_hub_status)));
    printf("program   %s, %" PRId64 " messages not confirmed\n\n",
           message_number(hub, FIELD_connected) ? "connected" : "not connected",
           message_number(hub, FIELD_unconfirmed));
}

static void take_hub(void *context, const struct message *answer)
{
    const struct view *view = context;

    if (answer->type == MESSAGE_hub && view->rows == 0 && view->invocation->format == PRINT_TABLE)
        print_hub(answer);
    view_take_row(context, answer);
}

static int run_hub_show(const struct invocation *invocation)
{
    struct view view = {.invocation = invocation};
    struct message request;
    int code;

    message_init(&request, MESSAGE_hubs);
    message_set_string(&request, FIELD_hub_id, invocation->operands[0]);
    code = view_ask_rows(&view, HUBS_SCHEMA, service_columns, &request, take_hub);
    if (code == EX_OK && view.rows == 0)
        code = options_complain(invocation, EX_NOUSER, "referralctl hub list", "there is no such hub");
    return code;
}

/* clang-format off */
static const struct option_spec program_options[] = {OPTIONS_OF_ALL, OPTIONS_OF_OPERATOR, {0}};

static const struct option_spec list_options[] = {LOOK_LIST_OPTIONS, LOOK_LIST_OPTIONS_OF_OPERATOR, {0}};
static const struct option_spec watch_options[] = {
    {0, "count", "N", NULL, NULL, "end after so many times (43200 when absent)"}, {0}};

static const struct command commands[] = {
    {"status",   "",            "The whole network on one screen; exit 0 ready, 69 not reachable.", NULL, 0, 0, run_status},
    {"list",     "",            "Referrals, newest first; options narrow it down.", list_options, 0, 0, look_list},
    {"show",     "REFERRAL_ID", "One referral, its deadline and who owns it, and its history; the person is masked.", ctl_show_options, 1, 1, ctl_show},
    {"history",  "REFERRAL_ID", "What happened to one referral, newest first.", NULL, 1, 1, look_history},
    {"follow",   "",            "What happens, event by event, as it happens.", ctl_follow_options, 0, 0, ctl_follow},
    {"explain",  "REFERRAL_ID", "Why it is where it is: every hub, every rule, and what decided.", NULL, 1, 1, ctl_explain},
    {"explain-profile", "",     "Where a person who does not exist would be sent now, and why.", ctl_profile_options, 0, 0, ctl_explain_profile},
    {"hold",     "REFERRAL_ID...", "Nobody is asked until it is released (--reason).", ctl_change_options, 1, IDS_MAX, ctl_change},
    {"release",  "REFERRAL_ID...", "What is held, or waits for a person, is placed by the rules (--reason).", ctl_change_options, 1, IDS_MAX, ctl_change},
    {"place",    "REFERRAL_ID HUB_ID SERVICE_ID", "Asks this hub, whatever the rules say (--reason).", ctl_place_options, 3, 3, ctl_place},
    {"reoffer",  "REFERRAL_ID [OFFER_NUMBER]", "Takes an offer or a case back from its hub; the next is asked (--reason).", ctl_change_options, 1, 2, ctl_reoffer},
    {"prioritise", "REFERRAL_ID...", "Changes the priority (--to, --reason).", ctl_prioritise_options, 1, IDS_MAX, ctl_change},
    {"annotate", "REFERRAL_ID...", "Leaves a note in the history (--reason).", ctl_change_options, 1, IDS_MAX, ctl_change},
    {"turn-away", "REFERRAL_ID...", "Ends what no hub has accepted; the sender is told why (--code, --reason).", ctl_turn_away_options, 1, IDS_MAX, ctl_change},
    {"cancel",   "REFERRAL_ID...", "Withdraws what has not ended, or never should have been sent (--code, --reason).", ctl_cancel_options, 1, IDS_MAX, ctl_change},
    {"mailbox list", "",        "Who has not confirmed what, and since when.", ctl_mailbox_options, 0, 0, ctl_mailbox_list},
    {"who-saw",  "REFERRAL_ID", "Who was told, or shown, who the person is.", NULL, 1, 1, ctl_who_saw},
    {"store check", "",         "Looks for open referrals without a deadline, and for what cannot be read; exit 1 when there is any.", NULL, 0, 0, ctl_store_check},
    {"audit verify", "",        "Verifies the whole history; exit 1 when an entry is bad or --anchor does not hold.", ctl_verify_options, 0, 0, ctl_audit_verify},
    {"person find", "",         "All referrals of one person (privacy officers).", ctl_find_options, 0, 0, ctl_person_find},
    {"person export", "REFERRAL_ID...", "Everything that is stored about the person (privacy officers; --reason).", ctl_export_options, 1, IDS_MAX, ctl_person_export},
    {"retention list", "",      "Closed referrals that are proposed for erasure (privacy officers).", NULL, 0, 0, ctl_retention_list},
    {"retention approve", "[REFERRAL_ID...]", "Erases those of them that are named, or --all (privacy officers; --reason).", ctl_approve_options, 0, IDS_MAX, ctl_retention_approve},
    {"erase",    "REFERRAL_ID...", "Erases the person of a closed referral for ever (privacy officers; --reason).", ctl_change_options, 1, IDS_MAX, ctl_change},
    {"hub list", "",            "Hubs, their services and their places.", NULL, 0, 0, run_hub_list},
    {"hub show", "HUB_ID",      "One hub, with hours, weekly intake and shared places.", NULL, 1, 1, run_hub_show},
    {"routing check",    "FILE",   "All faults of a network file, with their lines; changes nothing.", NULL, 1, 1, ctl_routing_check},
    {"routing diff",     "FILE",   "What a network file would change, and how many open referrals it concerns.", NULL, 1, 1, ctl_routing_diff},
    {"routing coverage", "[FILE]", "Needs that no hub could take, by neighbourhood and age.", NULL, 0, 1, ctl_routing_coverage},
    {"routing simulate", "FILE",   "The stored referrals decided again under a network file; changes nothing.", ctl_simulate_options, 1, 1, ctl_routing_simulate},
    {"routing apply",    "[FILE]", "Checks a network file and puts it in force (--reason).", ctl_apply_options, 0, 1, ctl_routing_apply},
    {"routing versions", "",       "The versions of the network, newest first.", NULL, 0, 0, ctl_routing_versions},
    {"emergency on",     "",       "Switches the network's emergency rules on (--until, --reason).", ctl_emergency_on_options, 0, 0, ctl_emergency},
    {"emergency off",    "",       "Switches them off before their time (--reason).", ctl_emergency_off_options, 0, 0, ctl_emergency},
    {"report unmet",     "",       "Needs that could not be met at once, by week, neighbourhood and cause.", ctl_report_options, 0, 0, ctl_report_unmet},
    {"report equity",    "",       "What became of referrals, by fifth of deprivation.", ctl_report_options, 0, 0, ctl_report_equity},
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
