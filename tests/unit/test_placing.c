/* SPDX-License-Identifier: MIT
 * placing: several needs, places that are shared, seats, weeks, paces and old figures, told as conversations. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/talk.h"

#define HOUR INT64_C(3600000)
#define HEAD                                                                                                           \
    "name = \"Test\"; neighbour_distance = \"2km\";\n"                                                                 \
    "senders = ( { id = \"gp\"; name = \"GP\"; kind = \"gp_link_worker\"; },"                                          \
    " { id = \"clinic\"; name = \"Clinic\"; kind = \"other\"; } );\n"                                                  \
    "neighbourhoods = ( { code = \"north\"; name = \"North\"; easting = 248000; northing = 56000; },\n"                \
    " { code = \"south\"; name = \"South\"; easting = 258000; northing = 56000; } );\n"
#define HUB(id, areas, more, services)                                                                                 \
    "{ id = \"" id "\"; name = \"" id "\"; tier = \"targeted\"; easting = 248100; northing = 56000; areas = [" areas   \
    "];" more " services = (" services "); }"
#define SERVICE(id, needs, more) "{ id = \"" id "\"; needs = [" needs "]; " more " }"
#define NORTH "\"north\""
#define FRIENDS "\"befriending\""
#define ADVICE "\"advice-and-information\""
#define FOOD "\"food\""

/* One place for friends with the oak; advice and food with the elm. */
static const char two_hubs[] =
    HEAD "hubs = (" HUB("oak", NORTH, "", SERVICE("friends", FRIENDS, "places = 1;")) "," HUB(
        "elm", NORTH, "", SERVICE("advice", ADVICE, "places = 5;") "," SERVICE("meals", FOOD, "places = 5;")) ");\n";

static void begin(const char *text)
{
    talk_begin(text);
    talk_hello("gp");
    talk_hello("oak");
    talk_hello("elm");
}

TestSuite(placing, .fini = talk_end);

static bool waits(int64_t referral)
{
    struct referral stored = talk_referral(referral);
    bool any = false;

    for (int i = 0; i < stored.parts_count; i++)
        any = any || part_waits(&stored.parts[i]);
    return any;
}

/* The hub of the newest offer; "" when none was made. */
static const char *offered_to(int64_t referral)
{
    static char id[ID_BYTES_MAX + 1];
    struct referral stored = talk_referral(referral);

    id[0] = 0;
    if (stored.offers_count)
        turn_party_id(talk_turn, stored.offers[stored.offers_count - 1].hub, id);
    return id;
}

/* ---- several needs ---- */

static const enum need three_needs[] = {NEED_BEFRIENDING, NEED_ADVICE, NEED_FOOD, 0};

Test(placing, several_needs_go_to_as_few_hubs_as_can_meet_them_and_end_with_one_letter)
{
    begin(two_hubs);
    int64_t number = talk_submit_all(1, three_needs);
    cr_assert_eq(talk_count("gp", MESSAGE_routed), 1);
    cr_assert_eq(message_list_count(talk_heard("gp", MESSAGE_routed, 0), FIELD_parts), 2);
    cr_assert_eq(talk_count("oak", MESSAGE_offer), 1);
    cr_assert_eq(message_list_count(talk_heard("oak", MESSAGE_offer, 0), FIELD_needs), 1);
    cr_assert_eq(talk_count("elm", MESSAGE_offer), 1);
    cr_assert_eq(message_list_count(talk_heard("elm", MESSAGE_offer, 0), FIELD_needs), 2);
    cr_assert_eq(message_list_count(talk_heard("elm", MESSAGE_offer, 0), FIELD_service_ids), 2);
    int64_t to_oak = message_number(talk_heard("oak", MESSAGE_offer, 0), FIELD_offer_number);
    int64_t to_elm = message_number(talk_heard("elm", MESSAGE_offer, 0), FIELD_offer_number);
    cr_assert_eq(talk_figures("elm", "advice").places.used, 1);
    cr_assert_eq(talk_figures("elm", "meals").places.used, 1);
    talk_answer("oak", MESSAGE_accept, number, to_oak);
    talk_answer("elm", MESSAGE_accept, number, to_elm);
    talk_answer("oak", MESSAGE_complete, number, to_oak);
    cr_assert_eq(talk_count("gp", MESSAGE_ended), 0);
    cr_assert_eq(talk_count("gp", MESSAGE_progressed), 1);
    cr_assert_eq(talk_figures("oak", "friends").places.used, 0);
    talk_answer("elm", MESSAGE_complete, number, to_elm);
    cr_assert_eq(talk_count("gp", MESSAGE_ended), 1);
    cr_assert_eq(message_number(talk_heard("gp", MESSAGE_ended, 0), FIELD_state), STATE_COMPLETED);
    cr_assert_eq(talk_figures("elm", "advice").places.used, 0);
    talk_confirm("gp", message_number(talk_heard("gp", MESSAGE_ended, 0), FIELD_mailbox_number));
    cr_assert_eq(talk_totals().closed, 1);
}

Test(placing, a_need_that_waits_is_offered_alone_when_a_place_is_free)
{
    begin(two_hubs);
    int64_t first = talk_submit(1, NEED_BEFRIENDING);
    int64_t second = talk_submit_all(2, (const enum need[]){NEED_BEFRIENDING, NEED_ADVICE, 0});
    cr_assert_eq(talk_totals().waiting, 1);
    cr_assert_eq(talk_count("elm", MESSAGE_offer), 1);
    cr_assert(waits(second));
    talk_answer("oak", MESSAGE_reject, first, 1);
    cr_assert(talk_about("oak", MESSAGE_offer, second));
    cr_assert_eq(message_list_count(talk_about("oak", MESSAGE_offer, second), FIELD_needs), 1);
    cr_assert_not(waits(second));
    cr_assert_eq(talk_referral(second).offers_count, 2);
}

Test(placing, a_hub_confirms_its_own_offer_of_several)
{
    begin(two_hubs);
    int64_t number = talk_submit_all(1, three_needs);
    uint32_t elm = turn_party_number(talk_turn, "elm");
    talk_confirm("elm", 1);
    struct referral stored = talk_referral(number);
    cr_assert_eq(stored.offers_count, 2);
    for (int i = 0; i < stored.offers_count; i++)
        cr_assert_eq(stored.offers[i].state, stored.offers[i].hub == elm ? STATE_RECEIVED : STATE_REQUESTED);
    talk_confirm("oak", 1);
    stored = talk_referral(number);
    for (int i = 0; i < stored.offers_count; i++)
        cr_assert_eq(stored.offers[i].state, STATE_RECEIVED);
}

Test(placing, what_several_needs_came_to_is_there_after_a_restart)
{
    begin(two_hubs);
    int64_t number = talk_submit_all(1, three_needs);
    talk_answer("elm", MESSAGE_accept, number, message_number(talk_heard("elm", MESSAGE_offer, 0), FIELD_offer_number));
    int64_t waiting = talk_submit_all(2, three_needs);
    struct referral before = talk_referral(waiting);
    cr_assert_gt(before.parts_count, 1);
    struct totals totals = talk_totals();
    talk_restart(two_hubs);
    struct totals again = talk_totals();
    again.started_at = totals.started_at;
    cr_assert_arr_eq(&again, &totals, sizeof totals);
    struct referral after = talk_referral(waiting);
    cr_assert_eq(after.parts_count, before.parts_count);
    cr_assert_eq(talk_figures("elm", "meals").places.used, 2);
    cr_assert_eq(talk_figures("elm", "meals").cases_open, 1);
    talk_cancel("gp", number);
    cr_assert(waits(waiting) == false, "the oak's place is free again");
}

/* ---- shared places ---- */

#define OAK(places) HUB("oak", NORTH, "", SERVICE("friends", FRIENDS, "places = " places ";"))
#define ELM(what) HUB("elm", NORTH, "satellite_of = \"oak\";", SERVICE("company", FRIENDS, what))
static const char shared[] = HEAD "hubs = (" OAK("2") "," ELM("shares = \"oak/friends\";") ");\n";
static const char apart[] = HEAD "hubs = (" OAK("2") "," ELM("places = 1;") ");\n";

Test(placing, shared_places_are_counted_together_over_a_restart_and_over_another_network)
{
    begin(shared);
    for (unsigned seed = 1; seed <= 3; seed++)
        talk_submit(seed, NEED_BEFRIENDING);
    cr_assert_eq(talk_figures("oak", "friends").places.used, 2);
    cr_assert_eq(talk_figures("elm", "company").places.used, 0);
    cr_assert(waits(3));
    talk_restart(shared);
    talk_wait(HOUR);
    cr_assert_eq(talk_figures("oak", "friends").places.used, 2);
    cr_assert(waits(3));
    talk_change(apart);
    cr_assert_not(waits(3));
    cr_assert_str_eq(offered_to(3), "elm");
    cr_assert_eq(talk_figures("elm", "company").places.used, 1);
    talk_change(shared);
    cr_assert_eq(talk_figures("oak", "friends").places.used, 3);
    talk_submit(4, NEED_BEFRIENDING);
    cr_assert(waits(4));
}

Test(placing, what_a_hub_stated_ends_when_its_service_shares_the_places_of_another)
{
    begin(HEAD "hubs = (" OAK("2") "," ELM("places = 0;") ");\n");
    talk_capacity("elm", "company", 4);
    cr_assert_eq(talk_figures("elm", "company").places.total, 4);
    talk_change(HEAD "hubs = (" OAK("2") "," ELM("shares = \"oak/friends\";") ");\n");
    talk_change(HEAD "hubs = (" OAK("2") "," ELM("places = 0;") ");\n");
    cr_assert_eq(talk_figures("elm", "company").places.total, 0);
}

Test(placing, a_hub_does_not_state_places_that_belong_to_another)
{
    begin(shared);
    talk_capacity("elm", "company", 9);
    cr_assert_eq(talk_refused("elm"), REFUSAL_SHARED);
    cr_assert(talk_text_is(talk_heard("elm", MESSAGE_refused, 0), FIELD_field, "service_id"));
    talk_capacity("oak", "friends", 9);
    cr_assert_eq(talk_figures("oak", "friends").places.total, 9);
}

/* ---- weeks, seats, old figures, pace ---- */

static const char weekly[] =
    HEAD "hubs = (" HUB("oak", NORTH, "", SERVICE("friends", FRIENDS, "places = 5; per_week = 1;")) ");\n";

Test(placing, who_comes_after_the_intake_of_a_week_waits_until_monday)
{
    begin(weekly);
    talk_submit(1, NEED_BEFRIENDING);
    talk_submit(2, NEED_BEFRIENDING);
    cr_assert_eq(talk_figures("oak", "friends").places.taken_in_week, 1);
    cr_assert(waits(2));
    talk_restart(weekly);
    talk_wait(13 * HOUR);
    cr_assert(waits(2));
    cr_assert_leq(turn_next_due(talk_turn), TALK_NOW + 14 * HOUR);
    talk_wait(HOUR);
    cr_assert_not(waits(2));
    cr_assert_eq(talk_figures("oak", "friends").places.taken_in_week, 1);
}

Test(placing, an_offer_that_is_declined_gives_the_room_of_its_week_back)
{
    begin(weekly);
    talk_submit(1, NEED_BEFRIENDING);
    talk_submit(2, NEED_BEFRIENDING);
    talk_answer("oak", MESSAGE_reject, 1, 1);
    cr_assert(talk_about("oak", MESSAGE_offer, 2));
}

static const char seats[] = HEAD "hubs = (" HUB("oak", NORTH, "", SERVICE("course", FRIENDS, "seats = 1;")) ");\n";

Test(placing, a_seat_is_gone_with_who_accepted_it_and_comes_back_from_who_did_not)
{
    begin(seats);
    talk_submit(1, NEED_BEFRIENDING);
    talk_answer("oak", MESSAGE_reject, 1, 1);
    talk_submit(2, NEED_BEFRIENDING);
    cr_assert_str_eq(offered_to(2), "oak");
    talk_answer("oak", MESSAGE_accept, 2, 1);
    talk_submit(3, NEED_BEFRIENDING);
    talk_answer("oak", MESSAGE_complete, 2, 1);
    cr_assert(waits(3));
    cr_assert_eq(talk_figures("oak", "course").places.used, 1);
    talk_restart(seats);
    talk_wait(HOUR);
    cr_assert_eq(talk_figures("oak", "course").places.used, 1);
    cr_assert(waits(3));
}

static const char fresh[] =
    HEAD "fresh = \"1d\"; hubs = (" HUB("oak", NORTH, "", SERVICE("friends", FRIENDS, "places = 5;")) ");\n";

Test(placing, a_hub_whose_figure_is_old_is_asked_one_at_a_time)
{
    begin(fresh);
    talk_wait(25 * HOUR);
    talk_submit(1, NEED_BEFRIENDING);
    cr_assert_eq(message_number(talk_heard("oak", MESSAGE_offer, 0), FIELD_ask_first), 1);
    talk_submit(2, NEED_BEFRIENDING);
    talk_submit(3, NEED_BEFRIENDING);
    cr_assert(waits(2));
    talk_answer("oak", MESSAGE_accept, 1, 1);
    cr_assert(talk_about("oak", MESSAGE_offer, 2), "it has answered, so the next is asked at once");
    cr_assert(waits(3));
    talk_capacity("oak", "friends", 4);
    cr_assert(talk_about("oak", MESSAGE_offer, 3), "the figure is young again");
}

static const char paced[] =
    HEAD "pace = 1; hubs = (" HUB("oak", NORTH, "", SERVICE("friends", FRIENDS, "places = 5;")) ");\n";

Test(placing, a_sender_has_its_share_of_a_hub_for_the_day_and_again_after_midnight)
{
    struct message message;

    begin(paced);
    talk_submit(1, NEED_BEFRIENDING);
    talk_submit(2, NEED_BEFRIENDING);
    cr_assert(waits(2));
    talk_person(&message, 3, (const enum need[]){NEED_BEFRIENDING, 0});
    cr_assert_eq(talk_say_submit("clinic", &message), 3);
    cr_assert_not(waits(3), "another sender has its own share");
    talk_restart(paced);
    talk_wait(13 * HOUR);
    cr_assert(waits(2), "the offers of today are counted again at a start");
    talk_wait(HOUR);
    cr_assert_not(waits(2));
}

/* ---- waiting ---- */

static const char patient[] =
    HEAD "deadlines = { waiting_review = \"1d\"; waiting_expiry = \"3d\"; receipt = { routine = \"30d\"; };"
         " answer = { routine = \"30d\"; }; };\n"
         "hubs = (" HUB("oak", NORTH, "", SERVICE("friends", FRIENDS, "places = 1;")) ");\n";

Test(placing, who_has_waited_too_long_is_looked_at_and_goes_on_waiting)
{
    size_t told = 0;

    begin(patient);
    talk_submit(1, NEED_BEFRIENDING);
    talk_submit(2, NEED_BEFRIENDING);
    for (int day = 0; day < 5; day++) {
        talk_wait(24 * HOUR);
        if (!talk_count("gp", MESSAGE_progressed))
            continue;
        told++;
        talk_confirm("gp", message_number(talk_heard("gp", MESSAGE_progressed, 0), FIELD_mailbox_number));
    }
    cr_assert_eq(told, 1);
    cr_assert_eq(talk_totals().attention, 1);
    cr_assert(waits(2));
    talk_answer("oak", MESSAGE_reject, 1, 1);
    cr_assert_str_eq(offered_to(2), "oak");
    cr_assert_not(talk_referral(2).overdue);
}

Test(placing, several_places_that_are_free_at_once_go_to_the_first_in_turn)
{
    begin(patient);
    for (unsigned seed = 1; seed <= 5; seed++)
        talk_submit(seed, NEED_BEFRIENDING);
    talk_capacity("oak", "friends", 4);
    cr_assert_not(waits(2) || waits(3) || waits(4));
    cr_assert(waits(5));
}

static const char two_alike[] =
    HEAD "hubs = (" HUB("oak", NORTH, "", SERVICE("friends", FRIENDS, "places = 1;")) "," HUB(
        "elm", NORTH, "", SERVICE("friends", FRIENDS, "places = 1;")) ");\n";

Test(placing, a_free_place_that_is_nothing_for_who_waits_leaves_their_record_alone)
{
    begin(two_alike);
    for (unsigned seed = 1; seed <= 3; seed++)
        talk_submit(seed, NEED_BEFRIENDING);
    cr_assert_str_eq(offered_to(1), "oak");
    talk_answer("oak", MESSAGE_reject, 1, 1);
    cr_assert(waits(1));
    cr_assert_str_eq(offered_to(3), "oak");
    int64_t changed_at = talk_referral(1).changed_at;
    talk_wait(HOUR);
    talk_capacity("oak", "friends", 5);
    cr_assert_eq(talk_referral(1).changed_at, changed_at);
    talk_answer("elm", MESSAGE_reject, 2, 1);
    cr_assert_str_eq(offered_to(1), "elm");
}

/* ---- a free place that nobody fits, which is remembered ---- */

#define WOMEN "genders = [ \"2\" ];"
#define FULL_ELM HUB("elm", NORTH, "", SERVICE("friends", FRIENDS, "places = 0;"))

static const char for_women[] =
    HEAD "hubs = (" HUB("oak", NORTH, "", SERVICE("friends", FRIENDS, "places = 1; " WOMEN)) "," FULL_ELM ");\n";

static int64_t submit_gender(unsigned seed, enum gender gender)
{
    struct message message;

    talk_person(&message, seed, (const enum need[]){NEED_BEFRIENDING, 0});
    message_set_number(&message, FIELD_gender, gender);
    return talk_say_submit("gp", &message);
}

Test(placing, a_place_that_fitted_nobody_goes_to_whoever_joins_the_list_later)
{
    begin(for_women);
    int64_t man = submit_gender(1, GENDER_MALE);
    int64_t first = submit_gender(2, GENDER_FEMALE);
    cr_assert_str_eq(offered_to(first), "oak");
    talk_answer("oak", MESSAGE_reject, first, 1); /* elm could take her, and is full: two wait whom oak does not fit */
    cr_assert(waits(man) && waits(first));
    int64_t second = submit_gender(3, GENDER_FEMALE);
    cr_assert_str_eq(offered_to(second), "oak");
    int64_t third = submit_gender(4, GENDER_FEMALE);
    cr_assert(waits(third));
    talk_answer("oak", MESSAGE_reject, second, 1);
    cr_assert_str_eq(offered_to(third), "oak");
    cr_assert(waits(man));
}

Test(placing, a_place_that_fitted_nobody_goes_to_who_waits_for_it_on_another_day)
{
    begin(paced);
    talk_submit(1, NEED_BEFRIENDING);
    talk_submit(2, NEED_BEFRIENDING);
    talk_capacity("oak", "friends", 9);
    cr_assert(waits(2), "the sender has had its share for the day");
    talk_capacity("oak", "friends", 1);
    talk_wait(14 * HOUR);
    cr_assert(waits(2), "no place is free at midnight");
    talk_capacity("oak", "friends", 9);
    cr_assert_not(waits(2));
}

static const char in_need[] = HEAD
    "emergency = { needs = [ \"befriending\" ]; };\n"
    "hubs = (" HUB("oak", NORTH, "", SERVICE("friends", FRIENDS, "places = 0; emergency_only = true;")) "," FULL_ELM
                                                                                                        ");\n";

Test(placing, a_place_that_fitted_nobody_goes_to_who_waits_for_it_under_other_rules)
{
    begin(in_need);
    talk_submit(1, NEED_BEFRIENDING);
    talk_capacity("oak", "friends", 1);
    cr_assert(waits(1), "it is for emergencies");
    talk_capacity("oak", "friends", 0);
    talk_emergency(talk_now + HOUR);
    cr_assert(waits(1), "no place is free when it begins");
    talk_capacity("oak", "friends", 1);
    cr_assert_str_eq(offered_to(1), "oak");
}

static const char with_a_week[] = HEAD
    "hubs = (" HUB("oak", NORTH, "",
                   SERVICE("friends", FRIENDS,
                           "shares = \"oak/meals\"; per_week = 1;") "," SERVICE("meals", FOOD, "places = 5;")) ");\n";

Test(placing, a_place_that_fitted_nobody_for_the_week_goes_to_who_waits_when_the_week_has_room)
{
    begin(with_a_week);
    talk_submit(1, NEED_BEFRIENDING);
    talk_submit(2, NEED_BEFRIENDING);
    talk_capacity("oak", "meals", 6);
    cr_assert(waits(2), "the week is full");
    talk_answer("oak", MESSAGE_reject, 1, 1);
    cr_assert_not(waits(2));
}

static const char for_the_old[] = HEAD "hubs = (" HUB(
    "oak", NORTH, "",
    SERVICE("friends", FRIENDS, "places = 1;") "," SERVICE("tea", FRIENDS, "places = 5; age_from = 99;")) ");\n";

Test(placing, who_waits_for_a_service_that_is_full_is_not_given_a_place_of_another_that_is_not_for_them)
{
    begin(for_the_old);
    talk_submit(1, NEED_BEFRIENDING);
    talk_submit(2, NEED_BEFRIENDING);
    talk_capacity("oak", "tea", 6);
    cr_assert(waits(2));
    talk_answer("oak", MESSAGE_reject, 1, 1);
    cr_assert_str_eq(offered_to(2), "oak");
}

static const char far_away[] =
    HEAD "hubs = (" HUB("oak", "\"north\", \"south\"", "", SERVICE("friends", FRIENDS, "places = 1;")) ");\n";

Test(placing, who_waits_over_a_restart_still_lives_where_they_did)
{
    struct message message;

    begin(far_away);
    for (unsigned seed = 1; seed <= 2; seed++) {
        talk_person(&message, seed, (const enum need[]){NEED_BEFRIENDING, 0});
        message_set_string(&message, FIELD_neighbourhood_code, "south");
        talk_say_submit("gp", &message);
    }
    talk_restart(far_away);
    talk_answer("oak", MESSAGE_reject, 1, 1);
    cr_assert_str_eq(offered_to(2), "oak");
}

Test(placing, the_sender_is_told_the_position_and_what_wait_to_expect)
{
    begin(patient);
    talk_submit(1, NEED_BEFRIENDING);
    talk_submit(2, NEED_BEFRIENDING);
    talk_submit(3, NEED_BEFRIENDING);
    const struct message *routed = talk_heard("gp", MESSAGE_routed, 0);
    uint32_t expected = 0;
    struct referral third = talk_referral(3);
    cr_assert_eq(message_number(routed, FIELD_position), 2);
    cr_assert_eq(message_number(routed, FIELD_expected_wait_days), 56);
    cr_assert_eq(turn_position(talk_turn, &third, NEED_BEFRIENDING, &expected), 2);
    cr_assert_eq(expected, 57, "and one more");
    cr_assert_eq(turn_position(talk_turn, &third, NEED_FOOD, &expected), 0);
}

Test(placing, when_too_many_wait_new_submits_are_told_to_come_again)
{
    struct message message;

    talk_begin(patient);
    talk_options.waiting_max = 2;
    talk_restart(patient);
    for (unsigned seed = 1; seed <= 3; seed++)
        talk_submit(seed, NEED_BEFRIENDING);
    talk_person(&message, 4, (const enum need[]){NEED_BEFRIENDING, 0});
    talk_say("gp", &message);
    cr_assert_eq(talk_refused("gp"), REFUSAL_BUSY);
    talk_answer("oak", MESSAGE_reject, 1, 1);
    talk_say("gp", &message);
    cr_assert_eq(talk_refused("gp"), REFUSAL_NONE);
}

/* ---- unmet needs ---- */

Test(placing, a_need_that_cannot_be_met_at_once_is_counted_once_and_for_good)
{
    begin(patient);
    talk_submit(1, NEED_BEFRIENDING);
    cr_assert_eq(talk_unmet(NULL, NEED_BEFRIENDING, CAUSE_FULL), 0);
    talk_submit(2, NEED_BEFRIENDING);
    talk_submit(3, NEED_BEFRIENDING);
    talk_submit(4, NEED_FOOD);
    cr_assert_eq(talk_unmet("north", NEED_BEFRIENDING, CAUSE_FULL), 2);
    cr_assert_eq(talk_unmet("north", NEED_FOOD, CAUSE_NO_SERVICE), 1);
    for (int day = 0; day < 9; day++)
        talk_wait(24 * HOUR);
    talk_restart(patient);
    talk_wait(24 * HOUR);
    cr_assert_eq(talk_unmet(NULL, NEED_BEFRIENDING, CAUSE_FULL), 2, "a review counts for nothing");
    cr_assert_eq(talk_unmet(NULL, NEED_FOOD, CAUSE_NO_SERVICE), 1);
    talk_submit(5, NEED_FOOD);
    cr_assert_eq(talk_unmet("north", NEED_FOOD, CAUSE_NO_SERVICE), 2, "in another week");
}

Test(placing, each_need_that_cannot_be_met_is_counted_for_itself)
{
    begin(patient);
    talk_submit_all(1, three_needs);
    cr_assert_eq(talk_unmet("north", NEED_BEFRIENDING, CAUSE_FULL), 0);
    cr_assert_eq(talk_unmet("north", NEED_ADVICE, CAUSE_NO_SERVICE), 1);
    cr_assert_eq(talk_unmet("north", NEED_FOOD, CAUSE_NO_SERVICE), 1);
}

Test(placing, without_any_service_everybody_is_held)
{
    begin(HEAD "hubs = (" HUB("oak", NORTH, "status = \"planned\";", "") ");\n");
    talk_submit(1, NEED_BEFRIENDING);
    cr_assert_eq(talk_totals().attention, 1);
}

Test(placing, what_is_due_at_once_is_done_a_thousand_in_a_turn)
{
    begin(two_hubs);
    for (unsigned seed = 0; seed <= 1000; seed++)
        talk_submit(seed, NEED_HOUSING);
    talk_wait(talk_referral(1).deadline - talk_now);
    cr_assert_leq(turn_next_due(talk_turn), talk_now);
    talk_wait(0);
    cr_assert_gt(turn_next_due(talk_turn), talk_now);
}

/* ---- hubs that open, close, move, drain ---- */

#define DATED(more)                                                                                                    \
    HEAD "deadlines = { answer = { routine = \"30d\"; }; attention_review = \"90d\"; };\n"                             \
         "hubs = (" HUB("oak", NORTH, more, SERVICE("friends", FRIENDS, "places = 5;")) "," HUB(                       \
             "elm", "\"south\"", "", SERVICE("advice", ADVICE, "places = 5;")) ");\n"
static const char opens[] = DATED("opens_on = \"2026-11-03\";");
static const char moves[] = DATED("changes = ( { from = \"2026-11-03\"; easting = 258000; northing = 56000;"
                                  " areas = [ \"south\" ]; } );");
static const char open_hub[] = DATED("");
static const char draining[] = DATED("status = \"draining\";");
static const char paused[] = DATED("status = \"paused\";");

Test(placing, who_needs_a_hub_that_opens_on_a_day_is_offered_to_it_on_that_day)
{
    begin(opens);
    talk_submit(1, NEED_BEFRIENDING);
    cr_assert_eq(talk_totals().attention, 1);
    cr_assert_eq(talk_unmet("north", NEED_BEFRIENDING, CAUSE_CLOSED), 1);
    talk_wait(14 * HOUR);
    cr_assert_eq(talk_totals().attention, 1);
    talk_wait(24 * HOUR);
    cr_assert_str_eq(offered_to(1), "oak");
    cr_assert_eq(talk_unmet(NULL, NEED_BEFRIENDING, CAUSE_FULL), 0, "it was judged as if all were full");
}

static void expect_offered_after_days_without_a_turn(int days)
{
    begin(opens);
    talk_submit(1, NEED_BEFRIENDING);
    talk_now += days * 24 * HOUR;
    talk_restart(opens);
    talk_wait(0);
    cr_assert_str_eq(offered_to(1), "oak");
}

Test(placing, a_day_that_passes_while_the_daemon_is_down_counts_too)
{
    expect_offered_after_days_without_a_turn(5);
}

Test(placing, after_more_than_a_year_without_a_turn_everybody_is_judged_anew)
{
    expect_offered_after_days_without_a_turn(500);
}

Test(placing, what_cannot_be_read_any_more_does_not_keep_a_closing_hub_s_other_offers)
{
    begin(open_hub);
    talk_submit(1, NEED_BEFRIENDING);
    talk_submit(2, NEED_BEFRIENDING);
    talk_restart(paused);
    cr_assert(store_memory_flip_bit(talk_store, TABLE_REFERRAL, 1, 300));
    talk_wait(0);
    cr_assert_eq(talk_totals().attention, 1);
    cr_assert_eq(talk_referral(2).business_status, BUSINESS_ATTENTION);
}

Test(placing, a_hub_that_moves_on_a_day_serves_its_new_area_from_then_on)
{
    struct message message;

    begin(moves);
    talk_person(&message, 1, (const enum need[]){NEED_BEFRIENDING, 0});
    message_set_string(&message, FIELD_neighbourhood_code, "south");
    talk_say_submit("gp", &message);
    talk_submit(2, NEED_BEFRIENDING);
    cr_assert_str_eq(offered_to(1), "");
    cr_assert_str_eq(offered_to(2), "oak");
    talk_wait(38 * HOUR);
    cr_assert_str_eq(offered_to(1), "oak");
    talk_submit(3, NEED_BEFRIENDING);
    cr_assert_str_eq(offered_to(3), "", "it has left the north");
    talk_answer("oak", MESSAGE_accept, 2, 1);
}

Test(placing, a_hub_that_drains_answers_what_it_was_offered_and_gets_nothing_new)
{
    begin(open_hub);
    talk_submit(1, NEED_BEFRIENDING);
    talk_change(draining);
    cr_assert_eq(talk_count("oak", MESSAGE_withdrawn), 0);
    talk_submit(2, NEED_BEFRIENDING);
    cr_assert_str_eq(offered_to(2), "");
    talk_restart(draining);
    talk_wait(HOUR);
    talk_answer("oak", MESSAGE_accept, 1, 1);
    cr_assert_eq(talk_totals().placed, 1);
}

/* Three needs, three hubs, and one pool of two places that the third hub has. */
#define OF_ONE_POOL(id, more, need, places)                                                                            \
    "{ id = \"" id "\"; name = \"" id "\"; tier = \"targeted\"; easting = 248100; northing = 56000; "                  \
    "areas = [\"north\"]; " more " services = ( { id = \"s\"; needs = [\"" need "\"]; " places " } ); }"
#define POOL(more)                                                                                                     \
    "name = \"Test\"; senders = ( { id = \"gp\"; name = \"GP\"; kind = \"gp_link_worker\"; } );\n"                     \
    "neighbourhoods = ( { code = \"north\"; name = \"North\"; easting = 248000; northing = 56000; } );\n"              \
    "hubs = (" OF_ONE_POOL("ash", more, "food", "shares = \"oak/s\";") "," OF_ONE_POOL(                                \
        "elm", more, "housing", "shares = \"oak/s\";") "," OF_ONE_POOL("oak", "", "befriending", "places = 2;") ");\n"

Test(placing, a_place_that_comes_back_from_a_closing_hub_may_go_to_another_part_of_the_same_referral)
{
    static const enum need needs[] = {NEED_FOOD, NEED_HOUSING, NEED_BEFRIENDING, 0};

    talk_begin(POOL(""));
    talk_hello("gp");
    int64_t number = talk_submit_all(1, needs);
    cr_assert_eq(talk_figures("oak", "s").places.used, 2);
    cr_assert_eq(talk_totals().waiting, 1);
    talk_change(POOL("status = \"closed\";"));
    cr_assert_eq(talk_figures("oak", "s").places.used, 1);
    cr_assert_eq(talk_referral(number).offers_count, 3);
}

Test(placing, what_was_offered_to_a_hub_that_pauses_goes_on_at_once)
{
    begin(open_hub);
    talk_submit(1, NEED_BEFRIENDING);
    talk_change(paused);
    cr_assert_eq(talk_count("oak", MESSAGE_withdrawn), 1);
    cr_assert_eq(talk_totals().attention, 1);
    talk_change(open_hub);
    cr_assert_eq(talk_totals().attention, 0, "it had not been able to answer");
    cr_assert_str_eq(offered_to(1), "oak");
}
