/* SPDX-License-Identifier: MIT
 * A CSV of postcodes: it is refused with a sentence and no edition comes into force, or it is imported whole and its
 * places can be looked up. Nothing may crash. */
#include <string.h>

#include "daemon/io/postcodes.h"
#include "tests/fuzz/fuzz.h"
#include "tests/sim/store_memory.h"

static void look_up(struct store *store, const char *postcode)
{
    struct place place;
    struct transaction *transaction = store_begin(store, false, NULL);

    REQUIRE(transaction);
    REQUIRE(postcodes_find(store, transaction, (struct text){postcode, (uint32_t)strlen(postcode)}, &place) ==
            STORE_OK);
    REQUIRE(place.locality == LOCALITY_UNKNOWN || memchr(place.neighbourhood_code, '\0', 16));
    REQUIRE(place.decile <= 10);
    store_abort(store, &transaction);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct store *store = store_memory_open(NULL);
    char why[300] = "", edition[41];

    REQUIRE(store);
    int64_t postcodes = postcodes_import(store, fuzz_file(data, size), "fuzz", NULL, why, sizeof why);
    REQUIRE(postcodes >= 0 ? why[0] == '\0' : why[0] != '\0');
    struct transaction *transaction = store_begin(store, false, NULL);
    REQUIRE(transaction);
    postcodes_edition(store, transaction, edition);
    store_abort(store, &transaction);
    REQUIRE(strcmp(edition, postcodes >= 0 ? "fuzz" : "") == 0);
    look_up(store, "PL1 1AE");
    look_up(store, "PL4 7AB");
    store_close(&store);
    return 0;
}
