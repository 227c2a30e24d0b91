/* SPDX-License-Identifier: MIT
 * config: reading settings. libconfig 1.5 wraps large numbers, drops bytes and forgives comments that never end, so
 * the text is looked over before libconfig sees it; unknown names, kinds and ranges are our own business after. */
#include "daemon/io/config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libconfig.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/check.h"

#define GUESS_BYTES_MAX 64

struct config_tree {
    config_t config;
    const char *name;
    struct config_faults *faults;
};

struct unit {
    const char *name;
    int64_t factor;
};

/* clang-format off */
static const struct unit sizes[] = {
    {"B", 1}, {"KiB", INT64_C(1) << 10}, {"MiB", INT64_C(1) << 20}, {"GiB", INT64_C(1) << 30},
    {"TiB", INT64_C(1) << 40}, {NULL, 0}};
static const struct unit times[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {"w", 604800000}, {NULL, 0}};
static const struct unit distances[] = {{"m", 1}, {"km", 1000}, {NULL, 0}};

/* What a value of each kind looks like, for people. */
static const char *const looks[] = {
    [CONFIG_TEXT] = "a text in quotes",
    [CONFIG_PATH] = "a path in quotes",
    [CONFIG_ID] = "an id in quotes, like \"four-greens\"",
    [CONFIG_CODE] = "a word in quotes",
    [CONFIG_NUMBER] = "a whole number without quotes",
    [CONFIG_BOOL] = "true or false, without quotes",
    [CONFIG_SIZE] = "a size in quotes, like \"8GiB\" (B, KiB, MiB, GiB, TiB)",
    [CONFIG_TIME] = "a time in quotes, like \"36h\" (ms, s, m, h, d, w)",
    [CONFIG_DISTANCE] = "a distance in quotes, like \"3km\" (m, km)",
    [CONFIG_DATE] = "a date in quotes, like \"2025-09-01\"",
    [CONFIG_TEXTS] = "texts in square brackets, like [ \"a\", \"b\" ]",
    [CONFIG_NUMBERS] = "whole numbers in square brackets, like [ 1, 2 ]",
    [CONFIG_GROUP] = "settings in braces, like { a = 1; }",
    [CONFIG_GROUPS] = "entries in round brackets, like ( { a = 1; }, { a = 2; } )",
};
/* clang-format on */

/* Faults */

static bool is_of_file(const char *fault, const char *file)
{
    size_t length = strlen(file);

    return strncmp(fault, file, length) == 0 && fault[length] == ':';
}

void config_fault(struct config_faults *faults, const char *file, int line, const char *format, ...)
{
    char fault[CONFIG_FAULT_BYTES];
    size_t at = faults->count++;
    va_list arguments;

    if (at >= CONFIG_FAULTS_MAX)
        return;
    int length =
        line > 0 ? snprintf(fault, sizeof fault, "%s:%d: ", file, line) : snprintf(fault, sizeof fault, "%s: ", file);
    va_start(arguments, format);
    if (length >= 0 && (size_t)length < sizeof fault)
        (void)vsnprintf(fault + length, sizeof fault - (size_t)length, format, arguments);
    va_end(arguments);
    for (; at > 0 && faults->line[at - 1] > line && is_of_file(faults->lines[at - 1], file); at--) {
        faults->line[at] = faults->line[at - 1];
        memcpy(faults->lines[at], faults->lines[at - 1], sizeof fault);
    }
    faults->line[at] = line;
    memcpy(faults->lines[at], fault, sizeof fault);
}

static bool has_fault_at(const struct config_faults *faults, const char *file, int line)
{
    for (size_t i = 0; i < faults->count && i < CONFIG_FAULTS_MAX; i++)
        if (faults->line[i] == line && is_of_file(faults->lines[i], file))
            return true;
    return false;
}

/* Guesses */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters must be added, left out, changed or swapped. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t rows[3][GUESS_BYTES_MAX + 1];
    size_t a_length = strlen(a), b_length = strlen(b);
    size_t *before = rows[0], *last = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b_length; j++)
        last[j] = before[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t changed = last[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least(changed, least(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[b_length];
}

void config_guess(struct config_guess *guess, const char *candidate)
{
    size_t length = strlen(guess->word);

    if (length > GUESS_BYTES_MAX || strlen(candidate) > GUESS_BYTES_MAX)
        return;
    size_t distance = edit_distance(guess->word, candidate);
    if (distance <= 1 + length / 4 && distance < length && (guess->nearest == NULL || distance < guess->distance)) {
        guess->nearest = candidate;
        guess->distance = distance;
    }
}

const char *config_guess_text(const struct config_guess *guess, char *out, size_t size)
{
    if (guess->nearest)
        (void)snprintf(out, size, ", did you mean \"%s\"?", guess->nearest);
    else
        out[0] = '\0';
    return out;
}

/* Files */

char *config_load_file(const char *path, size_t *length, char *why, size_t why_size)
{
    char *text = NULL;
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 || fstat(fd, &status) != 0) {
        (void)snprintf(why, why_size, "cannot be read: %s", strerror(errno));
        goto out;
    }
    if (!S_ISREG(status.st_mode) || status.st_size > CONFIG_FILE_BYTES_MAX) {
        (void)snprintf(why, why_size, "cannot be read: not a file of at most %d MiB", CONFIG_FILE_BYTES_MAX >> 20);
        goto out;
    }
    size_t size = (size_t)status.st_size;
    text = malloc(size + 1);
    *length = 0;
    while (text && *length < size) {
        ssize_t got = read(fd, text + *length, size - *length);
        if (got <= 0)
            break;
        *length += (size_t)got;
    }
    if (text == NULL || *length < size) {
        (void)snprintf(why, why_size, "cannot be read whole: %s", text ? "it is being changed" : "out of memory");
        free(text);
        text = NULL;
        goto out;
    }
    text[size] = '\0';
out:
    if (fd >= 0)
        (void)close(fd);
    return text;
}

/* The look before libconfig */

struct scan {
    const char *at;
    const char *end;
    int line;
    const char *name;
    struct config_faults *faults;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool scan_line_comment(struct scan *scan)
{
    while (scan->at < scan->end && *scan->at != '\n')
        scan->at++;
    return true;
}

static bool scan_block_comment(struct scan *scan)
{
    int opened = scan->line;

    for (scan->at += 2; scan->at + 1 < scan->end; scan->at++) {
        if (scan->at[0] == '*' && scan->at[1] == '/') {
            scan->at += 2;
            return true;
        }
        scan->line += *scan->at == '\n';
    }
    config_fault(scan->faults, scan->name, opened, "the comment that begins here with /* never ends, close it with */");
    return false;
}

static bool scan_text(struct scan *scan)
{
    for (scan->at++; scan->at < scan->end && *scan->at != '\n'; scan->at++) {
        if (*scan->at == '"') {
            scan->at++;
            return true;
        }
        if (*scan->at != '\\')
            continue;
        scan->at++;
        if (scan->at == scan->end || (*scan->at != '"' && *scan->at != '\\')) {
            config_fault(scan->faults, scan->name, scan->line,
                         "a backslash in a text stands only before \" or another backslash");
            return false;
        }
    }
    config_fault(scan->faults, scan->name, scan->line, "a text on this line has no closing \"");
    return false;
}

/* libconfig bends a number that does not fit into 32 bits (64 with L) into another one, without a word. */
static bool number_fits(const char *number)
{
    bool hex = number[0] == '0' && (number[1] == 'x' || number[1] == 'X');
    char *rest;

    errno = 0;
    long long value = strtoll(number, &rest, hex ? 16 : 10);
    if (errno == ERANGE)
        return false;
    if (*rest == 'L')
        return true;
    return *rest != '\0' || (value >= INT32_MIN && value <= INT32_MAX);
}

static bool scan_number(struct scan *scan)
{
    char number[40];
    size_t length = 0;

    for (; scan->at < scan->end && (is_digit(*scan->at) || is_letter(*scan->at) || strchr("+-.", *scan->at));
         scan->at++, length++)
        if (length < sizeof number - 1)
            number[length] = *scan->at;
    bool cut = length >= sizeof number;
    number[cut ? sizeof number - 1 : length] = '\0';
    if (cut || !number_fits(number))
        config_fault(scan->faults, scan->name, scan->line, "the number %.20s%s is far too large", number,
                     length > 20 ? "..." : "");
    return true;
}

static bool scan_name(struct scan *scan)
{
    while (scan->at < scan->end &&
           (is_digit(*scan->at) || is_letter(*scan->at) || *scan->at == '-' || *scan->at == '_' || *scan->at == '*'))
        scan->at++;
    return true;
}

static bool scan_other(struct scan *scan)
{
    unsigned char c = (unsigned char)*scan->at;

    if (c == '@') {
        config_fault(scan->faults, scan->name, scan->line,
                     "@include is not taken: everything stands in this one file, so that its versions can be kept");
        return false;
    }
    if ((c < ' ' && c != '\n' && c != '\t' && c != '\r') || c > '~') {
        config_fault(scan->faults, scan->name, scan->line,
                     "a character that does not belong here (code %d), perhaps a typographic quote", c);
        return false;
    }
    scan->line += c == '\n';
    scan->at++;
    return true;
}

static bool scan_next(struct scan *scan)
{
    char c = *scan->at;
    char next = scan->at + 1 < scan->end ? scan->at[1] : '\0';

    if (c == '#' || (c == '/' && next == '/'))
        return scan_line_comment(scan);
    if (c == '/' && next == '*')
        return scan_block_comment(scan);
    if (c == '"')
        return scan_text(scan);
    if (is_digit(c) || c == '+' || c == '-')
        return scan_number(scan);
    if (is_letter(c) || c == '_' || c == '*')
        return scan_name(scan);
    return scan_other(scan);
}

/* False when there is no use in going on. */
static bool scan_whole(const char *name, const char *text, size_t length, struct config_faults *faults)
{
    struct scan scan = {text, text + length, 1, name, faults};

    if (memchr(text, '\0', length)) {
        config_fault(faults, name, 0, "not a text: it holds a byte of value 0");
        return false;
    }
    while (scan.at < scan.end)
        if (!scan_next(&scan))
            return false;
    return true;
}

/* The tree */

static void fault_from_libconfig(const char *name, config_t *config, struct config_faults *faults)
{
    const char *text = config_error_text(config);

    if (text && strcmp(text, "duplicate setting name") == 0)
        config_fault(faults, name, config_error_line(config), "this setting stands twice, remove one");
    else if (text && strcmp(text, "syntax error") == 0)
        config_fault(faults, name, config_error_line(config),
                     "cannot be read from here: look on this line and the one before for a missing quote, comma, "
                     "semicolon or bracket, or a comma too many");
    else
        config_fault(faults, name, config_error_line(config), "cannot be read: %s", text ? text : "unknown error");
}

struct config_tree *config_parse(const char *name, const char *text, size_t length, struct config_faults *faults)
{
    if (!scan_whole(name, text, length, faults))
        return NULL;
    struct config_tree *tree = calloc(1, sizeof *tree);
    char *copy = tree ? strndup(text, length) : NULL;
    if (copy == NULL) {
        config_fault(faults, name, 0, "cannot be read: out of memory");
        free(tree);
        return NULL;
    }
    tree->name = name;
    tree->faults = faults;
    config_init(&tree->config);
    if (config_read_string(&tree->config, copy) != CONFIG_TRUE) {
        fault_from_libconfig(name, &tree->config, faults);
        config_free(&tree);
    }
    free(copy);
    return tree;
}

void config_free(struct config_tree **tree)
{
    if (*tree == NULL)
        return;
    config_destroy(&(*tree)->config);
    free(*tree);
    *tree = NULL;
}

static const struct config_node *as_node(const config_setting_t *setting)
{
    return (const struct config_node *)setting;
}

static const config_setting_t *as_setting(const struct config_node *node)
{
    return (const config_setting_t *)node;
}

const struct config_node *config_root(const struct config_tree *tree)
{
    return as_node(config_root_setting(&tree->config));
}

size_t config_count(const struct config_node *node)
{
    return node && config_setting_is_aggregate(as_setting(node)) ? (size_t)config_setting_length(as_setting(node)) : 0;
}

const struct config_node *config_at(const struct config_node *node, size_t i)
{
    assert(i < config_count(node));
    return as_node(config_setting_get_elem(as_setting(node), (unsigned)i));
}

/* The root stands on no line; what is missing in it is missing from the first one on. */
int config_line(const struct config_node *node)
{
    unsigned line = config_setting_source_line(as_setting(node));

    return line > 0 ? (int)line : 1;
}

const char *config_text(const struct config_node *node)
{
    return config_setting_type(as_setting(node)) == CONFIG_TYPE_STRING ? config_setting_get_string(as_setting(node))
                                                                       : NULL;
}

int64_t config_number(const struct config_node *node)
{
    return config_setting_get_int64(as_setting(node));
}

const struct config_node *config_member(const struct config_node *group, const char *name)
{
    return as_node(config_setting_get_member(as_setting(group), name));
}

/* Values */

/* One value on its way into a struct. */
struct taking {
    const struct config_tree *tree;
    const char *what;
    const struct config_row *row;
    int line;
    void *into;
};

static void *member_of(const struct taking *taking)
{
    return (char *)taking->into + taking->row->offset;
}

static void fault_looks(const struct taking *taking)
{
    config_fault(taking->tree->faults, taking->tree->name, taking->line, "%s must be %s", taking->row->name,
                 looks[taking->row->kind]);
}

static void put_integer(const struct taking *taking, int64_t value)
{
    int32_t narrow = (int32_t)value;

    if (taking->row->size == sizeof value) {
        memcpy(member_of(taking), &value, sizeof value);
        return;
    }
    /* uint32_t members take the same bits: their ranges end below 2^32. */
    assert(taking->row->size == sizeof narrow && value >= INT32_MIN && value <= UINT32_MAX);
    memcpy(member_of(taking), &narrow, sizeof narrow);
}

static void take_text(const struct taking *taking, const char *text)
{
    const struct config_row *row = taking->row;
    size_t length = strlen(text), characters;

    if (!check_utf8((struct text){text, (uint32_t)length}, false, &characters)) {
        config_fault(taking->tree->faults, taking->tree->name, taking->line,
                     "%s holds a character that is not UTF-8 or cannot be seen", row->name);
        return;
    }
    if (row->kind == CONFIG_ID && length > 0 && !check_id((struct text){text, (uint32_t)length})) {
        config_fault(taking->tree->faults, taking->tree->name, taking->line,
                     "%s \"%.60s\" may hold letters, digits, dot, hyphen and underscore only", row->name, text);
        return;
    }
    if ((int64_t)length < row->least || (int64_t)length > row->most) {
        char least[32] = "";

        if (row->least < row->most)
            (void)snprintf(least, sizeof least, "%" PRId64 " to ", row->least);
        config_fault(taking->tree->faults, taking->tree->name, taking->line,
                     "%s must have %s%" PRId64 " characters, not %zu", row->name, least, row->most, length);
        return;
    }
    assert(length < row->size);
    memcpy(member_of(taking), text, length + 1);
}

static void take_code(const struct taking *taking, const char *text)
{
    const struct config_row *row = taking->row;
    struct config_guess guess = {.word = text};
    char hint[100];
    int number = code_number(row->list, text, strlen(text));

    if (number != 0) {
        assert(row->size == sizeof number);
        memcpy(member_of(taking), &number, sizeof number);
        return;
    }
    for (size_t i = 0; i < lists[row->list].count; i++)
        config_guess(&guess, lists[row->list].codes[i].text);
    config_fault(taking->tree->faults, taking->tree->name, taking->line, "there is no %s \"%.60s\"%s", row->name, text,
                 config_guess_text(&guess, hint, sizeof hint));
}

static void take_number(const struct taking *taking, int64_t value)
{
    const struct config_row *row = taking->row;

    /* A number that the look before has found too large has come out of libconfig as another one. */
    if (has_fault_at(taking->tree->faults, taking->tree->name, taking->line))
        return;
    if (value < row->least || value > row->most)
        config_fault(taking->tree->faults, taking->tree->name, taking->line,
                     "%s must be between %" PRId64 " and %" PRId64 ", not %" PRId64, row->name, row->least, row->most,
                     value);
    else
        put_integer(taking, value);
}

/* Whole number, perhaps a space, unit. */
static bool parse_quantity(const char *text, const struct unit *units, int64_t *quantity)
{
    int64_t value = 0;
    const char *at = text;

    for (; is_digit(*at); at++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *at - '0', &value))
            return false;
    if (at == text)
        return false;
    at += *at == ' ';
    for (; units->name; units++)
        if (strcmp(units->name, at) == 0)
            return !__builtin_mul_overflow(value, units->factor, quantity);
    return false;
}

/* The greatest unit that divides the quantity, so that people read limits as they would write them. */
static const char *format_quantity(int64_t quantity, const struct unit *units, char out[32])
{
    const struct unit *best = units;

    for (; units->name; units++)
        if (quantity != 0 && quantity % units->factor == 0)
            best = units;
    (void)snprintf(out, 32, "%" PRId64 "%s", quantity / best->factor, best->name);
    return out;
}

static void take_quantity(const struct taking *taking, const char *text)
{
    const struct config_row *row = taking->row;
    const struct unit *units = row->kind == CONFIG_SIZE ? sizes : row->kind == CONFIG_TIME ? times : distances;
    char low[32], high[32];
    int64_t quantity;

    if (!parse_quantity(text, units, &quantity))
        config_fault(taking->tree->faults, taking->tree->name, taking->line, "%s must be %s, not \"%.40s\"", row->name,
                     looks[row->kind], text);
    else if (quantity < row->least || quantity > row->most)
        config_fault(taking->tree->faults, taking->tree->name, taking->line, "%s must be between %s and %s, not %.40s",
                     row->name, format_quantity(row->least, units, low), format_quantity(row->most, units, high), text);
    else
        put_integer(taking, quantity);
}

static void take_date(const struct taking *taking, const char *text)
{
    int64_t days;

    if (date_parse((struct text){text, (uint32_t)strlen(text)}, &days))
        put_integer(taking, days);
    else
        config_fault(taking->tree->faults, taking->tree->name, taking->line,
                     "%s must be %s that the calendar has, not \"%.40s\"", taking->row->name, looks[CONFIG_DATE], text);
}

/* Kinds that are written as a text. */
static bool take_from_text(const struct taking *taking, const char *text)
{
    switch (taking->row->kind) {
    case CONFIG_TEXT:
    case CONFIG_PATH:
    case CONFIG_ID:
        take_text(taking, text);
        return true;
    case CONFIG_CODE:
        take_code(taking, text);
        return true;
    case CONFIG_SIZE:
    case CONFIG_TIME:
    case CONFIG_DISTANCE:
        take_quantity(taking, text);
        return true;
    case CONFIG_DATE:
        take_date(taking, text);
        return true;
    case CONFIG_NUMBER:
    case CONFIG_BOOL:
    case CONFIG_TEXTS:
    case CONFIG_NUMBERS:
    case CONFIG_GROUP:
    case CONFIG_GROUPS:
        break;
    }
    return false;
}

static bool is_element(const config_setting_t *setting, enum config_kind kind)
{
    int type = config_setting_type(setting);

    if (kind == CONFIG_NUMBERS)
        return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
    return type == (kind == CONFIG_GROUPS ? CONFIG_TYPE_GROUP : CONFIG_TYPE_STRING);
}

static void take_several(const struct taking *taking, const config_setting_t *setting)
{
    const struct config_row *row = taking->row;
    const struct config_node *node = as_node(setting);
    size_t count = config_count(node);

    for (size_t i = 0; i < count; i++)
        if (!is_element(as_setting(config_at(node, i)), row->kind)) {
            fault_looks(taking);
            return;
        }
    if ((int64_t)count < row->least || (int64_t)count > row->most)
        config_fault(taking->tree->faults, taking->tree->name, taking->line,
                     "%s must have %" PRId64 " to %" PRId64 " entries, not %zu", row->name, row->least, row->most,
                     count);
    else
        memcpy(member_of(taking), &node, sizeof node);
}

static void take_setting(const struct taking *taking, const config_setting_t *setting)
{
    int type = config_setting_type(setting);
    enum config_kind kind = taking->row->kind;
    const struct config_node *node = as_node(setting);

    if (type == CONFIG_TYPE_STRING && take_from_text(taking, config_setting_get_string(setting)))
        return;
    if (kind == CONFIG_NUMBER && (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64))
        take_number(taking, config_setting_get_int64(setting));
    else if (kind == CONFIG_BOOL && type == CONFIG_TYPE_BOOL)
        *(bool *)member_of(taking) = config_setting_get_bool(setting) == CONFIG_TRUE;
    else if (kind == CONFIG_GROUP && type == CONFIG_TYPE_GROUP)
        memcpy(member_of(taking), &node, sizeof node);
    else if ((kind == CONFIG_TEXTS || kind == CONFIG_NUMBERS || kind == CONFIG_GROUPS) &&
             (type == CONFIG_TYPE_LIST || type == CONFIG_TYPE_ARRAY))
        take_several(taking, setting);
    else
        fault_looks(taking);
}

static void take_standard(const struct taking *taking)
{
    const char *standard = taking->row->standard;

    if (standard == NULL)
        config_fault(taking->tree->faults, taking->tree->name, taking->line, "%s needs a setting %s: %s", taking->what,
                     taking->row->name, looks[taking->row->kind]);
    else if (standard[0] != '\0' && !take_from_text(taking, standard)) {
        if (taking->row->kind == CONFIG_NUMBER)
            put_integer(taking, strtoll(standard, NULL, 10));
        else if (taking->row->kind == CONFIG_BOOL)
            *(bool *)member_of(taking) = strcmp(standard, "true") == 0;
    }
}

static void fault_unknown(const struct config_tree *tree, const config_setting_t *setting, const char *what,
                          const struct config_row *rows, size_t count)
{
    struct config_guess guess = {.word = config_setting_name(setting)};
    char hint[100];

    for (size_t i = 0; i < count; i++)
        config_guess(&guess, rows[i].name);
    config_fault(tree->faults, tree->name, config_line(as_node(setting)), "%s has no setting \"%.60s\"%s", what,
                 guess.word, config_guess_text(&guess, hint, sizeof hint));
}

static bool is_known(const char *name, const struct config_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return true;
    return false;
}

void config_take(const struct config_tree *tree, const struct config_node *group, const char *what,
                 const struct config_row *rows, size_t count, void *into)
{
    assert(group == NULL || config_setting_type(as_setting(group)) == CONFIG_TYPE_GROUP);
    for (size_t i = 0; i < config_count(group); i++) {
        const config_setting_t *setting = as_setting(config_at(group, i));
        if (!is_known(config_setting_name(setting), rows, count))
            fault_unknown(tree, setting, what, rows, count);
    }
    for (size_t i = 0; i < count; i++) {
        const config_setting_t *setting = group ? config_setting_get_member(as_setting(group), rows[i].name) : NULL;
        int line = setting ? config_line(as_node(setting)) : group ? config_line(group) : 0;
        struct taking taking = {tree, what, &rows[i], line, into};
        if (setting)
            take_setting(&taking, setting);
        else
            take_standard(&taking);
    }
}
