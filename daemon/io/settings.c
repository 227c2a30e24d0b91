/* SPDX-License-Identifier: MIT
 * settings: the table of settings as data, and what the table cannot say. */
#include "daemon/io/settings.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/io/settings.def"

#define AS_ROW(member, name, kind, least, most, standard, meaning)                                                     \
    CONFIG_ROW(settings, member, name, CONFIG_##kind, least, most, LIST_none, standard),
static const struct config_row rows[] = {SETTINGS(AS_ROW)};
#define ROWS_COUNT (sizeof rows / sizeof rows[0])

/* 0: it has its default. */
static int line_of(const struct config_tree *tree, const char *setting)
{
    const struct config_node *node = config_member(config_root(tree), setting);

    return node ? config_line(node) : 0;
}

/* Empty: it has a fault that is told already. */
static void check_listen(const struct settings *settings, const struct config_tree *tree, const char *path,
                         struct config_faults *faults)
{
    const char *port = strrchr(settings->listen, ':');
    char *rest = NULL;
    long number = port ? strtol(port + 1, &rest, 10) : 0;

    if (settings->listen[0] == '\0')
        return;
    if (strncmp(settings->listen, "tcp://", 6) != 0 || port <= settings->listen + 6 || *rest != '\0' || number < 1 ||
        number > 65535)
        config_fault(faults, path, line_of(tree, "listen"),
                     "listen must be like \"tcp://127.0.0.1:7400\", not \"%.60s\"", settings->listen);
}

static void check_together(const struct settings *settings, const struct config_tree *tree, const char *path,
                           struct config_faults *faults)
{
    if ((settings->postcodes[0] == '\0') != (settings->postcodes_edition[0] == '\0'))
        config_fault(faults, path, line_of(tree, settings->postcodes[0] ? "postcodes" : "postcodes_edition"),
                     "postcodes and postcodes_edition are given both or neither");
    if (strcmp(settings->secret_key, settings->master_key) == 0)
        config_fault(faults, path, line_of(tree, "master_key"), "secret_key and master_key must be two files");
}

#define USER_NAME_BYTES 64
#define USER_BUFFER_BYTES 16384
#define BLANKS " \t"

static const struct staff *find_staff(const struct settings *settings, uint32_t uid)
{
    for (uint32_t i = 0; i < settings->staff_count; i++)
        if (settings->staff[i].uid == uid)
            return &settings->staff[i];
    return NULL;
}

static void take_user(struct settings *settings, const char *name, enum role role, const char *setting,
                      const char *path, int line, struct config_faults *faults)
{
    char buffer[USER_BUFFER_BYTES];
    struct passwd user, *found = NULL;

    if (getpwnam_r(name, &user, buffer, sizeof buffer, &found) != 0 || !found)
        config_fault(faults, path, line,
                     "%s: this machine has no user \"%s\": correct the name, add the user or take it out", setting,
                     name);
    else if (find_staff(settings, user.pw_uid))
        config_fault(faults, path, line, "%s: user \"%s\" has a role already, take one of them out", setting, name);
    else if (settings->staff_count == SETTINGS_STAFF_MAX)
        config_fault(faults, path, line, "%s: auditors and privacy officers are at most %d together", setting,
                     SETTINGS_STAFF_MAX);
    else
        settings->staff[settings->staff_count++] = (struct staff){user.pw_uid, role};
}

/* The users that a setting names. */
static void take_users(struct settings *settings, const char *names, enum role role, const char *setting,
                       const struct config_tree *tree, const char *path, struct config_faults *faults)
{
    int line = line_of(tree, setting);

    for (names += strspn(names, BLANKS); *names != '\0'; names += strspn(names, BLANKS)) {
        size_t length = strcspn(names, BLANKS);
        char name[USER_NAME_BYTES];

        if (length < sizeof name) {
            snprintf(name, sizeof name, "%.*s", (int)length, names);
            take_user(settings, name, role, setting, path, line, faults);
        } else {
            config_fault(faults, path, line, "%s: a user's name has at most %d characters, separate names by blanks",
                         setting, USER_NAME_BYTES - 1);
        }
        names += length;
    }
}

/* Paths in the file count from the file, so that a directory can be moved as a whole. */
static void resolve(const char *path, char *member, size_t size, const char *name, struct config_faults *faults)
{
    const char *slash = strrchr(path, '/');
    char relative[SETTINGS_PATH_BYTES];

    if (slash == NULL || member[0] == '/' || member[0] == '\0')
        return;
    memcpy(relative, member, strlen(member) + 1);
    int length = snprintf(member, size, "%.*s/%s", (int)(slash - path), path, relative);
    if (length < 0 || (size_t)length >= size)
        config_fault(faults, path, 0, "%s: the path is too long", name);
}

bool settings_load(const char *path, struct settings *settings, struct config_faults *faults)
{
    char why[CONFIG_FAULT_BYTES];
    size_t length;

    memset(settings, 0, sizeof *settings);
    char *text = config_load_file(path, &length, why, sizeof why);
    if (text == NULL) {
        config_fault(faults, path, 0, "%s", why);
        return false;
    }
    struct config_tree *tree = config_parse(path, text, length, faults);
    if (tree) {
        config_take(tree, config_root(tree), "the file", rows, ROWS_COUNT, settings);
        if (faults->count == 0)
            check_together(settings, tree, path, faults);
        check_listen(settings, tree, path, faults);
        take_users(settings, settings->auditors, ROLE_AUDITOR, "auditors", tree, path, faults);
        take_users(settings, settings->privacy_officers, ROLE_PRIVACY_OFFICER, "privacy_officers", tree, path, faults);
        for (size_t i = 0; i < ROWS_COUNT; i++)
            if (rows[i].kind == CONFIG_PATH)
                resolve(path, (char *)settings + rows[i].offset, rows[i].size, rows[i].name, faults);
    }
    config_free(&tree);
    free(text);
    return faults->count == 0;
}
