/* SPDX-License-Identifier: MIT
 * delivery: parties with several connections, with one that falls silent, and with none for a long time; what they are
 * told, in which order, and what counts as confirmed. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/networks.h"
#include "tests/spoken.h"
#include "tests/talk.h"

#define SECOND INT64_C(1000)
#define LETTERS_MAX 60000
#define RUNS 12
#define STEPS 400

/* One hub with room for everybody; in the second network the person's practice has a mailbox. */
#define NETWORK(practice)                                                                                              \
    "name = \"Test\"; neighbour_distance = \"2km\";\n"                                                                 \
    "senders = ( { id = \"gp\"; name = \"GP\"; kind = \"gp_link_worker\"; },\n"                                        \
    " { id = \"clinic\"; name = \"Clinic\"; kind = \"other\";" practice " } );\n"                                      \
    "neighbourhoods = ( { code = \"north\"; name = \"North\"; easting = 248000; northing = 56000; } );\n"              \
    "hubs = ( { id = \"oak\"; name = \"Oak\"; tier = \"targeted\"; easting = 248100; northing = 56000;"                \
    " areas = [\"north\"]; services = ( { id = \"friends\"; needs = [\"befriending\"]; places = 100000; } ); } );\n"
static const char one_hub[] = NETWORK("");
static const char one_practice[] = NETWORK(" practice = \"Y99999\";");

static struct decoder *decoder;

static void begin(void)
{
    talk_begin(one_hub);
    decoder = decoder_open();
}

static void finish(void)
{
    decoder_close(&decoder);
    talk_end();
}

TestSuite(delivery, .init = begin, .fini = finish);

/* ---- who says and hears what ---- */

static void begin_with(uint32_t window, uint32_t held_max)
{
    talk_options.window = window;
    talk_options.held_max = held_max;
    talk_restart(one_hub);
}

static void hello_on(connection_t connection, const char *party)
{
    talk_connection = connection;
    talk_hello(party);
    talk_connection = 0;
}

/* Returns how far the party has confirmed now. */
static int64_t confirm_on(connection_t connection, const char *party, int64_t number)
{
    talk_connection = connection;
    talk_confirm(party, number);
    int64_t confirmed = message_number(talk_heard(party, MESSAGE_done, 0), FIELD_mailbox_number);
    talk_connection = 0;
    return confirmed;
}

/* How many pushes the newest turn has sent to the connection; *first and *last: their numbers, 0 when there are none.
 */
static size_t pushed_to(connection_t connection, int64_t *first, int64_t *last)
{
    static struct message message;
    struct fault fault;
    size_t count = 0;

    *first = *last = 0;
    for (size_t i = 0; i < talk_outbox.count; i++) {
        const struct dispatch *dispatch = &talk_outbox.dispatches[i];
        if (dispatch->connection != connection)
            continue;
        cr_assert(decode(decoder, talk_outbox.bytes + dispatch->offset, dispatch->length, &message, &fault));
        if (message_spec(message.type)->direction != PUSH)
            continue;
        *last = message_number(&message, FIELD_mailbox_number);
        *first = count++ ? *first : *last;
    }
    return count;
}

static bool is_pushed(connection_t connection, int64_t expected_first, int64_t expected_last)
{
    int64_t first, last;
    size_t count = pushed_to(connection, &first, &last);

    return first == expected_first && last == expected_last && (int64_t)count == (first ? last - first + 1 : 0);
}

static bool is_pushed_nothing(connection_t connection)
{
    return is_pushed(connection, 0, 0);
}

static struct mailbox_figures mailbox_of(const char *party)
{
    struct mailbox_figures figures;

    cr_assert(turn_mailbox_figures(talk_turn, turn_party_number(talk_turn, party), &figures));
    cr_assert_str_eq(figures.party, party);
    return figures;
}

/* Somebody else each time. */
static int64_t submit_as(const char *party)
{
    static const enum need needs[] = {NEED_BEFRIENDING, 0};
    static unsigned people;
    struct message message;
    char name[20];

    talk_person(&message, ++people, needs);
    snprintf(name, sizeof name, "Number %u", people);
    message_set_string(&message, FIELD_family_name, name);
    return talk_say_submit(party, &message);
}

static int64_t submit(void)
{
    return submit_as("gp");
}

static void submit_many(int count)
{
    for (int i = 0; i < count; i++)
        submit();
}

/* ---- several connections ---- */

Test(delivery, two_connections_of_a_party_share_what_it_is_told)
{
    begin_with(3, 0);
    hello_on('x', "gp");
    hello_on('y', "gp");
    for (int64_t number = 1; number <= 6; number++) {
        submit();
        cr_assert(is_pushed(number % 2 ? 'x' : 'y', number, number));
        cr_assert(is_pushed_nothing(number % 2 ? 'y' : 'x'));
    }
    submit_many(1);
    cr_assert(is_pushed_nothing('x') && is_pushed_nothing('y'), "both windows are full");
    cr_assert_eq(confirm_on('y', "gp", 6), 0, "of 2, 4 and 6 alone");
    cr_assert(is_pushed('y', 7, 7));
    cr_assert_eq(mailbox_of("gp").unconfirmed, 7);
    cr_assert_eq(mailbox_of("gp").connections, 2);
    cr_assert_eq(confirm_on('x', "gp", 5), 6);
    cr_assert_eq(confirm_on('y', "gp", 7), 7);
}

Test(delivery, an_offer_is_received_when_that_connection_confirms_it_that_has_it)
{
    hello_on('x', "oak");
    hello_on('y', "oak");
    int64_t first = submit();
    int64_t second = submit();
    cr_assert(is_pushed('y', 2, 2));
    confirm_on('y', "oak", 2);
    cr_assert_eq(talk_referral(first).offers[0].state, STATE_REQUESTED);
    cr_assert_eq(talk_referral(second).offers[0].state, STATE_RECEIVED);
    confirm_on('x', "oak", 2);
    cr_assert_eq(talk_referral(first).offers[0].state, STATE_REQUESTED, "2 is not its own");
    confirm_on('x', "oak", 1);
    cr_assert_eq(talk_referral(first).offers[0].state, STATE_RECEIVED);
}

Test(delivery, what_a_connection_had_goes_to_the_other_when_it_falls_silent)
{
    begin_with(3, 0);
    hello_on('x', "gp");
    hello_on('y', "gp");
    submit_many(4);
    talk_wait(5 * SECOND);
    confirm_on('y', "gp", 4);
    talk_wait(5 * SECOND - 1);
    cr_assert(is_pushed_nothing('y'));
    talk_wait_until_due();
    int64_t first, last;
    cr_assert_eq(pushed_to('y', &first, &last), 2);
    cr_assert(first == 1 && last == 3);
    cr_assert(is_pushed_nothing('x'));
    submit_many(1);
    cr_assert(is_pushed('y', 5, 5), "who is silent stands back");
    submit_many(1);
    cr_assert(is_pushed_nothing('x'));
    cr_assert_eq(confirm_on('x', "gp", 3), 0, "too late");
    cr_assert(is_pushed('x', 6, 6), "but it speaks again");
    cr_assert_eq(confirm_on('y', "gp", 5), 5);
}

Test(delivery, what_a_connection_had_goes_to_the_other_when_it_dies)
{
    begin_with(3, 0);
    hello_on('x', "gp");
    hello_on('y', "gp");
    submit_many(6);
    confirm_on('y', "gp", 4);
    talk_gone('x');
    cr_assert(is_pushed_nothing('y'), "6 comes before 1, 3 and 5 for who has it");
    cr_assert_eq(confirm_on('y', "gp", 6), 0);
    int64_t first, last;
    cr_assert_eq(pushed_to('y', &first, &last), 3);
    cr_assert(first == 1 && last == 5);
    cr_assert_eq(confirm_on('y', "gp", 6), 0, "that was said before: what came again is not confirmed by it");
    cr_assert_eq(confirm_on('y', "gp", 5), 6);
    cr_assert_eq(mailbox_of("gp").connections, 1);
}

Test(delivery, who_is_alone_and_silent_is_sent_the_same_again)
{
    hello_on('x', "gp");
    submit_many(2);
    cr_assert_eq(turn_next_due(talk_turn), talk_now + 10 * SECOND);
    talk_wait_until_due();
    cr_assert(is_pushed('x', 1, 2));
    talk_wait_until_due();
    cr_assert(is_pushed('x', 1, 2));
    cr_assert_eq(confirm_on('x', "gp", 2), 2);
    talk_wait(20 * SECOND);
    cr_assert(is_pushed_nothing('x'));
}

Test(delivery, who_greets_again_hears_again_what_it_has_and_does_not_keep_it_by_that)
{
    begin_with(2, 0);
    hello_on('x', "gp");
    submit_many(2);
    talk_wait(6 * SECOND);
    hello_on('x', "gp");
    cr_assert(is_pushed('x', 1, 2));
    hello_on('y', "gp");
    talk_wait(4 * SECOND);
    cr_assert(is_pushed('y', 1, 2), "ten seconds without a confirmation");
}

Test(delivery, who_greets_and_confirms_in_one_breath_has_confirmed)
{
    static struct spoken spoken[2];
    struct request requests[2];
    struct message message;
    struct fault fault;

    submit_many(3);
    for (int i = 0; i < 2; i++) {
        talk_begin_request(&message, i ? MESSAGE_confirm : MESSAGE_hello);
        if (i)
            message_set_number(&message, FIELD_mailbox_number, 3);
        else
            message_set_number(&message, FIELD_protocol_version, PROTOCOL_VERSION);
        cr_assert(speak(&spoken[i], decoder, 'x', ROLE_SENDER, "gp", &message, &fault));
        requests[i] = spoken[i].request;
    }
    outbox_clear(&talk_outbox);
    cr_assert_eq(turn_run(talk_turn, talk_now, requests, 2, &talk_outbox), STORE_OK);
    cr_assert_eq(mailbox_of("gp").unconfirmed, 0);
}

Test(delivery, nobody_confirms_what_he_has_not_been_sent)
{
    struct message message;

    begin_with(2, 0);
    submit_many(4);
    talk_begin_request(&message, MESSAGE_confirm);
    message_set_number(&message, FIELD_mailbox_number, 5);
    talk_say("gp", &message);
    cr_assert_eq(talk_refused("gp"), REFUSAL_NOT_PUSHED);
    hello_on('x', "gp");
    cr_assert_eq(confirm_on('x', "gp", 4), 0, "3 and 4 are not on their way");
    cr_assert_eq(confirm_on('y', "gp", 2), 0, "another one has them");
    cr_assert_eq(message_number(talk_heard("y", MESSAGE_done, 0), FIELD_duplicate), true);
    cr_assert_eq(confirm_on('x', "gp", 2), 2);
    cr_assert(is_pushed('x', 3, 4));
    talk_gone('x');
    cr_assert_eq(confirm_on('y', "gp", 3), 3, "nobody takes anything: the party says so itself");
}

Test(delivery, of_nine_connections_the_one_unheard_for_longest_gives_way)
{
    for (connection_t connection = 1; connection <= 9; connection++) {
        talk_wait(1);
        hello_on(connection, "gp");
        cr_assert_eq(mailbox_of("gp").connections, connection < 9 ? connection : 8);
    }
    submit_many(8);
    for (connection_t connection = 2; connection <= 9; connection++)
        confirm_on(connection, "gp", connection == 9 ? 1 : (int64_t)connection);
    cr_assert_eq(mailbox_of("gp").unconfirmed, 0, "the ninth has the place of the first");
}

/* ---- what a confirmation means ---- */

static void confirm_last(const char *party)
{
    talk_confirm(party, (int64_t)mailbox_of(party).last);
}

/* A referral that the hub has helped with; the sender and the practice have not confirmed that. */
static int64_t completed(void)
{
    talk_restart(one_practice);
    int64_t number = submit();
    talk_answer("oak", MESSAGE_accept, number, 1);
    talk_answer("oak", MESSAGE_start, number, 1);
    confirm_last("gp");
    talk_answer("oak", MESSAGE_complete, number, 1);
    return number;
}

Test(delivery, a_referral_closes_when_the_sender_and_the_practice_have_confirmed_what_came_of_it)
{
    int64_t number = completed();

    cr_assert_eq(mailbox_of("gp").unconfirmed, 1);
    cr_assert_eq(mailbox_of("clinic").unconfirmed, 1);
    confirm_last("gp");
    cr_assert_neq(talk_referral(number).business_status, BUSINESS_CLOSED_ACKNOWLEDGED);
    cr_assert_eq(talk_totals().closed, 0);
    confirm_last("clinic");
    cr_assert_eq(talk_referral(number).business_status, BUSINESS_CLOSED_ACKNOWLEDGED);
    cr_assert_eq(talk_totals().closed, 1);
}

Test(delivery, after_a_retraction_only_the_newer_end_counts)
{
    int64_t number = completed();
    struct message message;

    talk_wait(SECOND);
    talk_begin_request(&message, MESSAGE_cancel);
    message_set_number(&message, FIELD_referral_id, number);
    message_set_number(&message, FIELD_status_reason, REASON_ENTERED_IN_ERROR);
    talk_say("gp", &message);
    cr_assert(talk_heard("gp", MESSAGE_done, 0));
    cr_assert_eq(mailbox_of("gp").unconfirmed, 2);
    cr_assert_eq(mailbox_of("clinic").unconfirmed, 2);
    talk_confirm("gp", (int64_t)mailbox_of("gp").last - 1);
    talk_confirm("clinic", (int64_t)mailbox_of("clinic").last - 1);
    cr_assert_eq(talk_totals().closed, 0);
    confirm_last("gp");
    confirm_last("clinic");
    cr_assert_eq(talk_totals().closed, 1);
}

/* ---- a practice that is told part by part ---- */

#define FOOD                                                                                                           \
    "{ id = \"elm\"; name = \"Elm\"; tier = \"targeted\"; easting = 248200; northing = 56000; areas = [\"north\"];"    \
    " services = ( { id = \"meals\"; needs = [\"food\"]; places = 9; } ); }, "

/* Both hubs have their part. */
static int64_t two_parts(void)
{
    static const enum need needs[] = {NEED_BEFRIENDING, NEED_FOOD, 0};
    static char two_hubs[sizeof one_practice + sizeof FOOD];
    const char *hubs = strstr(one_practice, "hubs = ( ") + strlen("hubs = ( ");

    snprintf(two_hubs, sizeof two_hubs, "%.*s%s%s", (int)(hubs - one_practice), one_practice, FOOD, hubs);
    talk_restart(two_hubs);
    int64_t number = talk_submit_all(1, needs);
    struct referral referral = talk_referral(number);
    cr_assert_eq(referral.offers_count, 2);
    for (uint8_t i = 0; i < 2; i++) {
        const char *hub = referral.offers[i].hub == turn_party_number(talk_turn, "oak") ? "oak" : "elm";
        talk_answer(hub, MESSAGE_accept, number, i + 1);
    }
    return number;
}

static void complete(int64_t referral, uint8_t offer)
{
    struct referral stored = talk_referral(referral);
    const char *hub = stored.offers[offer - 1].hub == turn_party_number(talk_turn, "oak") ? "oak" : "elm";

    talk_answer(hub, MESSAGE_complete, referral, offer);
}

Test(delivery, a_practice_that_was_told_of_a_part_is_told_of_the_mistake)
{
    int64_t number = two_parts();
    struct message message;

    complete(number, 1);
    cr_assert_eq(mailbox_of("clinic").last, 1);
    talk_begin_request(&message, MESSAGE_cancel);
    message_set_number(&message, FIELD_referral_id, number);
    message_set_number(&message, FIELD_status_reason, REASON_ENTERED_IN_ERROR);
    talk_say("gp", &message);
    cr_expect_eq(mailbox_of("clinic").last, 2);
}

Test(delivery, what_a_practice_is_told_of_a_part_closes_nothing_even_in_the_moment_of_the_end)
{
    int64_t number = two_parts();

    complete(number, 1);
    complete(number, 2);
    confirm_last("gp");
    talk_confirm("clinic", 1);
    cr_expect_eq(talk_totals().closed, 0);
    confirm_last("clinic");
    cr_expect_eq(talk_totals().closed, 1);
}

Test(delivery, of_whom_nothing_can_be_read_any_more_the_hub_is_told_that_the_offer_is_withdrawn)
{
    int64_t number = submit();
    struct transaction *transaction = store_begin(talk_store, true, NULL);

    store_del(talk_store, transaction, TABLE_CONTENT, (uint64_t)number);
    cr_assert_eq(store_commit(talk_store, &transaction), STORE_OK);
    talk_hello("oak");
    cr_assert_eq(talk_count("oak", MESSAGE_offer), 0);
    cr_assert_eq(message_number(talk_heard("oak", MESSAGE_withdrawn, 0), FIELD_mailbox_number), 1);
}

/* The first push of the newest turn to the connection; returns its length. */
static size_t copy_push(connection_t connection, uint8_t *bytes, size_t size)
{
    static struct message message;
    struct fault fault;

    for (size_t i = 0; i < talk_outbox.count; i++) {
        const struct dispatch *dispatch = &talk_outbox.dispatches[i];
        const uint8_t *sent = talk_outbox.bytes + dispatch->offset;
        if (dispatch->connection != connection || dispatch->length > size)
            continue;
        cr_assert(decode(decoder, sent, dispatch->length, &message, &fault));
        if (message_spec(message.type)->direction != PUSH)
            continue;
        memcpy(bytes, sent, dispatch->length);
        return dispatch->length;
    }
    return 0;
}

/* The second letter waits until the first is confirmed; told again after a restart, it is read from the store. */
static void expect_same_after_waiting(const char *party)
{
    uint8_t waited[4096], stored[4096];

    begin_with(1, 0);
    hello_on('x', party);
    submit_many(2);
    cr_assert_eq(confirm_on('x', party, 1), 1);
    cr_assert(is_pushed('x', 2, 2));
    size_t length = copy_push('x', waited, sizeof waited);
    talk_restart(one_hub);
    hello_on('x', party);
    cr_assert(is_pushed('x', 2, 2));
    cr_assert_eq(copy_push('x', stored, sizeof stored), length);
    cr_assert_eq(memcmp(waited, stored, length), 0);
}

Test(delivery, what_a_sender_is_told_late_is_what_the_store_tells)
{
    expect_same_after_waiting("gp");
}

Test(delivery, what_a_hub_is_told_late_is_what_the_store_tells)
{
    expect_same_after_waiting("oak");
}

Test(delivery, a_damaged_letter_stops_its_mailbox_and_no_other)
{
    submit_many(3);
    struct transaction *transaction = store_begin(talk_store, true, NULL);
    store_put(talk_store, transaction, TABLE_REFERRAL, 2, "damaged", 7);
    cr_assert_eq(store_commit(talk_store, &transaction), STORE_OK);
    talk_restart(one_hub); /* what was just written would be known without the store */
    hello_on('x', "gp");
    cr_assert(is_pushed('x', 1, 1));
    cr_assert_eq(confirm_on('x', "gp", 1), 1);
    cr_assert(is_pushed_nothing('x'));
    cr_assert_eq(mailbox_of("gp").unconfirmed, 2);
    talk_hello("clinic");
    submit_as("clinic");
    cr_assert_eq(talk_count("clinic", MESSAGE_routed), 1);
}

/* ---- far behind ---- */

/* What each number was when it was first heard: it is the same for ever. */
struct story {
    uint64_t seed, random;
    uint64_t letters[LETTERS_MAX]; /* by number: type and referral; 0: not heard */
    int64_t stored[4];             /* by connection: the newest that it was sent */
    int64_t confirmed;
    int64_t open[40];
    size_t open_count;
};
static struct story story;

static void hear(void)
{
    static struct message message;
    struct fault fault;

    for (size_t i = 0; i < talk_outbox.count; i++) {
        const struct dispatch *dispatch = &talk_outbox.dispatches[i];
        cr_assert(decode(decoder, talk_outbox.bytes + dispatch->offset, dispatch->length, &message, &fault));
        if (message_spec(message.type)->direction != PUSH || dispatch->connection > 3)
            continue;
        int64_t number = message_number(&message, FIELD_mailbox_number);
        uint64_t letter = (uint64_t)message.type << 40 | (uint64_t)message_number(&message, FIELD_referral_id);
        cr_assert(number > story.confirmed && number < LETTERS_MAX, "seed %lu: %ld", story.seed, number);
        cr_assert(!story.letters[number] || story.letters[number] == letter, "seed %lu: %ld has changed", story.seed,
                  number);
        story.letters[number] = letter;
        story.stored[dispatch->connection] = number;
    }
}

static void note_confirmed(int64_t confirmed)
{
    cr_assert_geq(confirmed, story.confirmed, "seed %lu", story.seed);
    for (; story.confirmed < confirmed; story.confirmed++)
        cr_assert(story.letters[story.confirmed + 1], "seed %lu: nobody has heard %ld", story.seed,
                  story.confirmed + 1);
    cr_assert_eq(mailbox_of("gp").last - mailbox_of("gp").unconfirmed, (uint64_t)confirmed);
}

static void step(void)
{
    connection_t connection = 1 + random_below(&story.random, 3);

    switch (random_below(&story.random, 12)) {
    case 0:
        hello_on(connection, "gp");
        break;
    case 1:
        talk_gone(connection);
        story.stored[connection] = 0;
        break;
    case 2:
        talk_wait(random_below(&story.random, 12000));
        break;
    case 3:
        if (random_below(&story.random, 6) == 0) {
            talk_restart(one_hub);
            outbox_clear(&talk_outbox);
            memset(story.stored, 0, sizeof story.stored);
        }
        break;
    case 4:
    case 5:
    case 6:
        if (story.stored[connection]) {
            int64_t confirmed = confirm_on(connection, "gp", story.stored[connection]);
            note_confirmed(confirmed);
        }
        break;
    case 7:
        if (story.open_count) {
            talk_connection = 50;
            talk_cancel("gp", story.open[--story.open_count]);
            talk_connection = 0;
        }
        break;
    default:
        if (story.open_count < 40) {
            talk_connection = 50;
            story.open[story.open_count++] = submit();
            talk_connection = 0;
        }
    }
    hear();
}

/* Everything that is left is taken, in order. */
static void take_all(connection_t connection)
{
    hello_on(connection, "gp");
    hear();
    while (mailbox_of("gp").unconfirmed) {
        int64_t before = story.confirmed;
        note_confirmed(confirm_on(connection, "gp", story.stored[connection]));
        cr_assert_gt(story.confirmed, before, "seed %lu: stuck at %ld", story.seed, before);
        hear();
    }
}

static size_t stored_rows(void)
{
    struct transaction *transaction = store_begin(talk_store, false, NULL);
    const void *bytes = NULL;
    size_t length = 0, count = 0;

    for (uint64_t key = 0; store_seek(talk_store, transaction, TABLE_OWED, false, &key, &bytes, &length) == STORE_OK;
         key++)
        count++;
    store_abort(talk_store, &transaction);
    return count;
}

Test(delivery, whatever_happens_to_its_connections_a_party_hears_everything_and_always_the_same)
{
    uint64_t sum = 0;
    bool any_stored = false;

    for (unsigned run = 0; run < RUNS; run++) {
        memset(&story, 0, sizeof story);
        story.seed = story.random = random_seed(run);
        finish();
        begin();
        begin_with(1 + random_below(&story.random, 6), 2 + random_below(&story.random, 12));
        for (int i = 0; i < STEPS; i++) {
            step();
            any_stored |= stored_rows() > 0;
        }
        for (connection_t connection = 1; connection <= 3; connection++)
            talk_gone(connection);
        outbox_clear(&talk_outbox);
        take_all(1);
        sum += (uint64_t)story.confirmed;
        cr_assert_eq((uint64_t)story.confirmed, mailbox_of("gp").last, "seed %lu", story.seed);
    }
    cr_assert(sum > RUNS * 50 && any_stored, "something has been lived through: %lu", sum);
}

#define MANY 50000

static uint64_t letter_about(enum message_type type, int64_t referral)
{
    return (uint64_t)type << 40 | (uint64_t)referral;
}

/* Each person is referred and withdrawn: two letters to the sender, and two to the hub. */
static void refer_and_withdraw(int letters)
{
    for (int i = 0; i < letters / 2; i++)
        talk_cancel("gp", submit());
}

static void catch_up_to(int64_t number)
{
    hello_on(1, "gp");
    hear();
    while (story.confirmed < number) {
        note_confirmed(confirm_on(1, "gp", story.stored[1]));
        hear();
    }
}

Test(delivery, a_party_that_was_away_for_fifty_thousand_letters_catches_up_in_order, .timeout = 250)
{
    memset(&story, 0, sizeof story);
    refer_and_withdraw(MANY / 2);
    cr_assert_geq(stored_rows(), MANY / 2, "all that it is owed stands in the store");
    talk_restart(one_hub);
    refer_and_withdraw(MANY / 2);
    cr_assert_eq(mailbox_of("gp").unconfirmed, MANY);
    catch_up_to(MANY / 3);
    talk_restart(one_hub);
    cr_assert_eq(mailbox_of("gp").unconfirmed, MANY - (uint64_t)story.confirmed);
    catch_up_to(MANY);
    cr_assert_eq(mailbox_of("gp").unconfirmed, 0);
    for (int64_t number = 1; number <= MANY; number++)
        cr_assert_eq(story.letters[number], letter_about(number % 2 ? MESSAGE_routed : MESSAGE_ended, (number + 1) / 2),
                     "%ld", number);
    cr_assert_eq(talk_totals().closed, MANY / 2);
    cr_assert_eq(stored_rows(), MANY, "those of the hub, which has not come back");
    talk_connection = 1;
    submit();
    talk_connection = 0;
    cr_assert(is_pushed(1, MANY + 1, MANY + 1), "as if nothing had been");
}

Test(delivery, a_party_that_has_caught_up_needs_the_store_no_more_and_is_found_in_the_history_again)
{
    begin_with(4, 8);
    submit_many(20);
    cr_assert_eq(stored_rows(), 40, "the sender's and the hub's");
    memset(&story, 0, sizeof story);
    hello_on(1, "gp");
    hear();
    while (story.confirmed < 16) {
        note_confirmed(confirm_on(1, "gp", story.stored[1]));
        hear();
    }
    cr_assert_eq(stored_rows(), 20, "what is left is held");
    talk_restart(one_hub);
    talk_restart(one_hub); /* which begins to read where the one before said */
    cr_assert_eq(mailbox_of("gp").unconfirmed, 4);
    submit_many(1);
    cr_assert_eq(stored_rows(), 21);
    take_all(2);
    cr_assert_eq(story.confirmed, 21);
}

static void damage_entry(uint64_t sequence)
{
    enum store_result result;
    struct transaction *transaction = store_begin(talk_store, true, &result);

    store_put(talk_store, transaction, TABLE_HISTORY, sequence, "damaged", 7);
    cr_assert_eq(store_commit(talk_store, &transaction), STORE_OK);
}

Test(delivery, a_start_reads_little_of_the_history_however_long_somebody_is_owed_something_or_nothing)
{
    talk_options.window = 100;
    talk_options.start_entries = 10;
    talk_restart(one_hub);
    submit_many(1);
    talk_confirm("gp", 1);
    for (int i = 0; i < 30; i++) {
        int64_t number = submit_as("clinic");
        talk_cancel("clinic", number);
        talk_confirm("clinic", (int64_t)mailbox_of("clinic").last);
    }
    uint64_t letters = mailbox_of("oak").last;
    damage_entry(talk_head().sequence - 25);
    talk_restart(one_hub);
    cr_assert_eq(mailbox_of("oak").unconfirmed, letters, "owed since the first entry");
    cr_assert_eq(mailbox_of("gp").unconfirmed, 0);
    hello_on('o', "oak");
    int64_t first, last;
    pushed_to('o', &first, &last);
    cr_assert_eq(first, 1);
    talk_confirm("oak", 3);
    damage_entry(talk_head().sequence - 25);
    talk_restart(one_hub);
    cr_assert_eq(mailbox_of("oak").unconfirmed, letters - 3);
}

/* ---- what an operator sees ---- */

Test(delivery, a_mailbox_in_which_nothing_is_confirmed_is_shown)
{
    struct entry entry;

    hello_on('x', "gp");
    hello_on('o', "oak");
    submit_many(1);
    confirm_on('o', "oak", 1);
    cr_assert_eq(talk_totals().mailboxes_silent, 0);
    talk_wait(5 * TALK_DAY - SECOND);
    confirm_on('o', "oak", (int64_t)mailbox_of("oak").last);
    cr_assert_eq(talk_totals().mailboxes_silent, 0);
    talk_wait(SECOND);
    cr_assert_eq(talk_totals().mailboxes_silent, 1);
    struct mailbox_figures figures = mailbox_of("gp");
    cr_assert(talk_entry(EVENT_SUBMITTED, &entry, NULL));
    cr_assert_eq(figures.oldest_unconfirmed, entry.sequence);
    cr_assert_eq(figures.confirmed_at, 0);
    cr_assert_eq(figures.connections, 1, "it is connected: this alone would not be seen");
    cr_assert_eq(mailbox_of("oak").confirmed_at, talk_now - SECOND);
    talk_restart(one_hub);
    cr_assert_eq(talk_totals().mailboxes_silent, 1);
    talk_confirm("gp", (int64_t)mailbox_of("gp").last);
    cr_assert_eq(talk_totals().mailboxes_silent, 0);
}

Test(delivery, how_long_something_waits_is_told_by_what_is_oldest_now)
{
    begin_with(100, 2);
    submit_many(1);
    talk_wait(4 * TALK_DAY);
    submit_many(3);
    talk_confirm("oak", (int64_t)mailbox_of("oak").last);
    talk_confirm("gp", 1);
    talk_wait(4 * TALK_DAY);
    talk_confirm("oak", (int64_t)mailbox_of("oak").last);
    cr_assert_eq(talk_totals().mailboxes_silent, 0, "four days");
    talk_restart(one_hub);
    talk_confirm("oak", (int64_t)mailbox_of("oak").last);
    cr_assert_eq(talk_totals().mailboxes_silent, 0, "of who is far behind, too");
    talk_wait(TALK_DAY);
    talk_confirm("oak", (int64_t)mailbox_of("oak").last);
    cr_assert_eq(talk_totals().mailboxes_silent, 1);
}
