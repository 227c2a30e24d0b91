/* SPDX-License-Identifier: MIT
 * person: who is found to be the same, and who is not. */
#include <criterion/criterion.h>
#include <string.h>

#include "daemon/person.h"
#include "tests/people.h"

static struct seal *seal;

static void begin(void)
{
    const uint8_t master[SEAL_KEY_BYTES] = {1};
    const uint8_t seed[32] = {1};

    seal = seal_open(master, seed);
}

static void end(void)
{
    seal_close(&seal);
}

TestSuite(person, .init = begin, .fini = end);

static const struct {
    enum field field;
    const char *usual;
} texts[] = {{FIELD_family_name, "OBrien"}, {FIELD_given_name, "Mary Ann"}, {FIELD_postcode, "PL1 1AE"}};

/* The usual one, with another text, or, when it is NULL, with none, in a field. */
static uint64_t by_name(enum field field, const char *text)
{
    uint64_t persons[2];
    struct message message;

    message_init(&message, MESSAGE_find_person);
    message_set_number(&message, FIELD_date_of_birth, 1000);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *said = texts[i].field == field ? text : texts[i].usual;
        if (said)
            message_set_string(&message, texts[i].field, said);
    }
    person_hash(seal, &message, persons);
    cr_expect_eq(persons[0], 0, "no number is known");
    return persons[1];
}

Test(person, case_blanks_and_marks_make_no_other_person)
{
    static const char *const same[] = {
        "O'Brien", "o'brien", "O BRIEN", "O-Brien", "obrien.", "{O}[B]@rien:/~", "O\xe2\x80\x99 Brien"};
    uint64_t usual = by_name(FIELD_family_name, "OBrien");

    cr_assert_neq(usual, 0);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        cr_expect_eq(by_name(FIELD_family_name, same[i]), usual, "%s", same[i]);
    cr_expect_eq(by_name(FIELD_postcode, "pl11ae"), usual);
}

Test(person, another_letter_or_digit_is_somebody_else)
{
    static const char *const others[] = {"OBriem", "OBrien0", "OBrien9", "AOBrien", "OBrienZ", "OBrie"};
    uint64_t usual = by_name(FIELD_family_name, "OBrien");

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cr_expect_neq(by_name(FIELD_family_name, others[i]), usual, "%s", others[i]);
    cr_expect_neq(by_name(FIELD_given_name, "Mary"), usual);
    cr_expect_neq(by_name(FIELD_postcode, "PL1 1AF"), usual);
}

Test(person, who_lacks_a_name_a_date_or_a_postcode_is_not_known_by_them)
{
    uint64_t persons[2];
    struct message message;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cr_expect_eq(by_name(texts[i].field, NULL), 0);
        cr_expect_eq(by_name(texts[i].field, "'- ."), 0, "marks alone are no name");
    }
    message_init(&message, MESSAGE_find_person);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        message_set_string(&message, texts[i].field, texts[i].usual);
    person_hash(seal, &message, persons);
    cr_expect_eq(persons[1], 0);
}

Test(person, a_number_is_one_person_however_it_is_written_and_never_a_name)
{
    uint64_t number[2], spaced[2], other[2];
    struct message message;

    message_init(&message, MESSAGE_find_person);
    message_set_string(&message, FIELD_nhs_number, "9990000018");
    person_hash(seal, &message, number);
    message_set_string(&message, FIELD_nhs_number, "999 000 0018");
    person_hash(seal, &message, spaced);
    message_set_string(&message, FIELD_nhs_number, "9990000026");
    person_hash(seal, &message, other);
    cr_expect_neq(number[0], 0);
    cr_expect_eq(number[0], spaced[0]);
    cr_expect_neq(number[0], other[0]);
    cr_expect_eq(number[1], 0);
}
