/* SPDX-License-Identifier: MIT
 * talk: one turn for each thing that is said. */
#include "tests/spoken.h"
#include "tests/talk.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "daemon/io/network_file.h"

struct store *talk_store;
struct seal *talk_seal;
struct turn *talk_turn;
struct outbox talk_outbox;
struct shelf *talk_shelf;
struct store_memory_faults talk_faults;
int64_t talk_now;
struct turn_options talk_options;
connection_t talk_connection;
enum store_result (*talk_run)(struct turn *, int64_t, const struct request *, size_t, struct outbox *) = turn_run;

static struct decoder *decoder;
static unsigned starts;

static void start(const char *text)
{
    static struct config_faults faults;
    uint8_t master[SEAL_KEY_BYTES] = {1};
    uint8_t seed[32] = {(uint8_t)++starts};
    struct network *network = network_parse("test", text, strlen(text), &faults);
    char why[300] = "";

    talk_options.shelf = talk_shelf;
    cr_assert(network, "%s", faults.lines[0]);
    talk_seal = seal_open(master, seed);
    talk_turn =
        turn_open(talk_store, talk_seal, &network, text, strlen(text), &talk_options, talk_now, why, sizeof why);
    cr_assert(talk_turn, "%s", why);
}

static void stop(void)
{
    turn_close(&talk_turn);
    seal_close(&talk_seal);
}

void talk_begin(const char *network_text)
{
    talk_now = TALK_NOW;
    talk_connection = 0;
    talk_faults = (struct store_memory_faults){0};
    talk_store = store_memory_open(&talk_faults);
    talk_shelf = shelf_open();
    talk_options = (struct turn_options){.window = 100,
                                         .retry_after_ms = 500,
                                         .push_again_ms = 10000,
                                         .unfetched_ms = 5 * TALK_DAY,
                                         .version = "test",
                                         .shelf = talk_shelf};
    decoder = decoder_open();
    start(network_text);
}

void talk_end(void)
{
    stop();
    store_close(&talk_store);
    shelf_close(&talk_shelf);
    decoder_close(&decoder);
    outbox_free(&talk_outbox);
}

void talk_restart(const char *network_text)
{
    stop();
    store_memory_crash(talk_store);
    store_memory_reopen(talk_store);
    start(network_text);
}

/* ---- saying ---- */

static enum role role_of(const char *party)
{
    if (strncmp(party, "uid-", 4) == 0)
        return ROLE_OPERATOR;
    if (strcmp(party, "privacy") == 0)
        return ROLE_PRIVACY_OFFICER;
    return strcmp(party, "gp") == 0 || strcmp(party, "clinic") == 0 ? ROLE_SENDER : ROLE_HUB;
}

static connection_t connection_of(const char *party)
{
    return talk_connection ? talk_connection : (connection_t)party[0];
}

void talk_say(const char *party, const struct message *message)
{
    static struct spoken spoken;
    struct fault fault;

    cr_assert(speak(&spoken, decoder, connection_of(party), role_of(party), party, message, &fault), "%s %s",
              refusal_spec(fault.refusal)->constant, fault.field);
    outbox_clear(&talk_outbox);
    cr_assert_eq(talk_run(talk_turn, talk_now, &spoken.request, 1, &talk_outbox), STORE_OK);
}

void talk_gone(connection_t connection)
{
    const struct message empty = {.type = MESSAGE_NONE};
    const struct request request = {.kind = REQUEST_GONE, .connection = connection, .message = &empty};

    outbox_clear(&talk_outbox);
    cr_assert_eq(talk_run(talk_turn, talk_now, &request, 1, &talk_outbox), STORE_OK);
}

void talk_wait(int64_t ms)
{
    talk_now += ms;
    outbox_clear(&talk_outbox);
    cr_assert_eq(talk_run(talk_turn, talk_now, NULL, 0, &talk_outbox), STORE_OK);
}

void talk_wait_until_due(void)
{
    int64_t due = turn_next_due(talk_turn);

    cr_assert_lt(due, INT64_MAX);
    talk_wait(due > talk_now ? due - talk_now : 0);
}

/* ---- hearing ---- */

static const struct message *decoded(size_t i)
{
    static struct message messages[8];
    static unsigned next;
    struct message *message = &messages[next++ % 8];
    struct fault fault;

    cr_assert(decode(decoder, talk_outbox.bytes + talk_outbox.dispatches[i].offset, talk_outbox.dispatches[i].length,
                     message, &fault),
              "%s %s", refusal_spec(fault.refusal)->constant, fault.field);
    return message;
}

static bool is_heard_by(size_t i, const char *party)
{
    return talk_outbox.dispatches[i].connection == connection_of(party);
}

void talk_hear_all(void)
{
    for (size_t i = 0; i < talk_outbox.count; i++)
        (void)decoded(i);
}

size_t talk_count(const char *party, enum message_type type)
{
    size_t count = 0;

    for (size_t i = 0; i < talk_outbox.count; i++)
        count += is_heard_by(i, party) && decoded(i)->type == type;
    return count;
}

const struct message *talk_heard(const char *party, enum message_type type, size_t nth)
{
    for (size_t i = 0; i < talk_outbox.count; i++) {
        const struct message *message = is_heard_by(i, party) ? decoded(i) : NULL;
        if (message && message->type == type && nth-- == 0)
            return message;
    }
    cr_assert(false, "%s has not heard %s", party, message_spec(type)->name);
    return NULL;
}

const struct message *talk_about(const char *party, enum message_type type, int64_t referral)
{
    for (size_t i = 0; i < talk_outbox.count; i++) {
        const struct message *message = is_heard_by(i, party) ? decoded(i) : NULL;
        if (message && message->type == type && message_number(message, FIELD_referral_id) == referral)
            return message;
    }
    return NULL;
}

bool talk_text_is(const struct message *message, enum field field, const char *expected)
{
    struct text text = message_text(message, field);

    return text.length == strlen(expected) && memcmp(text.bytes, expected, text.length) == 0;
}

enum refusal talk_refused(const char *party)
{
    if (!talk_count(party, MESSAGE_refused))
        return REFUSAL_NONE;
    struct text error = message_text(talk_heard(party, MESSAGE_refused, 0), FIELD_error);
    int number = 0;
    cr_assert_eq(sscanf(error.bytes, "REF-%4d", &number), 1);
    return (enum refusal)number;
}

/* ---- what is said ---- */

void talk_begin_request(struct message *message, enum message_type type)
{
    static uint32_t asked;
    uint8_t id[UUID_BYTES] = {7};

    asked++;
    memcpy(id + 1, &asked, sizeof asked);
    message_init(message, type);
    message_set_uuid(message, FIELD_request_id, id);
}

void talk_hello(const char *party)
{
    struct message message;

    talk_begin_request(&message, MESSAGE_hello);
    message_set_number(&message, FIELD_protocol_version, PROTOCOL_VERSION);
    talk_say(party, &message);
    cr_assert(talk_heard(party, MESSAGE_welcome, 0));
}

void talk_confirm(const char *party, int64_t mailbox_number)
{
    struct message message;

    talk_begin_request(&message, MESSAGE_confirm);
    message_set_number(&message, FIELD_mailbox_number, mailbox_number);
    talk_say(party, &message);
    cr_assert(talk_heard(party, MESSAGE_done, 0));
}

void talk_person(struct message *message, unsigned seed, const enum need needs[])
{
    size_t count = 0;

    person_submit(message, seed, "ZE1 9ZZ"); /* no edition of these tests has it */
    message_set_string(message, FIELD_neighbourhood_code, "north");
    message_set_number(message, FIELD_priority, PRIORITY_ROUTINE);
    message_set_string(message, FIELD_safeguarding_code, "861931000000100");
    message_unset(message, FIELD_tier_needed);
    message_unset(message, FIELD_preferred_hub_id);
    message_unset(message, FIELD_excluded_hub_ids);
    message_unset(message, FIELD_travel_limit_minutes);
    message_unset(message, FIELD_consent_expires_on);
    message_set_number(message, FIELD_consent_to_share, CONSENT_GIVEN);
    while (needs[count])
        count++;
    struct value *list = message_set_list(message, FIELD_needs, count);
    for (size_t i = 0; i < count; i++) {
        struct value *need = &list[i * NEED_OF_PERSON_MEMBER_COUNT];
        need[MEMBER_code] = (struct value){.present = true, .number = (int64_t)needs[i]};
        need[MEMBER_is_primary] = (struct value){.present = true, .number = i == 0};
    }
}

int64_t talk_say_submit(const char *party, const struct message *message)
{
    talk_say(party, message);
    return message_number(talk_heard(party, MESSAGE_committed, 0), FIELD_referral_id);
}

int64_t talk_submit_all(unsigned seed, const enum need needs[])
{
    struct message message;

    talk_person(&message, seed, needs);
    return talk_say_submit("gp", &message);
}

int64_t talk_submit(unsigned seed, enum need need)
{
    return talk_submit_all(seed, (const enum need[]){need, 0});
}

void talk_answer(const char *hub, enum message_type type, int64_t referral, int64_t offer)
{
    struct message message;

    talk_begin_request(&message, type);
    message_set_number(&message, FIELD_referral_id, referral);
    message_set_number(&message, FIELD_offer_number, offer);
    if (type == MESSAGE_reject || type == MESSAGE_fail)
        message_set_number(&message, FIELD_status_reason, REASON_DECLINED);
    if (type == MESSAGE_hand_back)
        message_set_number(&message, FIELD_status_reason, REASON_NOT_ELIGIBLE);
    if (type == MESSAGE_pause || type == MESSAGE_progress)
        message_set_string(&message, FIELD_note, "a test");
    if (type == MESSAGE_complete)
        message_set_number(&message, FIELD_outcome, OUTCOME_GOT_HELP);
    talk_say(hub, &message);
    cr_assert(talk_heard(hub, MESSAGE_done, 0));
}

void talk_cancel(const char *sender, int64_t referral)
{
    struct message message;

    talk_begin_request(&message, MESSAGE_cancel);
    message_set_number(&message, FIELD_referral_id, referral);
    message_set_number(&message, FIELD_status_reason, REASON_NO_LONGER_NEEDED);
    talk_say(sender, &message);
    cr_assert(talk_heard(sender, MESSAGE_done, 0));
}

void talk_capacity(const char *hub, const char *service, int64_t places)
{
    struct message message;

    talk_begin_request(&message, MESSAGE_capacity);
    message_set_string(&message, FIELD_service_id, service);
    message_set_number(&message, FIELD_places, places);
    talk_say(hub, &message);
}

void talk_emergency(int64_t until)
{
    struct message message;

    talk_begin_request(&message, MESSAGE_emergency);
    if (until)
        message_set_number(&message, FIELD_until, until);
    message_set_string(&message, FIELD_note, "snow");
    talk_say(TALK_OPERATOR, &message);
}

uint32_t talk_draft(const char *network_text, uint32_t new_holes)
{
    size_t bytes = 0;
    uint32_t draft = shelf_add(talk_shelf, 1, 0, network_text, strlen(network_text), true, &bytes);

    cr_assert(draft);
    shelf_compared(talk_shelf, draft, talk_head().network, new_holes);
    return draft;
}

void talk_apply(uint32_t draft, bool holes_allowed)
{
    struct message message;

    talk_begin_request(&message, MESSAGE_apply);
    message_set_number(&message, FIELD_draft, draft);
    message_set_string(&message, FIELD_note, "a test");
    if (holes_allowed)
        message_set_number(&message, FIELD_holes_allowed, 1);
    talk_say(TALK_OPERATOR, &message);
}

void talk_change(const char *network_text)
{
    talk_apply(talk_draft(network_text, 0), false);
    cr_assert_eq(message_number(talk_heard(TALK_OPERATOR, MESSAGE_done, 0), FIELD_duplicate), 0);
}

/* ---- what there is ---- */

struct hub_figures talk_figures(const char *hub, const char *service)
{
    struct hub_figures figures;

    turn_hub_figures(talk_turn, turn_party_number(talk_turn, hub), network_service_number(service, strlen(service)),
                     &figures);
    return figures;
}

struct totals talk_totals(void)
{
    struct totals totals;

    turn_totals(talk_turn, &totals);
    return totals;
}

/* The value under a key, or the next one after it, unsealed; 0: there is none. */
static size_t load(enum table table, bool backward, uint64_t *key, uint8_t *plain, size_t size)
{
    struct transaction *transaction = store_begin(talk_store, false, NULL);
    const void *bytes = NULL;
    size_t length = 0;

    if (store_seek(talk_store, transaction, table, backward, key, &bytes, &length) != STORE_OK)
        length = 0;
    cr_assert(length <= size + SEAL_OVERHEAD);
    if (length)
        cr_assert(unseal_bytes(talk_seal, (int)table, *key, bytes, length, plain));
    store_abort(talk_store, &transaction);
    return length ? length - SEAL_OVERHEAD : 0;
}

struct referral talk_referral(int64_t number)
{
    uint8_t plain[RECORD_BYTES_MAX];
    uint64_t key = (uint64_t)number;
    size_t length = load(TABLE_REFERRAL, false, &key, plain, sizeof plain);
    struct referral referral;

    cr_assert_eq(key, (uint64_t)number);
    cr_assert(record_read_referral(plain, length, &referral));
    return referral;
}

void talk_keep_record(int64_t number, struct talk_record *record)
{
    struct transaction *transaction = store_begin(talk_store, true, NULL);
    const void *bytes = NULL;

    cr_assert_eq(store_get(talk_store, transaction, TABLE_REFERRAL, (uint64_t)number, &bytes, &record->length),
                 STORE_OK);
    cr_assert_leq(record->length, sizeof record->bytes);
    memcpy(record->bytes, bytes, record->length);
    store_abort(talk_store, &transaction);
}

void talk_put_back(int64_t number, const struct talk_record *record)
{
    struct transaction *transaction = store_begin(talk_store, true, NULL);

    store_put(talk_store, transaction, TABLE_REFERRAL, (uint64_t)number, record->bytes, record->length);
    cr_assert_eq(store_commit(talk_store, &transaction), STORE_OK);
}

bool talk_is_referral(int64_t number)
{
    uint8_t plain[RECORD_BYTES_MAX];
    uint64_t key = (uint64_t)number;

    return load(TABLE_REFERRAL, false, &key, plain, sizeof plain) && key == (uint64_t)number;
}

bool talk_enquiry(int64_t number, struct enquiry *enquiry)
{
    uint8_t plain[RECORD_BYTES_MAX];
    uint64_t key = (uint64_t)number;
    size_t length = load(TABLE_ENQUIRY, false, &key, plain, sizeof plain);

    if (!length || key != (uint64_t)number)
        return false;
    cr_assert(record_read_enquiry(plain, length, enquiry));
    return true;
}

struct head talk_head(void)
{
    uint8_t plain[RECORD_BYTES_MAX];
    uint64_t key = META_HEAD;
    size_t length = load(TABLE_META, false, &key, plain, sizeof plain);
    struct head head;

    cr_assert(record_read_head(plain, length, &head));
    return head;
}

bool talk_entry(enum event event, struct entry *entry, char note[256])
{
    static uint8_t plain[RECORD_BYTES_MAX + RECORD_SAID_BYTES_MAX + SEAL_OVERHEAD];
    const void *kept = NULL;
    size_t length, note_length = 0;

    for (uint64_t key = UINT64_MAX; (length = load(TABLE_HISTORY, true, &key, plain, sizeof plain)) > 0; key--) {
        cr_assert(record_read_entry(plain, length, entry, &kept, &note_length));
        if (entry->event != event)
            continue;
        if (note)
            snprintf(note, 256, "%.*s", (int)note_length, kept ? (const char *)kept : "");
        return true;
    }
    return false;
}

uint64_t talk_unmet(const char *code, enum need need, enum unmet_cause cause)
{
    uint8_t plain[RECORD_BYTES_MAX];
    struct unmet_record unmet;
    uint64_t count = 0;
    size_t length;

    for (uint64_t key = 0; (length = load(TABLE_UNMET, false, &key, plain, sizeof plain)) > 0; key++) {
        cr_assert(record_read_unmet(plain, length, &unmet));
        if ((!code || strcmp(unmet.neighbourhood_code, code) == 0) && unmet.need == need && unmet.cause == cause)
            count += unmet.count;
        if (key == UINT64_MAX)
            break;
    }
    return count;
}
