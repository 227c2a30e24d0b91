/* SPDX-License-Identifier: MIT
 * referral: the public C library, a thin layer of named texts over exchange. */
#include "clients/referral.h"

#include "clients/exchange.h"
#include "clients/profile.h"
#include "clients/reply.h"
#include "clients/text.h"
#include "proto/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define PUBLIC __attribute__((visibility("default")))
#define TEXT_BYTES_MAX (2 * MESSAGE_BYTES_MAX) /* of one field, with its backslashes */
#define SENTENCE_BYTES 1024

struct referral_client {
    struct profile profile;
    struct exchange *exchange; /* NULL until the first call that connects */
    bool is_profile_good;
    /* The last request that has had no answer: when the caller repeats it, it gets the same request_id. */
    bool is_unanswered;
    uint8_t request_id[UUID_BYTES];
    unsigned char request[MESSAGE_BYTES_MAX];
    size_t request_length;
    char sentence[SENTENCE_BYTES];
};

struct referral_record {
    enum message_type type; /* MESSAGE_NONE: made by the caller */
    char *texts[FIELD_COUNT];
};

_Static_assert(REFERRAL_ID_MAX == REFERRAL_ID_BYTES_MAX, "the public header repeats this limit");
_Static_assert((int)REFERRAL_MISUSE == (int)EXCHANGE_MISUSE, "the public header repeats the results");

static int fail(referral_client *client, enum referral_rc rc, const char *sentence)
{
    snprintf(client->sentence, sizeof client->sentence, "%s", sentence);
    return (int)rc;
}

static void make_uuid(uint8_t uuid[UUID_BYTES])
{
    (void)!getrandom(uuid, UUID_BYTES, 0);
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}

/* Records hold personal data: memory is overwritten before it is given back. */
static void free_text(char **text)
{
    if (*text != NULL)
        explicit_bzero(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

static bool set_text(referral_record *record, enum field field, const char *value)
{
    char *copy = value ? strdup(value) : NULL;

    if (value != NULL && copy == NULL)
        return false;
    free_text(&record->texts[field]);
    record->texts[field] = copy;
    return true;
}

static bool set_new_uuid(referral_record *record, enum field field)
{
    uint8_t uuid[UUID_BYTES];
    char text[UUID_TEXT_BYTES + 1];

    make_uuid(uuid);
    uuid_format(uuid, text);
    return set_text(record, field, text);
}

static bool set_now_if_absent(referral_record *record, enum field field)
{
    struct timespec now;
    char text[25];

    if (record->texts[field] != NULL)
        return true;
    clock_gettime(CLOCK_REALTIME, &now);
    datetime_format((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, text);
    return set_text(record, field, text);
}

static referral_record *record_of_message(const struct message *message)
{
    const struct message_spec *spec = message_spec(message->type);
    referral_record *record = calloc(1, sizeof *record);
    char *buffer = malloc(TEXT_BYTES_MAX);
    bool is_whole = record != NULL && buffer != NULL;

    if (is_whole)
        record->type = message->type;
    for (size_t i = 0; is_whole && i < spec->count; i++) {
        enum field field = spec->members[i].field;

        if (!message_has(message, field))
            continue;
        text_write(message, field, buffer, TEXT_BYTES_MAX);
        is_whole = set_text(record, field, buffer);
    }
    if (buffer != NULL)
        explicit_bzero(buffer, TEXT_BYTES_MAX);
    free(buffer);
    if (!is_whole) {
        referral_record_free(record);
        return NULL;
    }
    return record;
}

/* The texts are copied because reading changes them; the message borrows the copies. */
static int message_of_record(referral_client *client, const referral_record *record, struct message *message,
                             referral_record *copy)
{
    for (int field = 0; field < FIELD_COUNT; field++) {
        if (record->texts[field] == NULL)
            continue;
        if (!set_text(copy, (enum field)field, record->texts[field]))
            return fail(client, REFERRAL_NOMEM, "out of memory");
        if (!text_read(message, (enum field)field, copy->texts[field], client->sentence, sizeof client->sentence))
            return REFERRAL_INVALID;
    }
    return REFERRAL_OK;
}

/* encode asserts that every field belongs to the message, and that the mandatory ones are there. */
static int check_fields(referral_client *client, const struct message *message)
{
    const struct message_spec *spec = message_spec(message->type);

    for (int field = 0; field < FIELD_COUNT; field++) {
        if (!message_has(message, (enum field)field) || text_belongs(spec, (enum field)field))
            continue;
        snprintf(client->sentence, sizeof client->sentence, "%s does not belong into %s", fields[field].name,
                 spec->name);
        return REFERRAL_INVALID;
    }
    for (size_t i = 0; i < spec->count; i++) {
        enum field field = spec->members[i].field;

        if (spec->members[i].obligation != MANDATORY || field == FIELD_request_id || message_has(message, field))
            continue;
        snprintf(client->sentence, sizeof client->sentence, "%s needs the field %s", spec->name, fields[field].name);
        return REFERRAL_INVALID;
    }
    return REFERRAL_OK;
}

static int connect_now(referral_client *client)
{
    struct exchange_options options;
    enum exchange_result result;

    if (!client->is_profile_good)
        return REFERRAL_MISUSE; /* opening or setting has said why */
    if (client->exchange != NULL)
        return REFERRAL_OK;
    options = profile_options(&client->profile, "libreferral " REFERRALD_VERSION);
    result = exchange_open(&client->exchange, &options);
    if (result == EXCHANGE_OK)
        return REFERRAL_OK;
    fail(client, (enum referral_rc)result, client->exchange ? exchange_sentence(client->exchange) : "out of memory");
    exchange_close(&client->exchange);
    return (int)result;
}

static int keep_sentence(referral_client *client, enum exchange_result result)
{
    if (result == EXCHANGE_OK)
        client->sentence[0] = '\0';
    else
        fail(client, (enum referral_rc)result, exchange_sentence(client->exchange));
    return (int)result;
}

static int ask(referral_client *client, struct message *request, exchange_answer take, void *context)
{
    int rc = check_fields(client, request);

    if (rc == REFERRAL_OK)
        rc = connect_now(client);
    return rc == REFERRAL_OK ? keep_sentence(client, exchange_ask(client->exchange, request, take, context)) : rc;
}

/* Asks with a request_id of its own, which stays while the same question has had no answer. */
static int ask_once(referral_client *client, struct message *request)
{
    static const uint8_t none[UUID_BYTES];
    unsigned char bytes[MESSAGE_BYTES_MAX];
    size_t length;
    int rc = check_fields(client, request);

    if (rc != REFERRAL_OK)
        return rc;
    message_set_uuid(request, FIELD_request_id, none);
    length = encode(request, bytes, sizeof bytes);
    if (length == 0)
        return fail(client, REFERRAL_INVALID, "the message is larger than 64 KiB");
    if (!client->is_unanswered || client->request_length != length || memcmp(client->request, bytes, length) != 0)
        make_uuid(client->request_id);
    memcpy(client->request, bytes, length);
    client->request_length = length;
    message_set_uuid(request, FIELD_request_id, client->request_id);
    rc = ask(client, request, NULL, NULL);
    client->is_unanswered = rc == REFERRAL_TIMEOUT || rc == REFERRAL_UNREACHABLE || rc == REFERRAL_BUSY;
    return rc;
}

static void take_referral_id(void *context, const struct message *answer)
{
    if (context != NULL && answer->type == MESSAGE_committed)
        referral_id_format((uint64_t)message_number(answer, FIELD_referral_id), context);
}

static void take_record(void *context, const struct message *answer)
{
    referral_record **out = context;

    if (answer->type == MESSAGE_referral && *out == NULL)
        *out = record_of_message(answer);
}

static void take_answer(void *context, const struct message *answer)
{
    referral_record **out = context;

    if (out != NULL && *out == NULL && answer->type != MESSAGE_refused)
        *out = record_of_message(answer);
}

static int set_referral(referral_client *client, struct message *request, const char *id)
{
    uint64_t number;

    if (id == NULL || !referral_id_parse((struct text){id, (uint32_t)strlen(id)}, &number))
        return fail(client, REFERRAL_INVALID, "referral_id is not a referral's id; it looks like R1042-76");
    message_set_number(request, FIELD_referral_id, (int64_t)number);
    return REFERRAL_OK;
}

static int set_code(referral_client *client, struct message *request, enum field field, const char *code)
{
    int number = code ? code_number((enum code_list)fields[field].of, code, strlen(code)) : 0;

    if (number == 0) {
        snprintf(client->sentence, sizeof client->sentence, "%s needs a code of the list %s", fields[field].name,
                 lists[fields[field].of].name);
        return REFERRAL_INVALID;
    }
    message_set_number(request, field, number);
    return REFERRAL_OK;
}

PUBLIC int referral_open(referral_client **out, const char *endpoint)
{
    referral_client *client = calloc(1, sizeof *client);

    *out = client;
    if (client == NULL)
        return REFERRAL_NOMEM;
    client->is_profile_good = profile_load(&client->profile, client->sentence, sizeof client->sentence);
    if (client->is_profile_good && endpoint != NULL)
        client->is_profile_good =
            profile_set(&client->profile, "endpoint", endpoint, client->sentence, sizeof client->sentence);
    if (!client->is_profile_good)
        return REFERRAL_MISUSE;
    client->sentence[0] = '\0';
    return REFERRAL_OK;
}

PUBLIC int referral_set(referral_client *client, const char *name, const char *value)
{
    if (client->exchange != NULL)
        return fail(client, REFERRAL_MISUSE, "settings can only be changed before the first call that connects");
    if (!profile_set(&client->profile, name, value, client->sentence, sizeof client->sentence))
        return REFERRAL_MISUSE;
    client->sentence[0] = '\0';
    return REFERRAL_OK;
}

PUBLIC int referral_ping(referral_client *client)
{
    struct message hello;

    message_init(&hello, MESSAGE_hello);
    message_set_number(&hello, FIELD_protocol_version, PROTOCOL_VERSION);
    return ask(client, &hello, NULL, NULL);
}

PUBLIC int referral_fd(referral_client *client)
{
    return connect_now(client) == REFERRAL_OK ? exchange_fd(client->exchange) : -1;
}

PUBLIC void referral_close(referral_client *client)
{
    if (client == NULL)
        return;
    exchange_close(&client->exchange);
    explicit_bzero(client, sizeof *client);
    free(client);
}

PUBLIC referral_record *referral_record_new(void)
{
    referral_record *record = calloc(1, sizeof *record);

    if (record != NULL && set_new_uuid(record, FIELD_request_id) && set_new_uuid(record, FIELD_correlation_id))
        return record;
    referral_record_free(record);
    return NULL;
}

PUBLIC int referral_record_set(referral_record *record, const char *field, const char *value)
{
    enum field found = text_find_field(field);

    if (found == FIELD_COUNT)
        return REFERRAL_INVALID;
    return set_text(record, found, value) ? REFERRAL_OK : REFERRAL_NOMEM;
}

PUBLIC const char *referral_record_get(const referral_record *record, const char *field)
{
    enum field found = text_find_field(field);
    const struct message_spec *spec = message_spec(record->type);

    if (strcmp(field, "type") == 0)
        return spec ? spec->name : NULL;
    return found == FIELD_COUNT ? NULL : record->texts[found];
}

PUBLIC void referral_record_free(referral_record *record)
{
    if (record == NULL)
        return;
    for (int field = 0; field < FIELD_COUNT; field++)
        free_text(&record->texts[field]);
    free(record);
}

PUBLIC int referral_submit(referral_client *client, referral_record *record, char id[REFERRAL_ID_MAX])
{
    struct message submit;
    referral_record *copy = calloc(1, sizeof *copy);
    int rc = REFERRAL_NOMEM;

    /* What is filled in stays in the record: a repeat must be equal to the first. In this order: the clock may go on
     * between the two, and nothing is sent before it is written. */
    if (copy != NULL && set_now_if_absent(record, FIELD_authored_on) && set_now_if_absent(record, FIELD_sent_at)) {
        message_init(&submit, MESSAGE_submit);
        rc = message_of_record(client, record, &submit, copy);
    }
    if (rc == REFERRAL_OK)
        rc = ask(client, &submit, take_referral_id, id);
    explicit_bzero(&submit, sizeof submit);
    referral_record_free(copy);
    return rc;
}

PUBLIC int referral_status(referral_client *client, const char *id, referral_record **out)
{
    struct message status;
    int rc;

    *out = NULL;
    message_init(&status, MESSAGE_status);
    rc = set_referral(client, &status, id);
    if (rc == REFERRAL_OK)
        rc = ask(client, &status, take_record, out);
    return rc == REFERRAL_OK && *out == NULL ? fail(client, REFERRAL_NOMEM, "out of memory") : rc;
}

PUBLIC int referral_cancel(referral_client *client, const char *id, const char *reason, const char *note)
{
    struct message cancel;
    int rc;

    message_init(&cancel, MESSAGE_cancel);
    rc = set_referral(client, &cancel, id);
    if (rc == REFERRAL_OK)
        rc = set_code(client, &cancel, FIELD_status_reason, reason);
    if (note != NULL)
        message_set_string(&cancel, FIELD_note, note);
    return rc == REFERRAL_OK ? ask_once(client, &cancel) : rc;
}

PUBLIC int referral_next(referral_client *client, referral_record **out, int timeout_ms)
{
    const struct message *push;
    int rc = connect_now(client);

    *out = NULL;
    if (rc == REFERRAL_OK)
        rc = keep_sentence(client, exchange_next(client->exchange, &push, timeout_ms));
    if (rc != REFERRAL_OK)
        return rc;
    *out = record_of_message(push);
    return *out ? REFERRAL_OK : fail(client, REFERRAL_NOMEM, "out of memory");
}

PUBLIC int referral_confirm(referral_client *client, const referral_record *update)
{
    const char *number = update->texts[FIELD_mailbox_number];
    int rc = connect_now(client);

    if (number == NULL)
        return fail(client, REFERRAL_MISUSE, "only what referral_next returned can be confirmed");
    if (rc != REFERRAL_OK)
        return rc;
    return keep_sentence(client, exchange_confirm(client->exchange, strtoll(number, NULL, 10)));
}

/* What a reply takes over from the record that it is about. */
static int copy_of_reply(referral_client *client, const referral_record *record, referral_record *copy)
{
    static const enum field taken[] = {FIELD_referral_id, FIELD_offer_number, FIELD_support_offered,
                                       FIELD_outcome_scores};

    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (!set_text(copy, taken[i], record->texts[taken[i]]))
            return fail(client, REFERRAL_NOMEM, "out of memory");
    return REFERRAL_OK;
}

static int reply_of(referral_client *client, const referral_record *record, const struct reply *reply, const char *code,
                    const char *note)
{
    referral_record *chosen = calloc(1, sizeof *chosen);
    referral_record *copy = calloc(1, sizeof *copy);
    struct message message;
    int rc = chosen && copy ? copy_of_reply(client, record, chosen) : REFERRAL_NOMEM;

    message_init(&message, reply->type);
    if (rc == REFERRAL_OK)
        rc = message_of_record(client, chosen, &message, copy);
    if (rc == REFERRAL_OK && reply->code != FIELD_COUNT)
        rc = set_code(client, &message, reply->code, code);
    if (rc == REFERRAL_OK && note != NULL)
        message_set_string(&message, FIELD_note, note);
    if (rc == REFERRAL_OK)
        rc = ask_once(client, &message);
    referral_record_free(chosen);
    referral_record_free(copy);
    return rc;
}

PUBLIC int referral_reply(referral_client *client, const referral_record *record, const char *state, const char *code,
                          const char *note)
{
    const struct reply *reply = reply_by_state(state);

    if (reply != NULL)
        return reply_of(client, record, reply, code, note);
    snprintf(client->sentence, sizeof client->sentence, "a reply is %s", reply_states());
    return REFERRAL_INVALID;
}

/* A new record has a correlation_id, which only some requests have. */
static void drop_correlation(const struct message_spec *spec, struct message *message)
{
    if (!text_belongs(spec, FIELD_correlation_id))
        message_unset(message, FIELD_correlation_id);
}

PUBLIC int referral_say(referral_client *client, const char *type, const referral_record *record,
                        referral_record **answer)
{
    const struct message_spec *spec = message_spec_by_name(type, strlen(type));
    referral_record *copy = calloc(1, sizeof *copy);
    struct message message;
    int rc = copy ? REFERRAL_OK : REFERRAL_NOMEM;

    if (answer != NULL)
        *answer = NULL;
    if (spec == NULL || spec->direction != REQUEST || spec->type == MESSAGE_hello || spec->type == MESSAGE_confirm)
        rc = fail(client, REFERRAL_INVALID, "this is not the name of a request in PROTOCOL.md");
    else if (record->type != MESSAGE_NONE)
        rc = fail(client, REFERRAL_MISUSE,
                  "what is said is a new record (referral_record_new), not one that was received");
    if (rc == REFERRAL_OK) {
        message_init(&message, spec->type);
        rc = message_of_record(client, record, &message, copy);
    }
    if (rc == REFERRAL_OK) {
        drop_correlation(spec, &message);
        rc = ask(client, &message, take_answer, answer);
        explicit_bzero(&message, sizeof message);
    }
    referral_record_free(copy);
    return rc;
}

PUBLIC const char *referral_errmsg(const referral_client *client)
{
    if (client == NULL)
        return "there is no handle: out of memory";
    return client->sentence[0] != '\0' ? client->sentence : "nothing has failed";
}

PUBLIC const char *referral_strerror(int rc)
{
    static const char *const words[] = {
        [REFERRAL_OK] = "done",
        [REFERRAL_TIMEOUT] = "no answer in time",
        [REFERRAL_UNREACHABLE] = "the daemon cannot be reached",
        [REFERRAL_DENIED] = "keys or role refused",
        [REFERRAL_VERSION] = "the daemon speaks another protocol version",
        [REFERRAL_INVALID] = "the content was refused",
        [REFERRAL_NOT_FOUND] = "there is no such referral",
        [REFERRAL_CONFLICT] = "the referral is no longer in a state that allows this",
        [REFERRAL_BUSY] = "the daemon is busy",
        [REFERRAL_NOMEM] = "out of memory",
        [REFERRAL_MISUSE] = "the settings or the calling program are wrong",
    };

    return rc >= 0 && (size_t)rc < sizeof words / sizeof words[0] ? words[rc] : "unknown result";
}

PUBLIC const char *referral_version(void)
{
    return REFERRALD_VERSION;
}
