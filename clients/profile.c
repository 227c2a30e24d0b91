/* SPDX-License-Identifier: MIT
 * profile: where a client connects to. */
#include "clients/profile.h"

#include "clients/pairs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS_DEFAULT 5000
#define TIMEOUT_MS_MAX 3600000

static bool parse_duration(const char *text, int *ms)
{
    static const struct {
        const char *unit;
        long ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}};
    char *end;
    long number = strtol(text, &end, 10);

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (end == text || strcmp(end, units[i].unit) != 0 || number < 1 || number > TIMEOUT_MS_MAX / units[i].ms)
            continue;
        *ms = (int)(number * units[i].ms);
        return true;
    }
    return false;
}

static bool copy_text(char to[PROFILE_TEXT_BYTES], const char *value)
{
    if (strlen(value) >= PROFILE_TEXT_BYTES)
        return false;
    strcpy(to, value);
    return true;
}

static bool take_pair(void *context, const char *name, const char *value, char *why, size_t why_size)
{
    return profile_set(context, name, value, why, why_size);
}

static void find_file(char file[PROFILE_TEXT_BYTES])
{
    const char *named = getenv("REFERRAL_CONFIG");
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");

    if (named != NULL)
        snprintf(file, PROFILE_TEXT_BYTES, "%s", named);
    else if (base != NULL && base[0] != '\0')
        snprintf(file, PROFILE_TEXT_BYTES, "%s/referral/client.conf", base);
    else
        snprintf(file, PROFILE_TEXT_BYTES, "%s/.config/referral/client.conf", home ? home : "");
}

bool profile_load(struct profile *profile, char *why, size_t why_size)
{
    static const char *const environment[][2] = {{"REFERRAL_ENDPOINT", "endpoint"},
                                                 {"REFERRAL_KEY_FILE", "key-file"},
                                                 {"REFERRAL_SERVER_KEY", "server-key"},
                                                 {"REFERRAL_TIMEOUT", "timeout"}};

    memset(profile, 0, sizeof *profile);
    profile->timeout_ms = TIMEOUT_MS_DEFAULT;
    find_file(profile->file);
    if (!pairs_read(profile->file, take_pair, profile, why, why_size) &&
        !(errno == ENOENT && getenv("REFERRAL_CONFIG") == NULL))
        return false;
    for (size_t i = 0; i < sizeof environment / sizeof environment[0]; i++) {
        const char *value = getenv(environment[i][0]);
        char problem[256];

        if (value == NULL || value[0] == '\0' ||
            profile_set(profile, environment[i][1], value, problem, sizeof problem))
            continue;
        snprintf(why, why_size, "%s: %s", environment[i][0], problem);
        return false;
    }
    return true;
}

bool profile_set(struct profile *profile, const char *name, const char *value, char *why, size_t why_size)
{
    const struct {
        const char *name;
        char *to;
    } texts[] = {{"endpoint", profile->endpoint}, {"key-file", profile->key_file}, {"server-key", profile->server_key}};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(texts[i].name, name) != 0)
            continue;
        snprintf(why, why_size, "\"%s\" is longer than %d characters", name, PROFILE_TEXT_BYTES - 1);
        return copy_text(texts[i].to, value);
    }
    if (strcmp(name, "timeout") != 0) {
        snprintf(why, why_size, "no setting is called \"%s\"; there are endpoint, key-file, server-key and timeout",
                 name);
        return false;
    }
    snprintf(why, why_size, "\"timeout\" is a time from 1ms to 60m, for example 5s");
    return parse_duration(value, &profile->timeout_ms);
}

struct exchange_options profile_options(const struct profile *profile, const char *client)
{
    return (struct exchange_options){
        .endpoint = profile->endpoint[0] != '\0' ? profile->endpoint : NULL,
        .key_file = profile->key_file[0] != '\0' ? profile->key_file : NULL,
        .server_key = profile->server_key[0] != '\0' ? profile->server_key : NULL,
        .client = client,
        .timeout_ms = profile->timeout_ms,
    };
}
