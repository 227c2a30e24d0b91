/* SPDX-License-Identifier: MIT
 * look: a question, its answers as rows. */
#include "clients/look.h"

#include <inttypes.h>
#include <string.h>
#include <sysexits.h>

#define PAGES_MAX 100000 /* of list --all: a bound for a loop that another program steers */

static const enum field referral_columns[] = {
    FIELD_referral_id,     FIELD_priority,       FIELD_needs,  FIELD_neighbourhood_code, FIELD_state,
    FIELD_business_status, FIELD_status_reason,  FIELD_hub_id, FIELD_submitted_at,       FIELD_deadline,
    FIELD_deadline_owner,  FIELD_deadline_stage, FIELD_COUNT};
const enum field look_happened_columns[] = {
    FIELD_at,         FIELD_event,   FIELD_actor,    FIELD_state, FIELD_status_reason, FIELD_offer_number, FIELD_hub_id,
    FIELD_service_id, FIELD_outcome, FIELD_deadline, FIELD_link,  FIELD_linked_id,     FIELD_note,         FIELD_COUNT};

static void take_end(struct view *view, const struct message *answer)
{
    struct text next = message_text(answer, FIELD_next);

    snprintf(view->next, sizeof view->next, "%.*s", (int)next.length, next.length ? next.bytes : "");
}

/* Columns fit one type of message; a document of objects holds them all. */
static bool is_row(const struct view *view, const struct message *answer)
{
    bool has_columns = view->invocation->format == PRINT_TABLE || view->invocation->format == PRINT_CSV;

    return !has_columns || view->row == MESSAGE_NONE || view->row == answer->type;
}

/* A refusal is told by the exchange's sentence. */
void view_take_row(void *context, const struct message *answer)
{
    struct view *view = context;

    if (answer->type == MESSAGE_end) {
        take_end(view, answer);
    } else if (answer->type != MESSAGE_refused && is_row(view, answer)) {
        print_row(view->printer, answer, view->reveal);
        view->rows++;
    }
}

int view_ask(struct view *view, struct exchange *exchange, struct message *request, exchange_answer take)
{
    enum exchange_result result = exchange_ask(exchange, request, take, view);

    return result == EXCHANGE_OK ? EX_OK : options_complain_of(view->invocation, exchange, result);
}

int view_ask_rows(struct view *view, const char *schema, const enum field *columns, struct message *request,
                  exchange_answer take)
{
    struct exchange *exchange;
    int code;

    exchange = (view->is_patient ? options_connect_patiently : options_connect)(view->invocation, &code);
    if (!exchange)
        return code;
    view->printer = print_open(view->invocation->format, schema, columns, stdout);
    code = view_ask(view, exchange, request, take);
    print_close(&view->printer, NULL);
    exchange_close(&exchange);
    return code;
}

static const struct option_field filters[] = {{"state", FIELD_states},      {"attention", FIELD_only_attention},
                                              {"priority", FIELD_priority}, {"hub", FIELD_hub_id},
                                              {"sender", FIELD_sender_id},  {"limit", FIELD_limit},
                                              {"from", FIELD_from},         {0}};

static int ask_pages(struct view *view, struct exchange *exchange, struct message *request, bool all)
{
    char from[ID_BYTES_MAX + 1];
    int code = EX_OK;

    for (int page = 0; page < PAGES_MAX; page++) {
        view->next[0] = '\0';
        code = view_ask(view, exchange, request, view_take_row);
        if (code != EX_OK || !all || !view->next[0])
            break;
        memcpy(from, view->next, sizeof from);
        message_set_string(request, FIELD_from, from);
        message_unset(request, FIELD_request_id); /* each page is a question of its own */
    }
    return code;
}

int look_list(const struct invocation *invocation)
{
    struct view view = {.invocation = invocation};
    struct record_texts texts = {{0}};
    struct message request;
    struct exchange *exchange = NULL;
    int code = EX_USAGE;

    message_init(&request, MESSAGE_list);
    if (options_set_fields(invocation, filters, &texts, &request))
        exchange = options_connect(invocation, &code);
    if (!exchange)
        goto out;
    view.printer = print_open(invocation->format, "referral.list/1", referral_columns, stdout);
    code = ask_pages(&view, exchange, &request, options_given(invocation, "all"));
    print_close(&view.printer, view.next[0] ? view.next : NULL);
    if (code == EX_OK && view.next[0])
        fprintf(stderr, "%" PRId64 " shown, there are more: --all, or --from %s\n", view.rows, view.next);
    else if (code == EX_OK && view.rows == 0)
        fputs("no referrals\n", stderr);
out:
    exchange_close(&exchange);
    record_texts_clear(&texts);
    return code;
}

int view_ask_about(struct view *view, struct exchange *exchange, enum message_type question, uint64_t referral,
                   exchange_answer take)
{
    struct message request;

    message_init(&request, question);
    message_set_number(&request, FIELD_referral_id, (int64_t)referral);
    if (question == MESSAGE_status && view->reveal)
        message_set_number(&request, FIELD_reveal, true);
    return view_ask(view, exchange, &request, take);
}

int look_history(const struct invocation *invocation)
{
    struct view view = {.invocation = invocation};
    struct message request;
    uint64_t referral;

    if (!options_referral_id(invocation, invocation->operands[0], &referral))
        return EX_USAGE;
    message_init(&request, MESSAGE_history);
    message_set_number(&request, FIELD_referral_id, (int64_t)referral);
    return view_ask_rows(&view, "referral.history/1", look_happened_columns, &request, view_take_row);
}

static void take_referral(void *context, const struct message *answer)
{
    const struct view *view = context;

    if (answer->type == MESSAGE_referral)
        print_one(PRINT_TABLE, view->schema, answer, view->reveal, stdout);
}

int look_show(const struct invocation *invocation)
{
    bool for_people = invocation->format == PRINT_TABLE;
    struct view view = {.invocation = invocation, .schema = "referral.show/1", .row = MESSAGE_happened};
    struct exchange *exchange;
    uint64_t referral;
    int code;

    if (!options_referral_id(invocation, invocation->operands[0], &referral))
        return EX_USAGE;
    exchange = options_connect(invocation, &code);
    if (!exchange)
        return code;
    view.reveal = options_given(invocation, "reveal");
    view.printer = print_open(invocation->format, view.schema, look_happened_columns, stdout);
    code = view_ask_about(&view, exchange, MESSAGE_status, referral, for_people ? take_referral : view_take_row);
    if (code == EX_OK && for_people)
        puts("\nhistory, newest first");
    if (code == EX_OK)
        code = view_ask_about(&view, exchange, MESSAGE_history, referral, view_take_row);
    print_close(&view.printer, NULL);
    exchange_close(&exchange);
    return code;
}
