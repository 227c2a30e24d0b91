/* SPDX-License-Identifier: MIT
 * options: what all command-line clients share: a table of commands, a table of options for each, help and completion
 * made from both, and one shape for words about failures (stderr: `program: what failed: why`, then a `try:` line). */
#ifndef CLIENTS_OPTIONS_H
#define CLIENTS_OPTIONS_H

#include "clients/exchange.h"
#include "clients/print.h"
#include "clients/profile.h"
#include "clients/record_json.h"

#define OPTIONS_MAX 48 /* of the program and of one command together */

/* Ended by an entry without a name. */
struct option_spec {
    char letter; /* 0: none */
    const char *name;
    const char *argument;    /* NULL: a switch */
    const char *environment; /* asked when the option is not given; NULL: none */
    const char *fallback;    /* when the environment does not hold it either; NULL: none */
    const char *help;
};

struct invocation;

struct command {
    const char *name;                  /* one word, or two ("hub list") */
    const char *usage;                 /* operands, "REFERRAL_ID [OFFER_NUMBER]" */
    const char *help;                  /* one sentence */
    const struct option_spec *options; /* own ones; NULL: none */
    int operands_least;
    int operands_most;
    int (*run)(const struct invocation *); /* returns the exit code */
};

struct program {
    const char *name;
    const char *help;
    const struct option_spec *options; /* for every command */
    const struct command *commands;    /* ended by an entry without a name */
};

/* One command as it was typed. */
struct invocation {
    const struct program *program;
    const struct command *command;
    const struct option_spec *specs[OPTIONS_MAX + 1];
    const char *values[OPTIONS_MAX]; /* by place in specs; NULL: not given */
    char **operands;
    int operands_count;
    enum print_format format; /* of -o; a table in a program that has no -o */
};

/* The ready rows of every program's table, and of who connects by key. */
/* clang-format off */
#define OPTIONS_OF_ALL \
    {'o', "output", "FORMAT", "REFERRAL_OUTPUT", "table", "table, json (one document), jsonl (one object a line) or csv"}, \
    {0, "timeout", "TIME", "REFERRAL_TIMEOUT", NULL, "how long to wait for each answer: 500ms, 5s, 2m"}
#define OPTIONS_OF_PARTY \
    {'e', "endpoint", "ENDPOINT", "REFERRAL_ENDPOINT", NULL, "where the daemon listens, tcp://HOST:PORT"}, \
    {'k', "key-file", "FILE", "REFERRAL_KEY_FILE", NULL, "own key pair, made by referral-keygen"}, \
    {'K', "server-key", "FILE", "REFERRAL_SERVER_KEY", NULL, "public key of the daemon"}
#define OPTIONS_OF_OPERATOR \
    {'S', "socket", "PATH", "REFERRALCTL_SOCKET", "/run/referrald/operators.sock", "the daemon's socket for operators"}, \
    {'e', "endpoint", "ENDPOINT", NULL, NULL, "instead of the socket: where the daemon listens, tcp://HOST:PORT; with the next two"}, \
    {'k', "key-file", "FILE", NULL, NULL, "own key pair, of an operator, auditor or privacy officer"}, \
    {'K', "server-key", "FILE", NULL, NULL, "public key of the daemon"}
/* clang-format on */

/* Finds the command, parses, runs it; --help and --version of program and command, and the hidden command `commands`
 * (names only, for completion), are answered here. Returns the exit code of the program. */
int options_run(const struct program *, int argc, char **argv);

/* The value of an option: as given, else from the environment, else its fallback, else NULL. "" for a switch. */
const char *options_value(const struct invocation *, const char *name);
bool options_given(const struct invocation *, const char *name);
/* Nothing but a whole number within the limits; else false, and *number is kept. */
bool options_read_number(const char *text, int64_t least, int64_t most, int64_t *number);
/* The value as a whole number within the limits; complains and returns false otherwise. *number is kept when absent. */
bool options_number(const struct invocation *, const char *name, int64_t least, int64_t most, int64_t *number);

/* Options that are fields of a message; ended by an entry without an option. */
struct option_field {
    const char *option;
    enum field field;
};

/* The codes of a list with what they mean, on standard error: for who gave another. LIST_none has none. */
void options_print_codes(enum code_list);
/* Sets the fields whose options are given; a switch sets true. The message borrows texts, which the caller clears.
 * Complains and returns false when a value does not have its form. */
bool options_set_fields(const struct invocation *, const struct option_field *, struct record_texts *,
                        struct message *);

/* Opens an exchange: to --socket where the program has it and no --endpoint is given, else as profile.h says, given
 * options first. Complains and
 * returns NULL when it cannot; *code is the exit code then. */
struct exchange *options_connect(const struct invocation *, int *code);
/* The same for questions that may take minutes: waits for answers ten of them, unless --timeout says otherwise. */
struct exchange *options_connect_patiently(const struct invocation *, int *code);
/* Reads a referral id; complains and returns false otherwise. */
bool options_referral_id(const struct invocation *, const char *text, uint64_t *number);

/* `program: ...` on stderr, and a `try:` line when remedy is not NULL. Returns code, so that a caller may return it. */
int options_complain(const struct invocation *, int code, const char *remedy, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same from what an exchange says about its last question. Returns the exit code of the result. */
int options_complain_of(const struct invocation *, const struct exchange *, enum exchange_result);

/* The nearest of names (ended by NULL) to what was typed, when it is near enough; else NULL. */
const char *options_nearest(const char *typed, const char *const *names);

#endif
