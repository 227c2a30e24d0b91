/* SPDX-License-Identifier: MIT
 * sender_doctor: what can be wrong with a connection, stage by stage. */
#include "clients/evidence.h"
#include "clients/keys.h"
#include "clients/profile.h"
#include "clients/sender.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#define WHY_BYTES 1024

/* One line of the doctor. Returns is_good. */
static bool tell(bool is_good, const char *stage, const char *words)
{
    printf("%-10s %-4s %s\n", stage, is_good ? "ok" : "BAD", words);
    return is_good;
}

static bool check_settings(const struct invocation *invocation, struct profile *profile)
{
    static const char *const names[] = {"endpoint", "key-file", "server-key", "timeout"};
    char why[WHY_BYTES];
    bool is_good = profile_load(profile, why, sizeof why);

    for (size_t i = 0; is_good && i < sizeof names / sizeof names[0]; i++)
        if (options_given(invocation, names[i]))
            is_good = profile_set(profile, names[i], options_value(invocation, names[i]), why, sizeof why);
    if (is_good && profile->endpoint[0] == '\0') {
        snprintf(why, sizeof why, "no endpoint: set it with --endpoint, in REFERRAL_ENDPOINT or in %s", profile->file);
        is_good = false;
    }
    return tell(is_good, "settings", is_good ? profile->endpoint : why);
}

static bool check_key_files(const struct profile *profile)
{
    char why[WHY_BYTES], fingerprint[KEYS_FINGERPRINT_BYTES];
    struct keys keys;
    bool is_good;

    if (profile->key_file[0] == '\0' || profile->server_key[0] == '\0')
        return tell(false, "own key", "set key-file and server-key; referral-keygen makes keys");
    is_good = keys_read_pair(profile->key_file, &keys, why, sizeof why);
    if (is_good) {
        keys_fingerprint(keys.public_key, fingerprint);
        snprintf(why, sizeof why, "%s (fingerprint %s)", profile->key_file, fingerprint);
    }
    keys_wipe(&keys);
    if (!tell(is_good, "own key", why))
        return false;
    is_good = keys_read_public(profile->server_key, &keys, why, sizeof why);
    if (is_good) {
        keys_fingerprint(keys.public_key, fingerprint);
        snprintf(why, sizeof why, "%s (fingerprint %s)", profile->server_key, fingerprint);
    }
    return tell(is_good, "server key", why);
}

static bool check_network(const struct profile *profile)
{
    char why[WHY_BYTES];
    enum evidence_reach reached = evidence_reach(profile->endpoint, why, sizeof why);

    return tell(reached != REACH_NO_NAME, "name", reached == REACH_NO_NAME ? why : "resolves") &&
           tell(reached == REACH_ANSWERS, "connection", reached == REACH_ANSWERS ? "is taken" : why);
}

static void tell_welcome(void *context, const struct message *answer)
{
    char party[ID_BYTES_MAX + 1], role[32], version[64], words[WHY_BYTES];

    (void)context;
    if (answer->type != MESSAGE_welcome)
        return;
    snprintf(words, sizeof words, "this key is %s, %s", print_value(answer, FIELD_party, false, party, sizeof party),
             print_value(answer, FIELD_role, false, role, sizeof role));
    tell(true, "access", words);
    snprintf(words, sizeof words, "version %" PRId64 ", daemon %s", message_number(answer, FIELD_protocol_version),
             print_value(answer, FIELD_version, false, version, sizeof version));
    tell(true, "protocol", words);
}

static int check_conversation(const struct profile *profile)
{
    struct exchange_options options = profile_options(profile, "referral " REFERRALD_VERSION);
    struct exchange *exchange = NULL;
    enum exchange_result result = exchange_open(&exchange, &options);
    struct message hello;

    message_init(&hello, MESSAGE_hello);
    message_set_number(&hello, FIELD_protocol_version, PROTOCOL_VERSION);
    if (result == EXCHANGE_OK)
        result = exchange_ask(exchange, &hello, tell_welcome, NULL);
    if (result != EXCHANGE_OK)
        tell(false, result == EXCHANGE_VERSION ? "protocol" : "access",
             exchange ? exchange_sentence(exchange) : "out of memory");
    exchange_close(&exchange);
    return exit_code((int)result);
}

int sender_doctor(const struct invocation *invocation)
{
    struct profile profile;

    if (!check_settings(invocation, &profile) || !check_key_files(&profile))
        return EX_CONFIG;
    if (!check_network(&profile))
        return EX_UNAVAILABLE;
    return check_conversation(&profile);
}
