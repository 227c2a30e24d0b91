/* SPDX-License-Identifier: MIT
 * profile: where a person is, by every source that tells and in their order, and what else a message says. */
#include "daemon/profile.h"

#include <criterion/criterion.h>
#include <string.h>

#include "daemon/io/network_file.h"
#include "proto/codec.h"
#include "tests/people.h"

#define DAY (PEOPLE_AUTHORED_MS / 86400000)

static const char text[] =
    "name = \"Test\"; nearest = \"2km\"; plus_groups = [ \"carers\", \"refugees\" ];\n"
    "travel = { walk = \"50m\"; bus = \"100m\"; };\n"
    "neighbourhoods = ( { code = \"E02000001\"; name = \"North\"; easting = 248000; northing = 56000; },\n"
    " { code = \"E02000002\"; name = \"South\"; easting = 258000; northing = 56000; } );\n"
    "practices = ( { ods = \"Y99999\"; area = \"South\"; easting = 258300; northing = 56100; } );\n"
    "hubs = ( { id = \"oak\"; name = \"Oak\"; tier = \"targeted\"; easting = 248500; northing = 56000;\n"
    "   areas = [ \"North\" ]; changes = ( { from = \"2026-11-02\"; easting = 258500; northing = 56000;\n"
    "   areas = [ \"North\", \"South\" ]; } ); services = ( { id = \"food\"; needs = [ \"food\" ]; places = 1; } ); "
    "},\n"
    " { id = \"elm\"; name = \"Elm\"; tier = \"targeted\"; easting = 249000; northing = 56000;\n"
    "   services = ( { id = \"food\"; needs = [ \"food\" ]; places = 1; citywide = true; } ); } );\n"
    "senders = ( { id = \"surgery\"; name = \"Surgery\"; kind = \"gp_link_worker\"; practice = \"Y99999\"; } );\n";

static struct network *network;
static struct message message;
static struct referral referral;

static void begin(void)
{
    static struct config_faults faults;

    network = network_parse("test", text, strlen(text), &faults);
    cr_assert(network, "%s", faults.lines[0]);
    for (uint32_t i = 0; i < network->hubs_count; i++)
        network->hubs[i].party = i + 1;
    network->senders[0].party = 9;
    network_index(network);
    person_submit(&message, 1, PEOPLE_POSTCODE);
    message_unset(&message, FIELD_gp_practice_ods);
}

static void finish(void)
{
    network_free(&network);
}

TestSuite(profile, .init = begin, .fini = finish);

static struct place place_at(enum locality locality, const char *code, int32_t easting)
{
    struct place place = {.locality = locality, .position = {easting, 56000}, .decile = 4};

    strcpy(place.neighbourhood_code, code);
    return place;
}

static void take(const struct place *place, int64_t day)
{
    referral = (struct referral){0};
    profile_from_message(network, place, &message, day, &referral);
}

static void assert_lives(uint16_t neighbourhood, enum locality locality, int32_t easting)
{
    struct profile before = referral.profile;

    cr_assert_eq(before.neighbourhood, neighbourhood, "%u", before.neighbourhood);
    cr_assert_eq(before.locality, locality, "%s", code_text(LIST_locality, before.locality));
    cr_assert_eq(before.position.easting, easting);
    if (neighbourhood != NEIGHBOURHOOD_NONE)
        cr_assert_str_eq(referral.neighbourhood_code, network->neighbourhoods[neighbourhood].code);
    /* Found again the same way when it is read from the store, where the index is not kept. */
    referral.profile.neighbourhood = 77;
    profile_settle(network, &referral);
    cr_assert_eq(referral.profile.neighbourhood, neighbourhood);
}

/* ---- where ---- */

Test(profile, a_postcode_tells_the_neighbourhood_and_how_exactly)
{
    static const enum locality localities[] = {LOCALITY_EXACT, LOCALITY_SECTOR, LOCALITY_DISTRICT};

    message_set_string(&message, FIELD_neighbourhood_code, "E02000001");
    for (int i = 0; i < 3; i++) {
        struct place place = place_at(localities[i], "E02000002", 257000);
        take(&place, DAY);
        assert_lives(1, localities[i], 257000);
        cr_assert_eq(referral.profile.decile, 4);
    }
}

Test(profile, a_postcode_without_a_neighbourhood_belongs_to_the_nearest)
{
    struct place place = place_at(LOCALITY_EXACT, "", 256500);

    take(&place, DAY);
    assert_lives(1, LOCALITY_NEAREST, 256500);
    cr_assert_not(profile_is_outside(&referral.profile));
}

Test(profile, a_postcode_that_is_far_from_all_or_in_a_foreign_neighbourhood_is_outside)
{
    struct place far = place_at(LOCALITY_EXACT, "", 300000), foreign = place_at(LOCALITY_EXACT, "E02009999", 248100);

    message_set_string(&message, FIELD_neighbourhood_code, "E02000001");
    take(&far, DAY);
    assert_lives(NEIGHBOURHOOD_NONE, LOCALITY_EXACT, 300000);
    cr_assert(profile_is_outside(&referral.profile));
    take(&foreign, DAY);
    assert_lives(NEIGHBOURHOOD_NONE, LOCALITY_EXACT, 248100);
    cr_assert(profile_is_outside(&referral.profile));
    cr_assert_str_eq(referral.neighbourhood_code, "E02009999");
}

Test(profile, a_postcode_that_is_not_found_gives_way_to_what_is_stated)
{
    struct place unknown = place_at(LOCALITY_UNKNOWN, "", 0);

    message_set_string(&message, FIELD_neighbourhood_code, "E02000002");
    message_set_string(&message, FIELD_contact_hub_id, "oak");
    take(&unknown, DAY);
    assert_lives(1, LOCALITY_STATED, 258000);
    cr_assert_eq(referral.profile.decile, 0);
    take(NULL, DAY);
    assert_lives(1, LOCALITY_STATED, 258000);
}

Test(profile, the_hub_of_contact_stands_in_with_its_first_area_on_that_day)
{
    message_set_string(&message, FIELD_contact_hub_id, "oak");
    message_set_string(&message, FIELD_gp_practice_ods, "Y99999");
    message_set_number(&message, FIELD_no_fixed_abode, 1);
    take(NULL, DAY);
    assert_lives(0, LOCALITY_CONTACT, 248500);
    cr_assert(referral.profile.no_fixed_abode);
    take(NULL, DAY + 1);
    assert_lives(0, LOCALITY_CONTACT, 258500);                 /* its first area, although it has moved to another */
    message_set_string(&message, FIELD_contact_hub_id, "elm"); /* which has no area: the nearest */
    take(NULL, DAY);
    assert_lives(0, LOCALITY_CONTACT, 249000);
}

Test(profile, a_practice_stands_in_when_nothing_else_tells)
{
    message_set_string(&message, FIELD_neighbourhood_code, "misspelt");
    message_set_string(&message, FIELD_gp_practice_ods, "Y99999");
    take(NULL, DAY);
    assert_lives(1, LOCALITY_PRACTICE, 258300);
}

Test(profile, who_cannot_be_found_is_nowhere_and_not_outside)
{
    message_set_string(&message, FIELD_neighbourhood_code, "misspelt");
    message_set_string(&message, FIELD_contact_hub_id, "yew");
    message_set_string(&message, FIELD_gp_practice_ods, "Y00000");
    take(NULL, DAY);
    assert_lives(NEIGHBOURHOOD_NONE, LOCALITY_UNKNOWN, 0);
    cr_assert_not(profile_is_outside(&referral.profile));
    cr_assert_str_eq(referral.neighbourhood_code, "");
}

Test(profile, a_stored_person_whose_neighbourhood_has_left_the_network_belongs_to_the_nearest)
{
    message_set_string(&message, FIELD_neighbourhood_code, "E02000002");
    take(NULL, DAY);
    strcpy(referral.neighbourhood_code, "gone");
    profile_settle(network, &referral);
    cr_assert_eq(referral.profile.neighbourhood, 1);
}

/* ---- what ---- */

static void set_codes(enum field field, int first, int second)
{
    struct value *list = message_set_list(&message, field, 2);

    list[0] = (struct value){.present = true, .number = first};
    list[1] = (struct value){.present = true, .number = second};
}

static void set_ids(enum field field, const char *first, const char *second)
{
    struct value *list = message_set_list(&message, field, 2);

    list[0] = (struct value){.present = true, .text = {first, (uint32_t)strlen(first)}};
    list[1] = (struct value){.present = true, .text = {second, (uint32_t)strlen(second)}};
}

Test(profile, all_that_rules_look_at_is_taken)
{
    struct value *needs = message_set_list(&message, FIELD_needs, 2);

    needs[MEMBER_code] = (struct value){.present = true, .number = NEED_FOOD};
    needs[NEED_OF_PERSON_MEMBER_COUNT + MEMBER_code] = (struct value){.present = true, .number = NEED_DEBT_ADVICE};
    needs[NEED_OF_PERSON_MEMBER_COUNT + MEMBER_is_primary] = (struct value){.present = true, .number = 1};
    set_codes(FIELD_risk_flags, RISK_FALLS, RISK_NO_FOOD);
    set_codes(FIELD_reasonable_adjustments, ADJUST_BSL, ADJUST_QUIET);
    set_ids(FIELD_plus_groups, "refugees", "others");
    set_ids(FIELD_excluded_hub_ids, "elm", "oak");
    message_set_string(&message, FIELD_preferred_hub_id, "elm");
    message_set_number(&message, FIELD_tier_needed, TIER_SPECIALIST);
    message_set_number(&message, FIELD_priority, PRIORITY_ASAP);
    message_set_number(&message, FIELD_interpreter_needed, 1);
    message_set_number(&message, FIELD_is_carer, 1);
    message_set_number(&message, FIELD_date_of_birth, DAY - 365 * 41);
    message_set_number(&message, FIELD_travel_limit_minutes, 20);
    message_set_number(&message, FIELD_transport_mode, TRANSPORT_WALK);
    take(NULL, DAY);
    const struct profile *profile = &referral.profile;
    cr_assert_eq(profile->need, NEED_DEBT_ADVICE);
    cr_assert_eq(profile->needs, NEED_BIT(NEED_DEBT_ADVICE) | NEED_BIT(NEED_FOOD));
    cr_assert_eq(profile->risks, CODE_BIT(RISK_FALLS) | CODE_BIT(RISK_NO_FOOD));
    cr_assert_eq(profile->adjustments, CODE_BIT(ADJUST_BSL) | CODE_BIT(ADJUST_QUIET));
    cr_assert_eq(profile->plus_count, 2);
    cr_assert_eq(profile->plus[0], network->plus_groups[1]);
    cr_assert_eq(profile->excluded_count, 2);
    cr_assert_eq(profile->excluded[0], 2);
    cr_assert_eq(profile->preferred_hub, 2);
    cr_assert_eq(profile->tier, TIER_SPECIALIST);
    cr_assert_eq(profile->priority, PRIORITY_ASAP);
    cr_assert(profile->interpreter_needed && profile->is_carer);
    cr_assert_eq(profile->age, 40);
    cr_assert_eq(profile->transport, TRANSPORT_WALK);
    cr_assert_eq(profile->travel_m, 1000);
    message_unset(&message, FIELD_transport_mode);
    take(NULL, DAY);
    cr_assert_eq(referral.profile.travel_m, 2000, "by bus unless somebody says");
}

Test(profile, doubt_about_consent_and_a_safeguarding_concern_are_for_a_person)
{
    message_set_string(&message, FIELD_safeguarding_code, "861931000000100");
    message_set_number(&message, FIELD_consent_to_share, CONSENT_GIVEN);
    message_set_number(&message, FIELD_consent_expires_on, DAY);
    take(NULL, DAY);
    cr_assert_not(referral.profile.consent_in_doubt || referral.profile.safeguarding);
    cr_assert_eq(referral.profile.consent_until, DAY);
    message_set_number(&message, FIELD_consent_expires_on, 0);
    take(NULL, DAY);
    cr_assert(referral.profile.consent_in_doubt, "it ran out on the first day of 1970");
    message_unset(&message, FIELD_consent_expires_on);
    message_set_number(&message, FIELD_consent_to_share, CONSENT_IN_DOUBT);
    take(NULL, DAY);
    cr_assert(referral.profile.consent_in_doubt);
    message_set_string(&message, FIELD_safeguarding_code, "861891000000106");
    take(NULL, DAY);
    cr_assert(referral.profile.safeguarding);
}

Test(profile, a_question_about_a_person_who_does_not_exist_may_leave_most_out)
{
    message_init(&message, MESSAGE_profile);
    struct value *needs = message_set_list(&message, FIELD_needs, 1);
    needs[MEMBER_code] = (struct value){.present = true, .number = NEED_FOOD};
    message_set_number(&message, FIELD_age, 17);
    take(NULL, DAY);
    const struct profile *profile = &referral.profile;
    cr_assert_eq(profile->age, 17);
    cr_assert_eq(profile->need, NEED_FOOD);
    cr_assert_eq(profile->tier, TIER_TARGETED);
    cr_assert_eq(profile->priority, PRIORITY_ROUTINE);
    cr_assert_eq(profile->gender, GENDER_NOT_STATED);
    cr_assert_eq(profile->source, SOURCE_OTHER);
    cr_assert_eq(profile->locality, LOCALITY_UNKNOWN);
    cr_assert_not(profile->safeguarding || profile->consent_in_doubt);
    cr_assert_eq(profile->travel_m, 0);
}

/* ---- who is told what came of it ---- */

static void agree_to(enum message_back back)
{
    message_set_list(&message, FIELD_consent_message_back, 1)[0] = (struct value){.present = true, .number = back};
}

Test(profile, a_practice_with_a_mailbox_is_told_when_the_person_agrees)
{
    message_set_string(&message, FIELD_gp_practice_ods, "Y99999");
    agree_to(BACK_GP);
    take(NULL, DAY);
    cr_assert_eq(referral.message_back, CODE_BIT(BACK_GP));
    cr_assert_eq(referral.practice, 9);
    agree_to(BACK_REFERRER);
    take(NULL, DAY);
    cr_assert_eq(referral.practice, PARTY_NONE);
    agree_to(BACK_GP);
    message_set_string(&message, FIELD_gp_practice_ods, "Y11111");
    take(NULL, DAY);
    cr_assert_eq(referral.practice, PARTY_NONE, "it has no mailbox");
}

/* ---- updates ---- */

static struct message update;

static void begin_update(void)
{
    message_init(&update, MESSAGE_update);
    message_set_number(&update, FIELD_referral_id, 7);
}

static void take_update(const struct place *place)
{
    struct message merged;

    profile_merge(&message, &update, &merged);
    profile_update(network, place, &merged, &update, DAY, &referral);
}

Test(profile, an_update_that_says_nothing_leaves_the_submit_as_it_was)
{
    static uint8_t ours[MESSAGE_BYTES_MAX], theirs[MESSAGE_BYTES_MAX];
    struct message merged;

    begin_update();
    message_set_string(&update, FIELD_note, "nothing");
    profile_merge(&message, &update, &merged);
    size_t length = encode(&message, ours, sizeof ours);
    cr_assert_eq(encode(&merged, theirs, sizeof theirs), length);
    cr_assert_arr_eq(theirs, ours, length);
}

Test(profile, an_update_replaces_what_it_names_and_nothing_else)
{
    struct message merged;

    begin_update();
    message_set_string(&update, FIELD_postcode, "PL4 8AA");
    message_set_string(&update, FIELD_what_matters, "to be outdoors");
    profile_merge(&message, &update, &merged);
    cr_assert_eq(message_text(&merged, FIELD_what_matters).length, strlen("to be outdoors"));
    cr_assert_arr_eq(message_text(&merged, FIELD_postcode).bytes, "PL4 8AA", 7);
    cr_assert_eq(message_text(&merged, FIELD_family_name).bytes, message_text(&message, FIELD_family_name).bytes);
    cr_assert_arr_eq(message_uuid(&merged, FIELD_request_id), message_uuid(&message, FIELD_request_id), UUID_BYTES);
    cr_assert_not(message_has(&merged, FIELD_referral_id) || message_has(&merged, FIELD_note));
}

Test(profile, a_new_consent_takes_the_place_of_the_whole_old_one)
{
    message_set_number(&message, FIELD_consent_to_share, CONSENT_IN_DOUBT);
    message_set_number(&message, FIELD_consent_expires_on, DAY + 3);
    take(NULL, DAY);
    begin_update();
    take_update(NULL);
    cr_assert(referral.profile.consent_in_doubt && referral.profile.consent_until == DAY + 3);
    message_set_number(&update, FIELD_consent_to_share, CONSENT_GIVEN);
    take_update(NULL);
    cr_assert_not(referral.profile.consent_in_doubt);
    cr_assert_eq(referral.profile.consent_until, 0, "it has no end");
}

Test(profile, who_moves_lives_elsewhere_and_who_does_not_stays)
{
    struct place north = place_at(LOCALITY_EXACT, "E02000001", 248000);
    struct place south = place_at(LOCALITY_EXACT, "E02000002", 258000);
    struct place nowhere = {.locality = LOCALITY_UNKNOWN};

    take(&north, DAY);
    begin_update();
    message_set_number(&update, FIELD_is_carer, 1);
    take_update(&south); /* the table has changed, the person has not */
    assert_lives(0, LOCALITY_EXACT, 248000);
    message_set_string(&update, FIELD_postcode, "PL4 8AA");
    take_update(&south);
    assert_lives(1, LOCALITY_EXACT, 258000);
    message_unset(&message, FIELD_neighbourhood_code);
    take_update(&nowhere);
    assert_lives(NEIGHBOURHOOD_NONE, LOCALITY_UNKNOWN, 0);
    cr_assert_eq(referral.profile.decile, 0);
}

Test(profile, who_is_born_tomorrow_is_not_older_than_a_newborn)
{
    message_set_number(&message, FIELD_date_of_birth, DAY + 1);
    take(NULL, DAY);
    cr_assert_eq(referral.profile.age, 0);
}

Test(profile, what_operators_decided_outlives_an_update)
{
    message_set_string(&message, FIELD_safeguarding_code, "861891000000106");
    take(NULL, DAY);
    referral.profile.safeguarding = false; /* somebody looked at it */
    referral.profile.priority = PRIORITY_STAT;
    begin_update();
    message_set_number(&update, FIELD_interpreter_needed, 1);
    message_set_number(&update, FIELD_travel_limit_minutes, 20);
    take_update(NULL);
    cr_assert_not(referral.profile.safeguarding);
    cr_assert_eq(referral.profile.priority, PRIORITY_STAT);
    cr_assert(referral.profile.interpreter_needed);
    cr_assert_eq(referral.profile.travel_m, 2000);
}
