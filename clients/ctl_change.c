/* SPDX-License-Identifier: MIT
 * ctl_change: what operators change about referrals, always with a reason. */
#include "clients/ctl_change.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "clients/ctl.h"
#include "clients/text.h"
#include "proto/check.h"
#include "proto/rules.def"

#define IDS_MAX 65536
#define WORD_BYTES 64
#define WHY_BYTES 256

static const enum field done_columns[] = {FIELD_referral_id, FIELD_state, FIELD_business_status,
                                          FIELD_duplicate,   FIELD_at,    FIELD_COUNT};

/* clang-format off */
#define OPTION_REASON {0, "reason", "TEXT", NULL, NULL, "why (mandatory); it is kept in the history"}
#define OPTION_REQUEST_ID {0, "request-id", "UUID", NULL, NULL, "of an earlier try that got no answer: nothing is done twice"}
#define OPTION_CODE(codes) {0, "code", "CODE", NULL, NULL, "a code of status_reason (mandatory): " codes}

const struct option_spec ctl_change_options[] = {OPTION_REASON, OPTION_REQUEST_ID, {0}};
const struct option_spec ctl_place_options[] = {
    {0, "need", "CODE", NULL, NULL, "only this need; else all that the service meets and no hub has accepted"},
    OPTION_REASON, OPTION_REQUEST_ID, {0}};
const struct option_spec ctl_prioritise_options[] = {
    {0, "to", "PRIORITY", NULL, NULL, "routine, urgent, asap or stat (mandatory)"}, OPTION_REASON, OPTION_REQUEST_ID, {0}};
const struct option_spec ctl_cancel_options[] = {
    OPTION_CODE("no-longer-needed, 26, entered-in-error ..."), OPTION_REASON, OPTION_REQUEST_ID, {0}};
const struct option_spec ctl_turn_away_options[] = {
    OPTION_CODE("40 (not eligible), outside-network ..."), OPTION_REASON, OPTION_REQUEST_ID, {0}};
/* clang-format on */

static bool add_id(struct errand *change, const char *text)
{
    uint64_t *all;

    if (change->count % 64 == 0) {
        all = realloc(change->referrals, (change->count + 64) * sizeof *all);
        if (!all)
            return false;
        change->referrals = all;
    }
    if (!options_referral_id(change->invocation, text, &change->referrals[change->count]))
        return false;
    change->count++;
    return true;
}

static bool read_words(struct errand *change)
{
    char word[WORD_BYTES];

    while (change->count < IDS_MAX && scanf("%63s", word) == 1)
        if (!add_id(change, word))
            return false;
    return true;
}

bool change_read_ids(struct errand *change, int first_operand)
{
    const struct invocation *invocation = change->invocation;

    for (int i = first_operand; i < invocation->operands_count; i++) {
        const char *operand = invocation->operands[i];

        if (!(strcmp(operand, "-") == 0 ? read_words(change) : add_id(change, operand)))
            return false;
    }
    if (change->count == 0)
        options_complain(invocation, EX_USAGE, NULL, "there are no ids on standard input");
    return change->count > 0;
}

/* The daemon will not answer the next better than this one. */
static bool is_hopeless(enum exchange_result result)
{
    return result == EXCHANGE_TIMEOUT || result == EXCHANGE_UNREACHABLE || result == EXCHANGE_BUSY ||
           result == EXCHANGE_VERSION || result == EXCHANGE_MISUSE || result == EXCHANGE_NOMEM;
}

static void complain_about(const struct errand *change, const struct exchange *exchange, enum exchange_result result)
{
    char id[REFERRAL_ID_BYTES_MAX], uuid[UUID_TEXT_BYTES + 1], remedy[WHY_BYTES];
    const uint8_t *request_id = message_uuid(&change->request, FIELD_request_id);
    bool is_repeatable = is_hopeless(result) && request_id && change->count == 1;

    referral_id_format((uint64_t)message_number(&change->request, FIELD_referral_id), id);
    if (is_repeatable) {
        uuid_format(request_id, uuid);
        snprintf(remedy, sizeof remedy, "the same again with --request-id %s", uuid);
    }
    options_complain(change->invocation, 0, is_repeatable ? remedy : NULL, "%s: %s", id, exchange_sentence(exchange));
}

static void sum_up(const struct errand *change, size_t done, size_t refused)
{
    if (change->count > 1)
        fprintf(stderr, "%zu done, %zu refused, %zu not tried\n", done, refused, change->count - done - refused);
}

int change_run(struct errand *change, struct exchange *exchange)
{
    struct view view = {.invocation = change->invocation, .schema = change->schema};
    enum exchange_result result = EXCHANGE_OK;
    size_t done = 0, refused = 0;

    view.printer = print_open(change->invocation->format, change->schema, done_columns, stdout);
    for (size_t i = 0; i < change->count && !is_hopeless(result); i++) {
        if (i > 0)
            message_unset(&change->request, FIELD_request_id); /* each is a request of its own */
        message_set_number(&change->request, FIELD_referral_id, (int64_t)change->referrals[i]);
        result = exchange_ask(exchange, &change->request, view_take_row, &view);
        done += result == EXCHANGE_OK;
        refused += result != EXCHANGE_OK;
        if (result != EXCHANGE_OK)
            complain_about(change, exchange, result);
    }
    print_close(&view.printer, NULL);
    sum_up(change, done, refused);
    if (change->count == 1 || is_hopeless(result))
        return exit_code((int)result);
    return refused > 0 ? 1 : EX_OK;
}

/* --reason, as the note that the request must have, and --request-id. */
static bool take_reason(struct errand *change)
{
    static const struct option_field table[] = {{"request-id", FIELD_request_id}, {0}};
    const char *reason = ctl_reason(change->invocation);
    struct record_texts texts = {{0}};
    bool is_taken;

    if (!reason)
        return false;
    message_set_string(&change->request, FIELD_note, reason);
    if (options_given(change->invocation, "request-id") && change->count > 1) {
        options_complain(change->invocation, EX_USAGE, NULL, "--request-id is about one referral");
        return false;
    }
    is_taken = options_set_fields(change->invocation, table, &texts, &change->request);
    record_texts_clear(&texts); /* a UUID is kept in the message itself */
    return is_taken;
}

/* Of the reasons, a message takes some. */
static bool is_allowed(const struct message *request, enum field field, int number)
{
#define AS_ALLOWED(name, reason) {MESSAGE_##name, reason},
    static const struct {
        enum message_type type;
        enum status_reason reason;
    } allowed[] = {ALLOWED_REASONS(AS_ALLOWED)};
#undef AS_ALLOWED

    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        if (allowed[i].type == request->type && (int)allowed[i].reason == number)
            return true;
    return field != FIELD_status_reason;
}

/* A code that must be given. */
static bool take_code(struct errand *change, const char *option, enum field field)
{
    const char *text = options_value(change->invocation, option);
    enum code_list list = (enum code_list)fields[field].of;
    int number = text ? code_number(list, text, strlen(text)) : 0;

    if (number == 0 || !is_allowed(&change->request, field, number)) {
        options_complain(change->invocation, EX_USAGE, NULL, "--%s: give one of these codes", option);
        for (size_t i = 0; i < lists[list].count; i++)
            if (is_allowed(&change->request, field, lists[list].codes[i].number))
                fprintf(stderr, "  %-20s %s\n", lists[list].codes[i].text, lists[list].codes[i].meaning);
        return false;
    }
    message_set_number(&change->request, field, number);
    return true;
}

static int connect_and_run(struct errand *change)
{
    int code;
    struct exchange *exchange = options_connect(change->invocation, &code);

    if (!exchange)
        return code;
    code = change_run(change, exchange);
    exchange_close(&exchange);
    return code;
}

/* The commands about referrals alone: the word of the command is the type of the message. */
static const struct {
    const char *command;
    enum message_type type;
    const char *option; /* a code that it needs */
    enum field field;
} changes[] = {
    {"hold", MESSAGE_hold, NULL, FIELD_COUNT},
    {"release", MESSAGE_release, NULL, FIELD_COUNT},
    {"annotate", MESSAGE_annotate, NULL, FIELD_COUNT},
    {"erase", MESSAGE_erase, NULL, FIELD_COUNT},
    {"prioritise", MESSAGE_prioritise, "to", FIELD_priority},
    {"cancel", MESSAGE_cancel, "code", FIELD_status_reason},
    {"turn-away", MESSAGE_turn_away, "code", FIELD_status_reason},
};

int ctl_change(const struct invocation *invocation)
{
    struct errand change = {.invocation = invocation, .schema = "referral.change/1"};
    size_t i = 0;
    int code = EX_USAGE;

    while (strcmp(changes[i].command, invocation->command->name) != 0)
        i++;
    message_init(&change.request, changes[i].type);
    if (change_read_ids(&change, 0) && take_reason(&change) &&
        (!changes[i].option || take_code(&change, changes[i].option, changes[i].field)))
        code = connect_and_run(&change);
    free(change.referrals);
    return code;
}

int ctl_place(const struct invocation *invocation)
{
    struct errand change = {.invocation = invocation, .schema = "referral.change/1"};
    const char *need = options_value(invocation, "need");
    uint64_t referral;

    message_init(&change.request, MESSAGE_place);
    if (!options_referral_id(invocation, invocation->operands[0], &referral))
        return EX_USAGE;
    change.referrals = &referral;
    change.count = 1;
    if (!take_reason(&change) || (need && !take_code(&change, "need", FIELD_need)))
        return EX_USAGE;
    message_set_string(&change.request, FIELD_hub_id, invocation->operands[1]);
    message_set_string(&change.request, FIELD_service_id, invocation->operands[2]);
    return connect_and_run(&change);
}

/* Offers that a hub has now. */
struct offers {
    int64_t number;
    size_t count;
};

static void add_offer(struct offers *offers, int64_t number)
{
    offers->number = number;
    offers->count += number > 0;
}

static void take_offers(void *context, const struct message *answer)
{
    struct offers *offers = context;

    if (answer->type != MESSAGE_referral)
        return;
    if (!message_has(answer, FIELD_parts))
        add_offer(offers, message_number(answer, FIELD_offer_number));
    for (size_t i = 0; i < message_list_count(answer, FIELD_parts); i++) {
        const struct value *number = message_member(answer, FIELD_parts, i, MEMBER_part_offer_number);

        if (number->present)
            add_offer(offers, number->number);
    }
}

/* The offer that is meant, when its number was not given: the only one that a hub has. */
static int find_offer(const struct invocation *invocation, struct exchange *exchange, uint64_t referral,
                      int64_t *number)
{
    struct offers offers = {0};
    struct message status;
    enum exchange_result result;

    message_init(&status, MESSAGE_status);
    message_set_number(&status, FIELD_referral_id, (int64_t)referral);
    result = exchange_ask(exchange, &status, take_offers, &offers);
    if (result != EXCHANGE_OK)
        return options_complain_of(invocation, exchange, result);
    if (offers.count == 0)
        return options_complain(invocation, 1, NULL, "no hub is asked or has it: there is no offer to take back");
    if (offers.count > 1)
        return options_complain(invocation, EX_USAGE, "referralctl show REFERRAL_ID",
                                "several hubs have a part of it: give the number of the offer");
    *number = offers.number;
    return EX_OK;
}

int ctl_reoffer(const struct invocation *invocation)
{
    struct errand change = {.invocation = invocation, .schema = "referral.change/1"};
    struct exchange *exchange;
    uint64_t referral;
    int64_t number = 0;
    int code = EX_OK;

    message_init(&change.request, MESSAGE_reoffer);
    if (!options_referral_id(invocation, invocation->operands[0], &referral))
        return EX_USAGE;
    if (invocation->operands_count > 1 && !options_read_number(invocation->operands[1], 1, 99, &number))
        return options_complain(invocation, EX_USAGE, NULL, "the number of an offer is from 1 to 99");
    change.referrals = &referral;
    change.count = 1;
    if (!take_reason(&change))
        return EX_USAGE;
    exchange = options_connect(invocation, &code);
    if (!exchange)
        return code;
    code = number > 0 ? EX_OK : find_offer(invocation, exchange, referral, &number);
    if (code == EX_OK) {
        message_set_number(&change.request, FIELD_offer_number, number);
        code = change_run(&change, exchange);
    }
    exchange_close(&exchange);
    return code;
}
