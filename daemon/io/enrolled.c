/* SPDX-License-Identifier: MIT
 * enrolled: the directory of public keys, as one list in the order of the keys. */
#include "daemon/io/enrolled.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILES_MAX 10000
#define PATH_BYTES 1280

struct entry {
    struct principal principal;
    char file[256];
    bool has_fault;
};

struct enrolled {
    size_t count;
    struct entry *entries;
};

/* clang-format off */
static const struct config_row rows[] = {
    CONFIG_ROW(principal, party, "party", CONFIG_ID, 1, ID_BYTES_MAX, LIST_none, NULL),
    CONFIG_ROW(principal, role, "role", CONFIG_CODE, 0, 0, LIST_role, NULL),
    CONFIG_ROW(principal, key, "public_key", CONFIG_TEXT, KEY_TEXT_BYTES, KEY_TEXT_BYTES, LIST_none, NULL),
};
/* clang-format on */

static int is_key_file(const struct dirent *file)
{
    size_t length = strlen(file->d_name);

    return file->d_name[0] != '.' && length > 4 && strcmp(file->d_name + length - 4, ".pub") == 0;
}

static bool is_z85(const char *key)
{
    static const char alphabet[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

    return strspn(key, alphabet) == strlen(key);
}

static void path_of(char path[PATH_BYTES], const char *directory, const char *file)
{
    (void)snprintf(path, PATH_BYTES, "%s/%s", directory, file);
}

/* Who may write here decides who may connect. */
static bool is_guarded(const char *path, struct config_faults *faults)
{
    struct stat status;

    if (stat(path, &status) != 0) {
        config_fault(faults, path, 0, "cannot be read: %s; the setting enrolled names the directory of the public keys",
                     strerror(errno));
        return false;
    }
    if (status.st_mode & S_IWOTH)
        config_fault(faults, path, 0, "everybody may write here and so enrol a key: chmod o-w");
    return true;
}

/* Names that stand for somebody else. */
static bool is_taken(const char *party)
{
    return strncmp(party, "uid-", 4) == 0 || strcmp(party, "network") == 0;
}

static void load_file(const char *path, struct principal *principal, struct config_faults *faults)
{
    char why[CONFIG_FAULT_BYTES];
    size_t length;

    if (!is_guarded(path, faults))
        return;
    char *text = config_load_file(path, &length, why, sizeof why);
    if (text == NULL) {
        config_fault(faults, path, 0, "%s", why);
        return;
    }
    struct config_tree *tree = config_parse(path, text, length, faults);
    if (tree)
        config_take(tree, config_root(tree), "the file", rows, sizeof rows / sizeof rows[0], principal);
    if (!is_z85(principal->key))
        config_fault(faults, path, 0,
                     "public_key is not a key: it must be the 40 characters that referral-keygen shows");
    if (is_taken(principal->party))
        config_fault(faults, path, 0,
                     "no party can be called %s: uid-... are users on the operators' socket, network "
                     "is the network itself; make a key with another name",
                     principal->party);
    config_free(&tree);
    free(text);
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    int order = strcmp(left->principal.key, right->principal.key);

    return order != 0 ? order : strcmp(left->file, right->file);
}

static void check_twice(const struct enrolled *enrolled, const char *directory, struct config_faults *faults)
{
    for (size_t i = 1; i < enrolled->count; i++) {
        const struct entry *first = &enrolled->entries[i - 1], *second = &enrolled->entries[i];
        if (first->principal.key[0] != '\0' && strcmp(first->principal.key, second->principal.key) == 0)
            config_fault(faults, directory, 0, "%s and %s hold the same key, remove one", first->file, second->file);
    }
}

static int compare_parties(const void *a, const void *b)
{
    const struct entry *left = *(const struct entry *const *)a, *right = *(const struct entry *const *)b;
    int order = strcmp(left->principal.party, right->principal.party);

    return order != 0 ? order : strcmp(left->file, right->file);
}

/* The files of one party, which stand side by side. */
static void check_party(const struct entry *const *files, size_t count, const char *directory,
                        struct config_faults *faults)
{
    const struct entry *first = files[0];

    if (count > KEYS_OF_PARTY_MAX)
        config_fault(faults, directory, 0, "%s has %zu keys (%s, %s, ...), at most %d: remove those it has replaced",
                     first->principal.party, count, first->file, files[1]->file, KEYS_OF_PARTY_MAX);
    for (size_t i = 1; i < count; i++)
        if (files[i]->principal.role != first->principal.role)
            config_fault(faults, directory, 0, "%s and %s give %s two roles, make them one", first->file,
                         files[i]->file, first->principal.party);
}

static void check_parties(const struct enrolled *enrolled, const char *directory, struct config_faults *faults)
{
    const struct entry **files = calloc(enrolled->count + 1, sizeof *files);

    if (!files) {
        config_fault(faults, directory, 0, "cannot be read: out of memory");
        return;
    }
    for (size_t i = 0; i < enrolled->count; i++)
        files[i] = &enrolled->entries[i];
    qsort(files, enrolled->count, sizeof *files, compare_parties);
    for (size_t first = 0, next; first < enrolled->count; first = next) {
        for (next = first + 1; next < enrolled->count; next++)
            if (strcmp(files[next]->principal.party, files[first]->principal.party) != 0)
                break;
        if (files[first]->principal.party[0] != '\0')
            check_party(&files[first], next - first, directory, faults);
    }
    free(files);
}

static void load_files(struct enrolled *enrolled, const char *directory, struct dirent **files, size_t count,
                       struct config_faults *faults)
{
    char path[PATH_BYTES];

    for (size_t i = 0; i < count; i++) {
        struct entry *entry = &enrolled->entries[enrolled->count++];
        size_t faults_before = faults->count;
        path_of(path, directory, files[i]->d_name);
        (void)snprintf(entry->file, sizeof entry->file, "%s", files[i]->d_name);
        load_file(path, &entry->principal, faults);
        entry->has_fault = faults->count > faults_before;
    }
    qsort(enrolled->entries, enrolled->count, sizeof enrolled->entries[0], compare_entries);
    check_twice(enrolled, directory, faults);
    check_parties(enrolled, directory, faults);
}

/* Whatever the faults are; NULL only when the directory itself is at fault. */
static struct enrolled *load_directory(const char *directory, struct config_faults *faults)
{
    struct dirent **files = NULL;
    struct enrolled *enrolled = calloc(1, sizeof *enrolled);
    size_t faults_before = faults->count;
    int count = is_guarded(directory, faults) ? scandir(directory, &files, is_key_file, alphasort) : 0;
    int error = errno;

    if (enrolled && count >= 0)
        enrolled->entries = calloc((size_t)count + 1, sizeof enrolled->entries[0]);
    if (count < 0)
        config_fault(faults, directory, 0, "cannot be read: %s", strerror(error));
    else if (count > FILES_MAX)
        config_fault(faults, directory, 0, "holds %d keys, at most %d are taken", count, FILES_MAX);
    else if (enrolled == NULL || enrolled->entries == NULL)
        config_fault(faults, directory, 0, "cannot be read: out of memory");
    if (faults->count > faults_before)
        enrolled_free(&enrolled);
    else
        load_files(enrolled, directory, files, (size_t)count, faults);
    for (int i = 0; i < count; i++)
        free(files[i]);
    free(files);
    return enrolled;
}

static int compare_files(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;

    return strcmp(left->file, right->file);
}

/* Turns what was loaded with faults, in the order of the files, into what may go on of before. */
static void keep_what_stands(struct enrolled *loaded, const struct enrolled *before)
{
    struct entry *entries = calloc(before->count + 1, sizeof *entries);
    size_t count = 0;

    qsort(loaded->entries, loaded->count, sizeof loaded->entries[0], compare_files);
    for (size_t i = 0; entries && i < before->count; i++) {
        const struct entry *old = &before->entries[i];
        const struct entry *now =
            bsearch(old, loaded->entries, loaded->count, sizeof loaded->entries[0], compare_files);

        if (now && (now->has_fault || (strcmp(now->principal.key, old->principal.key) == 0 &&
                                       strcmp(now->principal.party, old->principal.party) == 0 &&
                                       now->principal.role == old->principal.role)))
            entries[count++] = *old;
    }
    free(loaded->entries);
    loaded->entries = entries;
    loaded->count = count;
}

struct enrolled *enrolled_load(const char *directory, struct config_faults *faults)
{
    struct enrolled *enrolled = load_directory(directory, faults);

    if (faults->count > 0)
        enrolled_free(&enrolled);
    return enrolled;
}

struct enrolled *enrolled_load_again(const struct enrolled *before, const char *directory, struct config_faults *faults)
{
    struct enrolled *enrolled = load_directory(directory, faults);

    if (enrolled && faults->count > 0)
        keep_what_stands(enrolled, before);
    return enrolled;
}

void enrolled_free(struct enrolled **enrolled)
{
    if (*enrolled == NULL)
        return;
    free((*enrolled)->entries);
    free(*enrolled);
    *enrolled = NULL;
}

size_t enrolled_count(const struct enrolled *enrolled)
{
    return enrolled->count;
}

static int compare_key(const void *key, const void *entry)
{
    return memcmp(key, ((const struct entry *)entry)->principal.key, KEY_TEXT_BYTES);
}

const struct principal *enrolled_find(const struct enrolled *enrolled, const char key[KEY_TEXT_BYTES])
{
    const struct entry *entry =
        bsearch(key, enrolled->entries, enrolled->count, sizeof enrolled->entries[0], compare_key);

    return entry ? &entry->principal : NULL;
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < length; i++)
        hash = (hash ^ at[i]) * UINT64_C(1099511628211);
    return hash;
}

/* Files come in any order, so their hashes are added. */
uint64_t enrolled_fingerprint(const char *directory)
{
    DIR *open = opendir(directory);
    char path[PATH_BYTES];
    struct stat status;
    uint64_t sum = 0;

    if (open == NULL)
        return 0;
    for (const struct dirent *file = readdir(open); file; file = readdir(open)) {
        path_of(path, directory, file->d_name);
        if (!is_key_file(file) || stat(path, &status) != 0)
            continue;
        uint64_t hash = mix(UINT64_C(14695981039346656037), file->d_name, strlen(file->d_name));
        hash = mix(hash, &status.st_ino, sizeof status.st_ino);
        hash = mix(hash, &status.st_size, sizeof status.st_size);
        hash = mix(hash, &status.st_mtim.tv_sec, sizeof status.st_mtim.tv_sec);
        hash = mix(hash, &status.st_mtim.tv_nsec, sizeof status.st_mtim.tv_nsec);
        sum += hash + 1;
    }
    (void)closedir(open);
    return sum;
}
