/* SPDX-License-Identifier: MIT
 * ctl_routing: change without fear. A network file is sent as a draft, looked at, and, by `apply` alone, put in force:
 *
 *   draft ─► check ─► (faults: stop) ─► diff | coverage | simulate | coverage ─► (new holes: stop) ─► apply */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "clients/ctl.h"
#include "clients/ctl_draft.h"
#include "clients/events.h"
#include "clients/look.h"
#include "clients/words.h"

#define WHY_BYTES 1024
#define FAULTS_SCHEMA "referral.routing-check/1"

/* The draft that one command is about. The view comes first: it is the context of every answer. */
struct study {
    struct view view;
    struct exchange *exchange;
    const char *name; /* of the draft, for people */
    int64_t draft;    /* its number; 0: the network in force */
    int64_t bytes;    /* of it that have arrived */
    int64_t faults, holes, new_holes;
    bool only_new_holes; /* the others are counted and not shown */
    char version[32];
};

static const enum field fault_columns[] = {FIELD_line, FIELD_fault, FIELD_COUNT};
static const enum field difference_columns[] = {FIELD_subject, FIELD_item,  FIELD_change,   FIELD_setting,
                                                FIELD_before,  FIELD_after, FIELD_affected, FIELD_COUNT};
static const enum field hole_columns[] = {FIELD_neighbourhood_code,
                                          FIELD_neighbourhood_name,
                                          FIELD_need,
                                          FIELD_age_band,
                                          FIELD_cause,
                                          FIELD_is_new,
                                          FIELD_COUNT};
static const enum field simulated_columns[] = {
    FIELD_subject,        FIELD_item,      FIELD_referrals,  FIELD_placed_then, FIELD_placed_now,
    FIELD_local_then,     FIELD_local_now, FIELD_unmet_then, FIELD_unmet_now,   FIELD_wait_hours_then,
    FIELD_wait_hours_now, FIELD_moved,     FIELD_COUNT};
static const enum field version_columns[] = {FIELD_network_version, FIELD_at, FIELD_postcode_edition, FIELD_chosen,
                                             FIELD_COUNT};

/* clang-format off */
const struct option_spec ctl_simulate_options[] = {
    {0, "since", "DATE", NULL, NULL, "only referrals submitted on this day or later; or days before today: 30d"}, {0}};
const struct option_spec ctl_apply_options[] = {
    {0, "reason", "TEXT", NULL, NULL, "why (mandatory); it is kept with the new version"},
    {0, "version", "N", NULL, NULL, "instead of a file: the network as it was in this version"},
    {0, "allow-holes", NULL, NULL, NULL, "also when it leaves needs without a hub that the network in force covers"}, {0}};
/* clang-format on */

static bool is_for_people(const struct study *study)
{
    return study->view.invocation->format == PRINT_TABLE;
}

static bool is_document(const struct study *study)
{
    return study->view.invocation->format == PRINT_JSON || study->view.invocation->format == PRINT_JSONL;
}

/* Rows follow: a table for each step of a command, or one document of objects for all of them. */
static void begin_rows(struct study *study, const char *schema, const enum field *columns)
{
    study->view.rows = 0;
    if (!study->view.printer)
        study->view.printer = print_open(study->view.invocation->format, schema, columns, stdout);
}

static void end_rows(struct study *study)
{
    if (!is_document(study) && study->view.printer)
        print_close(&study->view.printer, NULL);
    fflush(stdout);
}

static int ask_about_draft(struct study *study, enum message_type question, exchange_answer take)
{
    struct message request;

    message_init(&request, question);
    if (study->draft)
        message_set_number(&request, FIELD_draft, study->draft);
    return view_ask(&study->view, study->exchange, &request, take);
}

static void take_drafted(void *context, const struct message *answer)
{
    struct study *study = context;

    if (answer->type != MESSAGE_drafted)
        return;
    study->draft = message_number(answer, FIELD_draft);
    study->bytes = message_number(answer, FIELD_bytes);
}

static int send_text(struct study *study, const char *text, size_t length)
{
    int code = EX_OK;

    for (size_t first = 0, piece; code == EX_OK && (piece = draft_piece(text + first, length - first)) > 0;
         first += piece) {
        struct message request;

        message_init(&request, MESSAGE_draft);
        message_set_number(&request, FIELD_first_byte, (int64_t)first);
        message_set_text(&request, FIELD_draft_text, text + first, piece);
        if (first + piece == length)
            message_set_number(&request, FIELD_is_last, true);
        code = view_ask(&study->view, study->exchange, &request, take_drafted);
        if (code == EX_OK && study->bytes != (int64_t)(first + piece))
            code = options_complain(study->view.invocation, EX_PROTOCOL, "the same command again",
                                    "the daemon has not got the file whole");
    }
    return code;
}

static int send_file(struct study *study, const char *path)
{
    char why[WHY_BYTES];
    size_t length;
    char *text = draft_read(path, &length, why, sizeof why);
    int code;

    if (!text)
        return options_complain(study->view.invocation, EX_NOINPUT, NULL, "%s", why);
    study->name = strcmp(path, "-") == 0 ? "standard input" : path;
    code = send_text(study, text, length);
    free(text);
    return code;
}

static int send_version(struct study *study, int64_t version)
{
    struct message request;

    snprintf(study->version, sizeof study->version, "version %" PRId64, version);
    study->name = study->version;
    message_init(&request, MESSAGE_draft);
    message_set_number(&request, FIELD_network_version, version);
    return view_ask(&study->view, study->exchange, &request, take_drafted);
}

/* As compilers write it, so that editors find the line. */
static void take_fault(void *context, const struct message *answer)
{
    struct study *study = context;
    struct text fault = message_text(answer, FIELD_fault);

    if (answer->type != MESSAGE_fault)
        return;
    study->faults++;
    if (!is_for_people(study)) {
        begin_rows(study, FAULTS_SCHEMA, fault_columns);
        view_take_row(context, answer);
        return;
    }
    printf("%s:", study->name);
    if (message_has(answer, FIELD_line))
        printf("%" PRId64 ":", message_number(answer, FIELD_line));
    printf(" %.*s\n", (int)fault.length, fault.bytes);
}

static int check_draft(struct study *study, const char *schema)
{
    int code;

    if (is_document(study))
        begin_rows(study, schema, fault_columns);
    code = ask_about_draft(study, MESSAGE_check, take_fault);
    end_rows(study);
    if (code == EX_OK && study->faults > 0) {
        fprintf(stderr, "%s: %" PRId64 " fault%s; nothing was changed\n", study->name, study->faults,
                study->faults == 1 ? "" : "s");
        code = EX_DATAERR;
    }
    return code;
}

static void take_hole(void *context, const struct message *answer)
{
    struct study *study = context;
    bool is_new = message_number(answer, FIELD_is_new);

    if (answer->type == MESSAGE_hole) {
        study->holes++;
        study->new_holes += is_new;
        if (study->only_new_holes && !is_new)
            return;
    }
    view_take_row(context, answer);
}

static int cover(struct study *study, const char *schema)
{
    int code;

    begin_rows(study, schema, hole_columns);
    code = ask_about_draft(study, MESSAGE_coverage, take_hole);
    end_rows(study);
    if (code != EX_OK)
        return code;
    if (study->holes == 0)
        fputs("every need of every age group has a hub in every neighbourhood\n", stderr);
    else if (study->draft)
        fprintf(stderr, "%" PRId64 " holes, %" PRId64 " of them new\n", study->holes, study->new_holes);
    else
        fprintf(stderr, "%" PRId64 " holes\n", study->holes);
    return EX_OK;
}

/* The frame of every command: connect, send and check the draft if there is one, then what the command does with it. */
static int run_study(const struct invocation *invocation, const char *schema, int64_t version,
                     int (*what)(struct study *, const char *schema))
{
    struct study study = {.view = {.invocation = invocation}};
    int code;

    study.exchange = options_connect_patiently(invocation, &code);
    if (!study.exchange)
        return code;
    code = EX_OK;
    if (version > 0)
        code = send_version(&study, version);
    else if (invocation->operands_count > 0)
        code = send_file(&study, invocation->operands[0]);
    if (code == EX_OK && study.draft)
        code = check_draft(&study, schema);
    if (code == EX_OK)
        code = what(&study, schema);
    if (study.view.printer)
        print_close(&study.view.printer, NULL);
    exchange_close(&study.exchange);
    return code;
}

static int say_no_faults(struct study *study, const char *schema)
{
    (void)schema;
    fprintf(stderr, "%s: no faults\n", study->name);
    return EX_OK;
}

int ctl_routing_check(const struct invocation *invocation)
{
    return run_study(invocation, FAULTS_SCHEMA, 0, say_no_faults);
}

static int differ(struct study *study, const char *schema)
{
    int code;

    begin_rows(study, schema, difference_columns);
    code = ask_about_draft(study, MESSAGE_diff, view_take_row);
    end_rows(study);
    if (code == EX_OK && study->view.rows == 0)
        fprintf(stderr, "%s says the same as the network in force\n", study->name);
    return code;
}

int ctl_routing_diff(const struct invocation *invocation)
{
    return run_study(invocation, "referral.routing-diff/1", 0, differ);
}

int ctl_routing_coverage(const struct invocation *invocation)
{
    return run_study(invocation, "referral.routing-coverage/1", 0, cover);
}

static int simulate(struct study *study, const char *schema)
{
    struct message request;
    int code = EX_USAGE;

    message_init(&request, MESSAGE_simulate);
    message_set_number(&request, FIELD_draft, study->draft);
    if (events_since(study->view.invocation, &request)) {
        begin_rows(study, schema, simulated_columns);
        code = view_ask(&study->view, study->exchange, &request, view_take_row);
        end_rows(study);
    }
    if (code == EX_OK && study->view.rows == 0)
        fputs("there are no referrals to look at\n", stderr);
    return code;
}

int ctl_routing_simulate(const struct invocation *invocation)
{
    return run_study(invocation, "referral.routing-simulate/1", 0, simulate);
}

static void take_version(void *context, const struct message *answer)
{
    struct study *study = context;

    if (answer->type != MESSAGE_network || !message_number(answer, FIELD_chosen))
        return;
    if (is_for_people(study))
        printf("network version %" PRId64 " is in force\n", message_number(answer, FIELD_network_version));
    else if (is_document(study))
        view_take_row(context, answer);
}

static int put_in_force(struct study *study)
{
    const struct invocation *invocation = study->view.invocation;
    struct message request;
    int code;

    message_init(&request, MESSAGE_apply);
    message_set_number(&request, FIELD_draft, study->draft);
    message_set_string(&request, FIELD_note, options_value(invocation, "reason"));
    if (options_given(invocation, "allow-holes"))
        message_set_number(&request, FIELD_holes_allowed, true);
    code = view_ask(&study->view, study->exchange, &request, NULL);
    if (code != EX_OK)
        return code;
    message_init(&request, MESSAGE_versions);
    return view_ask(&study->view, study->exchange, &request, take_version);
}

static int apply(struct study *study, const char *schema)
{
    int code;

    study->only_new_holes = true;
    code = cover(study, schema);
    if (code != EX_OK)
        return code;
    if (study->new_holes > 0 && !options_given(study->view.invocation, "allow-holes"))
        return options_complain(study->view.invocation, 1, "the same with --allow-holes, if they are meant",
                                "not applied: it leaves needs without a hub that the network in force covers");
    return put_in_force(study);
}

int ctl_routing_apply(const struct invocation *invocation)
{
    int64_t version = 0;

    if (!options_number(invocation, "version", 1, fields[FIELD_network_version].most, &version) ||
        !ctl_reason(invocation))
        return EX_USAGE;
    if ((version > 0) == (invocation->operands_count > 0))
        return options_complain(invocation, EX_USAGE, "referralctl routing versions",
                                "give either a file or --version, the number of a version that was in force");
    return run_study(invocation, "referral.routing-apply/1", version, apply);
}

int ctl_routing_versions(const struct invocation *invocation)
{
    struct view view = {.invocation = invocation};
    struct message request;

    message_init(&request, MESSAGE_versions);
    return view_ask_rows(&view, "referral.routing-versions/1", version_columns, &request, view_take_row);
}
