/* SPDX-License-Identifier: MIT
 * The life of hubs as the city's papers tell it: one moved, one was renamed, two opened, one closed, and many are full.
 * Whole stories through the turn over the memory store, with the days going by. Places and some days are invented. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>
#include <time.h>

#include "daemon/core/hours.h"
#include "daemon/io/network_file.h"
#include "daemon/turn.h"
#include "tests/people.h"
#include "tests/sim/store_memory.h"
#include "tests/spoken.h"

#define LETTERS_MAX 256
#define TURNS_MAX 10000
#define YEAR_MS INT64_C(31536000000) /* nobody confirms anything here: nothing is to be pushed again */

/* A hub for lonely people. */
#define HUB(id, name, easting, northing, areas, more)                                                                  \
    "{ id = \"" id "\"; name = \"" name "\"; tier = \"targeted\"; easting = " easting "; northing = " northing ";\n"   \
    "  areas = [ " areas " ]; " more " }"
#define BEFRIENDS(places) "services = ( { id = \"befriending\"; needs = [ \"befriending\" ]; places = " places "; } );"
#define PLYMOUTH(hubs)                                                                                                 \
    "name = \"Plymouth\"; neighbour_distance = \"1km\";\n"                                                             \
    "neighbourhoods = (\n"                                                                                             \
    "  { code = \"st-budeaux\"; name = \"St Budeaux\"; easting = 245000; northing = 59000; },\n"                       \
    "  { code = \"barne-barton\"; name = \"Barne Barton\"; easting = 244400; northing = 58100; },\n"                   \
    "  { code = \"mannamead\"; name = \"Mannamead\"; easting = 248800; northing = 56400; },\n"                         \
    "  { code = \"devonport\"; name = \"Devonport\"; easting = 245200; northing = 55500; },\n"                         \
    "  { code = \"stonehouse\"; name = \"Stonehouse\"; easting = 246800; northing = 54500; },\n"                       \
    "  { code = \"efford\"; name = \"Efford\"; easting = 250300; northing = 56500; },\n"                               \
    "  { code = \"laira\"; name = \"Laira\"; easting = 250000; northing = 55900; },\n"                                 \
    "  { code = \"whitleigh\"; name = \"Whitleigh\"; easting = 247300; northing = 59700; } );\n"                       \
    "hubs = (\n" hubs ");\n"                                                                                           \
    "senders = ( { id = \"link-worker\"; name = \"Social prescribers\"; kind = \"gp_link_worker\"; } );\n"

static struct store *store;
static struct seal *seal;
static struct turn *turn;
static struct decoder *decoder;
static struct outbox outbox;
static int64_t now;

/* What has been told since somebody last listened. */
static struct letter {
    connection_t to;
    struct message message;
    uint8_t bytes[MESSAGE_BYTES_MAX];
} letters[LETTERS_MAX];
static size_t letters_count;

/* Whoever takes part; the connection is one more. */
static const char *const parties[] = {"link-worker", "st-budeaux", "mannamead",   "devonport",  "efford",
                                      "city-centre", "cumberland", "jan-cutting", "four-greens"};

static connection_t connection_of(const char *party)
{
    for (size_t i = 0; i < sizeof parties / sizeof parties[0]; i++)
        if (strcmp(parties[i], party) == 0)
            return i + 1;
    cr_fatal("nobody is called %s", party);
}

/* ---- time ---- */

/* The clock on the wall in Plymouth. */
static int64_t at(int year, int month, int day, int hour, int minute)
{
    struct tm wall = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute};
    int64_t ms = (int64_t)timegm(&wall) * 1000;

    return ms - hours_ahead_ms(ms);
}

static void listen_to(const struct dispatch *dispatch)
{
    struct letter *letter = &letters[letters_count++];
    struct fault fault;

    cr_assert(le(sz, letters_count, LETTERS_MAX));
    letter->to = dispatch->connection;
    memcpy(letter->bytes, outbox.bytes + dispatch->offset, dispatch->length);
    cr_assert(decode(decoder, letter->bytes, dispatch->length, &letter->message, &fault), "%s", fault.field);
}

static void run(const struct request *requests, size_t count)
{
    outbox_clear(&outbox);
    cr_assert(eq(int, turn_run(turn, now, requests, count, &outbox), STORE_OK));
    for (size_t i = 0; i < outbox.count; i++)
        listen_to(&outbox.dispatches[i]);
}

/* The days go by; the network acts when it is due, as the daemon lets it. */
static void until(int64_t then)
{
    for (int i = 0; turn_next_due(turn) <= then; i++) {
        cr_assert(lt(int, i, TURNS_MAX), "it is always due");
        if (turn_next_due(turn) > now)
            now = turn_next_due(turn);
        run(NULL, 0);
    }
    now = then;
}

/* ---- what people say ---- */

static void say(const char *party, struct message *message)
{
    static struct spoken spoken;
    static uint8_t id[UUID_BYTES];
    struct fault fault;

    if (message->type != MESSAGE_submit) {
        id[0]++;
        message_set_uuid(message, FIELD_request_id, id);
    }
    enum role role = strcmp(party, parties[0]) == 0 ? ROLE_SENDER : ROLE_HUB;
    cr_assert(speak(&spoken, decoder, connection_of(party), role, party, message, &fault), "%s", fault.field);
    run(&spoken.request, 1);
    const struct message *answer = NULL;
    for (size_t i = 0; i < letters_count; i++)
        if (letters[i].to == spoken.request.connection && message_has(&letters[i].message, FIELD_request_id))
            answer = &letters[i].message;
    cr_assert(answer && answer->type != MESSAGE_refused, "%s was refused to %s", message_spec(message->type)->name,
              party);
}

/* The network begins to work at that moment, and everybody whom it knows is there. */
static void begin(const char *network_text, int64_t when)
{
    static struct config_faults faults;
    const uint8_t master[SEAL_KEY_BYTES] = {1}, seed[32] = {2};
    const struct turn_options options = {
        .window = 1000, .retry_after_ms = 1, .push_again_ms = 10 * YEAR_MS, .version = "test"};
    struct network *network = network_parse("stories", network_text, strlen(network_text), &faults);
    struct message message;
    char why[200] = "";

    cr_assert(network != NULL, "%s", faults.lines[0]);
    now = when;
    decoder = decoder_open();
    store = store_memory_open(NULL);
    seal = seal_open(master, seed);
    turn = turn_open(store, seal, &network, network_text, strlen(network_text), &options, now, why, sizeof why);
    cr_assert(turn != NULL, "%s", why);
    for (size_t i = 0; i < sizeof parties / sizeof parties[0]; i++) {
        message_init(&message, MESSAGE_hello);
        message_set_number(&message, FIELD_protocol_version, PROTOCOL_VERSION);
        say(parties[i], &message);
    }
    letters_count = 0;
}

static void end(void)
{
    turn_close(&turn);
    seal_close(&seal);
    store_close(&store);
    decoder_close(&decoder);
    outbox_free(&outbox);
}

/* A lonely person of that neighbourhood, who can walk so far (0: nothing is said); the first one is number 1. */
static void refer(unsigned number, const char *neighbourhood, int64_t minutes_on_foot)
{
    struct message message;

    person_submit(&message, number, PEOPLE_POSTCODE);
    message_set_string(&message, FIELD_neighbourhood_code, neighbourhood);
    struct value *need = message_set_list(&message, FIELD_needs, 1);
    need[MEMBER_code].present = true;
    need[MEMBER_code].number = NEED_BEFRIENDING;
    message_set_number(&message, FIELD_priority, PRIORITY_ROUTINE);
    message_set_string(&message, FIELD_safeguarding_code, "861931000000100");
    if (minutes_on_foot) {
        message_set_number(&message, FIELD_travel_limit_minutes, minutes_on_foot);
        message_set_number(&message, FIELD_transport_mode, TRANSPORT_WALK);
    }
    say("link-worker", &message);
}

static void answer(const char *hub, enum message_type type, unsigned number, int64_t offer, enum field field,
                   int64_t code)
{
    struct message message;

    message_init(&message, type);
    message_set_number(&message, FIELD_referral_id, number);
    message_set_number(&message, FIELD_offer_number, offer);
    if (code)
        message_set_number(&message, field, code);
    say(hub, &message);
}

static void accept(const char *hub, unsigned number)
{
    answer(hub, MESSAGE_accept, number, 1, 0, 0);
}

static void help(const char *hub, unsigned number)
{
    answer(hub, MESSAGE_start, number, 1, 0, 0);
    answer(hub, MESSAGE_complete, number, 1, FIELD_outcome, OUTCOME_GOT_HELP);
}

static void state_places(const char *hub, int64_t places)
{
    struct message message;

    message_init(&message, MESSAGE_capacity);
    message_set_string(&message, FIELD_service_id, "befriending");
    message_set_number(&message, FIELD_places, places);
    say(hub, &message);
}

/* ---- what they are told ---- */

/* The newest letter of the kind about that referral; NULL: none since somebody last listened. */
static const struct message *heard(const char *party, enum message_type type, unsigned number)
{
    for (size_t i = letters_count; i > 0; i--)
        if (letters[i - 1].to == connection_of(party) && letters[i - 1].message.type == type &&
            message_number(&letters[i - 1].message, FIELD_referral_id) == number)
            return &letters[i - 1].message;
    return NULL;
}

static bool says(const struct message *message, enum field field, const char *words)
{
    struct text text = message_text(message, field);

    return text.length == strlen(words) && memcmp(text.bytes, words, text.length) == 0;
}

static const struct message *news(const char *party, enum message_type type, unsigned number)
{
    const struct message *message = heard(party, type, number);

    cr_assert(message != NULL, "%s has had no %s about %u", party, message_spec(type)->name, number);
    return message;
}

static void no_news(const char *party, enum message_type type, unsigned number)
{
    cr_assert(heard(party, type, number) == NULL, "%s has had %s about %u", party, message_spec(type)->name, number);
}

/* The sender is told that the hub is asked, and the hub is asked. */
static void expect_offered(const char *hub, unsigned number)
{
    news(hub, MESSAGE_offer, number);
    const struct message *routed = news("link-worker", MESSAGE_routed, number);
    cr_assert(eq(i64, message_number(routed, FIELD_business_status), BUSINESS_OFFERED));
    cr_assert(says(routed, FIELD_hub_id, hub), "%u is not offered to %s", number, hub);
    letters_count = 0;
}

static void expect_held(unsigned number, enum business_status status, enum status_reason reason)
{
    const struct message *routed = news("link-worker", MESSAGE_routed, number);
    cr_assert(eq(i64, message_number(routed, FIELD_business_status), status));
    cr_assert(eq(i64, message_number(routed, FIELD_status_reason), reason));
    letters_count = 0;
}

static void expect_waits(unsigned number, int64_t position)
{
    cr_assert(eq(i64, message_number(news("link-worker", MESSAGE_routed, number), FIELD_position), position));
    expect_held(number, BUSINESS_WAITLISTED, REASON_ALL_FULL);
}

static void expect_silence(void)
{
    for (size_t i = 0; i < letters_count; i++)
        cr_assert(not(message_has(&letters[i].message, FIELD_mailbox_number)), "%s was told %s",
                  parties[letters[i].to - 1], message_spec(letters[i].message.type)->name);
}

static struct totals totals(void)
{
    struct totals all;

    turn_totals(turn, &all);
    return all;
}

/* ---- St Budeaux: from the practice in Stirling Road to William Sutton Memorial Hall, during the pandemic ---- */

static const char st_budeaux[] =
    PLYMOUTH(HUB("st-budeaux", "St Budeaux and Barne Barton Wellbeing Hub", "245000", "59000", "\"st-budeaux\"",
                 "address = \"Stirling Road\"; opens_on = \"2020-01-03\";\n" BEFRIENDS(
                     "3") "\n"
                          "changes = ( { from = \"2020-06-01\"; address = \"William Sutton Memorial Hall\";\n"
                          "  easting = 244400; northing = 58100; areas = [ \"st-budeaux\", \"barne-barton\" ]; } );"));

TestSuite(st_budeaux_moves, .fini = end);

Test(st_budeaux_moves, its_people_do_not_notice)
{
    begin(st_budeaux, at(2020, 5, 30, 10, 0));
    refer(1, "st-budeaux", 0);
    expect_offered("st-budeaux", 1);
    accept("st-budeaux", 1);
    until(at(2020, 5, 31, 10, 0));
    refer(2, "st-budeaux", 0);
    expect_offered("st-budeaux", 2);
    until(at(2020, 6, 1, 9, 0));
    expect_silence();
    help("st-budeaux", 1);
    news("link-worker", MESSAGE_ended, 1);
    accept("st-budeaux", 2);
    news("link-worker", MESSAGE_answered, 2);
    refer(3, "st-budeaux", 0);
    expect_offered("st-budeaux", 3);
}

Test(st_budeaux_moves, from_that_day_on_it_is_the_home_hub_of_its_new_area_for_those_who_are_held_too)
{
    begin(st_budeaux, at(2020, 5, 30, 10, 0));
    refer(1, "barne-barton", 0);
    expect_held(1, BUSINESS_ATTENTION, REASON_NO_HUB);
    until(at(2020, 5, 31, 23, 59));
    no_news("st-budeaux", MESSAGE_offer, 1);
    until(at(2020, 6, 1, 0, 0));
    expect_offered("st-budeaux", 1);
}

Test(st_budeaux_moves, who_walks_is_sent_there_when_it_has_come_near)
{
    begin(st_budeaux, at(2020, 5, 30, 10, 0));
    refer(1, "st-budeaux", 10);
    expect_offered("st-budeaux", 1);
    until(at(2020, 6, 2, 10, 0));
    letters_count = 0;
    refer(2, "st-budeaux", 10);
    expect_held(2, BUSINESS_ATTENTION, REASON_NO_HUB);
    refer(3, "barne-barton", 10);
    expect_offered("st-budeaux", 3);
}

/* ---- Guild House is the Mannamead Wellbeing Hub now ---- */

static const char guild_house[] =
    PLYMOUTH(HUB("mannamead", "Guild House", "248800", "56400", "\"mannamead\"",
                 BEFRIENDS("3") "changes = ( { from = \"2021-12-01\"; name = \"Mannamead Wellbeing Hub\"; } );"));

TestSuite(guild_house_is_renamed, .fini = end);

Test(guild_house_is_renamed, it_keeps_its_people_and_its_mailbox_under_the_new_name)
{
    begin(guild_house, at(2021, 11, 30, 10, 0));
    refer(1, "mannamead", 0);
    cr_assert(says(news("link-worker", MESSAGE_routed, 1), FIELD_hub_name, "Guild House"));
    cr_assert(eq(i64, message_number(news("mannamead", MESSAGE_offer, 1), FIELD_mailbox_number), 1));
    accept("mannamead", 1);
    cr_assert(says(news("link-worker", MESSAGE_answered, 1), FIELD_hub_name, "Guild House"));
    letters_count = 0;
    until(at(2021, 12, 1, 9, 0));
    expect_silence();
    help("mannamead", 1);
    cr_assert(says(news("link-worker", MESSAGE_progressed, 1), FIELD_hub_name, "Mannamead Wellbeing Hub"));
    cr_assert(says(news("link-worker", MESSAGE_ended, 1), FIELD_hub_name, "Mannamead Wellbeing Hub"));
    refer(2, "mannamead", 0);
    cr_assert(says(news("link-worker", MESSAGE_routed, 2), FIELD_hub_name, "Mannamead Wellbeing Hub"));
    cr_assert(eq(i64, message_number(news("mannamead", MESSAGE_offer, 2), FIELD_mailbox_number), 3));
}

Test(guild_house_is_renamed, it_is_not_asked_again_under_the_new_name)
{
    begin(guild_house, at(2021, 11, 30, 10, 0));
    refer(1, "mannamead", 0);
    expect_offered("mannamead", 1);
    answer("mannamead", MESSAGE_reject, 1, 1, FIELD_status_reason, REASON_NOT_APPROPRIATE);
    expect_held(1, BUSINESS_ATTENTION, REASON_NO_HUB);
    until(at(2021, 12, 10, 9, 0));
    no_news("mannamead", MESSAGE_offer, 1);
    cr_assert(eq(u64, totals().attention, 1));
}

/* ---- Devonport and Efford open in 2025 ---- */

static const char openings[] = PLYMOUTH(HUB(
    "city-centre", "City Centre", "247700", "54800", "\"stonehouse\"",
    "services = ( { id = \"befriending\"; needs = [ \"befriending\" ]; places = 1; citywide = true; } "
    ");") "," HUB("devonport", "Devonport Wellbeing Hub", "245200", "55500", "\"devonport\"",
                  "opens_on = \"2025-06-01\"; " BEFRIENDS("5")) "," HUB("efford", "Efford Wellbeing Hub", "250300",
                                                                        "56500", "\"efford\", \"laira\"",
                                                                        "opens_on = \"2025-09-01\"; " BEFRIENDS("5")));

TestSuite(devonport_and_efford_open, .fini = end);

Test(devonport_and_efford_open, each_takes_those_who_wait_at_the_midnight_of_its_day)
{
    begin(openings, at(2025, 5, 28, 10, 0));
    refer(1, "stonehouse", 0);
    expect_offered("city-centre", 1);
    accept("city-centre", 1);
    refer(2, "devonport", 0);
    expect_waits(2, 1);
    refer(3, "efford", 0);
    expect_waits(3, 2);
    refer(4, "laira", 0);
    expect_waits(4, 3);
    until(at(2025, 5, 31, 23, 59));
    cr_assert(eq(u64, totals().waiting, 3));
    until(at(2025, 6, 1, 0, 0));
    no_news("efford", MESSAGE_offer, 3);
    expect_offered("devonport", 2);
    cr_assert(eq(u64, totals().waiting, 2));
    accept("devonport", 2);
    until(at(2025, 8, 31, 23, 59));
    no_news("efford", MESSAGE_offer, 3);
    letters_count = 0;
    until(at(2025, 9, 1, 0, 0));
    news("efford", MESSAGE_offer, 3);
    expect_offered("efford", 4);
    cr_assert(eq(u64, totals().waiting, 0));
}

Test(devonport_and_efford_open, who_is_helped_elsewhere_stays_there_and_the_next_one_goes_to_the_new_hub)
{
    begin(openings, at(2025, 5, 28, 10, 0));
    refer(1, "devonport", 0);
    expect_offered("city-centre", 1);
    accept("city-centre", 1);
    until(at(2025, 6, 1, 9, 0));
    no_news("city-centre", MESSAGE_withdrawn, 1);
    help("city-centre", 1);
    news("link-worker", MESSAGE_ended, 1);
    refer(2, "devonport", 0);
    expect_offered("devonport", 2);
}

/* ---- The Cumberland Centre is no longer a hub ---- */

static const char cumberland[] = PLYMOUTH(
    HUB("cumberland", "Cumberland Centre", "245900", "54500", "\"devonport\"",
        "closes_on = \"2024-04-01\"; " BEFRIENDS("2")) "," HUB("city-centre", "City Centre", "247700", "54800",
                                                               "\"stonehouse\", \"devonport\"", BEFRIENDS("9")));

TestSuite(cumberland_closes, .fini = end);

Test(cumberland_closes, what_it_has_accepted_stays_and_what_it_was_asked_goes_to_the_next)
{
    begin(cumberland, at(2024, 3, 31, 12, 0));
    refer(1, "devonport", 0);
    expect_offered("cumberland", 1);
    accept("cumberland", 1);
    refer(2, "devonport", 0);
    expect_offered("cumberland", 2);
    until(at(2024, 4, 1, 0, 0));
    cr_assert(
        eq(i64, message_number(news("cumberland", MESSAGE_withdrawn, 2), FIELD_status_reason), REASON_HUB_CLOSED));
    no_news("cumberland", MESSAGE_withdrawn, 1);
    expect_offered("city-centre", 2);
    refer(3, "devonport", 0);
    expect_offered("city-centre", 3);
    help("cumberland", 1);
    news("link-worker", MESSAGE_ended, 1);
}

/* ---- A hub that is full ---- */

static const char full_hubs[] =
    PLYMOUTH(HUB("four-greens", "Four Greens", "247300", "59700", "\"whitleigh\"",
                 BEFRIENDS("1")) "," HUB("jan-cutting", "Jan Cutting", "246900", "59000", "", BEFRIENDS("1")));

TestSuite(a_hub_is_full, .fini = end);

Test(a_hub_is_full, the_person_goes_to_the_next_hub_and_does_not_notice)
{
    begin(full_hubs, at(2026, 3, 2, 10, 0));
    refer(1, "whitleigh", 0);
    expect_offered("four-greens", 1);
    refer(2, "whitleigh", 0);
    expect_offered("jan-cutting", 2);
}

Test(a_hub_is_full, a_hub_that_says_so_is_asked_no_more_until_it_states_its_places)
{
    begin(full_hubs, at(2026, 3, 2, 10, 0));
    refer(1, "whitleigh", 0);
    expect_offered("four-greens", 1);
    answer("four-greens", MESSAGE_reject, 1, 1, FIELD_status_reason, REASON_CAPACITY);
    expect_offered("jan-cutting", 1);
    refer(2, "whitleigh", 0);
    expect_waits(2, 1);
    state_places("four-greens", 1);
    expect_offered("four-greens", 2);
}

Test(a_hub_is_full, a_place_that_becomes_free_goes_to_who_has_waited_longest)
{
    begin(full_hubs, at(2026, 3, 2, 10, 0));
    refer(1, "whitleigh", 0);
    refer(2, "whitleigh", 0);
    accept("four-greens", 1);
    accept("jan-cutting", 2);
    refer(3, "whitleigh", 0);
    expect_waits(3, 1);
    until(at(2026, 3, 3, 10, 0));
    refer(4, "whitleigh", 0);
    expect_waits(4, 2);
    help("jan-cutting", 2);
    no_news("jan-cutting", MESSAGE_offer, 4);
    expect_offered("jan-cutting", 3);
    help("four-greens", 1);
    expect_offered("four-greens", 4);
}

Test(a_hub_is_full, more_places_are_given_at_once_to_all_who_wait)
{
    begin(full_hubs, at(2026, 3, 2, 10, 0));
    for (unsigned number = 1; number <= 5; number++)
        refer(number, "whitleigh", 0);
    cr_assert(eq(u64, totals().waiting, 3));
    letters_count = 0;
    state_places("jan-cutting", 3);
    news("jan-cutting", MESSAGE_offer, 3);
    no_news("jan-cutting", MESSAGE_offer, 5);
    expect_offered("jan-cutting", 4);
    cr_assert(eq(u64, totals().waiting, 1));
}

/* ---- A hub that works Monday to Friday, and one that is always there ---- */

static const char silent_hubs[] =
    "office_hours = [ \"mon-fri 09:00-17:00\" ]; bank_holidays = [ \"2026-12-25\", \"2026-12-28\" ];\n" PLYMOUTH(
        HUB("four-greens", "Four Greens", "247300", "59700", "\"whitleigh\"",
            BEFRIENDS("1")) "," HUB("jan-cutting", "Jan Cutting", "246900", "59000", "", BEFRIENDS("1")));

TestSuite(a_hub_is_silent, .fini = end);

/* Two working days to answer, and two of grace, around Christmas: Thursday is the 24th. */
Test(a_hub_is_silent, it_is_reminded_in_its_own_time_and_then_the_next_is_asked)
{
    begin(silent_hubs, at(2026, 12, 23, 15, 0));
    refer(1, "whitleigh", 0);
    expect_offered("four-greens", 1);
    until(at(2026, 12, 29, 14, 59));
    no_news("four-greens", MESSAGE_reminder, 1);
    until(at(2026, 12, 29, 15, 0));
    const struct message *reminder = news("four-greens", MESSAGE_reminder, 1);
    cr_assert(eq(i64, message_number(reminder, FIELD_deadline_stage), STAGE_ANSWER));
    cr_assert(eq(i64, message_number(reminder, FIELD_deadline), at(2026, 12, 31, 15, 0)));
    until(at(2026, 12, 31, 14, 59));
    no_news("jan-cutting", MESSAGE_offer, 1);
    until(at(2026, 12, 31, 15, 0));
    cr_assert(eq(i64, message_number(news("four-greens", MESSAGE_withdrawn, 1), FIELD_status_reason), REASON_SILENCE));
    expect_offered("jan-cutting", 1);
}

Test(a_hub_is_silent, what_it_hands_back_goes_to_the_next_and_its_place_is_free)
{
    begin(silent_hubs, at(2026, 3, 2, 10, 0));
    refer(1, "whitleigh", 0);
    accept("four-greens", 1);
    letters_count = 0;
    answer("four-greens", MESSAGE_hand_back, 1, 1, FIELD_status_reason, REASON_TRANSPORT);
    news("link-worker", MESSAGE_progressed, 1);
    expect_offered("jan-cutting", 1);
    refer(2, "whitleigh", 0);
    expect_offered("four-greens", 2);
}
