/* SPDX-License-Identifier: MIT
 * settings: the table, the shipped file and the loader say the same. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/io/settings.def"
#include "daemon/io/settings.h"

static struct config_faults faults;
static struct settings settings;

/* Loads a settings file with this text from a directory of its own, which is written to directory. */
static bool load(const char *text, char directory[32])
{
    char path[64];

    strcpy(directory, "/tmp/settings-XXXXXX");
    cr_assert(mkdtemp(directory) != NULL);
    snprintf(path, sizeof path, "%s/referrald.conf", directory);
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
    memset(&faults, 0, sizeof faults);
    bool loaded = settings_load(path, &settings, &faults);
    unlink(path);
    rmdir(directory);
    return loaded;
}

Test(settings, the_shipped_file_loads_and_gives_the_defaults)
{
    struct settings shipped, defaults;
    char directory[32], expected[64];

    cr_assert(settings_load(SOURCE_DIR "/etc/referrald.conf", &shipped, &faults), "%s", faults.lines[0]);
    cr_assert(load("", directory), "%s", faults.lines[0]);
    defaults = settings;
    snprintf(expected, sizeof expected, "%s/network.conf", directory);
    cr_assert_str_eq(defaults.network, expected);
    cr_assert_str_eq(shipped.network, SOURCE_DIR "/etc/network.conf");
    cr_assert_str_eq(shipped.listen, defaults.listen);
    cr_assert_str_eq(shipped.store, defaults.store);
    cr_assert(eq(u64, shipped.store_limit_bytes, defaults.store_limit_bytes));
    cr_assert(eq(u32, shipped.window, defaults.window));
    cr_assert(eq(u32, shipped.in_flight, defaults.in_flight));
    cr_assert(eq(u32, shipped.party_in_flight, defaults.party_in_flight));
    cr_assert(eq(u32, shipped.party_rate, defaults.party_rate));
    cr_assert(eq(u32, shipped.party_burst, defaults.party_burst));
    cr_assert(eq(i64, shipped.unfetched_ms, INT64_C(5) * 86400000));
    cr_assert(eq(u32, shipped.staff_count, 0));
    cr_assert(eq(i64, shipped.retry_after_ms, 2000));
    cr_assert(eq(i64, shipped.push_again_ms, 30000));
    cr_assert_str_eq(shipped.postcodes, "");
}

Test(settings, the_shipped_file_shows_each_setting_with_its_default)
{
    static const struct {
        const char *name, *kind, *standard;
    } rows[] = {
#define AS_ROW(member, name, kind, least, most, standard, meaning) {name, #kind, standard},
        SETTINGS(AS_ROW)};
    char why[CONFIG_FAULT_BYTES], line[300];
    size_t length;
    char *text = config_load_file(SOURCE_DIR "/etc/referrald.conf", &length, why, sizeof why);

    cr_assert(text != NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *quote = strcmp(rows[i].kind, "NUMBER") == 0 ? "" : "\"";
        snprintf(line, sizeof line, "\n%s = %s%s%s;\n", rows[i].name, quote, rows[i].standard, quote);
        cr_assert(strstr(text, line) != NULL, "not in etc/referrald.conf: %s", line);
    }
    free(text);
}

Test(settings, paths_are_taken_from_the_directory_of_the_file)
{
    char directory[32], expected[64];

    cr_assert(
        load("store = \"store\"; enrolled = \"/etc/keys\"; postcodes = \"p.csv\"; postcodes_edition = \"2025-11\";",
             directory));
    snprintf(expected, sizeof expected, "%s/store", directory);
    cr_assert_str_eq(settings.store, expected);
    snprintf(expected, sizeof expected, "%s/p.csv", directory);
    cr_assert_str_eq(settings.postcodes, expected);
    cr_assert_str_eq(settings.enrolled, "/etc/keys");
}

Test(settings, an_unknown_setting_is_named_with_the_one_that_was_meant)
{
    char directory[32];

    cr_assert(not(load("listen = \"tcp://127.0.0.1:7400\";\nretry_afer = \"2s\";\nwindow = 0;\n", directory)));
    cr_assert(eq(sz, faults.count, 2));
    cr_assert(strstr(faults.lines[0], "referrald.conf:2: the file has no setting \"retry_afer\", did you mean "
                                      "\"retry_after\"?") != NULL,
              "%s", faults.lines[0]);
    cr_assert(strstr(faults.lines[1], "referrald.conf:3: window must be between 1 and 1024, not 0") != NULL);
}

Test(settings, settings_that_contradict_each_other_are_refused)
{
    char directory[32];

    cr_assert(not(load("window = 1;\npostcodes = \"p.csv\";", directory)));
    cr_assert(strstr(faults.lines[0], "referrald.conf:2: postcodes and") != NULL, "%s", faults.lines[0]);
    cr_assert(not(load("postcodes_edition = \"2025-11\";", directory)));
    cr_assert(not(load("secret_key = \"/k\"; master_key = \"/k\";", directory)));
}

Test(settings, users_are_auditors_or_privacy_officers)
{
    char directory[32];

    cr_assert(load("auditors = \"  daemon bin\";\nprivacy_officers = \"sys\";\n", directory), "%s", faults.lines[0]);
    cr_assert(eq(u32, settings.staff_count, 3));
    cr_assert(eq(u32, settings.staff[0].uid, getpwnam("daemon")->pw_uid));
    cr_assert(eq(int, settings.staff[1].role, ROLE_AUDITOR));
    cr_assert(eq(u32, settings.staff[2].uid, getpwnam("sys")->pw_uid));
    cr_assert(eq(int, settings.staff[2].role, ROLE_PRIVACY_OFFICER));
}

Test(settings, each_user_that_is_not_there_or_has_two_roles_is_named_with_its_line)
{
    char directory[32];

    cr_assert(not(load("auditors = \"daemon nobody-here\";\nprivacy_officers = \"daemon nor-here\";\n", directory)));
    cr_assert(eq(sz, faults.count, 3));
    cr_assert(strstr(faults.lines[0], "referrald.conf:1: auditors: this machine has no user \"nobody-here\"") != NULL,
              "%s", faults.lines[0]);
    cr_assert(strstr(faults.lines[1], ":2: privacy_officers: user \"daemon\" has a role already") != NULL, "%s",
              faults.lines[1]);
    cr_assert(strstr(faults.lines[2], ":2: privacy_officers: this machine has no user \"nor-here\"") != NULL);
}

Test(settings, an_address_without_protocol_or_port_is_refused)
{
    static const char *const addresses[] = {"127.0.0.1:7400",       "tcp://127.0.0.1",   "tcp://:7400",
                                            "tcp://127.0.0.1:",     "tcp://127.0.0.1:0", "tcp://127.0.0.1:65536",
                                            "tcp://127.0.0.1:74x0", "ipc:///tmp/x:1"};
    char directory[32], text[100];

    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        snprintf(text, sizeof text, "listen = \"%s\";", addresses[i]);
        cr_assert(not(load(text, directory)), "%s", addresses[i]);
    }
    cr_assert(load("listen = \"tcp://[::1]:7400\";", directory));
    cr_assert(load("listen = \"tcp://0.0.0.0:65535\";", directory));
}

Test(settings, what_the_table_cannot_say_is_told_beside_all_else)
{
    char directory[32];

    cr_assert(not(load("window = 0;\nlisten = \"nowhere\";\nauditors = \"nobody-here\";\n", directory)));
    cr_assert(eq(sz, faults.count, 3));
    cr_assert(strstr(faults.lines[1], "referrald.conf:2: listen must be like") != NULL, "%s", faults.lines[1]);
    cr_assert(strstr(faults.lines[2], "referrald.conf:3: auditors: ") != NULL, "%s", faults.lines[2]);
}

Test(settings, a_missing_file_is_a_fault)
{
    memset(&faults, 0, sizeof faults);
    cr_assert(not(settings_load("/nowhere/referrald.conf", &settings, &faults)));
    cr_assert_str_eq(faults.lines[0], "/nowhere/referrald.conf: cannot be read: No such file or directory");
}
