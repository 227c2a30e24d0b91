/* SPDX-License-Identifier: MIT
 * cells: looks over the shoulder of the core, whose decide(), offer_move() and referral_move() the linker leads through
 * here (--wrap), and counts which cells of its two tables were looked up, and who had caused it. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "daemon/core/decide.h"
#include "daemon/core/referral.def"
#include "tests/sim/coverage.h"

#define WHO_COUNT 6
#define COLUMNS_MAX 13
#define RARE_TIMES 5

/* clang-format off */
#define AS_ROW(event, who, ...) {EVENT_##event, who, {__VA_ARGS__}},
static const struct row { enum event event; unsigned who; struct move moves[COLUMNS_MAX]; } offer_rows[] = {
    OFFER_MOVES(AS_ROW) }, referral_rows[] = { REFERRAL_MOVES(AS_ROW) };
#define AS_COLUMN(state) {STATE_##state, 0, #state},
static const struct column { enum state state; enum business_status business; const char *name; } offer_columns[] = {
    OFFER_COLUMNS(AS_COLUMN) };
#undef AS_COLUMN
#define AS_COLUMN(name, state, business) {state, business, #name},
static const struct column referral_columns[] = { REFERRAL_COLUMNS(AS_COLUMN) };
/* clang-format on */

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof(array)[0]))

static const struct table {
    const char *name;
    const struct row *rows;
    int rows_count;
    const struct column *columns;
    int columns_count;
    int begins;
} tables[] = {
    {"offer", offer_rows, COUNT_OF(offer_rows), offer_columns, COUNT_OF(offer_columns), COVER_CELLS},
    {"referral", referral_rows, COUNT_OF(referral_rows), referral_columns, COUNT_OF(referral_columns),
     COVER_CELLS + COUNT_OF(offer_rows) * COUNT_OF(offer_columns) * WHO_COUNT},
};

static const char *const who_names[WHO_COUNT] = {"the network",     "its sender",  "its hub",
                                                 "its GP practice", "an operator", "a privacy officer"};

/* Who causes what is decided at the moment, as far as roles go. */
static struct {
    enum event event;
    unsigned who;
} cause_now;

static int place_of(const struct table *table, int row, int column, int who)
{
    return table->begins + (row * table->columns_count + column) * WHO_COUNT + who;
}

/* What follows from a cause (an offer is taken back because its referral is cancelled) is caused by who may: the same,
 * or the network. */
static void count(const struct table *table, enum state state, enum business_status business, enum event event)
{
    for (int row = 0; row < table->rows_count; row++)
        for (int column = 0; column < table->columns_count; column++) {
            const struct column *stands = &table->columns[column];
            if (table->rows[row].event != event || stands->state != state ||
                (stands->business && stands->business != business))
                continue;
            unsigned who = table->rows[row].who & cause_now.who;
            if (!who)
                who = table->rows[row].who & WHO_NETWORK;
            if (who)
                coverage_count(place_of(table, row, column, __builtin_ctz(who)));
        }
}

void __real_decide(const struct facts *, const struct cause *, struct referral *, struct outcome_of *);
void __wrap_decide(const struct facts *, const struct cause *, struct referral *, struct outcome_of *);
const struct move *__real_offer_move(enum state, enum event);
const struct move *__wrap_offer_move(enum state, enum event);
const struct move *__real_referral_move(enum state, enum business_status, enum event);
const struct move *__wrap_referral_move(enum state, enum business_status, enum event);

static unsigned who_causes(const struct cause *cause, const struct referral *referral)
{
    bool is_practice = referral_tells_practice(referral) && cause->actor == referral->practice &&
                       (cause->actor != referral->sender || referral->sender_knows);

    switch (cause->role) {
    case ROLE_SENDER:
    case ROLE_HUB:
        return cause->event == EVENT_OUTCOME_CONFIRMED && is_practice ? WHO_PRACTICE
               : event_causers(cause->event) & WHO_HUB                ? WHO_HUB
                                                                      : WHO_SENDER;
    case ROLE_OPERATOR:
        return WHO_OPERATOR;
    case ROLE_PRIVACY_OFFICER:
        return WHO_PRIVACY;
    default:
        return WHO_NETWORK;
    }
}

void __wrap_decide(const struct facts *facts, const struct cause *cause, struct referral *referral,
                   struct outcome_of *outcome)
{
    cause_now.who = who_causes(cause, referral);
    __real_decide(facts, cause, referral, outcome);
    cause_now.who = 0;
}

const struct move *__wrap_offer_move(enum state state, enum event event)
{
    count(&tables[0], state, 0, event);
    return __real_offer_move(state, event);
}

const struct move *__wrap_referral_move(enum state state, enum business_status business, enum event event)
{
    count(&tables[1], state, business, event);
    return __real_referral_move(state, business, event);
}

/* ---- what is missing ---- */

/* What the network itself does, and what follows for an offer from what is decided about its referral, is looked up
 * only where something happens. */
static bool only_happens(const struct table *table, const struct row *row)
{
    return row->who == WHO_NETWORK || (table == &tables[0] && !(row->who & WHO_HUB));
}

/* Cells that no message leads to, one by one. columns: bits. */
static const struct {
    const struct table *table;
    enum event event;
    unsigned who;
    unsigned columns;
    const char *why;
} out_of_reach[] = {
    {&tables[1], EVENT_SUBMITTED, WHO_SENDER, 0x1ffe, "a repeat is answered from what is stored"},
    {&tables[1], EVENT_OUTCOME_CONFIRMED, WHO_SENDER | WHO_PRACTICE, 0x00fe, "there is no outcome to confirm yet"},
    {&tables[1], EVENT_OVERDUE, WHO_NETWORK, 0x1f00, "what has ended waits for confirmations, without the table"},
    {&tables[1], EVENT_RELEASED, WHO_OPERATOR, 0x1fe7, "only what is held, or before a person, is looked up"},
    {&tables[1], EVENT_REOFFERED, WHO_OPERATOR, 0x1f1c, "the table of offers has refused it"},
};

/* Cells that not one run in a hundred leads to, if any: they are told, and not required. columns: bits. */
static const struct {
    const struct table *table;
    enum event event;
    unsigned who;
    unsigned columns;
} rare[] = {
    {&tables[0], EVENT_RECEIVED, WHO_HUB, 0x198},
    {&tables[0], EVENT_ACCEPTED, WHO_HUB, 0x010},
    {&tables[0], EVENT_PROGRESSED, WHO_HUB, 0x002},
    {&tables[0], EVENT_CANCELLED, WHO_OPERATOR, 0x001},
    {&tables[0], EVENT_ENTERED_IN_ERROR, WHO_SENDER | WHO_OPERATOR, 0x011},
    {&tables[0], EVENT_ENTERED_IN_ERROR, WHO_OPERATOR, 0x002},
    {&tables[0], EVENT_PLACED, WHO_OPERATOR, 0x003},
    {&tables[1], EVENT_LINKED, WHO_NETWORK, 0x0200},
    {&tables[1], EVENT_ENTERED_IN_ERROR, WHO_SENDER | WHO_OPERATOR, 0x0020},
    {&tables[1], EVENT_ENTERED_IN_ERROR, WHO_OPERATOR, 0x0300},
    {&tables[1], EVENT_REVEALED, WHO_OPERATOR, 0x0220},
};

static bool is_rare(const struct table *table, enum event event, int column, unsigned who)
{
    for (int i = 0; i < COUNT_OF(rare); i++)
        if (rare[i].table == table && rare[i].event == event && rare[i].who & who && rare[i].columns >> column & 1)
            return true;
    return false;
}

static bool is_expected(const struct table *table, const struct row *row, int column, unsigned who)
{
    enum cell cell = row->moves[column].cell;

    if (only_happens(table, row) && (cell == CELL_REPEAT || cell == CELL_REFUSE))
        return false;
    if (table == &tables[1] && column == 0 && row->event != EVENT_SUBMITTED) /* what is stored has been placed */
        return false;
    for (int i = 0; i < COUNT_OF(out_of_reach); i++)
        if (out_of_reach[i].table == table && out_of_reach[i].event == row->event && out_of_reach[i].who & who &&
            out_of_reach[i].columns >> column & 1)
            return false;
    return true;
}

/* Returns how many are missing. */
static int look_at(const struct table *table, int number, int column, bool print, int *reached, int *expected)
{
    const struct row *row = &table->rows[number];
    int missing = 0;

    for (int who = 0; who < WHO_COUNT; who++) {
        if (!(row->who >> who & 1) || !is_expected(table, row, column, 1u << who))
            continue;
        uint64_t times = coverage_of(place_of(table, number, column, who));
        *reached += times > 0;
        ++*expected;
        bool is_missing = !times && !is_rare(table, row->event, column, 1u << who);
        missing += is_missing;
        if (print && times < RARE_TIMES)
            printf("sim: %s reached (%" PRIu64 " times): %s %s, %s by %s\n", is_missing ? "NOT" : "rarely", times,
                   table->name, table->columns[column].name, code_text(LIST_event, (int)row->event), who_names[who]);
    }
    return missing;
}

static int look_at_all(bool print, int *reached, int *expected)
{
    int missing = 0;

    *reached = *expected = 0;
    for (int i = 0; i < COUNT_OF(tables); i++)
        for (int row = 0; row < tables[i].rows_count; row++)
            for (int column = 0; column < tables[i].columns_count; column++)
                missing += look_at(&tables[i], row, column, print, reached, expected);
    return missing;
}

int cells_print_missing(void)
{
    int reached, expected;

    return look_at_all(true, &reached, &expected);
}

void cells_count(int *reached, int *expected)
{
    look_at_all(false, reached, expected);
}
