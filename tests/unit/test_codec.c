/* SPDX-License-Identifier: MIT
 * The wire as a peer meets it: what is taken, and how each fault is named. */
#include "proto/check.h"
#include "tests/frames.h"
#include "tests/outside.h"
#include "tests/people.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

static struct decoder *decoder;
static struct message sent;
static struct message got;
static struct fault fault;
static struct frame frame;

static void open_decoder(void)
{
    decoder = decoder_open();
    person_submit(&sent, 2, PEOPLE_POSTCODE);
    frame_of(&frame, &sent);
}

static void close_decoder(void)
{
    decoder_close(&decoder);
}

TestSuite(codec, .init = open_decoder, .fini = close_decoder);

static bool take(const void *bytes, size_t length)
{
    /* A copy of exactly this size, so that a sanitizer sees a read past the end. */
    void *copy = calloc(1, length ? length : 1);
    bool taken;

    memcpy(copy, bytes, length);
    taken = decode(decoder, copy, length, &got, &fault);
    free(copy);
    return taken;
}

static void assert_taken(void)
{
    cr_assert(decode(decoder, frame.bytes, frame.length, &got, &fault), "REF-%04d %s", fault.refusal, fault.field);
}

static void assert_refused(enum refusal refusal, const char *field)
{
    cr_assert_not(take(frame.bytes, frame.length));
    cr_assert_eq(fault.refusal, refusal, "REF-%04d (%s) instead of REF-%04d", fault.refusal, fault.field, refusal);
    cr_assert_str_eq(fault.field, field);
}

/* A new frame with only this field changed. */
static void assert_text_refused(const char *key, const char *text, enum refusal refusal, const char *field)
{
    frame_of(&frame, &sent);
    frame_set_string(&frame, key, text);
    assert_refused(refusal, field);
}

static void assert_raw_refused(const char *key, const char *raw, size_t length, enum refusal refusal, const char *field)
{
    frame_of(&frame, &sent);
    frame_set(&frame, key, raw, length);
    assert_refused(refusal, field);
}

#define ASSERT_RAW_REFUSED(key, raw, refusal, field) assert_raw_refused(key, raw, sizeof(raw) - 1, refusal, field)

Test(codec, what_was_encoded_is_decoded_and_encoded_to_the_same_bytes)
{
    for (unsigned seed = 0; seed < 500; seed++) {
        static unsigned char again[MESSAGE_BYTES_MAX];

        person_submit(&sent, seed, "PL4 8AA");
        frame_of(&frame, &sent);
        assert_taken();
        cr_assert_eq(got.type, MESSAGE_submit);
        cr_assert_eq(encode(&got, again, sizeof again), frame.length);
        cr_assert_arr_eq(again, frame.bytes, frame.length);
    }
}

Test(codec, every_value_arrives)
{
    assert_taken();
    for (size_t i = 0; i < FIELD_COUNT; i++)
        cr_assert_eq(message_has(&got, i), message_has(&sent, i), "%s", fields[i].name);
    cr_assert_arr_eq(message_uuid(&got, FIELD_request_id), message_uuid(&sent, FIELD_request_id), UUID_BYTES);
    cr_assert_eq(message_number(&got, FIELD_sent_at), message_number(&sent, FIELD_sent_at));
    cr_assert_eq(message_number(&got, FIELD_date_of_birth), message_number(&sent, FIELD_date_of_birth));
    cr_assert_eq(message_number(&got, FIELD_gender), message_number(&sent, FIELD_gender));
    cr_assert_str_eq(got.postcode, PEOPLE_POSTCODE);
    cr_assert_str_eq(got.nhs_number, sent.nhs_number);
    cr_assert_eq(message_primary_need(&got), message_primary_need(&sent));
    cr_assert_eq(message_list_count(&got, FIELD_address_lines), 2);
    cr_assert_eq(message_element(&got, FIELD_contact_permissions, 1)->number, CONTACT_POST);
    cr_assert_eq(message_member(&got, FIELD_baseline_scores, 0, MEMBER_score_items)->list.count, 4);
    cr_assert_eq(message_member(&got, FIELD_baseline_scores, 1, MEMBER_score_total)->number, 9);
}

Test(codec, the_order_of_the_fields_does_not_matter_and_the_encoding_is_canonical)
{
    static unsigned char first[MESSAGE_BYTES_MAX];
    static unsigned char again[MESSAGE_BYTES_MAX];
    size_t length = frame.length;

    memcpy(first, frame.bytes, length);
    frame_set_string(&frame, "type", "submit");
    frame_set_string(&frame, "postcode", "pl11ae");
    frame_set_string(&frame, "referral_code", "871731000000106");
    assert_taken();
    cr_assert_eq(encode(&got, again, sizeof again), length);
    cr_assert_arr_eq(again, first, length);
}

Test(codec, times_and_numbers_are_brought_into_normal_form)
{
    char spaced[16];

    snprintf(spaced, sizeof spaced, "%.3s %.3s %.4s", sent.nhs_number, sent.nhs_number + 3, sent.nhs_number + 6);
    frame_set_string(&frame, "nhs_number", spaced);
    frame_set(&frame, "travel_limit_minutes", "\xcf\0\0\0\0\0\0\0\x1e", 9);
    assert_taken();
    cr_assert_str_eq(got.nhs_number, sent.nhs_number);
    cr_assert_eq(message_number(&got, FIELD_travel_limit_minutes), 30);
}

Test(codec, decoding_takes_no_memory)
{
    size_t before;

    assert_taken();
    before = mallinfo2().uordblks;
    for (int i = 0; i < 100; i++)
        assert_taken();
    cr_assert_eq(mallinfo2().uordblks, before);
}

Test(codec, what_is_not_one_map_is_refused)
{
    static unsigned char large[MESSAGE_BYTES_MAX + 1];
    unsigned char deep[100];

    memset(deep, 0x91, sizeof deep);
    cr_assert(!take("", 0) && fault.refusal == REFUSAL_NOT_MSGPACK);
    cr_assert(!take("\xdd\xff\xff\xff\xff", 5) && fault.refusal == REFUSAL_NOT_MSGPACK);
    cr_assert(!take("GET / HTTP/1.1\r\n", 16) && fault.refusal == REFUSAL_NOT_MSGPACK);
    cr_assert(!take(deep, sizeof deep) && fault.refusal == REFUSAL_TOO_DEEP);
    cr_assert(!take(large, sizeof large) && fault.refusal == REFUSAL_TOO_LARGE);
    cr_assert(!take("\x90", 1) && fault.refusal == REFUSAL_NOT_A_MAP);
    cr_assert(!take("\x81\x01\x01", 3) && fault.refusal == REFUSAL_NOT_A_MAP);
    cr_assert(!take("\x82\x01\x01\xa4type\xa6submit", 15) && fault.refusal == REFUSAL_NOT_A_MAP);
    cr_assert(!take("\x82\xa4type\xa6submit\x01\x01", 15) && fault.refusal == REFUSAL_NOT_A_MAP);
    frame.bytes[frame.length++] = 0xc0;
    assert_refused(REFUSAL_NOT_MSGPACK, "");
}

Test(codec, every_cut_of_a_frame_is_refused)
{
    for (size_t length = 0; length < frame.length; length++)
        cr_assert(!take(frame.bytes, length) && fault.refusal == REFUSAL_NOT_MSGPACK, "%zu", length);
}

Test(codec, a_type_that_is_missing_or_unknown_is_refused)
{
    assert_text_refused("type", "submitt", REFUSAL_UNKNOWN_TYPE, "type");
    ASSERT_RAW_REFUSED("type", "\x02", REFUSAL_UNKNOWN_TYPE, "type");
    frame_of(&frame, &sent);
    frame_drop(&frame, "type");
    assert_refused(REFUSAL_UNKNOWN_TYPE, "type");
    cr_assert_eq(got.type, MESSAGE_NONE);
    cr_assert_arr_eq(message_uuid(&got, FIELD_request_id), message_uuid(&sent, FIELD_request_id), UUID_BYTES);
}

Test(codec, each_mandatory_field_is_missed_by_name)
{
    const struct message_spec *spec = message_spec(MESSAGE_submit);

    for (size_t m = 0; m < spec->count; m++) {
        frame_of(&frame, &sent);
        frame_drop(&frame, fields[spec->members[m].field].name);
        if (spec->members[m].obligation == MANDATORY)
            assert_refused(REFUSAL_REQUIRED, fields[spec->members[m].field].name);
        else
            assert_taken();
    }
}

Test(codec, an_unknown_field_is_refused_by_name_with_the_nearest_one)
{
    assert_text_refused("famly_name", "x", REFUSAL_UNKNOWN_FIELD, "famly_name (did you mean family_name?)");
    assert_text_refused("post_code", "x", REFUSAL_UNKNOWN_FIELD, "post_code (did you mean postcode?)");
    assert_text_refused("favourite_colour", "x", REFUSAL_UNKNOWN_FIELD, "favourite_colour");
    assert_text_refused("outcome", "got-help", REFUSAL_UNKNOWN_FIELD, "outcome");
    assert_text_refused("nhs_number_absent_reasonxy", "x", REFUSAL_UNKNOWN_FIELD,
                        "nhs_number_absent_reasonxy (did you mean nhs_number_absent_reason?)");
}

Test(codec, an_unknown_key_that_may_be_content_is_not_repeated)
{
    assert_text_refused("Avery Example", "x", REFUSAL_UNKNOWN_FIELD, "");
    assert_text_refused("9990000018", "x", REFUSAL_UNKNOWN_FIELD, "");
    assert_text_refused("", "x", REFUSAL_UNKNOWN_FIELD, "");
    assert_text_refused("a_name_that_is_longer_than_forty_characters", "x", REFUSAL_UNKNOWN_FIELD, "");
}

/* Adds a pair at the end although its key stands in the map already. */
static void repeat_pair(const char *key, const char *text)
{
    struct packer packer;

    cr_assert_eq(frame.bytes[0], 0xde);
    frame.bytes[2]++;
    packer_init(&packer, frame.bytes + frame.length, sizeof frame.bytes - frame.length);
    pack_text(&packer, key, strlen(key));
    pack_text(&packer, text, strlen(text));
    frame.length += packer.length;
}

Test(codec, a_field_that_stands_twice_is_refused_by_name)
{
    repeat_pair("family_name", "Example");
    assert_refused(REFUSAL_DUPLICATE_FIELD, "family_name");
    frame_of(&frame, &sent);
    repeat_pair("type", "submit");
    assert_refused(REFUSAL_DUPLICATE_FIELD, "type");
}

Test(codec, a_field_of_the_wrong_kind_is_refused_by_name)
{
    const struct message_spec *spec = message_spec(MESSAGE_submit);

    for (size_t m = 0; m < spec->count; m++) {
        const char *name = fields[spec->members[m].field].name;

        ASSERT_RAW_REFUSED(name, "\xc0", REFUSAL_WRONG_TYPE, name);
        ASSERT_RAW_REFUSED(name, "\xcb\x7f\xf8\0\0\0\0\0\0", REFUSAL_WRONG_TYPE, name);
        ASSERT_RAW_REFUSED(name, "\xc4\x01x", REFUSAL_WRONG_TYPE, name);
        ASSERT_RAW_REFUSED(name, "\x80", REFUSAL_WRONG_TYPE, name);
        ASSERT_RAW_REFUSED(name, "\xd4\x01x", REFUSAL_NOT_MSGPACK, "");
    }
    ASSERT_RAW_REFUSED("travel_limit_minutes", "\xcb\x40\x3e\0\0\0\0\0\0", REFUSAL_WRONG_TYPE, "travel_limit_minutes");
}

Test(codec, values_that_do_not_have_their_form_are_refused_for_the_reason)
{
    assert_text_refused("request_id", "1", REFUSAL_NOT_A_UUID, "request_id");
    assert_text_refused("date_of_birth", "1946-02-30", REFUSAL_NOT_A_TIME, "date_of_birth");
    assert_text_refused("sent_at", "2026-11-22T14:02:31", REFUSAL_NOT_A_TIME, "sent_at");
    assert_text_refused("nhs_number", "9990000010", REFUSAL_NHS_NUMBER, "nhs_number");
    assert_text_refused("postcode", "PL1", REFUSAL_POSTCODE, "postcode");
    assert_text_refused("priority", "soon", REFUSAL_NOT_A_CODE, "priority");
    assert_text_refused("priority", "", REFUSAL_NOT_A_CODE, "priority");
    assert_text_refused("referrer_phone", "01632 96000", REFUSAL_MALFORMED, "referrer_phone");
    assert_text_refused("referrer_phone", "", REFUSAL_TOO_SHORT, "referrer_phone");
    assert_text_refused("referrer_phone", "+1234", REFUSAL_TOO_SHORT, "referrer_phone");
    assert_text_refused("referrer_phone", "+1234567890123456", REFUSAL_TOO_LONG, "referrer_phone");
    assert_text_refused("email", "nobody at home", REFUSAL_MALFORMED, "email");
    assert_text_refused("language", "en GB", REFUSAL_MALFORMED, "language");
    assert_text_refused("referral_code", "87173100000010x", REFUSAL_MALFORMED, "referral_code");
    assert_text_refused("family_name", "", REFUSAL_TOO_SHORT, "family_name");
    assert_text_refused("family_name", "\xc3\x28", REFUSAL_NOT_UTF8, "family_name");
    assert_text_refused("family_name", "two\nlines", REFUSAL_NOT_UTF8, "family_name");
    assert_text_refused("cares_for", "two\nlines", REFUSAL_NOT_UTF8, "cares_for");
    ASSERT_RAW_REFUSED("travel_limit_minutes", "\x04", REFUSAL_OUT_OF_RANGE, "travel_limit_minutes");
    ASSERT_RAW_REFUSED("travel_limit_minutes", "\x79", REFUSAL_OUT_OF_RANGE, "travel_limit_minutes");
    ASSERT_RAW_REFUSED("travel_limit_minutes", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", REFUSAL_OUT_OF_RANGE,
                       "travel_limit_minutes");
}

Test(codec, the_limit_of_a_text_counts_characters)
{
    char text[163] = "";

    for (int i = 0; i < 80; i++)
        strcat(text, "ë");
    frame_set_string(&frame, "family_name", text);
    assert_taken();
    strcat(text, "ë");
    assert_text_refused("family_name", text, REFUSAL_TOO_LONG, "family_name");
}

Test(codec, a_fault_in_a_list_names_the_place)
{
    ASSERT_RAW_REFUSED("address_lines", "\x92\xa1x\xa0", REFUSAL_TOO_SHORT, "address_lines[1]");
    ASSERT_RAW_REFUSED("address_lines", "\x90", REFUSAL_TOO_SHORT, "address_lines");
    ASSERT_RAW_REFUSED("address_lines", "\x96\xa1x\xa1x\xa1x\xa1x\xa1x\xa1x", REFUSAL_TOO_LONG, "address_lines");
    ASSERT_RAW_REFUSED("needs", "\x90", REFUSAL_TOO_SHORT, "needs");
    ASSERT_RAW_REFUSED("contact_permissions", "\x92\xa5phone\xa5phone", REFUSAL_DUPLICATE_FIELD,
                       "contact_permissions[1]");
    ASSERT_RAW_REFUSED("contact_permissions",
                       "\x91\xa3"
                       "fax",
                       REFUSAL_NOT_A_CODE, "contact_permissions[0]");
    ASSERT_RAW_REFUSED("excluded_hub_ids", "\x91\xa2x ", REFUSAL_MALFORMED, "excluded_hub_ids[0]");
    ASSERT_RAW_REFUSED("needs",
                       "\x92\x81\xa4"
                       "code\xa4"
                       "food\x81\xa4"
                       "code\xa4gold",
                       REFUSAL_NOT_A_CODE, "needs[1].code");
    ASSERT_RAW_REFUSED("needs", "\x91\x80", REFUSAL_REQUIRED, "needs[0].code");
    ASSERT_RAW_REFUSED("needs", "\x91\xa1x", REFUSAL_WRONG_TYPE, "needs[0]");
    ASSERT_RAW_REFUSED("needs", "\x91\x81\x01\x01", REFUSAL_WRONG_TYPE, "needs[0]");
    ASSERT_RAW_REFUSED("needs",
                       "\x91\x81\xa4"
                       "cod3\xa4"
                       "food",
                       REFUSAL_UNKNOWN_FIELD, "needs[0]");
    ASSERT_RAW_REFUSED("needs",
                       "\x91\x81\xa4"
                       "kode\xa4"
                       "food",
                       REFUSAL_UNKNOWN_FIELD, "needs[0].kode (did you mean code?)");
    ASSERT_RAW_REFUSED("needs",
                       "\x91\x82\xa4"
                       "code\xa4"
                       "food\xa4"
                       "code\xa4"
                       "food",
                       REFUSAL_DUPLICATE_FIELD, "needs[0].code");
    ASSERT_RAW_REFUSED("baseline_scores",
                       "\x91\x83\xa7measure\xa4ONS4\xa5items\x94\x01\x02\xa1x\x04\xa8taken_on\xaa"
                       "2026-10-01",
                       REFUSAL_WRONG_TYPE, "baseline_scores[0].items[2]");
    ASSERT_RAW_REFUSED("baseline_scores", "\x91\x82\xa7measure\xa4ONS4\xa5items\x94\x01\x02\x03\x04", REFUSAL_REQUIRED,
                       "baseline_scores[0].taken_on");
}

Test(codec, after_a_fault_only_type_and_request_id_are_kept)
{
    frame_set_string(&frame, "postcode", "nowhere");
    cr_assert_not(take(frame.bytes, frame.length));
    cr_assert_eq(got.type, MESSAGE_submit);
    cr_assert_arr_eq(message_uuid(&got, FIELD_request_id), message_uuid(&sent, FIELD_request_id), UUID_BYTES);
    for (size_t i = 0; i < FIELD_COUNT; i++)
        cr_assert_eq(message_has(&got, i), i == FIELD_request_id);
    cr_assert_eq(got.list_values, 0);
}

/* A submit of further_information with `bytes` bytes in all, close to the limit of its size. */
static void make_large(size_t bytes)
{
    static unsigned char raw[MESSAGE_BYTES_MAX];
    static char text[8000];
    struct packer packer;
    size_t base;
    size_t left;

    frame_drop(&frame, "further_information");
    base = frame.length + sizeof "further_information" + 3; /* key and array header */
    left = bytes - base;
    packer_init(&packer, raw, sizeof raw);
    pack_array(&packer, 16);
    for (int i = 0; i < 16; i++) {
        /* 17 bytes are the map, its keys, an element of one letter and the header of the value. */
        size_t value = left / (size_t)(16 - i) - 20;

        for (size_t k = 0; k < value; k++)
            text[k] = "\xf0\x9f\x98\x80"[k % 4];
        memset(text + value / 4 * 4, 'x', value % 4);
        pack_map(&packer, 2);
        pack_text(&packer, "element", 7);
        pack_text(&packer, "x", 1);
        pack_text(&packer, "value", 5);
        pack_text(&packer, text, value);
        left = bytes - base - packer.length;
    }
    frame_set(&frame, "further_information", raw, packer.length);
}

Test(codec, whatever_is_accepted_can_be_encoded_within_its_limit)
{
    static unsigned char again[MESSAGE_BYTES_MAX];
    unsigned taken = 0;
    unsigned refused = 0;

    frame_set_string(&frame, "sent_at", "2026-11-01T09:05:00Z");
    frame_set_string(&frame, "authored_on", "2026-11-01T09:00:00Z");
    for (size_t bytes = SUBMIT_BYTES_MAX - 100; bytes < SUBMIT_BYTES_MAX + 100; bytes++) {
        make_large(bytes);
        if (!decode(decoder, frame.bytes, frame.length, &got, &fault)) {
            cr_assert_eq(fault.refusal, REFUSAL_TOO_LARGE, "REF-%04d %s", fault.refusal, fault.field);
            refused++;
            continue;
        }
        taken++;
        cr_assert_gt(encode(&got, again, SUBMIT_BYTES_MAX), 0);
    }
    cr_assert(taken > 10 && refused > 10, "%u %u", taken, refused);
}

/* What the network adds to a submit when it passes the person on, each as long as it may be. */
static void add_longest(struct message *person)
{
    static char id[ID_BYTES_MAX];
    static char name[4 * 120];
    struct value *services = message_set_list(person, FIELD_service_ids, (size_t)fields[FIELD_service_ids].most);

    memset(id, 'x', sizeof id);
    for (size_t i = 0; i < sizeof name; i++)
        name[i] = "\xf0\x9f\x98\x80"[i % 4];
    for (int64_t i = 0; i < fields[FIELD_service_ids].most; i++)
        services[i] = (struct value){.present = true, .text = {id, sizeof id}};
    message_set_number(person, FIELD_mailbox_number, fields[FIELD_mailbox_number].most);
    message_set_number(person, FIELD_referral_id, INT64_MAX);
    message_set_number(person, FIELD_offer_number, fields[FIELD_offer_number].most);
    message_set_number(person, FIELD_at, PEOPLE_AUTHORED_MS);
    message_set_text(person, FIELD_service_id, id, sizeof id);
    message_set_text(person, FIELD_sender_id, id, sizeof id);
    message_set_text(person, FIELD_neighbourhood_code, id, sizeof id);
    message_set_text(person, FIELD_neighbourhood_name, name, sizeof name);
}

/* Passes what was decoded on in a message of that type. */
static void pass_on(struct message *to, enum message_type type)
{
    const struct message_spec *spec = message_spec(type);

    message_init(to, type);
    for (size_t m = 0; m < spec->count; m++)
        message_copy(to, &got, spec->members[m].field);
    add_longest(to);
}

Test(codec, the_longest_submit_can_be_passed_on_to_a_hub_whatever_the_network_adds)
{
    static unsigned char again[MESSAGE_BYTES_MAX];
    static char note[4 * 2000];
    struct message person;
    size_t bytes = SUBMIT_BYTES_MAX + 1;

    message_set_string(&sent, FIELD_referral_identifier, "1");
    frame_of(&frame, &sent);
    do
        make_large(--bytes);
    while (!decode(decoder, frame.bytes, frame.length, &got, &fault));
    cr_assert_gt(frame.length, SUBMIT_BYTES_MAX - 10);
    pass_on(&person, MESSAGE_person);
    cr_assert_gt(encode(&person, again, sizeof again), frame.length);
    pass_on(&person, MESSAGE_updated);
    for (size_t i = 0; i < sizeof note; i++)
        note[i] = "\xf0\x9f\x98\x80"[i % 4];
    message_set_text(&person, FIELD_note, note, sizeof note);
    cr_assert_gt(encode(&person, again, sizeof again), frame.length);
}

/* Eight parts of one need each, and the places. */
static void fill_ended(struct message *ended)
{
    struct value *part;
    struct value *place;

    message_init(ended, MESSAGE_ended);
    message_set_number(ended, FIELD_mailbox_number, 1);
    message_set_number(ended, FIELD_referral_id, 1);
    message_copy(ended, &sent, FIELD_correlation_id);
    message_set_number(ended, FIELD_state, STATE_COMPLETED);
    message_set_number(ended, FIELD_business_status, BUSINESS_PARTLY);
    message_set_number(ended, FIELD_at, PEOPLE_AUTHORED_MS);
    part = message_set_list(ended, FIELD_parts, 8);
    for (int i = 0; i < 8; i++, part += PART_OF_REFERRAL_MEMBER_COUNT) {
        struct value *needs = message_set_member_list(ended, &part[MEMBER_part_needs], 2);

        needs[0] = (struct value){.present = true, .number = 1 + i};
        needs[1] = (struct value){.present = true, .number = 9 + i};
        part[MEMBER_part_state] = (struct value){.present = true, .number = STATE_COMPLETED};
        part[MEMBER_part_business_status] = (struct value){.present = true, .number = BUSINESS_GOT_HELP};
        part[MEMBER_part_hub_id] = (struct value){.present = true, .text = {"oak", 3}};
    }
    place = message_set_list(ended, FIELD_places_to_go, 5);
    for (int i = 0; i < 5; i++, place += PLACE_TO_GO_MEMBER_COUNT) {
        place[MEMBER_place_hub_id] = (struct value){.present = true, .text = {"library", 7}};
        place[MEMBER_place_hub_name] = (struct value){.present = true, .text = {"Central Library", 15}};
        place[MEMBER_place_service_id] = (struct value){.present = true, .text = {"advice", 6}};
        place[MEMBER_place_distance_m] = (struct value){.present = true, .number = i * 100};
    }
}

Test(codec, the_parts_of_a_referral_and_the_places_to_go_arrive_and_can_be_copied)
{
    static unsigned char again[MESSAGE_BYTES_MAX];
    static struct message ended;
    static struct message copy;

    fill_ended(&ended);
    frame_of(&frame, &ended);
    assert_taken();
    for (size_t i = 0; i < 8; i++) {
        const struct value *needs = message_member(&got, FIELD_parts, i, MEMBER_part_needs);

        cr_assert_eq(needs->list.count, 2);
        cr_assert_eq(got.values[needs->list.first + 1].number, (int64_t)(9 + i));
    }
    cr_assert_eq(message_member(&got, FIELD_places_to_go, 4, MEMBER_place_distance_m)->number, 400);
    message_init(&copy, MESSAGE_ended);
    for (size_t i = 0; i < FIELD_COUNT; i++)
        message_copy(&copy, &got, i);
    memset(got.values, 0, sizeof got.values);
    cr_assert_eq(encode(&copy, again, sizeof again), frame.length);
    cr_assert_arr_eq(again, frame.bytes, frame.length);
}

/* Two scores: the items of one before, the total of one after. */
static void fill_scores(struct message *message)
{
    struct value *score = message_set_list(message, FIELD_outcome_scores, 2);
    struct value *items = message_set_member_list(message, &score[MEMBER_outcome_items], 7);

    for (int i = 0; i < 7; i++)
        items[i] = (struct value){.present = true, .number = 1 + i % 5};
    for (int i = 0; i < 2; i++, score += OUTCOME_SCORE_MEMBER_COUNT) {
        score[MEMBER_outcome_moment] = (struct value){.present = true, .number = i ? MOMENT_AFTER : MOMENT_BEFORE};
        score[MEMBER_outcome_measure] = (struct value){.present = true, .number = MEASURE_SWEMWBS};
        score[MEMBER_outcome_taken_on] = (struct value){.present = true, .number = 20750 + i};
        if (i == 1)
            score[MEMBER_outcome_total] = (struct value){.present = true, .number = 30};
    }
}

Test(codec, what_a_hub_reports_at_the_end_arrives_and_can_be_copied)
{
    static unsigned char again[MESSAGE_BYTES_MAX];
    static struct message complete;
    static struct message copy;
    struct value *support;

    message_init(&complete, MESSAGE_complete);
    message_copy(&complete, &sent, FIELD_request_id);
    message_set_number(&complete, FIELD_referral_id, 12);
    message_set_number(&complete, FIELD_offer_number, 1);
    message_set_number(&complete, FIELD_outcome, OUTCOME_GOT_HELP);
    support = message_set_list(&complete, FIELD_support_offered, 2);
    support[0] = (struct value){.present = true, .number = NEED_FOOD};
    support[1] = (struct value){.present = true, .number = NEED_HOUSING};
    fill_scores(&complete);
    frame_of(&frame, &complete);
    assert_taken();
    cr_assert_eq(message_member(&got, FIELD_outcome_scores, 0, MEMBER_outcome_moment)->number, MOMENT_BEFORE);
    cr_assert_eq(message_member(&got, FIELD_outcome_scores, 1, MEMBER_outcome_total)->number, 30);
    message_init(&copy, MESSAGE_complete);
    for (size_t i = 0; i < FIELD_COUNT; i++)
        message_copy(&copy, &got, i);
    memset(got.values, 0, sizeof got.values);
    cr_assert_eq(encode(&copy, again, sizeof again), frame.length);
    cr_assert_arr_eq(again, frame.bytes, frame.length);
}

Test(codec, ids_of_referrals_and_enquiries_and_heads_of_the_history_arrive)
{
    static struct message answer;
    static const char head[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    message_init(&answer, MESSAGE_done);
    message_copy(&answer, &sent, FIELD_request_id);
    message_set_number(&answer, FIELD_enquiry_id, 4711);
    message_set_number(&answer, FIELD_audit_sequence, 9007199254740991);
    message_set_string(&answer, FIELD_audit_head, head);
    message_set_number(&answer, FIELD_duplicate, false);
    message_set_number(&answer, FIELD_at, PEOPLE_AUTHORED_MS);
    frame_of(&frame, &answer);
    assert_taken();
    cr_assert_eq(message_number(&got, FIELD_enquiry_id), 4711);
    cr_assert_eq(message_number(&got, FIELD_audit_sequence), 9007199254740991);
    cr_assert_arr_eq(message_text(&got, FIELD_audit_head).bytes, head, 64);
    frame_set_string(&frame, "audit_head", "00");
    assert_refused(REFUSAL_TOO_SHORT, "audit_head");
}

Test(codec, a_need_that_stands_twice_in_a_part_is_refused_by_its_place)
{
    static struct message ended;

    fill_ended(&ended);
    ended.values[message_member(&ended, FIELD_parts, 3, MEMBER_part_needs)->list.first + 1].number = 4;
    frame_of(&frame, &ended);
    assert_refused(REFUSAL_DUPLICATE_FIELD, "parts[3].needs[1]");
}

Test(codec, a_piece_of_a_network_file_has_lines)
{
    static struct message draft;

    message_init(&draft, MESSAGE_draft);
    message_copy(&draft, &sent, FIELD_request_id);
    message_set_number(&draft, FIELD_first_byte, 0);
    message_set_string(&draft, FIELD_draft_text, "network: {\n\tname = \"Zoë\";\n};\n");
    frame_of(&frame, &draft);
    assert_taken();
}

/* A message with the field note and an id of a referral. */
static void a_hub_starts(void)
{
    static struct message start;

    message_init(&start, MESSAGE_start);
    message_set_uuid(&start, FIELD_request_id, message_uuid(&sent, FIELD_request_id));
    message_set_number(&start, FIELD_referral_id, 1);
    message_set_number(&start, FIELD_offer_number, 1);
    frame_of(&frame, &start);
    assert_taken();
}

Test(codec, an_id_of_a_referral_that_is_mistyped_is_refused_by_name)
{
    a_hub_starts();
    frame_set_string(&frame, "referral_id", "R1-94");
    assert_refused(REFUSAL_MALFORMED, "referral_id");
}

Test(codec, a_short_key_that_shares_little_with_a_name_is_not_taken_for_it)
{
    a_hub_starts();
    frame_set_string(&frame, "no", "x");
    assert_refused(REFUSAL_UNKNOWN_FIELD, "no");
}

Test(codec, a_buffer_that_is_too_small_gives_nothing)
{
    size_t length = frame.length;

    for (size_t size = 0; size < length; size++)
        cr_assert_eq(encode(&sent, frame.bytes, size), 0);
    cr_assert_eq(encode(&sent, frame.bytes, length), length);
}

Test(codec, every_refusal_can_be_told)
{
    for (size_t i = 0; i < refusals_count; i++) {
        static unsigned char bytes[MESSAGE_BYTES_MAX];
        struct message refused;
        char error[16];
        size_t length;

        fault.refusal = refusals[i].refusal;
        strcpy(fault.field, i % 2 ? "needs[2].code" : "");
        refuse(&refused, &sent, &fault, 1500);
        length = encode(&refused, bytes, sizeof bytes);
        cr_assert(decode(decoder, bytes, length, &got, &(struct fault){0}));
        snprintf(error, sizeof error, "REF-%04d", refusals[i].refusal);
        cr_assert_eq(message_text(&got, FIELD_error).length, strlen(error));
        cr_assert_arr_eq(message_text(&got, FIELD_error).bytes, error, strlen(error));
        cr_assert_eq(message_has(&got, FIELD_field), i % 2);
        cr_assert_eq(message_has(&got, FIELD_retry_after_ms), refusals[i].retry == LATER);
        cr_assert_eq(message_number(&got, FIELD_acknowledgement), refusals[i].retry == LATER ? ACK_CE : ACK_CR);
        cr_assert_arr_eq(message_uuid(&got, FIELD_request_id), message_uuid(&sent, FIELD_request_id), UUID_BYTES);
    }
}

Test(codec, every_field_can_be_copied_into_another_message)
{
    static unsigned char again[MESSAGE_BYTES_MAX];
    static struct message copy;

    assert_taken();
    message_init(&copy, MESSAGE_submit);
    for (size_t i = 0; i < FIELD_COUNT; i++)
        message_copy(&copy, &got, i);
    strcpy(got.postcode, "XXXXXXX");
    strcpy(got.nhs_number, "XXXXXXXXXX");
    cr_assert_eq(encode(&copy, again, sizeof again), frame.length);
    cr_assert_arr_eq(again, frame.bytes, frame.length);
}

Test(codec, what_is_no_normal_form_is_copied_as_it_stands)
{
    static const char no_postcode[] = "where the river bends";
    static struct message copy;

    message_set_string(&sent, FIELD_postcode, no_postcode);
    message_init(&copy, MESSAGE_submit);
    message_copy(&copy, &sent, FIELD_postcode);
    cr_assert_eq(message_text(&copy, FIELD_postcode).bytes, no_postcode);
}

Test(codec, a_message_holds_so_many_values_of_lists_and_no_more)
{
    struct value *value;
    size_t count = 0;

    message_init(&got, MESSAGE_submit);
    while ((value = message_set_list(&got, FIELD_address_lines, 5)))
        count += 5;
    cr_assert_eq(count, MESSAGE_LIST_VALUES_MAX / 5 * 5);
    cr_assert_not(message_has(&got, FIELD_address_lines), "what found no room is not there");
    cr_assert_not_null(message_set_list(&got, FIELD_address_lines, MESSAGE_LIST_VALUES_MAX % 5));
}

/* As who asks for page after page does. */
Test(codec, a_field_may_be_set_and_unset_without_end)
{
    static struct message request;
    const uint8_t id[UUID_BYTES] = {1};

    message_init(&request, MESSAGE_list);
    message_unset(&request, FIELD_request_id);
    for (int i = 0; i < 10000; i++) {
        message_set_uuid(&request, FIELD_request_id, id);
        cr_assert(message_has(&request, FIELD_request_id));
        message_unset(&request, FIELD_request_id);
        cr_assert_not(message_has(&request, FIELD_request_id));
        cr_assert_null(message_uuid(&request, FIELD_request_id));
    }
}

Test(codec, what_a_message_does_not_have_is_empty)
{
    message_init(&got, MESSAGE_submit);
    cr_assert_eq(message_text(&got, FIELD_family_name).length, 0);
    cr_assert_null(message_uuid(&got, FIELD_request_id));
    cr_assert_eq(message_primary_need(&got), 0);
    cr_assert_not_null(message_set_list(&got, FIELD_needs, 2));
    cr_assert_eq(message_primary_need(&got), 0, "of two needs none is said to be it");
}

Test(codec, without_memory_there_is_no_decoder_and_closing_it_is_nothing)
{
    static const char *const calls[] = {"calloc", "malloc"};
    struct decoder *none = NULL;

    for (int i = 0; i < 2; i++) {
        outside_fails(calls[i], 1, ENOMEM);
        cr_assert_null(decoder_open());
        cr_assert_eq(outside_works(), 1);
    }
    decoder_close(&none);
    cr_assert_null(none);
}

Test(codec, every_damaged_byte_is_survived)
{
    uint64_t state = 4711;

    for (int i = 0; i < 20000; i++) {
        static unsigned char again[MESSAGE_BYTES_MAX];
        struct frame bent;

        memcpy(bent.bytes, frame.bytes, frame.length);
        bent.length = frame.length;
        for (int k = 0; k < 1 + i % 3; k++) {
            state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
            bent.bytes[(state >> 33) % bent.length] = (unsigned char)(state >> 56);
        }
        if (take(bent.bytes, 0) || !decode(decoder, bent.bytes, bent.length, &got, &fault))
            continue;
        cr_assert_gt(encode(&got, again, sizeof again), 0);
    }
}
