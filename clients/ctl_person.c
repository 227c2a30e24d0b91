/* SPDX-License-Identifier: MIT
 * ctl_person: looking at who a person is, always with a reason that is recorded first, and what privacy officers do for
 * a person's rights. */
#include "clients/ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "clients/ctl_change.h"
#include "clients/look.h"
#include "clients/text.h"
#include "proto/check.h"

#define IDS_SHOWN 5
#define ERASABLE_MAX 65536
#define LINE_BYTES 64
#define WHY_BYTES 512

static const enum field erasable_columns[] = {FIELD_referral_id,  FIELD_sender_id, FIELD_state,
                                              FIELD_submitted_at, FIELD_ended_at,  FIELD_COUNT};
static const enum field person_columns[] = {FIELD_referral_id,  FIELD_sender_id, FIELD_state,   FIELD_business_status,
                                            FIELD_submitted_at, FIELD_hub_id,    FIELD_outcome, FIELD_linked_ids,
                                            FIELD_is_erased,    FIELD_COUNT};

static const struct option_field find_fields[] = {
    {"nhs-number", FIELD_nhs_number},       {"family-name", FIELD_family_name}, {"given-name", FIELD_given_name},
    {"date-of-birth", FIELD_date_of_birth}, {"postcode", FIELD_postcode},       {0},
};

/* clang-format off */
const struct option_spec ctl_show_options[] = {
    {0, "reveal", NULL, NULL, NULL, "show the person too; --reason is recorded first"},
    {0, "reason", "TEXT", NULL, NULL, "why the person is looked at (mandatory with --reveal)"}, {0}};
const struct option_spec ctl_find_options[] = {
    {0, "nhs-number", "DIGITS", NULL, NULL, "ten digits; or the three that follow"},
    {0, "family-name", "TEXT", NULL, NULL, "last name"},
    {0, "given-name", "TEXT", NULL, NULL, "first names"},
    {0, "date-of-birth", "DATE", NULL, NULL, "1946-05-09"},
    {0, "postcode", "TEXT", NULL, NULL, "where the person lives, when the name is given"},
    {'f', "file", "FILE", NULL, NULL, "instead, not to be seen in the list of processes: lines NAME=VALUE; - is standard input"}, {0}};
const struct option_spec ctl_export_options[] = {
    {0, "reason", "TEXT", NULL, NULL, "why (mandatory); it is recorded first"}, {0}};
const struct option_spec ctl_approve_options[] = {
    {0, "all", NULL, NULL, NULL, "instead of ids: all that are proposed now"},
    {0, "reason", "TEXT", NULL, NULL, "why (mandatory); it is kept in the history"},
    {0, "yes", NULL, NULL, NULL, "does not ask whether to go on"},
    {0, "expect", "N", NULL, NULL, "goes on only when it is about N referrals"}, {0}};
/* clang-format on */

/* Says why: what follows is then answered for a while. */
static int reveal(struct view *view, struct exchange *exchange, uint64_t referral, const char *reason)
{
    struct message request;

    message_init(&request, MESSAGE_reveal);
    message_set_number(&request, FIELD_referral_id, (int64_t)referral);
    message_set_string(&request, FIELD_note, reason);
    return view_ask(view, exchange, &request, NULL);
}

int ctl_show(const struct invocation *invocation)
{
    struct view view = {.invocation = invocation};
    struct exchange *exchange;
    const char *reason;
    uint64_t referral;
    int code;

    if (!options_given(invocation, "reveal"))
        return look_show(invocation);
    reason = ctl_reason(invocation);
    if (!reason || !options_referral_id(invocation, invocation->operands[0], &referral))
        return EX_USAGE;
    exchange = options_connect(invocation, &code);
    if (!exchange)
        return code;
    code = reveal(&view, exchange, referral, reason);
    exchange_close(&exchange);
    return code == EX_OK ? look_show(invocation) : code;
}

static int take_file(const struct invocation *invocation, const char *file, struct record_texts *texts,
                     struct message *request)
{
    const struct message_spec *spec = message_spec(MESSAGE_find_person);
    char why[WHY_BYTES];
    int code = record_json_read(file, texts, why, sizeof why);

    if (code == EX_OK && !record_texts_fill(texts, request, why, sizeof why))
        code = EX_DATAERR;
    for (int field = 0; code == EX_OK && field < FIELD_COUNT; field++)
        if (texts->of[field] && !text_belongs(spec, (enum field)field)) {
            snprintf(why, sizeof why, "%s: persons are not found by %s", file, fields[field].name);
            code = EX_DATAERR;
        }
    return code == EX_OK ? EX_OK : options_complain(invocation, code, NULL, "%s", why);
}

/* From the file, then from options. */
static int take_person(const struct invocation *invocation, struct record_texts *texts, struct message *request)
{
    const char *file = options_value(invocation, "file");
    int code = file ? take_file(invocation, file, texts, request) : EX_OK;

    return code == EX_OK && !options_set_fields(invocation, find_fields, texts, request) ? EX_USAGE : code;
}

int ctl_person_find(const struct invocation *invocation)
{
    struct view view = {.invocation = invocation, .is_patient = true};
    struct record_texts texts = {{0}};
    struct message request;

    message_init(&request, MESSAGE_find_person);
    int code = take_person(invocation, &texts, &request);
    if (code == EX_OK)
        code = view_ask_rows(&view, "referral.person-find/1", person_columns, &request, view_take_row);
    if (code == EX_OK && view.rows == 0)
        fputs("no referrals of this person\n", stderr);
    record_texts_clear(&texts);
    return code;
}

/* For people what is stored comes line by line, above the history. */
static void take_export(void *context, const struct message *answer)
{
    struct view *view = context;

    if (answer->type == MESSAGE_exported && view->invocation->format == PRINT_TABLE) {
        print_one(PRINT_TABLE, view->schema, answer, true, stdout);
        puts("\nhistory");
    } else {
        view_take_row(context, answer);
    }
}

/* The columns of a spreadsheet: everything that is stored of the person. */
static const enum field *exported_columns(void)
{
    static enum field columns[FIELD_COUNT + 1];
    const struct message_spec *spec = message_spec(MESSAGE_exported);
    size_t count = 0;

    for (size_t i = 0; i < spec->count; i++)
        if (spec->members[i].field != FIELD_request_id)
            columns[count++] = spec->members[i].field;
    columns[count] = FIELD_COUNT;
    return columns;
}

static int export_one(struct view *view, struct exchange *exchange, uint64_t referral, const char *reason)
{
    bool for_people = view->invocation->format == PRINT_TABLE;
    int code = reveal(view, exchange, referral, reason);

    if (for_people)
        view->printer = print_open(PRINT_TABLE, view->schema, look_happened_columns, stdout);
    if (code == EX_OK)
        code = view_ask_about(view, exchange, MESSAGE_export, referral, take_export);
    if (for_people)
        print_close(&view->printer, NULL);
    return code;
}

int ctl_person_export(const struct invocation *invocation)
{
    struct errand change = {.invocation = invocation};
    struct view view = {.invocation = invocation, .schema = "referral.person-export/1", .reveal = true};
    const char *reason = ctl_reason(invocation);
    struct exchange *exchange = NULL;
    int code = EX_USAGE;

    if (reason && change_read_ids(&change, 0))
        exchange = options_connect(invocation, &code);
    if (!exchange)
        goto out;
    view.row = invocation->format == PRINT_TABLE ? MESSAGE_happened : MESSAGE_exported;
    if (invocation->format != PRINT_TABLE)
        view.printer = print_open(invocation->format, view.schema, exported_columns(), stdout);
    code = EX_OK;
    for (size_t i = 0; code == EX_OK && i < change.count; i++)
        code = export_one(&view, exchange, change.referrals[i], reason);
    if (view.printer)
        print_close(&view.printer, NULL);
out:
    exchange_close(&exchange);
    free(change.referrals);
    return code;
}

int ctl_retention_list(const struct invocation *invocation)
{
    struct view view = {.invocation = invocation, .is_patient = true};
    struct message request;
    int code;

    message_init(&request, MESSAGE_retention);
    code = view_ask_rows(&view, "referral.retention-list/1", erasable_columns, &request, view_take_row);
    if (code == EX_OK)
        fprintf(stderr, "%" PRId64 " proposed for erasure\n", view.rows);
    return code;
}

/* What is proposed now. The view comes first: it is the context of every answer. */
struct proposed {
    struct view view;
    uint64_t *referrals;
    size_t count;
};

static void take_proposed(void *context, const struct message *answer)
{
    struct proposed *proposed = context;

    if (answer->type == MESSAGE_erasable && proposed->count < ERASABLE_MAX)
        proposed->referrals[proposed->count++] = (uint64_t)message_number(answer, FIELD_referral_id);
}

static bool is_proposed(const struct proposed *proposed, uint64_t referral)
{
    for (size_t i = 0; i < proposed->count; i++)
        if (proposed->referrals[i] == referral)
            return true;
    return false;
}

/* Shows how many, and the first few. */
static void show_what(const struct errand *change)
{
    char id[REFERRAL_ID_BYTES_MAX];

    fprintf(stderr, "erase for ever who the person of %zu referral%s is:\n ", change->count,
            change->count == 1 ? "" : "s");
    for (size_t i = 0; i < change->count && i < IDS_SHOWN; i++) {
        referral_id_format(change->referrals[i], id);
        fprintf(stderr, " %s", id);
    }
    if (change->count > IDS_SHOWN)
        fprintf(stderr, " and %zu more", change->count - IDS_SHOWN);
    fputc('\n', stderr);
}

/* Who erases types how many. */
static int confirm(const struct errand *change)
{
    const struct invocation *invocation = change->invocation;
    char line[LINE_BYTES] = "", wanted[LINE_BYTES];
    int64_t expected = (int64_t)change->count;

    if (!options_number(invocation, "expect", 0, ERASABLE_MAX, &expected))
        return EX_USAGE;
    if (expected != (int64_t)change->count)
        return options_complain(invocation, EX_TEMPFAIL, "referralctl retention list",
                                "it is about %zu referrals now: nothing was erased", change->count);
    show_what(change);
    if (options_given(invocation, "yes"))
        return EX_OK;
    if (!isatty(STDIN_FILENO))
        return options_complain(invocation, EX_USAGE, "the same with --yes",
                                "nobody can be asked: standard input is no terminal");
    fprintf(stderr, "Type %zu to go on: ", change->count);
    snprintf(wanted, sizeof wanted, "%zu\n", change->count);
    if (!fgets(line, sizeof line, stdin) || strcmp(line, wanted) != 0)
        return options_complain(invocation, 1, NULL, "nothing was erased");
    return EX_OK;
}

/* The ids that were given must be among those that are proposed; --all takes these. */
static int choose(struct errand *change, const struct proposed *proposed)
{
    if (options_given(change->invocation, "all")) {
        change->referrals = proposed->referrals;
        change->count = proposed->count;
    }
    for (size_t i = 0; i < change->count; i++) {
        char id[REFERRAL_ID_BYTES_MAX];

        if (is_proposed(proposed, change->referrals[i]))
            continue;
        referral_id_format(change->referrals[i], id);
        return options_complain(change->invocation, 1, "referralctl retention list",
                                "%s is not proposed for erasure; nothing was erased", id);
    }
    return EX_OK;
}

static int approve(struct errand *change, struct exchange *exchange, const char *reason)
{
    struct proposed proposed = {.view = {.invocation = change->invocation},
                                .referrals = calloc(ERASABLE_MAX, sizeof *proposed.referrals)};
    struct message request;
    int code = EX_OSERR;

    message_init(&request, MESSAGE_retention);
    if (proposed.referrals)
        code = view_ask(&proposed.view, exchange, &request, take_proposed);
    if (code == EX_OK)
        code = choose(change, &proposed);
    if (code == EX_OK && change->count == 0)
        fputs("nothing is proposed for erasure\n", stderr);
    if (code == EX_OK && change->count > 0)
        code = confirm(change);
    if (code == EX_OK && change->count > 0) {
        message_init(&change->request, MESSAGE_erase);
        message_set_string(&change->request, FIELD_note, reason);
        code = change_run(change, exchange);
    }
    if (change->referrals == proposed.referrals)
        change->referrals = NULL;
    free(proposed.referrals);
    return code;
}

int ctl_retention_approve(const struct invocation *invocation)
{
    struct errand change = {.invocation = invocation, .schema = "referral.retention-approve/1"};
    const char *reason = ctl_reason(invocation);
    struct exchange *exchange = NULL;
    int code = EX_USAGE;

    if (options_given(invocation, "all") == (invocation->operands_count > 0))
        code = options_complain(invocation, EX_USAGE, "referralctl retention list", "give either ids or --all");
    else if (reason && (options_given(invocation, "all") || change_read_ids(&change, 0)))
        exchange = options_connect_patiently(invocation, &code);
    if (exchange)
        code = approve(&change, exchange, reason);
    exchange_close(&exchange);
    free(change.referrals);
    return code;
}
