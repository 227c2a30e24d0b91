/* SPDX-License-Identifier: MIT
 * border: what parties may do that nobody expects, over the memory store: the daemon goes on, and tells no more. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/io/network_file.h"
#include "daemon/reader.h"
#include "daemon/turn.h"
#include "tests/people.h"
#include "tests/sim/store_memory.h"
#include "tests/spoken.h"

#define NOW (PEOPLE_AUTHORED_MS + 3600000)
#define MANY 200          /* more neighbourhoods than the smaller network has */
#define LONGEST_NOTE 2000 /* characters, of four bytes each */

static const char rest_of_network[] =
    "hubs = (\n"
    " { id = \"oak\"; name = \"Oak\"; tier = \"targeted\"; easting = 248100; northing = 56000; areas = [ \"north\" ];\n"
    "   services = ( { id = \"friends\"; needs = [ \"befriending\" ]; places = 1; } ); },\n"
    " { id = \"elm\"; name = \"Elm\"; tier = \"targeted\"; easting = 249000; northing = 56000; areas = [ ];\n"
    "   services = ( { id = \"company\"; needs = [ \"befriending\" ]; places = 1; } ); } );\n"
    "senders = ( { id = \"gp\"; name = \"GP\"; kind = \"gp_link_worker\"; } );\n";

static struct store *store;
static struct store_memory_faults faults;
static struct seal *seal;
static struct turn *turn;
static struct decoder *decoder;
static struct outbox outbox;
static int64_t now = NOW;
static unsigned starts;

/* "north" is the last of so many neighbourhoods. */
static char *write_network(int others)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);

    fprintf(file, "name = \"Test\"; neighbour_distance = \"3km\";\nneighbourhoods = (\n");
    for (int i = 0; i < others; i++)
        fprintf(file, "{ code = \"other-%d\"; name = \"Other %d\"; easting = 300000; northing = 90000; },\n", i, i);
    fprintf(file, "{ code = \"north\"; name = \"North\"; easting = 248000; northing = 56000; } );\n%s",
            rest_of_network);
    fclose(file);
    return text;
}

static bool start_with(int others)
{
    static struct config_faults config;
    uint8_t master[SEAL_KEY_BYTES] = {1};
    uint8_t seed[32] = {(uint8_t)++starts};
    struct turn_options options = {.window = 100, .retry_after_ms = 500, .push_again_ms = 10000, .version = "test"};
    char *text = write_network(others);
    struct network *network = network_parse("test", text, strlen(text), &config);
    char why[200] = "";

    cr_assert(network, "%s", config.lines[0]);
    if (!store)
        store = store_memory_open(&faults);
    seal = seal_open(master, seed);
    turn = turn_open(store, seal, &network, text, strlen(text), &options, now, why, sizeof why);
    network_free(&network);
    free(text);
    return turn != NULL;
}

static void stop(void)
{
    turn_close(&turn);
    seal_close(&seal);
}

static void set_up(void)
{
    decoder = decoder_open();
    cr_assert(start_with(0));
}

static void tear_down(void)
{
    stop();
    store_close(&store);
    decoder_close(&decoder);
    outbox_free(&outbox);
}

TestSuite(border, .init = set_up, .fini = tear_down);

/* The connection of a party is the first letter of its name. */
static void speak_as(const char *party, struct spoken *spoken, const struct message *message)
{
    enum role role = party[0] == 'g' ? ROLE_SENDER : ROLE_HUB;
    struct fault fault;

    cr_assert(speak(spoken, decoder, (connection_t)party[0], role, party, message, &fault), "%s %s",
              refusal_spec(fault.refusal)->constant, fault.field);
}

static void say(const char *party, const struct message *message)
{
    static struct spoken spoken;

    speak_as(party, &spoken, message);
    outbox_clear(&outbox);
    cr_assert_eq(turn_run(turn, now, &spoken.request, 1, &outbox), STORE_OK);
}

/* The first message of this type in the outbox, decoded; NULL: none. */
static const struct message *said(enum message_type type)
{
    static struct message messages[4];
    static unsigned next;
    struct message *message = &messages[next++ % 4];
    struct fault fault;

    for (size_t i = 0; i < outbox.count; i++) {
        cr_assert(
            decode(decoder, outbox.bytes + outbox.dispatches[i].offset, outbox.dispatches[i].length, message, &fault));
        if (message->type == type)
            return message;
    }
    return NULL;
}

/* The row of this event in a history that was asked for; NULL: there is none. */
static const struct message *happened(enum event event)
{
    static struct message message;
    struct fault fault;

    for (size_t i = 0; i < outbox.count; i++) {
        cr_assert(
            decode(decoder, outbox.bytes + outbox.dispatches[i].offset, outbox.dispatches[i].length, &message, &fault));
        if (message.type == MESSAGE_happened && message_number(&message, FIELD_event) == (int64_t)event)
            return &message;
    }
    return NULL;
}

static void assert_text(const struct message *message, enum field field, const char *expected)
{
    cr_assert(message);
    struct text text = message_text(message, field);
    cr_assert(text.length == strlen(expected) && memcmp(text.bytes, expected, text.length) == 0, "%.*s",
              (int)text.length, text.bytes);
}

static void hello(const char *party)
{
    struct message message;

    message_init(&message, MESSAGE_hello);
    message_set_uuid(&message, FIELD_request_id, (const uint8_t[16]){9, (uint8_t)party[0]});
    message_set_number(&message, FIELD_protocol_version, 1);
    say(party, &message);
    cr_assert(said(MESSAGE_welcome));
}

/* A lonely person in the north. */
static void fill_submit(struct message *message, unsigned seed)
{
    person_submit(message, seed, PEOPLE_POSTCODE);
    message_set_string(message, FIELD_neighbourhood_code, "north");
    struct value *need = message_set_list(message, FIELD_needs, 1);
    need[MEMBER_code].present = true;
    need[MEMBER_code].number = NEED_BEFRIENDING;
    message_set_number(message, FIELD_priority, PRIORITY_ROUTINE);
    message_set_string(message, FIELD_safeguarding_code, "861931000000100");
}

static void submit(const char *party, unsigned seed)
{
    struct message message;

    fill_submit(&message, seed);
    say(party, &message);
    cr_assert(said(MESSAGE_committed));
}

static void fill_about(struct message *message, enum message_type type, int64_t number, int64_t offer)
{
    static uint8_t id[16] = {5};

    id[1]++;
    message_init(message, type);
    message_set_uuid(message, FIELD_request_id, id);
    message_set_number(message, FIELD_referral_id, number);
    if (offer)
        message_set_number(message, FIELD_offer_number, offer);
}

static void about(enum message_type type, const char *party, int64_t number, int64_t offer)
{
    struct message message;

    fill_about(&message, type, number, offer);
    if (type == MESSAGE_cancel)
        message_set_number(&message, FIELD_status_reason, REASON_DECLINED);
    if (type == MESSAGE_complete)
        message_set_number(&message, FIELD_outcome, OUTCOME_GOT_HELP);
    say(party, &message);
}

static void confirm(const char *party, int64_t number)
{
    struct message message;

    message_init(&message, MESSAGE_confirm);
    message_set_uuid(&message, FIELD_request_id, (const uint8_t[16]){7});
    message_set_number(&message, FIELD_mailbox_number, number);
    say(party, &message);
}

/* The key of the newest entry of the history. */
static uint64_t newest_entry(void)
{
    struct transaction *transaction = store_begin(store, false, NULL);
    uint64_t key = UINT64_MAX;
    const void *bytes;
    size_t length;

    if (store_seek(store, transaction, TABLE_HISTORY, true, &key, &bytes, &length) != STORE_OK)
        key = 0;
    store_abort(store, &transaction);
    return key;
}

static void ask(enum message_type type, int64_t number, enum role role, const char *party)
{
    struct message question;
    struct request request = {.kind = REQUEST_MESSAGE, .connection = 5, .role = role, .message = &question};
    struct reader *reader = reader_open(turn, store, seal, "test");

    strcpy(request.party, party);
    message_init(&question, type);
    message_set_uuid(&question, FIELD_request_id, (const uint8_t[16]){1});
    message_set_number(&question, FIELD_referral_id, number);
    outbox_clear(&outbox);
    reader_answer(reader, now, &request, &outbox);
    reader_close(&reader);
}

Test(border, a_sender_that_the_network_file_does_not_name_is_named_to_the_hub_that_accepts)
{
    hello("oak");
    submit("guest", 1);
    about(MESSAGE_accept, "oak", 1, 1);
    assert_text(said(MESSAGE_person), FIELD_sender_id, "guest");
}

Test(border, a_senders_key_under_the_name_of_a_hub_gets_nothing_of_the_hub)
{
    static struct spoken spoken;
    struct message message;
    struct fault fault;

    submit("gp", 1);
    message_init(&message, MESSAGE_hello);
    message_set_uuid(&message, FIELD_request_id, (const uint8_t[16]){9, 9});
    message_set_number(&message, FIELD_protocol_version, PROTOCOL_VERSION);
    cr_assert(speak(&spoken, decoder, 9, ROLE_SENDER, "oak", &message, &fault));
    outbox_clear(&outbox);
    cr_assert_eq(turn_run(turn, now, &spoken.request, 1, &outbox), STORE_OK);
    assert_text(said(MESSAGE_refused), FIELD_error, refusal_spec(REFUSAL_ROLE)->error);
    cr_assert_eq(outbox.count, 1);
    ask(MESSAGE_status, 1, ROLE_SENDER, "oak");
    assert_text(said(MESSAGE_refused), FIELD_error, refusal_spec(REFUSAL_ROLE)->error);
    ask(MESSAGE_status, 1, ROLE_HUB, "oak");
    cr_assert(said(MESSAGE_referral));
}

Test(border, a_decision_is_explained_when_the_network_has_fewer_neighbourhoods_than_then)
{
    stop();
    cr_assert(start_with(MANY));
    submit("gp", 1);
    stop();
    cr_assert(start_with(0));
    ask(MESSAGE_explain, 1, ROLE_OPERATOR, "uid-0");
    assert_text(said(MESSAGE_decision), FIELD_neighbourhood_name, "North");
    cr_assert_eq(message_number(said(MESSAGE_decision), FIELD_replayed), 1);
}

/* As many four-byte characters as fill a frame up to its limit. */
static void fill_to_the_limit(struct message *message)
{
    static char wide[4 * LONGEST_NOTE];
    static uint8_t frame[MESSAGE_BYTES_MAX];
    struct value *items;

    for (size_t i = 0; i < LONGEST_NOTE; i++)
        memcpy(&wide[4 * i], "\xf0\x9f\x8c\xb3", 4);
    message_set_text(message, FIELD_reason_for_referral, wide, sizeof wide);
    message_set_text(message, FIELD_what_matters, wide, sizeof wide);
    items = message_set_list(message, FIELD_further_information, 7);
    cr_assert(items);
    for (int i = 0; i < 7; i++) {
        struct value *item = &items[2 * i];
        item[MEMBER_prsb_element].present = item[MEMBER_prsb_value].present = true;
        item[MEMBER_prsb_element].text = (struct text){"Path", 4};
        item[MEMBER_prsb_value].text = (struct text){wide, i < 4 ? sizeof wide : 4};
    }
    size_t length = encode(message, frame, SUBMIT_BYTES_MAX);
    cr_assert(length > 0 && SUBMIT_BYTES_MAX - length < 2 * sizeof wide);
    size_t missing = SUBMIT_BYTES_MAX - length - 8;
    items[2 * 5 + MEMBER_prsb_value].text.length = (uint32_t)(missing / 2 / 4 * 4);
    items[2 * 6 + MEMBER_prsb_value].text.length = (uint32_t)(missing / 2 / 4 * 4);
    length = encode(message, frame, SUBMIT_BYTES_MAX);
    cr_assert(length > SUBMIT_BYTES_MAX - 64, "%zu", length);
}

Test(border, the_longest_submit_and_the_longest_notes_pass)
{
    static char note[4 * LONGEST_NOTE];
    struct message message;

    for (size_t i = 0; i < LONGEST_NOTE; i++)
        memcpy(&note[4 * i], "\xf0\x9f\x8c\xb3", 4);
    hello("gp");
    hello("oak");
    fill_submit(&message, 1);
    fill_to_the_limit(&message);
    say("gp", &message);
    cr_assert(said(MESSAGE_committed));
    fill_about(&message, MESSAGE_accept, 1, 1);
    message_set_text(&message, FIELD_note, note, sizeof note);
    say("oak", &message);
    cr_assert(said(MESSAGE_person));
    cr_assert_eq(message_text(said(MESSAGE_answered), FIELD_note).length, sizeof note);
    stop();
    cr_assert(start_with(0));
    hello("gp");
    cr_assert_eq(message_text(said(MESSAGE_answered), FIELD_note).length, sizeof note);
}

Test(border, a_restart_reads_the_history_from_the_oldest_message_that_is_owed_on)
{
    hello("gp");
    hello("oak");
    submit("gp", 1);
    confirm("gp", 1);
    confirm("oak", 1);
    stop(); /* elm has never been told anything */
    cr_assert(start_with(0));
    stop();
    cr_assert(store_memory_flip_bit(store, TABLE_HISTORY, 1, 77));
    cr_assert(start_with(0));
}

Test(border, a_figure_that_is_stated_again_and_again_does_not_fill_the_store)
{
    struct message message;
    uint64_t entries;

    for (int i = 0; i < 10; i++) {
        message_init(&message, MESSAGE_capacity);
        message_set_uuid(&message, FIELD_request_id, (const uint8_t[16]){3, (uint8_t)i});
        message_set_string(&message, FIELD_service_id, "friends");
        message_set_number(&message, FIELD_places, 7);
        now += 1000;
        say("oak", &message);
        cr_assert(said(MESSAGE_done));
        if (i == 0)
            entries = newest_entry();
    }
    cr_assert_eq(newest_entry(), entries);
    struct hub_figures figures;
    turn_hub_figures(turn, turn_party_number(turn, "oak"), network_service_number("friends", 7), &figures);
    cr_assert_eq(figures.places.stated_at, now);
}

Test(border, many_large_submits_in_one_turn_leave_the_last_tenth_of_the_store_alone)
{
    enum { BATCH = 40 };
    static struct request requests[BATCH];
    static struct spoken spoken[BATCH];
    struct message message;

    faults.limit_bytes = 1 << 20;
    for (unsigned i = 0; i < BATCH; i++) {
        fill_submit(&message, i + 1);
        fill_to_the_limit(&message);
        speak_as("gp", &spoken[i], &message);
        requests[i] = spoken[i].request;
    }
    outbox_clear(&outbox);
    cr_assert_eq(turn_run(turn, now, requests, BATCH, &outbox), STORE_OK);
    cr_assert(said(MESSAGE_committed));
    assert_text(said(MESSAGE_refused), FIELD_issue, refusal_spec(REFUSAL_FULL)->issue);
    about(MESSAGE_accept, "oak", 1, 1);
    cr_assert(said(MESSAGE_done));
    faults.limit_bytes = 0;
}

Test(border, a_hub_that_was_not_asked_learns_nothing_of_a_damaged_referral)
{
    submit("gp", 1);
    cr_assert(store_memory_flip_bit(store, TABLE_CONTENT, 1, 777));
    about(MESSAGE_accept, "elm", 1, 1);
    assert_text(said(MESSAGE_refused), FIELD_error, "REF-0203");
    about(MESSAGE_accept, "elm", 2, 1);
    assert_text(said(MESSAGE_refused), FIELD_error, "REF-0203");
    about(MESSAGE_accept, "oak", 1, 1);
    assert_text(said(MESSAGE_refused), FIELD_issue, refusal_spec(REFUSAL_DAMAGED)->issue);
}

Test(border, a_hub_does_not_learn_which_hub_declined_before_it_and_why)
{
    struct message message;

    submit("gp", 1);
    fill_about(&message, MESSAGE_reject, 1, 1);
    message_set_number(&message, FIELD_status_reason, REASON_NOT_ELIGIBLE);
    say("oak", &message);
    ask(MESSAGE_history, 1, ROLE_HUB, "elm");
    cr_assert_eq(outbox.count, 2);
    assert_text(said(MESSAGE_happened), FIELD_actor, "network");
    cr_assert_eq(message_number(said(MESSAGE_happened), FIELD_event), EVENT_OFFERED);
    cr_assert_not(message_has(said(MESSAGE_happened), FIELD_status_reason));
    ask(MESSAGE_history, 1, ROLE_SENDER, "gp");
    assert_text(happened(EVENT_REJECTED), FIELD_actor, "oak");
    cr_assert_eq(message_number(happened(EVENT_REJECTED), FIELD_status_reason), REASON_NOT_ELIGIBLE);
}

Test(border, a_cancel_that_comes_too_late_names_a_field_of_its_own)
{
    submit("gp", 1);
    about(MESSAGE_accept, "oak", 1, 1);
    about(MESSAGE_complete, "oak", 1, 1);
    about(MESSAGE_cancel, "gp", 1, 0);
    assert_text(said(MESSAGE_refused), FIELD_field, "referral_id");
}

Test(border, numbers_at_the_ends_of_their_ranges_are_refused_like_any_other)
{
    static const enum message_type types[] = {MESSAGE_accept, MESSAGE_start, MESSAGE_complete};

    submit("gp", 1);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        about(types[i], "oak", INT64_MAX, 1);
        cr_assert(said(MESSAGE_refused));
        about(types[i], "oak", 1, 99);
        cr_assert(said(MESSAGE_refused));
        about(types[i], "owl", 1, 1); /* enrolled as a hub, but the network has no such hub */
        cr_assert(said(MESSAGE_refused));
    }
    confirm("owl", 0);
    cr_assert(said(MESSAGE_done));
    confirm("owl", INT64_C(9007199254740991));
    cr_assert(said(MESSAGE_refused));
}

Test(border, an_outbox_gives_back_what_one_large_turn_needed)
{
    struct message message;

    fill_submit(&message, 1);
    fill_to_the_limit(&message);
    for (int i = 0; i < 400; i++)
        outbox_add(&outbox, 1, &message);
    outbox_clear(&outbox);
    cr_assert_leq(outbox.size, (size_t)16 << 20);
    outbox_add(&outbox, 1, &message);
    cr_assert_eq(outbox.count, 1);
}
