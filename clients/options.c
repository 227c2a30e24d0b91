/* SPDX-License-Identifier: MIT
 * options: getopt_long fed from tables. Options may stand before or after the words of the command. */
#include "clients/options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "clients/text.h"
#include "proto/check.h"

#define NEAREST_NAMES_MAX 96
#define TYPED_LENGTH_MAX 32
#define OPTION_LONG_BASE 256 /* above every letter */
#define COMMAND_NAME_BYTES_MAX 64
#define WHY_BYTES 256
#define STUDY_TIMEOUT_MS (10 * 60 * 1000)

/* Edit distance, two rows; both texts are cut at TYPED_LENGTH_MAX. */
static size_t distance_between(const char *a, const char *b)
{
    size_t row[TYPED_LENGTH_MAX + 1];
    size_t a_length = strnlen(a, TYPED_LENGTH_MAX);
    size_t b_length = strnlen(b, TYPED_LENGTH_MAX);

    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b_length];
}

const char *options_nearest(const char *typed, const char *const *names)
{
    const char *nearest = NULL;
    size_t best = strnlen(typed, TYPED_LENGTH_MAX) / 3 + 2; /* a third of the letters and one may be wrong */

    for (size_t i = 0; names[i]; i++) {
        size_t distance = distance_between(typed, names[i]);
        if (distance < best) {
            best = distance;
            nearest = names[i];
        }
    }
    return nearest;
}

int options_complain(const struct invocation *invocation, int code, const char *remedy, const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "%s: ", invocation->program->name);
    if (invocation->command)
        fprintf(stderr, "%s: ", invocation->command->name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    if (remedy)
        fprintf(stderr, "  try: %s\n", remedy);
    return code;
}

static int place_of(const struct invocation *invocation, const char *name)
{
    for (int i = 0; invocation->specs[i]; i++)
        if (strcmp(invocation->specs[i]->name, name) == 0)
            return i;
    return -1;
}

bool options_given(const struct invocation *invocation, const char *name)
{
    int place = place_of(invocation, name);

    return place >= 0 && invocation->values[place];
}

const char *options_value(const struct invocation *invocation, const char *name)
{
    int place = place_of(invocation, name);
    const char *value;

    if (place < 0)
        return NULL;
    value = invocation->values[place];
    if (!value && invocation->specs[place]->environment)
        value = getenv(invocation->specs[place]->environment);
    return value && (value[0] || !invocation->specs[place]->argument) ? value : invocation->specs[place]->fallback;
}

bool options_read_number(const char *text, int64_t least, int64_t most, int64_t *number)
{
    char *end;
    long long parsed;

    errno = 0;
    parsed = strtoll(text, &end, 10);
    if (errno || end == text || *end || parsed < least || parsed > most)
        return false;
    *number = parsed;
    return true;
}

bool options_number(const struct invocation *invocation, const char *name, int64_t least, int64_t most, int64_t *number)
{
    const char *value = options_value(invocation, name);

    if (!value || options_read_number(value, least, most, number))
        return true;
    options_complain(invocation, EX_USAGE, NULL, "--%s: give a whole number from %lld to %lld", name, (long long)least,
                     (long long)most);
    return false;
}

void options_print_codes(enum code_list list)
{
    for (size_t i = 0; i < lists[list].count; i++)
        fprintf(stderr, "  %-20s %s\n", lists[list].codes[i].text, lists[list].codes[i].meaning);
}

bool options_set_fields(const struct invocation *invocation, const struct option_field *table,
                        struct record_texts *texts, struct message *message)
{
    for (; table->option; table++) {
        const char *value = options_value(invocation, table->option);
        char why[WHY_BYTES] = "out of memory";

        if (!value)
            continue;
        if (record_texts_set(texts, table->field, value[0] ? value : "true") &&
            text_read(message, table->field, texts->of[table->field], why, sizeof why))
            continue;
        options_complain(invocation, EX_USAGE, NULL, "--%s: %s", table->option, why);
        options_print_codes(text_code_list(table->field));
        return false;
    }
    return true;
}

bool options_referral_id(const struct invocation *invocation, const char *text, uint64_t *number)
{
    if (referral_id_parse((struct text){text, (uint32_t)strlen(text)}, number))
        return true;
    options_complain(invocation, EX_USAGE, "copy it whole: \"R\", a number, \"-\" and two check digits",
                     "this is not a referral id, or a digit of it is wrong");
    return false;
}

/* Settings of the profile that an option may override. */
static const char *const profile_names[] = {"endpoint", "key-file", "server-key", "timeout"};

static bool load_profile(const struct invocation *invocation, struct profile *profile)
{
    char why[PROFILE_TEXT_BYTES];
    bool ok = profile_load(profile, why, sizeof why);

    for (size_t i = 0; ok && i < sizeof profile_names / sizeof profile_names[0]; i++)
        if (options_given(invocation, profile_names[i]))
            ok = profile_set(profile, profile_names[i], options_value(invocation, profile_names[i]), why, sizeof why);
    if (!ok)
        options_complain(invocation, EX_CONFIG, NULL, "%s", why);
    return ok;
}

static struct exchange *connect_for(const struct invocation *invocation, int timeout_ms, int *code)
{
    struct profile profile;
    struct exchange_options options;
    struct exchange *exchange = NULL;
    const char *socket = options_given(invocation, "endpoint") ? NULL : options_value(invocation, "socket");
    char endpoint[PROFILE_TEXT_BYTES];
    char client[COMMAND_NAME_BYTES_MAX];
    enum exchange_result result;

    *code = EX_CONFIG;
    if (!load_profile(invocation, &profile))
        return NULL;
    snprintf(client, sizeof client, "%s %s", invocation->program->name, REFERRALD_VERSION);
    options = profile_options(&profile, client);
    if (options.timeout_ms < timeout_ms && !options_given(invocation, "timeout"))
        options.timeout_ms = timeout_ms;
    if (socket) {
        snprintf(endpoint, sizeof endpoint, "ipc://%s", socket);
        options.endpoint = endpoint;
        options.key_file = options.server_key = NULL;
    }
    result = exchange_open(&exchange, &options);
    if (result == EXCHANGE_OK)
        return exchange;
    *code = exchange ? options_complain_of(invocation, exchange, result)
                     : options_complain(invocation, EX_OSERR, NULL, "out of memory");
    exchange_close(&exchange);
    return NULL;
}

struct exchange *options_connect(const struct invocation *invocation, int *code)
{
    return connect_for(invocation, 0, code);
}

struct exchange *options_connect_patiently(const struct invocation *invocation, int *code)
{
    return connect_for(invocation, STUDY_TIMEOUT_MS, code);
}

int options_complain_of(const struct invocation *invocation, const struct exchange *exchange,
                        enum exchange_result result)
{
    bool is_local = place_of(invocation, "socket") >= 0 && !options_given(invocation, "endpoint");
    const char *remedy = is_local ? "systemctl status referrald" : "referral doctor";

    return options_complain(invocation, exit_code((int)result), result == EXCHANGE_UNREACHABLE ? remedy : NULL, "%s",
                            exchange_sentence(exchange));
}

static void print_options(const struct option_spec *specs, FILE *out)
{
    for (; specs && specs->name; specs++) {
        char left[COMMAND_NAME_BYTES_MAX];
        char letter[5] = "";

        if (specs->letter)
            snprintf(letter, sizeof letter, "-%c, ", specs->letter);
        snprintf(left, sizeof left, "%4s--%s%s%s", letter, specs->name, specs->argument ? " " : "",
                 specs->argument ? specs->argument : "");
        fprintf(out, "  %-26s %s", left, specs->help);
        if (specs->environment)
            fprintf(out, " [%s]", specs->environment);
        if (specs->fallback && specs->argument)
            fprintf(out, " (default: %s)", specs->fallback);
        fputc('\n', out);
    }
}

static void print_program_help(const struct program *program, FILE *out)
{
    fprintf(out, "%s: %s\n\nusage: %s [OPTION...] COMMAND [ARGUMENT...]\n\ncommands\n", program->name, program->help,
            program->name);
    for (const struct command *command = program->commands; command->name; command++) {
        char left[COMMAND_NAME_BYTES_MAX];
        snprintf(left, sizeof left, "%s %s", command->name, command->usage);
        fprintf(out, "  %-38s %s\n", left, command->help);
    }
    if (program->options->name)
        fputs("\noptions\n", out);
    print_options(program->options, out);
    fprintf(out, "\n%s COMMAND --help tells more about one command.\n", program->name);
}

static void print_command_help(const struct program *program, const struct command *command, FILE *out)
{
    fprintf(out, "usage: %s %s%s%s [OPTION...]\n\n%s\n\noptions\n", program->name, command->name,
            command->usage[0] ? " " : "", command->usage, command->help);
    print_options(command->options, out);
    print_options(program->options, out);
}

static void print_command_names(const struct program *program, FILE *out)
{
    for (const struct command *command = program->commands; command->name; command++)
        fprintf(out, "%s\n", command->name);
}

static void take_specs(struct invocation *invocation, const struct option_spec *specs)
{
    int count = 0;

    while (invocation->specs[count])
        count++;
    for (; specs && specs->name; specs++) {
        assert(count < OPTIONS_MAX);
        invocation->specs[count++] = specs;
    }
}

/* How getopt_long ended. */
enum parsed { PARSED, PARSED_HELP, PARSED_VERSION, PARSED_WRONG };

/* -1: getopt has found none of ours. */
static int place_found(const struct invocation *invocation, int found)
{
    for (int i = 0; invocation->specs[i]; i++)
        if (found == OPTION_LONG_BASE + i || (invocation->specs[i]->letter && found == invocation->specs[i]->letter))
            return i;
    return -1;
}

static enum parsed parse_one(struct invocation *invocation, int found)
{
    int place = place_found(invocation, found);

    if (found == 'h')
        return PARSED_HELP;
    if (found == 'V')
        return PARSED_VERSION;
    if (place < 0 || (optarg && !optarg[0]))
        return PARSED_WRONG;
    invocation->values[place] = optarg ? optarg : "";
    return PARSED;
}

static void complain_of_option(const struct invocation *invocation, const char *typed, int found)
{
    const char *names[OPTIONS_MAX + 1] = {NULL};
    int place = place_found(invocation, found);
    const char *nearest;

    for (int i = 0; invocation->specs[i]; i++)
        names[i] = invocation->specs[i]->name;
    nearest = strncmp(typed, "--", 2) == 0 ? options_nearest(typed + 2, names) : NULL;
    if (place >= 0)
        options_complain(invocation, EX_USAGE, NULL, "--%s needs a value", names[place]);
    else if (found == ':')
        options_complain(invocation, EX_USAGE, NULL, "%.40s needs a value", typed);
    else if (nearest)
        options_complain(invocation, EX_USAGE, NULL, "there is no option \"%.40s\". Did you mean \"--%s\"?", typed,
                         nearest);
    else
        options_complain(invocation, EX_USAGE, NULL, "there is no option \"%.40s\"", typed);
}

/* Parses from argv[1] up to the end, or up to the first operand when stop_early. */
static enum parsed parse_options(struct invocation *invocation, int argc, char **argv, bool stop_early)
{
    struct option longs[OPTIONS_MAX + 3] = {{0}};
    char letters[2 * OPTIONS_MAX + 4] = "+:h"; /* + stops at operands, : leaves the words about errors to us */
    char *end = letters + 3;
    enum parsed parsed = PARSED;
    int found, count;

    optind = 0; /* glibc: begin anew */
    for (count = 0; invocation->specs[count]; count++) {
        const struct option_spec *spec = invocation->specs[count];
        longs[count] = (struct option){spec->name, spec->argument ? required_argument : no_argument, NULL,
                                       OPTION_LONG_BASE + count};
        if (spec->letter)
            *end++ = spec->letter;
        if (spec->letter && spec->argument)
            *end++ = ':';
    }
    *end = '\0';
    /* The first of two with one name counts: a command may have a --version of its own. */
    longs[count] = (struct option){"help", no_argument, NULL, 'h'};
    longs[count + 1] = (struct option){"version", no_argument, NULL, 'V'};
    while (parsed == PARSED && (found = getopt_long(argc, argv, stop_early ? letters : letters + 1, longs, NULL)) != -1)
        parsed = parse_one(invocation, found);
    if (parsed == PARSED_WRONG)
        complain_of_option(invocation, argv[optind - 1], found);
    return parsed;
}

/* The command whose words stand at argv; the one with more words wins. *words is how many they are. */
static const struct command *find_command(const struct program *program, char **argv, int *words)
{
    const struct command *found = NULL;

    *words = 0;
    for (const struct command *command = program->commands; command->name; command++) {
        const char *blank = strchr(command->name, ' ');
        size_t first = blank ? (size_t)(blank - command->name) : strlen(command->name);
        int wanted = blank ? 2 : 1;

        if (strlen(argv[0]) != first || strncmp(argv[0], command->name, first) != 0)
            continue;
        if (blank && (!argv[1] || strcmp(argv[1], blank + 1) != 0))
            continue;
        if (wanted > *words) {
            *words = wanted;
            found = command;
        }
    }
    return found;
}

static int unknown_command(const struct invocation *invocation, char **words)
{
    const char *names[NEAREST_NAMES_MAX + 1] = {NULL};
    char typed[COMMAND_NAME_BYTES_MAX];
    char remedy[2 * COMMAND_NAME_BYTES_MAX];
    const char *nearest;
    size_t count = 0, first = strlen(words[0]);
    bool is_begun = false; /* the first of a command's two words is there */

    for (const struct command *command = invocation->program->commands; command->name; command++) {
        if (count < NEAREST_NAMES_MAX)
            names[count++] = command->name;
        is_begun |= strncmp(command->name, words[0], first) == 0 && command->name[first] == ' ';
    }
    snprintf(typed, sizeof typed, "%s%s%s", words[0], words[1] ? " " : "", words[1] ? words[1] : "");
    nearest = options_nearest(typed, names);
    if (!nearest)
        nearest = options_nearest(words[0], names);
    snprintf(remedy, sizeof remedy, "%s %s", invocation->program->name, nearest ? nearest : "--help");
    if (nearest)
        return options_complain(invocation, EX_USAGE, remedy, "there is no command \"%.40s\". Did you mean \"%s\"?",
                                is_begun ? typed : words[0], nearest);
    return options_complain(invocation, EX_USAGE, remedy, "there is no command \"%.40s\"", is_begun ? typed : words[0]);
}

static int wrong_usage(const struct invocation *invocation, const char *what)
{
    char remedy[3 * COMMAND_NAME_BYTES_MAX];

    snprintf(remedy, sizeof remedy, "%s %s%s%s", invocation->program->name, invocation->command->name,
             invocation->command->usage[0] ? " " : "", invocation->command->usage);
    return options_complain(invocation, EX_USAGE, remedy, "%s", what);
}

static int run_command(struct invocation *invocation)
{
    const struct command *command = invocation->command;
    const char *output = options_value(invocation, "output");

    if (invocation->operands_count < command->operands_least)
        return wrong_usage(invocation, "something is missing");
    if (invocation->operands_count > command->operands_most)
        return wrong_usage(invocation, "there are more arguments than it takes");
    if (output && !print_format_parse(output, &invocation->format))
        return options_complain(invocation, EX_USAGE, "-o table, -o json, -o jsonl or -o csv",
                                "there is no such output format");
    return command->run(invocation);
}

static int answer_help(const struct invocation *invocation, enum parsed parsed)
{
    if (parsed == PARSED_VERSION)
        printf("%s %s\n", invocation->program->name, REFERRALD_VERSION);
    else if (parsed == PARSED_HELP && invocation->command)
        print_command_help(invocation->program, invocation->command, stdout);
    else if (parsed == PARSED_HELP)
        print_program_help(invocation->program, stdout);
    else
        fprintf(stderr, "  try: %s%s%s --help\n", invocation->program->name, invocation->command ? " " : "",
                invocation->command ? invocation->command->name : "");
    return parsed == PARSED_WRONG ? EX_USAGE : EX_OK;
}

/* The words that every program answers by itself; -1: none of them. */
static int answer_built_in(struct invocation *invocation, char **words)
{
    int count;

    if (strcmp(words[0], "commands") == 0) {
        print_command_names(invocation->program, stdout);
        return EX_OK;
    }
    if (strcmp(words[0], "version") == 0)
        return answer_help(invocation, PARSED_VERSION);
    if (strcmp(words[0], "help") != 0)
        return -1;
    if (words[1])
        invocation->command = find_command(invocation->program, words + 1, &count);
    if (words[1] && !invocation->command)
        return unknown_command(invocation, words + 1);
    return answer_help(invocation, PARSED_HELP);
}

int options_run(const struct program *program, int argc, char **argv)
{
    struct invocation invocation = {.program = program};
    enum parsed parsed;
    int words;
    int code;

    take_specs(&invocation, program->options);
    parsed = parse_options(&invocation, argc, argv, true);
    if (parsed != PARSED)
        return answer_help(&invocation, parsed);
    if (optind >= argc) {
        print_program_help(program, stderr);
        return EX_USAGE;
    }
    argc -= optind;
    argv += optind;
    code = answer_built_in(&invocation, argv);
    if (code >= 0)
        return code;
    invocation.command = find_command(program, argv, &words);
    if (!invocation.command)
        return unknown_command(&invocation, argv);
    take_specs(&invocation, invocation.command->options);
    argc -= words - 1; /* the last word of the command stands where getopt expects the program's name */
    argv += words - 1;
    parsed = parse_options(&invocation, argc, argv, false);
    if (parsed != PARSED)
        return answer_help(&invocation, parsed);
    invocation.operands = argv + optind;
    invocation.operands_count = argc - optind;
    return run_command(&invocation);
}
