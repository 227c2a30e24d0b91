/* SPDX-License-Identifier: MIT
 * person: what is hashed. */
#include "daemon/person.h"

#include <assert.h>

#define NAME_BYTES_MAX (80 * 4) /* of UTF-8 */

/* What a hash is made from: a letter that says which hash it is, and then texts, each with its end. */
struct hashed {
    uint8_t bytes[2 * NAME_BYTES_MAX + 64];
    size_t length;
};

/* Letters of ASCII, in upper case, and digits; false: there are none. */
static bool add_text(struct hashed *hashed, struct text text)
{
    size_t before = hashed->length;

    assert(text.length <= NAME_BYTES_MAX);
    for (uint32_t i = 0; i < text.length; i++) {
        char byte = text.bytes[i];
        if (byte >= 'a' && byte <= 'z')
            byte = (char)(byte - 'a' + 'A');
        if ((byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9'))
            hashed->bytes[hashed->length++] = (uint8_t)byte;
    }
    bool any = hashed->length > before;
    hashed->bytes[hashed->length++] = 0;
    return any;
}

static void add_number(struct hashed *hashed, int64_t number)
{
    for (int shift = 0; shift < 64; shift += 8)
        hashed->bytes[hashed->length++] = (uint8_t)((uint64_t)number >> shift);
}

static void begin(struct hashed *hashed, char which)
{
    hashed->bytes[0] = (uint8_t)which;
    hashed->length = 1;
}

/* Never 0, which is for a person who is not known. */
static uint64_t end(const struct seal *seal, struct hashed *hashed)
{
    uint64_t hash = seal_short_hash(seal, hashed->bytes, hashed->length);

    seal_wipe(hashed->bytes, hashed->length);
    return hash ? hash : 1;
}

void person_hash(const struct seal *seal, const struct message *message, uint64_t persons[2])
{
    struct hashed hashed;

    begin(&hashed, 'N');
    persons[0] = add_text(&hashed, message_text(message, FIELD_nhs_number)) ? end(seal, &hashed) : 0;
    begin(&hashed, 'P');
    add_number(&hashed, message_number(message, FIELD_date_of_birth));
    bool known = message_has(message, FIELD_date_of_birth) &&
                 add_text(&hashed, message_text(message, FIELD_family_name)) &&
                 add_text(&hashed, message_text(message, FIELD_given_name)) &&
                 add_text(&hashed, message_text(message, FIELD_postcode));
    uint64_t hash = end(seal, &hashed); /* also wipes what is not whole */
    persons[1] = known ? hash : 0;
}
