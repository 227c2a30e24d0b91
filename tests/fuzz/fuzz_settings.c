/* SPDX-License-Identifier: MIT
 * referrald.conf: it is refused with sentences, or it holds values within their limits. Nothing may crash. */
#include <string.h>

#include "daemon/io/settings.h"
#include "tests/fuzz/fuzz.h"

static void require_sound(const struct settings *settings)
{
    REQUIRE(strncmp(settings->listen, "tcp://", 6) == 0);
    REQUIRE(settings->window > 0 && settings->in_flight > 0 && settings->party_in_flight > 0);
    REQUIRE(settings->retry_after_ms > 0 && settings->push_again_ms > 0 && settings->unfetched_ms > 0);
    REQUIRE(settings->staff_count <= SETTINGS_STAFF_MAX);
    REQUIRE(memchr(settings->store, '\0', sizeof settings->store));
    REQUIRE((settings->postcodes[0] == '\0') == (settings->postcodes_edition[0] == '\0'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct settings settings;
    static struct config_faults faults;

    faults.count = 0;
    bool is_good = settings_load(fuzz_file(data, size), &settings, &faults);
    REQUIRE(is_good == (faults.count == 0));
    for (size_t i = 0; i < faults.count && i < CONFIG_FAULTS_MAX; i++)
        REQUIRE(memchr(faults.lines[i], '\0', CONFIG_FAULT_BYTES) && faults.lines[i][0] != '\0');
    if (is_good)
        require_sound(&settings);
    return 0;
}
