/* SPDX-License-Identifier: MIT
 * turn: whole conversations over the memory store: what is asked, what is answered, what is pushed. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <string.h>

#include "daemon/io/network_file.h"
#include "daemon/reader.h"
#include "daemon/turn.h"
#include "tests/people.h"
#include "tests/sim/store_memory.h"
#include "tests/spoken.h"

#define NOW (PEOPLE_AUTHORED_MS + 3600000)
#define HOUR INT64_C(3600000)

static const char network_text[] =
    "name = \"Test\"; neighbour_distance = \"3km\";\n"
    "neighbourhoods = ( { code = \"north\"; name = \"North\"; easting = 248000; northing = 56000; } );\n"
    "hubs = (\n"
    " { id = \"oak\"; name = \"Oak\"; tier = \"targeted\"; easting = 248100; northing = 56000; areas = [ \"north\" ];\n"
    "   services = ( { id = \"friends\"; needs = [ \"befriending\" ]; places = 1; } ); },\n"
    " { id = \"elm\"; name = \"Elm\"; tier = \"targeted\"; easting = 249000; northing = 56000; areas = [ ];\n"
    "   services = ( { id = \"company\"; needs = [ \"befriending\" ]; places = 1; } ); } );\n"
    "senders = ( { id = \"gp\"; name = \"GP\"; kind = \"gp_link_worker\"; } );\n";

static const char only_food[] =
    "name = \"Test\";\n"
    "neighbourhoods = ( { code = \"north\"; name = \"North\"; easting = 248000; northing = 56000; } );\n"
    "hubs = ( { id = \"oak\"; name = \"Oak\"; tier = \"targeted\"; easting = 248100; northing = 56000;\n"
    "   services = ( { id = \"meals\"; needs = [ \"food\" ]; places = 1; } ); } );\n";

static const char *text = network_text;
static struct store *store;
static struct store_memory_faults faults;
static struct seal *seal;
static struct turn *turn;
static struct decoder *decoder;
static struct outbox outbox;
static struct network *network; /* of the turn, which owns it */
static int64_t now = NOW;
static unsigned starts;

static void start(void)
{
    static struct config_faults config;
    uint8_t master[SEAL_KEY_BYTES] = {1};
    uint8_t seed[32] = {(uint8_t)++starts};
    struct turn_options options = {.window = 100, .retry_after_ms = 500, .push_again_ms = 10000, .version = "test"};
    struct network *given = network = network_parse("test", text, strlen(text), &config);
    char why[200] = "";

    cr_assert(network, "%s", config.lines[0]);
    if (!store)
        store = store_memory_open(&faults);
    seal = seal_open(master, seed);
    turn = turn_open(store, seal, &given, text, strlen(text), &options, now, why, sizeof why);
    cr_assert(turn, "%s", why);
}

static void stop(void)
{
    turn_close(&turn);
    seal_close(&seal);
}

static void set_up(void)
{
    decoder = decoder_open();
    start();
}

static void tear_down(void)
{
    stop();
    store_close(&store);
    decoder_close(&decoder);
    outbox_free(&outbox);
}

TestSuite(turn, .init = set_up, .fini = tear_down);

/* Says a message as a party; its connection is its number: gp 1, oak 2, elm 3. */
static enum store_result say(const char *party, const struct message *message)
{
    static struct spoken spoken;
    connection_t connection = party[0] == 'g' ? 1 : party[0] == 'o' ? 2 : 3;
    enum role role = party[0] == 'g' ? ROLE_SENDER : ROLE_HUB;
    struct fault fault;

    cr_assert(speak(&spoken, decoder, connection, role, party, message, &fault), "%s %s",
              refusal_spec(fault.refusal)->constant, fault.field);
    outbox_clear(&outbox);
    return turn_run(turn, now, &spoken.request, 1, &outbox);
}

/* The i-th message of the outbox, decoded. */
static const struct message *said(size_t i)
{
    static struct message messages[8];
    static unsigned next;
    struct message *message = &messages[next++ % 8];
    struct fault fault;

    cr_assert(i < outbox.count, "only %zu messages", outbox.count);
    cr_assert(
        decode(decoder, outbox.bytes + outbox.dispatches[i].offset, outbox.dispatches[i].length, message, &fault));
    return message;
}

static void expect(size_t i, connection_t to, enum message_type type)
{
    const struct message *message = said(i);

    cr_assert_eq(message->type, type, "message %zu is %s", i, message_spec(message->type)->name);
    cr_assert_eq(outbox.dispatches[i].connection, to);
}

static void hello(const char *party)
{
    struct message message;

    message_init(&message, MESSAGE_hello);
    message_set_uuid(&message, FIELD_request_id, (const uint8_t[16]){9, (uint8_t)party[0]});
    message_set_number(&message, FIELD_protocol_version, 1);
    cr_assert_eq(say(party, &message), STORE_OK);
    expect(0, party[0] == 'g' ? 1 : party[0] == 'o' ? 2 : 3, MESSAGE_welcome);
}

/* A lonely person in the north. */
static void submit(unsigned seed)
{
    struct message message;

    person_submit(&message, seed, PEOPLE_POSTCODE);
    message_set_string(&message, FIELD_neighbourhood_code, "north");
    struct value *need = message_set_list(&message, FIELD_needs, 1);
    need[MEMBER_code].present = true;
    need[MEMBER_code].number = NEED_BEFRIENDING;
    message_set_number(&message, FIELD_priority, PRIORITY_ROUTINE);
    message_set_string(&message, FIELD_safeguarding_code, "861931000000100");
    cr_assert_eq(say("gp", &message), STORE_OK);
}

static void about(enum message_type type, const char *party, int64_t number, int64_t offer, enum field field,
                  int64_t code)
{
    static uint8_t id[16];
    struct message message;

    id[0]++;
    message_init(&message, type);
    message_set_uuid(&message, FIELD_request_id, id);
    message_set_number(&message, FIELD_referral_id, number);
    if (offer)
        message_set_number(&message, FIELD_offer_number, offer);
    if (code)
        message_set_number(&message, field, code);
    cr_assert_eq(say(party, &message), STORE_OK);
}

static void confirm(const char *party, int64_t number)
{
    struct message message;

    message_init(&message, MESSAGE_confirm);
    message_set_uuid(&message, FIELD_request_id, (const uint8_t[16]){7});
    message_set_number(&message, FIELD_mailbox_number, number);
    cr_assert_eq(say(party, &message), STORE_OK);
    expect(0, party[0] == 'g' ? 1 : party[0] == 'o' ? 2 : 3, MESSAGE_done);
}

static struct totals totals(void)
{
    struct totals figures;

    turn_totals(turn, &figures);
    return figures;
}

Test(turn, a_submit_is_committed_offered_accepted_started_completed_and_closed)
{
    hello("gp");
    hello("oak");
    submit(1);
    cr_assert_eq(outbox.count, 3);
    expect(0, 1, MESSAGE_committed);
    expect(1, 1, MESSAGE_routed);
    expect(2, 2, MESSAGE_offer);
    confirm("oak", 1);
    about(MESSAGE_accept, "oak", 1, 1, 0, 0);
    expect(0, 1, MESSAGE_answered);
    expect(1, 2, MESSAGE_person);
    expect(2, 2, MESSAGE_done);
    cr_assert_eq(totals().placed, 1);
    about(MESSAGE_start, "oak", 1, 1, 0, 0);
    about(MESSAGE_complete, "oak", 1, 1, FIELD_outcome, OUTCOME_GOT_HELP);
    expect(0, 1, MESSAGE_ended);
    cr_assert_eq(totals().open, 1);
    confirm("gp", 4);
    cr_assert_eq(totals().closed, 1);
    cr_assert_eq(totals().open, 0);
}

Test(turn, a_repeated_submit_gets_the_same_answer_and_other_content_is_a_conflict)
{
    struct message message;

    submit(1);
    submit(1);
    cr_assert_eq(outbox.count, 1);
    cr_assert_eq(message_number(said(0), FIELD_referral_id), 1);
    cr_assert_eq(message_number(said(0), FIELD_duplicate), 1);
    person_submit(&message, 1, "PL2 1AA");
    cr_assert_eq(say("gp", &message), STORE_OK);
    expect(0, 1, MESSAGE_refused);
    cr_assert_eq(totals().stored, 1);
}

Test(turn, a_full_network_makes_people_wait_and_a_freed_place_goes_to_the_next_in_turn)
{
    hello("gp");
    hello("oak");
    for (unsigned i = 1; i <= 4; i++)
        submit(i);
    cr_assert_eq(totals().waiting, 2);
    cr_assert_eq(message_number(said(1), FIELD_position), 2);
    about(MESSAGE_reject, "oak", 1, 1, FIELD_status_reason, REASON_DECLINED);
    /* The first waits for nobody else: elm is full. Oak's place goes to the third. */
    cr_assert_eq(totals().waiting, 2);
    bool offered = false;
    for (size_t i = 0; i < outbox.count; i++)
        offered = offered || (said(i)->type == MESSAGE_offer && message_number(said(i), FIELD_referral_id) == 3);
    cr_assert(offered);
}

static void wait_days(int days)
{
    now += days * 24 * HOUR;
    outbox_clear(&outbox);
    cr_assert_eq(turn_run(turn, now, NULL, 0, &outbox), STORE_OK);
}

static bool is_told(connection_t to, enum message_type type)
{
    for (size_t i = 0; i < outbox.count; i++)
        if (said(i)->type == type && outbox.dispatches[i].connection == to)
            return true;
    return false;
}

Test(turn, silence_moves_the_offer_to_the_next_hub_after_a_reminder)
{
    hello("gp");
    hello("oak");
    hello("elm");
    submit(1);
    wait_days(30);
    cr_assert(is_told(2, MESSAGE_reminder));
    cr_assert_not(is_told(3, MESSAGE_offer));
    wait_days(30);
    bool withdrawn = false, offered = false;
    for (size_t i = 0; i < outbox.count; i++) {
        withdrawn = withdrawn || (said(i)->type == MESSAGE_withdrawn && outbox.dispatches[i].connection == 2);
        offered = offered || (said(i)->type == MESSAGE_offer && outbox.dispatches[i].connection == 3);
    }
    cr_assert(withdrawn);
    cr_assert(offered);
}

Test(turn, after_a_restart_everything_is_there_and_unconfirmed_letters_are_pushed_again)
{
    hello("oak");
    for (unsigned i = 1; i <= 3; i++)
        submit(i);
    struct totals before = totals();
    stop();
    store_memory_crash(store);
    store_memory_reopen(store);
    start();
    struct totals after = totals();
    after.started_at = before.started_at;
    cr_assert_eq(memcmp(&before, &after, sizeof before), 0);
    submit(2);
    cr_assert_eq(message_number(said(0), FIELD_referral_id), 2);
    cr_assert_eq(message_number(said(0), FIELD_duplicate), 1);
    hello("oak");
    cr_assert_eq(outbox.count, 2);
    expect(1, 2, MESSAGE_offer);
    hello("gp");
    cr_assert_eq(outbox.count, 4);
}

Test(turn, nothing_is_answered_when_the_commit_fails)
{
    struct message message;

    faults.next_commit = MEMORY_FAULT_UNAVAILABLE;
    person_submit(&message, 1, PEOPLE_POSTCODE);
    cr_assert_neq(say("gp", &message), STORE_OK);
}

Test(turn, a_reader_explains_the_decision_and_replays_it)
{
    struct message question;
    struct reader *reader;

    submit(1);
    reader = reader_open(turn, store, seal, "test");
    message_init(&question, MESSAGE_explain);
    message_set_uuid(&question, FIELD_request_id, (const uint8_t[16]){1});
    message_set_number(&question, FIELD_referral_id, 1);
    const struct request request = {
        .kind = REQUEST_MESSAGE, .connection = 5, .role = ROLE_OPERATOR, .party = "uid-0", .message = &question};
    outbox_clear(&outbox);
    reader_answer(reader, now, &request, &outbox);
    cr_assert_eq(outbox.count, 4);
    expect(0, 5, MESSAGE_decision);
    cr_assert_eq(message_number(said(0), FIELD_replayed), 1);
    cr_assert_eq(message_number(said(0), FIELD_comparison), COMPARISON_RING);
    expect(1, 5, MESSAGE_considered);
    cr_assert_eq(message_number(said(1), FIELD_chosen), 1);
    expect(3, 5, MESSAGE_end);
    reader_close(&reader);
}

Test(turn, what_was_offered_to_a_hub_that_closes_on_a_day_goes_to_the_next_on_that_day)
{
    hello("gp");
    hello("oak");
    hello("elm");
    submit(1);
    outbox_clear(&outbox);
    int64_t midnight = (now / (24 * HOUR) + 1) * 24 * HOUR;
    cr_assert_leq(turn_next_due(turn), midnight, "it wakes for the new day");
    network->hubs[0].closes_on = midnight / (24 * HOUR);
    now = midnight;
    cr_assert_eq(turn_run(turn, now, NULL, 0, &outbox), STORE_OK);
    bool withdrawn = false, offered = false;
    for (size_t i = 0; i < outbox.count; i++) {
        withdrawn = withdrawn || (said(i)->type == MESSAGE_withdrawn && outbox.dispatches[i].connection == 2 &&
                                  message_number(said(i), FIELD_status_reason) == REASON_HUB_CLOSED);
        offered = offered || (said(i)->type == MESSAGE_offer && outbox.dispatches[i].connection == 3);
    }
    cr_assert(withdrawn);
    cr_assert(offered);
}

Test(turn, who_is_held_is_judged_by_a_new_network_even_when_its_first_start_dies_before_a_turn)
{
    stop();
    text = only_food;
    start();
    submit(1);
    cr_assert_eq(totals().attention, 1);
    text = network_text;
    for (int starts_left = 2; starts_left > 0; starts_left--) {
        stop();
        store_memory_crash(store);
        store_memory_reopen(store);
        start();
    }
    outbox_clear(&outbox);
    cr_assert_eq(turn_run(turn, now, NULL, 0, &outbox), STORE_OK);
    cr_assert_eq(totals().attention, 0);
    cr_assert_eq(totals().offered, 1);
}
