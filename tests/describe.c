/* SPDX-License-Identifier: MIT
 * describe: derives the reference parts of PROTOCOL.md and of the daemon's manual pages from the tables.
 *
 *   describe [--settings | --log]                 prints: the protocol, the settings, or the events of the log
 *   describe [--settings | --log] --check FILE    exits 1 and shows the first line that differs
 *   describe [--settings | --log] --write FILE    replaces it, between the two lines of comment */
#include "daemon/core/referral.h"

#include "daemon/core/referral.def"
#include "daemon/io/config.h"
#include "daemon/io/log.def"
#include "daemon/io/settings.def"
#include "proto/limits.h"
#include "proto/rules.def"
#include "proto/vocabulary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[KIND_COUNT] = {
    [KIND_UUID] = "UUID",     [KIND_ID] = "ID",
    [KIND_TEXT] = "TEXT",     [KIND_REFERRAL_ID] = "REFERRAL_ID",
    [KIND_CODE] = "CODE",     [KIND_BOOL] = "BOOL",
    [KIND_INT] = "INT",       [KIND_DATETIME] = "DATETIME",
    [KIND_DATE] = "DATE",     [KIND_POSTCODE] = "POSTCODE",
    [KIND_PHONE] = "PHONE",   [KIND_NHS_NUMBER] = "NHS_NUMBER",
    [KIND_EMAIL] = "EMAIL",   [KIND_ODS] = "ODS",
    [KIND_SNOMED] = "SNOMED", [KIND_CODES] = "CODES",
    [KIND_IDS] = "IDS",       [KIND_TEXTS] = "TEXTS",
    [KIND_INTS] = "INTS",     [KIND_RECORDS] = "RECORDS",
};

static const char *const kind_forms[KIND_COUNT] = {
    [KIND_UUID] = "text | 36 characters with hyphens, any case; written in lower case",
    [KIND_ID] = "text | letters, digits, `.`, `_` and `-`; the limits count characters",
    [KIND_REFERRAL_ID] =
        "text | `R`, a decimal number without leading zeros, `-`, two check digits: number x 100 + check "
        "digits = 1 modulo 97, for example `R1-95`",
    [KIND_TEXT] =
        "text | UTF-8 without control characters; line feed and tab are allowed where the limit is more than 200; "
        "the limits count characters (code points)",
    [KIND_CODE] = "text | a code of the named list",
    [KIND_BOOL] = "boolean | true or false",
    [KIND_INT] = "integer | of any msgpack width; the limits are those of the number; no floats",
    [KIND_DATETIME] =
        "text | ISO 8601 with seconds and offset, at most nine decimals of which three count, years 1900 to 9999: "
        "`2026-11-22T14:02:31.123Z` or `2026-11-22T14:02:31+00:00`; written in UTC with three decimals",
    [KIND_DATE] = "text | `YYYY-MM-DD`, years 1900 to 9999",
    [KIND_POSTCODE] = "text | UK postcode in any case, with one space or none; written in upper case with one space",
    [KIND_NHS_NUMBER] =
        "text | ten digits with a right check digit (modulus 11), spaces allowed as 3-3-4; written without",
    [KIND_PHONE] = "text | digits after an optional `+`; the limits count digits",
    [KIND_EMAIL] = "text | one `@` between a mailbox and a domain, ASCII; the limits count characters",
    [KIND_ODS] = "text | upper-case letters and digits; the limits count characters",
    [KIND_SNOMED] = "text | digits; the limits count them",
    [KIND_CODES] = "array of texts | codes of the named list, none twice; the limits count elements",
    [KIND_IDS] = "array of texts | each an ID of 1 to 64 characters; the limits count elements",
    [KIND_TEXTS] =
        "array of texts | each a TEXT that is not empty; the limits count elements, then the characters of each",
    [KIND_INTS] = "array of integers | the limits count elements",
    [KIND_RECORDS] = "array of maps | the named record; the limits count elements",
};

static const char *const direction_names[] = {"request", "question", "study", "answer", "push"};
static const char *const audience_names[] = {"-", "offer", "case", "network"};
static const char *const obligation_names[] = {"optional", "**mandatory**", "conditional"};

/* Members of the BaRS and PRSB dictionary that have no field of their own, and what carries them. */
static const char *const carried[][2] = {
    {"event_code (BaRS)", "`type`: `submit` is `servicerequest-request`; the pushes are `servicerequest-response`"},
    {"message_reason (BaRS)", "`type`: `submit` is `new`, `update` is `update`, `cancel` is `delete`"},
    {"schema_version (BaRS)", "`protocol_version` of `hello`, agreed once for each connection"},
    {"status (BaRS)", "`type`: `submit` is `active`; `cancel` is `revoked`, or `entered-in-error` with that reason"},
    {"sender_service_id (BaRS)", "the CURVE key of the connection; `welcome` names its party"},
    {"attachments", "not taken"},
    {"every other PRSB v1.1 element", "`further_information`, by its path"},
};

static void describe_roles(FILE *out, unsigned roles)
{
    bool is_first = true;

    for (int role = ROLE_SENDER; role <= ROLE_PRIVACY_OFFICER; role++) {
        if (!(roles & ROLE_BIT(role)))
            continue;
        fprintf(out, "%s%s", is_first ? "" : ", ", code_text(LIST_role, role));
        is_first = false;
    }
}

static void describe_of(FILE *out, const struct field_spec *field)
{
    if (field->kind == KIND_CODE || field->kind == KIND_CODES)
        fprintf(out, " of [%s](#codes-%s)", lists[field->of].name, lists[field->of].name);
    if (field->kind == KIND_RECORDS)
        fprintf(out, " of [%s](#record-%s)", records[field->of].name, records[field->of].name);
}

static void describe_limits(FILE *out, const struct field_spec *field)
{
    if (field->least == 0 && field->most == 0)
        fprintf(out, "-");
    else
        fprintf(out, "%" PRId64 " to %" PRId64, field->least, field->most);
    if (field->kind == KIND_TEXTS)
        fprintf(out, ", each at most %d", field->of);
}

static void describe_wire(FILE *out)
{
    fprintf(out, "## Limits\n\n| limit | value |\n|---|---|\n");
    fprintf(out, "| protocol version | %d |\n", PROTOCOL_VERSION);
    fprintf(out, "| bytes of a message | %d |\n", MESSAGE_BYTES_MAX);
    fprintf(out, "| bytes of a `submit`, in normal form | %d |\n", SUBMIT_BYTES_MAX);
    fprintf(out, "| nesting of maps and arrays | %d |\n", MESSAGE_DEPTH_MAX);
    fprintf(out, "| msgpack elements of a message, keys too | %d |\n", MESSAGE_ELEMENTS_MAX);
    fprintf(out, "\nmsgpack extension types and binary texts are not used.\n\n");
    fprintf(out, "## Kinds\n\n| kind | msgpack | form |\n|---|---|---|\n");
    for (size_t i = 0; i < KIND_COUNT; i++)
        fprintf(out, "| %s | %s |\n", kind_names[i], kind_forms[i]);
}

static void describe_overview(FILE *out)
{
    fprintf(out, "\n## Messages\n\nWho may say a request, question or study, or is told a push. An answer goes to who "
                 "asked. A study is a "
                 "question that may take minutes; nothing else waits for it.\n\n"
                 "| type | is a | who | standard | meaning |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < messages_count; i++) {
        const struct message_spec *message = &messages[i];

        fprintf(out, "| [%s](#message-%s) | %s | ", message->name, message->name, direction_names[message->direction]);
        describe_roles(out, message->roles);
        fprintf(out, " | %s | %s |\n", message->standard, message->meaning);
    }
}

static void describe_message(FILE *out, const struct message_spec *message)
{
    fprintf(out, "\n### Message %s\n\n%s: %s.", message->name, direction_names[message->direction], message->meaning);
    if (message->roles) {
        fprintf(out, " %s: ", message->direction == PUSH ? "Told to" : "Said by");
        describe_roles(out, message->roles);
        fprintf(out, ".");
    }
    fprintf(out, "\n\n| field | | kind | limits |\n|---|---|---|---|\n| `type` | **mandatory** | TEXT | `%s` |\n",
            message->name);
    for (size_t m = 0; m < message->count; m++) {
        const struct field_spec *field = &fields[message->members[m].field];

        fprintf(out, "| `%s` | %s | %s", field->name, obligation_names[message->members[m].obligation],
                kind_names[field->kind]);
        describe_of(out, field);
        fprintf(out, " | ");
        describe_limits(out, field);
        fprintf(out, " |\n");
    }
}

static void describe_fields(FILE *out)
{
    fprintf(
        out,
        "\n## Fields\n\nSeen by: `offer` also a hub that is asked, `case` only the hub that has accepted, `network` "
        "nobody but sender and network; `-` is about nobody.\n\n"
        "| field | kind | seen by | standard | meaning |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        fprintf(out, "| `%s` | %s", fields[i].name, kind_names[fields[i].kind]);
        describe_of(out, &fields[i]);
        fprintf(out, " | %s | %s | %s |\n", audience_names[fields[i].audience], fields[i].standard, fields[i].meaning);
    }
}

static void describe_records(FILE *out)
{
    fprintf(out, "\n## Records\n");
    for (size_t i = RECORD_none + 1; i < RECORD_COUNT; i++) {
        fprintf(out,
                "\n### Record %s\n\n| member | | kind | limits | standard | meaning |\n|---|---|---|---|---|---|\n",
                records[i].name);
        for (size_t m = 0; m < records[i].count; m++) {
            const struct field_spec *member = &records[i].members[m];

            fprintf(out, "| `%s` | %s | %s", member->name, obligation_names[member->obligation],
                    kind_names[member->kind]);
            describe_of(out, member);
            fprintf(out, " | ");
            describe_limits(out, member);
            fprintf(out, " | %s | %s |\n", member->standard, member->meaning);
        }
    }
}

/* The reasons that proto/rules.def allows in one message. */
static void describe_reasons(FILE *out, enum message_type type)
{
#define AS_ALLOWED(name, reason) {MESSAGE_##name, reason},
    static const struct {
        enum message_type type;
        enum status_reason reason;
    } allowed[] = {ALLOWED_REASONS(AS_ALLOWED)};
#undef AS_ALLOWED
    const char *separator = "";

    fprintf(out, "| %s | ", message_spec(type)->name);
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        if (allowed[i].type != type)
            continue;
        fprintf(out, "%s`%s`", separator, code_text(LIST_status_reason, (int)allowed[i].reason));
        separator = ", ";
    }
    fprintf(out, " |\n");
}

static void describe_rules(FILE *out)
{
#define AS_RULE(name, field, refusal, holds, sentence) {#name, #field, sentence},
    static const struct {
        const char *message;
        const char *field;
        const char *sentence;
    } rules[] = {FIELD_RULES(AS_RULE)};
#undef AS_RULE

    fprintf(out, "\n## Rules between fields\n\nChecked in this order; the first that is broken is told.\n\n"
                 "| message | field | rule |\n|---|---|---|\n");
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        fprintf(out, "| %s | `%s` | %s |\n", rules[i].message, rules[i].field, rules[i].sentence);
    fprintf(out, "\nReasons that each message takes:\n\n| message | `status_reason` |\n|---|---|\n");
    describe_reasons(out, MESSAGE_cancel);
    describe_reasons(out, MESSAGE_reject);
    describe_reasons(out, MESSAGE_fail);
    describe_reasons(out, MESSAGE_hand_back);
    describe_reasons(out, MESSAGE_turn_away);
}

static void describe_codes(FILE *out)
{
    fprintf(out, "\n## Codes\n");
    for (size_t l = LIST_none + 1; l < LIST_COUNT; l++) {
        fprintf(out, "\n### Codes %s\n\n| code | meaning |\n|---|---|\n", lists[l].name);
        for (size_t i = 0; i < lists[l].count; i++)
            fprintf(out, "| `%s` | %s |\n", lists[l].codes[i].text, lists[l].codes[i].meaning);
    }
}

static void describe_refusals(FILE *out)
{
    fprintf(
        out,
        "\n## Refusals\n\n`error`, `code`, `issue`, `sentence` and `remedy` of `refused`. Later: the same may be sent "
        "again after `retry_after_ms`.\n\n"
        "| error | code | issue | again | sentence | remedy |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < refusals_count; i++)
        fprintf(out, "| REF-%04d | %s | %s | %s | %s | %s |\n", (int)refusals[i].refusal, refusals[i].code,
                refusals[i].issue, refusals[i].retry == LATER ? "later" : "no", refusals[i].sentence,
                refusals[i].remedy);
}

static void describe_carried(FILE *out)
{
    fprintf(out, "\n## Standard fields that something else carries\n\n| field | carried by |\n|---|---|\n");
    for (size_t i = 0; i < sizeof carried / sizeof carried[0]; i++)
        fprintf(out, "| %s | %s |\n", carried[i][0], carried[i][1]);
}

/* ---- the life of a referral ---- */

#define COLUMNS_MAX 16

/* One event of a table of referral.def: who may cause it, and its cell for each column. */
struct moves {
    enum event event;
    unsigned who;
    struct move cells[COLUMNS_MAX];
};

/* How an offer, or a part, stands. */
struct column {
    enum state state;
    enum business_status business; /* 0: the state says it all */
};

/* clang-format off */
#define AS_COLUMN(state) {STATE_##state, 0},
static const struct column offer_columns[] = {OFFER_COLUMNS(AS_COLUMN)};
#undef AS_COLUMN
#define AS_COLUMN(name, state, business) {state, business},
static const struct column referral_columns[] = {REFERRAL_COLUMNS(AS_COLUMN)};
#undef AS_COLUMN
#define AS_ROW(event, who, ...) {EVENT_##event, who, {__VA_ARGS__}},
static const struct moves offer_moves[] = {OFFER_MOVES(AS_ROW)};
static const struct moves referral_moves[] = {REFERRAL_MOVES(AS_ROW)};
#undef AS_ROW
/* clang-format on */

static const struct table {
    const char *name;
    const struct column *columns;
    size_t columns_count;
    const struct moves *moves;
    size_t moves_count;
} tables[] = {
    {"offer", offer_columns, sizeof offer_columns / sizeof offer_columns[0], offer_moves,
     sizeof offer_moves / sizeof offer_moves[0]},
    {"referral", referral_columns, sizeof referral_columns / sizeof referral_columns[0], referral_moves,
     sizeof referral_moves / sizeof referral_moves[0]},
};

static void describe_column(FILE *out, const struct column *column)
{
    fprintf(out, "%s", code_text(LIST_state, (int)column->state));
    if (column->business)
        fprintf(out, ": %s", code_text(LIST_business_status, (int)column->business));
}

static void describe_causers(FILE *out, unsigned who)
{
    static const char *const names[] = {"the network",     "its sender", "its hub",
                                        "its GP practice", "operators",  "privacy officers"};
    const char *separator = "";

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!(who & 1u << i))
            continue;
        fprintf(out, "%s%s", separator, names[i]);
        separator = ", ";
    }
}

static void describe_cell(FILE *out, const struct move *move)
{
    switch (move->cell) {
    case CELL_MOVE:
        fprintf(out, "**%s**", code_text(LIST_state, (int)move->to));
        break;
    case CELL_PLACE:
        fprintf(out, "placed");
        break;
    case CELL_STAY:
        fprintf(out, "done");
        break;
    case CELL_REPEAT:
        fprintf(out, "=");
        break;
    default:
        fprintf(out, "%d", (int)move->refusal);
    }
}

static void describe_table(FILE *out, const struct table *table)
{
    fprintf(out, "\n### Moves of %s\n\n| event | caused by |", table->name);
    for (size_t c = 0; c < table->columns_count; c++) {
        fprintf(out, " ");
        describe_column(out, &table->columns[c]);
        fprintf(out, " |");
    }
    fprintf(out, "\n|---|---|");
    for (size_t c = 0; c < table->columns_count; c++)
        fprintf(out, "---|");
    for (size_t m = 0; m < table->moves_count; m++) {
        fprintf(out, "\n| %s | ", code_text(LIST_event, (int)table->moves[m].event));
        describe_causers(out, table->moves[m].who);
        fprintf(out, " |");
        for (size_t c = 0; c < table->columns_count; c++) {
            fprintf(out, " ");
            describe_cell(out, &table->moves[m].cells[c]);
            fprintf(out, " |");
        }
    }
    fprintf(out, "\n");
}

static bool goes_to(const struct move *move, enum cell cell, enum state to)
{
    return move->cell == cell && (cell != CELL_MOVE || move->to == to);
}

/* The events that lead from there to one state, or to where routing says; nothing when there is none. */
static void draw_arrow(FILE *out, const struct table *table, size_t column, enum cell cell, enum state to,
                       bool *is_first)
{
    const char *separator = "";

    for (size_t m = 0; m < table->moves_count; m++) {
        if (!goes_to(&table->moves[m].cells[column], cell, to))
            continue;
        if (!separator[0]) {
            fprintf(out, "   %s", *is_first ? "" : "     ");
            if (*is_first)
                describe_column(out, &table->columns[column]);
            fprintf(out, "%s ── ", *is_first ? "\n        " : "");
            *is_first = false;
        }
        fprintf(out, "%s%s", separator, code_text(LIST_event, (int)table->moves[m].event));
        separator = ", ";
    }
    if (separator[0])
        fprintf(out, " ──► %s\n",
                cell == CELL_PLACE ? "received or on-hold, as the rules say" : code_text(LIST_state, (int)to));
}

static void draw(FILE *out, const struct table *table)
{
    fprintf(out, "\n### Drawing of %s\n\n```\n", table->name);
    for (size_t c = 0; c < table->columns_count; c++) {
        bool is_first = true;
        for (size_t i = 0; i < lists[LIST_state].count; i++)
            draw_arrow(out, table, c, CELL_MOVE, (enum state)lists[LIST_state].codes[i].number, &is_first);
        draw_arrow(out, table, c, CELL_PLACE, 0, &is_first);
    }
    fprintf(out, "```\n");
}

static void describe_life(FILE *out)
{
    fprintf(
        out,
        "\n## Moves\n\nWhat each event makes of an offer, and of a referral or each of its parts, that stands as the "
        "column says. **A state**: it goes there. placed: the rules say where, received or on-hold. done: it is done, "
        "and the state stays. =: it was so before; the answer is the same, nothing changes. A number: refused, "
        "REF-0 and that number. Who may not cause an event is answered as if the referral did not exist (REF-0203).\n");
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        draw(out, &tables[t]);
        describe_table(out, &tables[t]);
    }
}

static void describe_protocol(FILE *out)
{
    describe_wire(out);
    describe_overview(out);
    for (size_t i = 0; i < messages_count; i++)
        describe_message(out, &messages[i]);
    describe_fields(out);
    describe_records(out);
    describe_rules(out);
    describe_codes(out);
    describe_life(out);
    describe_refusals(out);
    describe_carried(out);
}

/* A text for scdoc: nothing in it is markup. */
static void print_escaped(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("\\*_+", *text))
            fputc('\\', out);
        fputc(*text, out);
    }
}

struct unit {
    const char *name;
    int64_t factor;
};

/* In the greatest unit that divides it, as people write it. */
static void print_quantity(FILE *out, int64_t quantity, const struct unit *units)
{
    const struct unit *best = units;

    for (; units->name; units++)
        if (quantity % units->factor == 0)
            best = units;
    fprintf(out, "%" PRId64 "%s", quantity / best->factor, best->name);
}

static void describe_setting_form(FILE *out, enum config_kind kind, int64_t least, int64_t most)
{
    static const struct unit sizes[] = {{"B", 1},
                                        {"KiB", INT64_C(1) << 10},
                                        {"MiB", INT64_C(1) << 20},
                                        {"GiB", INT64_C(1) << 30},
                                        {"TiB", INT64_C(1) << 40},
                                        {NULL, 0}};
    static const struct unit times[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
                                        {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
    static const struct unit counts[] = {{"", 1}, {NULL, 0}};
    const struct unit *units = kind == CONFIG_SIZE ? sizes : kind == CONFIG_TIME ? times : counts;
    const char *form = kind == CONFIG_SIZE   ? "A size"
                       : kind == CONFIG_TIME ? "A time"
                       : kind == CONFIG_PATH ? "A path"
                       : kind == CONFIG_TEXT ? "A text"
                                             : "A whole number";

    fprintf(out, "%s, ", form);
    print_quantity(out, least, units);
    fprintf(out, " to ");
    print_quantity(out, most, units);
    fprintf(out, "%s.\n", units == counts && kind != CONFIG_NUMBER ? " characters" : "");
}

static void describe_settings(FILE *out)
{
#define AS_SETTING(member, name, kind, least, most, standard, meaning)                                                 \
    {name, CONFIG_##kind, least, most, standard, meaning},
    static const struct {
        const char *name;
        enum config_kind kind;
        int64_t least, most;
        const char *standard;
        const char *meaning;
    } settings[] = {SETTINGS(AS_SETTING)};
#undef AS_SETTING

    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        const char *quote = settings[i].kind == CONFIG_NUMBER ? "" : "\"";

        fprintf(out, "%s*%s* = _%s", i > 0 ? "\n" : "", settings[i].name, quote);
        print_escaped(out, settings[i].standard);
        fprintf(out, "%s;_\n\t", quote);
        print_escaped(out, settings[i].meaning);
        fprintf(out, ".++\n");
        describe_setting_form(out, settings[i].kind, settings[i].least, settings[i].most);
    }
}

static void describe_log(FILE *out)
{
    enum level { ERROR, WARNING, NOTICE, INFO };
    static const char *const level_names[] = {"error", "warning", "notice", "info"};
#define AS_EVENT(constant, name, level, most, meaning) {name, level, most, meaning},
    static const struct {
        const char *name;
        enum level level;
        int most;
        const char *meaning;
    } events[] = {LOG_EVENTS(AS_EVENT)};
#undef AS_EVENT

    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        fprintf(out, "%s*%s* (%s", i > 0 ? "\n" : "", events[i].name, level_names[events[i].level]);
        if (events[i].most > 0)
            fprintf(out, ", at most %d a minute", events[i].most);
        fprintf(out, ")\n\t");
        print_escaped(out, events[i].meaning);
        fprintf(out, ".\n");
    }
}

/* What can be described, and the lines that its file has it between. */
static const struct section {
    const char *option;
    const char *begin, *end;
    void (*describe)(FILE *);
} sections[] = {
    {"", "<!-- derived: begin -->\n", "<!-- derived: end -->\n", describe_protocol},
    {"--settings", "; derived: begin\n", "; derived: end\n", describe_settings},
    {"--log", "; derived: begin\n", "; derived: end\n", describe_log},
};

static char *description(const struct section *section)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    section->describe(out);
    return fclose(out) == 0 ? text : NULL;
}

static char *read_whole(const char *path)
{
    FILE *in = fopen(path, "r");
    char *text = NULL;
    size_t length = 0;

    if (!in)
        return NULL;
    /* A text file has no NUL, so this takes all of it. */
    if (getdelim(&text, &length, '\0', in) < 0) {
        free(text);
        text = NULL;
    }
    fclose(in);
    return text;
}

static size_t line_length(const char *text)
{
    return strcspn(text, "\n");
}

/* 0 when [have, have_end) is the text; else shows where it first differs. */
static int compare(const char *path, unsigned line, const char *have, const char *have_end, const char *want)
{
    while (have < have_end && *want != '\0' && line_length(have) == line_length(want) &&
           memcmp(have, want, line_length(want)) == 0) {
        have += line_length(have) + 1;
        want += line_length(want) + 1;
        line++;
    }
    if (have == have_end && *want == '\0')
        return 0;
    fprintf(stderr, "%s:%u: not as the tables have it (describe --write renews it)\n- %.*s\n+ %.*s\n", path, line,
            have < have_end ? (int)line_length(have) : 0, have, (int)line_length(want), want);
    return 1;
}

static int write_whole(const char *path, const char *before, size_t before_length, const char *text, const char *after)
{
    FILE *out = fopen(path, "w");
    bool is_written;

    if (!out) {
        perror(path);
        return 2;
    }
    is_written =
        fwrite(before, 1, before_length, out) == before_length && fputs(text, out) >= 0 && fputs(after, out) >= 0;
    if (fclose(out) == 0 && is_written)
        return 0;
    perror(path);
    return 2;
}

static unsigned count_lines(const char *text, const char *end)
{
    unsigned lines = 0;

    for (; text < end; text++)
        lines += *text == '\n';
    return lines;
}

/* Checks or writes the part of the file that is the section's. */
static int hold(const struct section *section, bool may_write, const char *path, const char *text)
{
    char *file = read_whole(path);
    char *begin = file ? strstr(file, section->begin) : NULL;
    char *end = begin ? strstr(begin, section->end) : NULL;
    int result = 2;

    if (!end) {
        fprintf(stderr, "%s: cannot be read, or has no line %.*s before one %.*s\n", path,
                (int)line_length(section->begin), section->begin, (int)line_length(section->end), section->end);
        goto out;
    }
    begin += strlen(section->begin);
    if (may_write)
        result = write_whole(path, file, (size_t)(begin - file), text, end);
    else
        result = compare(path, count_lines(file, begin) + 1, begin, end, text);
out:
    free(file);
    return result;
}

int main(int argc, char **argv)
{
    const struct section *section = &sections[0];
    int at = 1, result = 2;
    char *text;

    for (size_t i = 1; i < sizeof sections / sizeof sections[0]; i++)
        if (argc > 1 && strcmp(argv[1], sections[i].option) == 0) {
            section = &sections[i];
            at = 2;
        }
    text = description(section);
    if (!text)
        perror("describe");
    else if (argc == at)
        result = fputs(text, stdout) >= 0 ? 0 : 2;
    else if (argc == at + 2 && (strcmp(argv[at], "--check") == 0 || strcmp(argv[at], "--write") == 0))
        result = hold(section, strcmp(argv[at], "--write") == 0, argv[at + 1], text);
    else
        fprintf(stderr, "usage: describe [--settings | --log] [--check FILE | --write FILE]\n");
    free(text);
    return result;
}
