/* SPDX-License-Identifier: MIT
 * profile: what routing looks at, taken from a submit and from the postcodes in the store. */
#include <string.h>

#include "daemon/core/age.h"
#include "daemon/io/postcodes.h"
#include "daemon/turn_inside.h"

#define DAY_MS INT64_C(86400000)
#define NONE_IDENTIFIED "861931000000100" /* SNOMED CT: no safeguarding concern identified */

static void locate_stated(struct turn *turn, const struct message *message, struct referral *referral)
{
    struct text code = message_text(message, FIELD_neighbourhood_code);
    int found = network_find_neighbourhood(turn->ledger.network, code.bytes, code.length);

    if (found < 0)
        return;
    referral->profile.locality = LOCALITY_STATED;
    referral->profile.position = turn->ledger.network->neighbourhoods[found].centre;
    strcpy(referral->neighbourhood_code, turn->ledger.network->neighbourhoods[found].code);
}

/* The postcode tells where a person is; where it does not, what the sender states. */
static void locate(struct turn *turn, const struct message *message, struct referral *referral)
{
    struct profile *profile = &referral->profile;
    struct place place = {.locality = LOCALITY_UNKNOWN};

    profile->locality = LOCALITY_UNKNOWN;
    if (message_has(message, FIELD_postcode))
        postcodes_find(turn->store, turn->transaction, message_text(message, FIELD_postcode), &place);
    if (place.locality != LOCALITY_UNKNOWN && place.locality != 0) {
        profile->locality = place.locality;
        profile->position = place.position;
        profile->decile = place.decile;
        strcpy(referral->neighbourhood_code, place.neighbourhood_code);
    } else if (message_has(message, FIELD_neighbourhood_code)) {
        locate_stated(turn, message, referral);
    }
    int found = network_find_neighbourhood(turn->ledger.network, referral->neighbourhood_code,
                                           strlen(referral->neighbourhood_code));
    profile->neighbourhood = found < 0 ? NEIGHBOURHOOD_NONE : (uint16_t)found;
}

uint32_t profile_hub(const struct network *network, struct text id)
{
    int hub = network_find_hub_by_id(network, id.bytes, id.length);

    return hub < 0 ? PARTY_NONE : network->hubs[hub].party;
}

static bool text_is(struct text text, const char *string)
{
    return text.length == strlen(string) && memcmp(text.bytes, string, text.length) == 0;
}

/* Minutes become metres by the network's own figures; who does not say how travels by bus. */
static uint32_t travel_limit(const struct network *network, const struct message *message)
{
    int64_t minutes = message_number(message, FIELD_travel_limit_minutes);
    int64_t mode = message_number(message, FIELD_transport_mode);

    return (uint32_t)minutes * network->travel_m[mode ? mode : TRANSPORT_BUS];
}

void profile_from_submit(struct turn *turn, const struct message *message, struct referral *referral)
{
    const struct network *network = turn->ledger.network;
    struct profile *profile = &referral->profile;

    locate(turn, message, referral);
    profile->need = message_primary_need(message);
    profile->priority = (enum priority)message_number(message, FIELD_priority);
    profile->preferred_hub = profile_hub(network, message_text(message, FIELD_preferred_hub_id));
    profile->age = (uint8_t)age_in_years(message_number(message, FIELD_date_of_birth), turn->now / DAY_MS);
    profile->gender = (enum gender)message_number(message, FIELD_gender);
    profile->source = (enum referral_source)message_number(message, FIELD_referral_source);
    profile->is_carer = message_number(message, FIELD_is_carer) != 0;
    profile->travel_m = travel_limit(network, message);
    profile->safeguarding = message_has(message, FIELD_safeguarding_code) &&
                            !text_is(message_text(message, FIELD_safeguarding_code), NONE_IDENTIFIED);
    for (size_t i = 0; i < message_list_count(message, FIELD_excluded_hub_ids); i++)
        profile->excluded[profile->excluded_count++] =
            profile_hub(network, message_element(message, FIELD_excluded_hub_ids, i)->text);
}
