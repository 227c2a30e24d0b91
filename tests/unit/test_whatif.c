/* SPDX-License-Identifier: MIT
 * whatif: histories at random, made by the real turn, decided again. */
#include <stdio.h>
#include <time.h>

#include "tests/asking.h"
#include "tests/networks.h"

#define HOUR INT64_C(3600000)
#define RUNS 15
#define STEPS 300
#define MANY 1000
#define MANY_MS 6000 /* ten times what a minute for 100,000 comes to */

TestSuite(whatif, .timeout = 120);

static int64_t people;
static int64_t pause_ms; /* in the middle of a history nothing happens for so long */

/* ---- a network at random ---- */

static const char *const areas[] = {"north", "south", "east", "west"};
static const char *const needs[] = {"befriending", "food", "advice-and-information", "debt-advice"};
static const enum need need_codes[] = {NEED_BEFRIENDING, NEED_FOOD, NEED_ADVICE, NEED_DEBT_ADVICE};

/* One hub can have its places multiplied, or be closed. */
enum { ALL = 6 };

struct variation {
    int more_places; /* index of a hub, -1: none, ALL */
    int closed;
};

/* Several draws for one line are made before it: in which order a call's arguments are drawn is the compiler's. */
static void write_head(FILE *file, uint64_t *random)
{
    unsigned fresh = random_below(random, 3) * 3;
    unsigned pace = random_below(random, 2) * 6, hops = 3 + random_below(random, 4);
    unsigned overtaken = 7 + random_below(random, 30), weight = random_below(random, 2);

    fprintf(file, "name = \"Random\"; neighbour_distance = \"3km\"; hops_max = %u; pace = %u; fresh = \"%ud\";\n", hops,
            pace, fresh);
    fprintf(file, "core20_weight = %u; overtaken_after = \"%ud\";\n", weight, overtaken);
    fprintf(file,
            "deadlines = { answer = { routine = \"2d\"; }; waiting_review = \"3d\"; waiting_expiry = \"20d\"; };\n");
    fprintf(file, "emergency = { needs = [ \"food\" ]; neighbour_distance = \"20km\"; };\nneighbourhoods = (");
    for (int i = 0; i < 4; i++)
        fprintf(file, "%s{ code = \"%s\"; name = \"The %s\"; easting = %d; northing = 56000; }", i ? ", " : "",
                areas[i], areas[i], 248000 + i * 2500);
}

static void write_service(FILE *file, uint64_t *random, struct variation variation, int hub, int service)
{
    bool is_vast = variation.more_places == ALL;
    unsigned times = is_vast ? 1000 : variation.more_places == hub ? 20 : 1;
    unsigned places = (1 + random_below(random, 3)) * times;

    fprintf(file, "%s{ id = \"s%d\"; needs = [ \"%s\", \"%s\" ]; ", service ? ", " : "", service,
            needs[(hub + service) % 4], needs[(hub + service + 1 + service) % 4]);
    if (hub == 4 && service == 1)
        fprintf(file, "shares = \"hub-a/s0\"; ");
    else
        fprintf(file, "%s = %u; ", random_below(random, 5) == 0 ? "seats" : "places", places);
    bool is_citywide = random_below(random, 4) == 0;
    unsigned per_week = random_below(random, 3) * (is_vast ? 0 : 3);
    fprintf(file, "per_week = %u; citywide = %s; }", per_week, is_citywide ? "true" : "false");
}

static void write_hub(FILE *file, uint64_t *random, struct variation variation, int hub)
{
    fprintf(file, "%s\n{ id = \"hub-%c\"; name = \"Hub %d\"; tier = \"%s\"; easting = %d; northing = 56100; ",
            hub ? "," : "", 'a' + hub, hub, hub == 5 ? "specialist" : "targeted", 248000 + (hub % 4) * 2500);
    fprintf(file, "areas = [ \"%s\" ]; status = \"%s\"; ", areas[hub % 4], variation.closed == hub ? "closed" : "open");
    if (hub == 4)
        fprintf(file, "satellite_of = \"hub-a\"; ");
    if (random_below(random, 4) == 0)
        fprintf(file, "opens_on = \"2026-11-%02u\"; ", 5 + random_below(random, 10));
    fprintf(file, "services = (");
    for (int service = 0; service < 2; service++)
        write_service(file, random, variation, hub, service);
    fprintf(file, "); }");
}

static char *write_network(uint64_t seed, struct variation variation)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    uint64_t random = seed;

    write_head(file, &random);
    fprintf(file, ");\nhubs = (");
    for (int hub = 0; hub < 6; hub++)
        write_hub(file, &random, variation, hub);
    fprintf(file, ");\nsenders = ( { id = \"gp\"; name = \"GP\"; kind = \"gp_link_worker\"; } );\n");
    fclose(file);
    return text;
}

/* ---- a history at random ---- */

/* The turn is run whenever it asks for it, as the daemon does. */
static void pass_time(int64_t ms)
{
    int64_t until = talk_now + ms;

    for (int64_t due; (due = turn_next_due(talk_turn)) <= until;)
        talk_wait(due > talk_now ? due - talk_now : 0);
    talk_wait(until - talk_now);
}

static void submit_somebody(uint64_t *random)
{
    enum need wanted[4] = {0};
    struct message message;
    unsigned first = random_below(random, 4), count = 1 + random_below(random, 3);

    for (unsigned i = 0; i < count; i++)
        wanted[i] = need_codes[(first + i) % 4];
    talk_person(&message, (unsigned)people + 1, wanted);
    message_set_string(&message, FIELD_neighbourhood_code, areas[random_below(random, 4)]);
    message_set_number(&message, FIELD_priority, PRIORITY_ROUTINE + random_below(random, 4));
    if (random_below(random, 20) == 0)
        message_set_string(&message, FIELD_safeguarding_code, "999999001");
    cr_assert_eq(talk_say_submit("gp", &message), people + 1);
    people++;
}

static bool goes_on(const struct offer *offer)
{
    return offer_waits_for_answer(offer) || offer->state == STATE_ACCEPTED || offer->state == STATE_IN_PROGRESS ||
           offer->state == STATE_ON_HOLD;
}

/* One of the newest people with an offer that goes on; 0: none is found. */
static uint8_t somebody(uint64_t *random, struct referral *referral)
{
    for (int i = 0; i < 30; i++) {
        int64_t back = random_below(random, people < 30 ? (uint32_t)people : 30);
        *referral = talk_referral(people - back);
        uint8_t number = referral->offers_count ? (uint8_t)(1 + random_below(random, referral->offers_count)) : 0;
        if (number && goes_on(&referral->offers[number - 1]))
            return number;
    }
    return 0;
}

/* What a hub does with a case. */
static enum message_type any_of_case(uint64_t *random, enum state state)
{
    static const enum message_type accepted[] = {MESSAGE_start,    MESSAGE_start, MESSAGE_complete,
                                                 MESSAGE_complete, MESSAGE_pause, MESSAGE_hand_back};
    static const enum message_type begun[] = {MESSAGE_progress, MESSAGE_complete, MESSAGE_complete,
                                              MESSAGE_fail,     MESSAGE_pause,    MESSAGE_hand_back};
    static const enum message_type paused[] = {MESSAGE_resume,   MESSAGE_resume,   MESSAGE_resume,
                                               MESSAGE_complete, MESSAGE_complete, MESSAGE_hand_back};

    return (state == STATE_ACCEPTED ? accepted : state == STATE_ON_HOLD ? paused : begun)[random_below(random, 6)];
}

static void answer_somebody(uint64_t *random)
{
    struct referral referral;
    struct message message;
    uint8_t number = somebody(random, &referral);
    char hub[ID_BYTES_MAX + 1];

    if (!number)
        return;
    const struct offer *offer = &referral.offers[number - 1];
    turn_party_id(talk_turn, offer->hub, hub);
    if (!offer_waits_for_answer(offer)) {
        talk_answer(hub, any_of_case(random, offer->state), (int64_t)referral.number, number);
        return;
    }
    bool accepts = random_below(random, 3) > 0;
    asking_begin(&message, accepts ? MESSAGE_accept : MESSAGE_reject);
    message_set_number(&message, FIELD_referral_id, (int64_t)referral.number);
    message_set_number(&message, FIELD_offer_number, number);
    if (!accepts)
        message_set_number(&message, FIELD_status_reason, random_below(random, 3) ? REASON_DECLINED : REASON_CAPACITY);
    talk_say(hub, &message);
}

/* Another figure than before: the history does not tell of one that is stated again. */
static void state_places(uint64_t *random)
{
    char hub[] = "hub-a";
    char service[] = "s0";

    hub[4] = (char)('a' + random_below(random, 6));
    service[1] = (char)('0' + random_below(random, 2));
    uint32_t places = random_below(random, 5);
    if (talk_figures(hub, service).places.total != places)
        talk_capacity(hub, service, places);
}

static void cancel_somebody(uint64_t *random)
{
    struct referral referral = talk_referral(1 + random_below(random, (uint32_t)people));

    if (!referral_has_ended(&referral))
        talk_cancel("gp", (int64_t)referral.number);
}

static void step(uint64_t *random)
{
    unsigned what = random_below(random, 100);

    if (what < 30 || !people)
        submit_somebody(random);
    else if (what < 88)
        answer_somebody(random);
    else if (what < 93)
        state_places(random);
    else if (what < 97)
        cancel_somebody(random);
    else
        talk_emergency(talk_now + 1 + random_below(random, 3) * 30 * HOUR);
    pass_time(1 + (random_below(random, 4) ? random_below(random, 6 * 3600000) : 0));
}

static void live(uint64_t seed, const char *text)
{
    uint64_t random = seed;

    people = 0;
    talk_begin(text);
    asking_open();
    for (int i = 0; i < STEPS; i++) {
        step(&random);
        if (i == STEPS / 2)
            pass_time(pause_ms);
    }
}

/* ---- decided again ---- */

static int64_t figure(enum field field)
{
    return message_number(&asking_answers[0], field);
}

static void assert_same(uint64_t seed, const struct message *row)
{
    static const enum field pairs[][2] = {{FIELD_placed_then, FIELD_placed_now},
                                          {FIELD_local_then, FIELD_local_now},
                                          {FIELD_unmet_then, FIELD_unmet_now},
                                          {FIELD_wait_hours_then, FIELD_wait_hours_now}};

    cr_assert_eq(row->type, MESSAGE_simulated);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        cr_assert_eq(message_number(row, pairs[i][0]), message_number(row, pairs[i][1]), "seed %llu: %s %lld, %lld",
                     (unsigned long long)seed, fields[pairs[i][0]].name, (long long)message_number(row, pairs[i][0]),
                     (long long)message_number(row, pairs[i][1]));
    cr_assert_eq(message_number(row, FIELD_moved), 0, "seed %llu", (unsigned long long)seed);
}

Test(whatif, an_unchanged_network_with_unchanged_answers_gives_what_happened)
{
    int64_t placed = 0;

    for (uint64_t run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run);
        char *text = write_network(seed, (struct variation){-1, -1});
        live(seed, text);
        asking_study_of(MESSAGE_simulate, asking_draft(text));
        for (size_t i = 0; i + 1 < asking_count; i++) {
            assert_same(seed, &asking_answers[i]);
        }
        cr_assert_eq(figure(FIELD_referrals), people);
        placed += figure(FIELD_placed_then);
        asking_end();
        free(text);
    }
    cr_assert_gt(placed, RUNS * 10, "the histories place people");
}

Test(whatif, every_decision_of_a_history_is_explained_and_gives_the_same_once_more)
{
    for (uint64_t run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run);
        char *text = write_network(seed, (struct variation){-1, -1});
        char *other = write_network(seed, (struct variation){ALL, 1});
        live(seed, text);
        talk_change(other);
        for (int64_t number = 1; number <= people; number++) {
            const struct message *decision = asking_about(TALK_OPERATOR, ROLE_OPERATOR, MESSAGE_explain, number);
            cr_assert_eq(decision->type, MESSAGE_decision);
            cr_assert(message_number(decision, FIELD_replayed), "seed %llu referral %lld", (unsigned long long)seed,
                      (long long)number);
        }
        asking_end();
        free(text);
        free(other);
    }
}

/* What the row of the whole network says when a hub is closed, or given more places, in the draft. */
static void simulate_variation(uint64_t seed, struct variation variation, int64_t since)
{
    struct message message;
    char *text = write_network(seed, variation);

    asking_begin(&message, MESSAGE_simulate);
    message_set_number(&message, FIELD_draft, asking_draft(text));
    if (since)
        message_set_number(&message, FIELD_since, since);
    cr_assert_eq(asking(&message)->type, MESSAGE_simulated);
    free(text);
}

Test(whatif, a_hub_that_closes_in_the_draft_sends_its_people_elsewhere_and_nothing_is_changed)
{
    const uint64_t seed = 20261123; /* not every network has people at the hub that closes */
    char *text = write_network(seed, (struct variation){-1, -1});

    live(seed, text);
    struct head before = talk_head();
    struct totals totals = talk_totals();
    simulate_variation(seed, (struct variation){-1, 1}, 0);
    cr_assert_gt(figure(FIELD_moved), 0);
    cr_assert_lt(figure(FIELD_placed_now), figure(FIELD_placed_then));
    cr_assert_gt(figure(FIELD_unmet_now), figure(FIELD_unmet_then));
    struct head after = talk_head();
    struct totals again = talk_totals();
    cr_assert_eq(after.batch, before.batch);
    cr_assert_eq(after.sequence, before.sequence);
    cr_assert_arr_eq(&again, &totals, sizeof totals);
    asking_end();
    free(text);
}

Test(whatif, more_places_place_more_people)
{
    int64_t more = 0;

    for (uint64_t run = 0; run < 4; run++) {
        uint64_t seed = random_seed(run);
        char *text = write_network(seed, (struct variation){-1, -1});
        live(seed, text);
        for (int hub = 0; hub < 6; hub++) {
            simulate_variation(seed, (struct variation){hub, -1}, 0);
            more += figure(FIELD_placed_now) - figure(FIELD_placed_then);
        }
        asking_end();
        free(text);
    }
    cr_assert_gt(more, 0);
}

/* Those before the day are not counted. */
Test(whatif, from_a_day_on_an_unchanged_network_gives_what_happened_then)
{
    int64_t day = hours_day(TALK_NOW) + 5;

    for (uint64_t run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run);
        char *text = write_network(seed, (struct variation){-1, -1});
        int64_t since = 0;
        live(seed, text);
        for (int64_t number = 1; number <= people; number++)
            since += hours_day(talk_referral(number).submitted_at) >= day;
        simulate_variation(seed, (struct variation){-1, -1}, day);
        cr_assert_eq(figure(FIELD_referrals), since);
        cr_assert_gt(since, 0);
        cr_assert_lt(since, people);
        for (size_t i = 0; i + 1 < asking_count; i++)
            assert_same(seed, &asking_answers[i]);
        asking_end();
        free(text);
    }
}

/* The oldest stay where they were: what they take up is taken up now as it was then. */
Test(whatif, who_was_there_long_before_stays_and_the_others_come_out_nearly_as_they_did)
{
    int64_t placed = 0, apart = 0, moved = 0;

    pause_ms = 120 * TALK_DAY;
    for (uint64_t run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run);
        char *text = write_network(seed, (struct variation){-1, -1});
        live(seed, text);
        int64_t day = hours_day(talk_referral(people).submitted_at) - 20;
        cr_assert_gt(day - hours_day(TALK_NOW), 90, "some are older than those who stand in line");
        simulate_variation(seed, (struct variation){-1, -1}, day);
        placed += figure(FIELD_placed_then);
        apart += llabs(figure(FIELD_placed_now) - figure(FIELD_placed_then));
        moved += figure(FIELD_moved);
        asking_end();
        free(text);
    }
    cr_assert_gt(placed, 50);
    cr_assert_leq((apart + moved) * 2, placed, "%lld placed, %lld apart, %lld moved", (long long)placed,
                  (long long)apart, (long long)moved);
}

static int64_t computed_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now); /* other processes do not count */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Hubs accept what they are asked, and end what they have accepted. */
static void answer_all(int64_t number)
{
    struct referral referral = talk_referral(number);
    char hub[ID_BYTES_MAX + 1];

    for (uint8_t i = 0; i < referral.offers_count; i++) {
        turn_party_id(talk_turn, referral.offers[i].hub, hub);
        if (offer_waits_for_answer(&referral.offers[i]))
            talk_answer(hub, MESSAGE_accept, number, i + 1);
        else if (referral.offers[i].state == STATE_ACCEPTED)
            talk_answer(hub, MESSAGE_complete, number, i + 1);
    }
}

/* WHATIF_PEOPLE: another number of them. */
Test(whatif, many_referrals_are_decided_again_in_seconds)
{
    int64_t count = getenv("WHATIF_PEOPLE") ? atoll(getenv("WHATIF_PEOPLE")) : MANY;
    char *text = write_network(random_seed(0), (struct variation){ALL, -1});
    uint64_t random = random_seed(0);

    people = 0;
    talk_begin(text);
    asking_open();
    for (int64_t number = 1; number <= count; number++) {
        submit_somebody(&random);
        answer_all(number);
        answer_all(number > 3 ? number - 3 : number);
        pass_time(HOUR / 60);
    }
    int64_t begun = computed_ms();
    simulate_variation(random_seed(0), (struct variation){ALL, 1}, 0);
    int64_t took = computed_ms() - begun;
    printf("%lld referrals, %lld placed then and %lld now, in %lld ms of computing\n", (long long)count,
           (long long)figure(FIELD_placed_then), (long long)figure(FIELD_placed_now), (long long)took);
    cr_assert_eq(figure(FIELD_referrals), count);
    if (count == MANY)
        cr_assert_lt(took, MANY_MS);
    asking_end();
    free(text);
}
