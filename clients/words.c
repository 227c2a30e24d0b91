/* SPDX-License-Identifier: MIT
 * words: how a referral stands, and why, in words for people. */
#include "clients/words.h"

#include <inttypes.h>
#include <string.h>

#include "clients/print.h"
#include "proto/check.h"

/* What is known of a whole referral, or of one of its parts: the same words for both. */
struct standing {
    int64_t business_status;
    int64_t reason;
    int64_t outcome;
    struct text hub; /* its name, else its id; empty: none */
    int64_t position;
    int64_t expected_days; /* -1: not known */
    int64_t deadline;
    struct text owner; /* of the deadline; empty: not told */
    int64_t stage;     /* what is waited for until then; 0: not told */
};

const char *words_meaning(enum code_list list, int64_t number)
{
    for (size_t i = 0; i < lists[list].count; i++)
        if (lists[list].codes[i].number == number)
            return lists[list].codes[i].meaning;
    return "";
}

const char *words_value(const struct message *message, enum field field, char *buffer)
{
    if (message_has(message, field))
        print_value(message, field, false, buffer, WORDS_BYTES);
    else
        strcpy(buffer, "-");
    return buffer;
}

static void add_word(char *buffer, const char *word)
{
    size_t length = strlen(buffer);

    snprintf(buffer + length, WORDS_BYTES - length, "%s%s", length > 0 ? ", " : "", word);
}

const char *words_needs(const struct message *message, char *buffer)
{
    enum need primary = message_primary_need(message);

    buffer[0] = '\0';
    if (primary)
        add_word(buffer, code_text(LIST_need, (int)primary));
    for (size_t i = 0; i < message_list_count(message, FIELD_needs); i++) {
        int64_t need = message_member(message, FIELD_needs, i, MEMBER_code)->number;

        if (need != (int64_t)primary)
            add_word(buffer, code_text(LIST_need, (int)need));
    }
    return buffer;
}

static void print_standing(const struct standing *standing, FILE *out)
{
    char until[25];

    fprintf(out, "now       %s", words_meaning(LIST_business_status, standing->business_status));
    if (standing->hub.length > 0)
        fprintf(out, ": %.*s", (int)standing->hub.length, standing->hub.bytes);
    fputc('\n', out);
    if (standing->reason)
        fprintf(out, "why       %s\n", words_meaning(LIST_status_reason, standing->reason));
    if (standing->outcome)
        fprintf(out, "outcome   %s\n", words_meaning(LIST_outcome, standing->outcome));
    if (standing->position)
        fprintf(out, "waiting   number %" PRId64 " in turn; %s", standing->position,
                standing->expected_days < 0 ? "how long cannot be told: no places were given in the last four weeks\n"
                                            : "");
    if (standing->position && standing->expected_days >= 0)
        fprintf(out, "about %" PRId64 " days, if places go on being given as in the last four weeks\n",
                standing->expected_days);
    if (standing->deadline) {
        datetime_format(standing->deadline, until);
        fprintf(out, "until     %s the network waits, then it acts\n", until);
        if (standing->stage)
            fprintf(out, "for       %.*s: %s\n", (int)standing->owner.length, standing->owner.bytes,
                    words_meaning(LIST_stage, standing->stage));
    }
}

static int64_t number_or(const struct value *value, int64_t none)
{
    return value->present ? value->number : none;
}

static void print_part(const struct message *referral, size_t i, FILE *out)
{
    const struct value *values = message_member(referral, FIELD_parts, i, 0);
    const struct value *name = &values[MEMBER_part_hub_name], *id = &values[MEMBER_part_hub_id];
    const struct value *needs = &values[MEMBER_part_needs];
    struct standing standing = {.business_status = values[MEMBER_part_business_status].number,
                                .reason = number_or(&values[MEMBER_part_status_reason], 0),
                                .outcome = number_or(&values[MEMBER_part_outcome], 0),
                                .position = number_or(&values[MEMBER_part_position], 0),
                                .expected_days = number_or(&values[MEMBER_part_expected_wait_days], -1),
                                .deadline = number_or(&values[MEMBER_part_deadline], 0)};
    char codes[WORDS_BYTES] = "";

    if (id->present)
        standing.hub = name->present ? name->text : id->text;
    for (size_t k = 0; k < needs->list.count; k++)
        add_word(codes, code_text(LIST_need, (int)referral->values[needs->list.first + k].number));
    fprintf(out, "\nneeds     %s\n", codes);
    print_standing(&standing, out);
}

/* Referrals of the same person, and those that it was made from or that were made from it. */
static void print_links(const struct message *referral, FILE *out)
{
    const char *before = "linked    to ";

    for (size_t i = 0; i < message_list_count(referral, FIELD_linked_ids); i++) {
        struct text id = message_element(referral, FIELD_linked_ids, i)->text;

        fprintf(out, "%s%.*s", before, (int)id.length, id.bytes);
        before = ", ";
    }
    if (message_has(referral, FIELD_linked_ids))
        fputc('\n', out);
}

void words_standing(const struct message *referral, FILE *out)
{
    struct standing standing = {.business_status = message_number(referral, FIELD_business_status),
                                .reason = message_number(referral, FIELD_status_reason),
                                .outcome = message_number(referral, FIELD_outcome),
                                .hub = message_text(referral, FIELD_hub_id),
                                .position = message_number(referral, FIELD_position),
                                .expected_days = message_has(referral, FIELD_expected_wait_days)
                                                     ? message_number(referral, FIELD_expected_wait_days)
                                                     : -1,
                                .deadline = message_number(referral, FIELD_deadline),
                                .owner = message_text(referral, FIELD_deadline_owner),
                                .stage = message_number(referral, FIELD_deadline_stage)};
    char id[WORDS_BYTES], priority[WORDS_BYTES], needs[WORDS_BYTES];

    fprintf(out, "%s  %s: %s\n", words_value(referral, FIELD_referral_id, id),
            words_value(referral, FIELD_priority, priority), words_needs(referral, needs));
    if (!message_has(referral, FIELD_parts))
        print_standing(&standing, out);
    for (size_t i = 0; i < message_list_count(referral, FIELD_parts); i++)
        print_part(referral, i, out);
    if (message_has(referral, FIELD_parts))
        fputc('\n', out);
    print_links(referral, out);
}

/* All that were asked, with commas; empty: nobody was. */
static void list_asked(const struct message *decision, char *buffer)
{
    char id[ID_BYTES_MAX + 1];

    buffer[0] = '\0';
    if (!message_has(decision, FIELD_hub_ids) && message_has(decision, FIELD_hub_id))
        words_value(decision, FIELD_hub_id, buffer);
    for (size_t i = 0; i < message_list_count(decision, FIELD_hub_ids); i++) {
        struct text text = message_element(decision, FIELD_hub_ids, i)->text;
        snprintf(id, sizeof id, "%.*s", (int)text.length, text.bytes);
        add_word(buffer, id);
    }
}

void words_decision(const struct message *decision, FILE *out)
{
    char a[WORDS_BYTES], b[WORDS_BYTES], c[WORDS_BYTES];
    int64_t comparison = message_number(decision, FIELD_comparison);

    fprintf(out, "place     %s %s: %s\n", words_value(decision, FIELD_neighbourhood_code, a),
            words_value(decision, FIELD_neighbourhood_name, b),
            words_meaning(LIST_locality, message_number(decision, FIELD_locality)));
    fprintf(out, "decided   %s by network version %s, postcodes %s\n", words_value(decision, FIELD_at, a),
            words_value(decision, FIELD_network_version, b), words_value(decision, FIELD_postcode_edition, c));
    if (message_has(decision, FIELD_emergency_until))
        fprintf(out, "emergency the emergency rules were on, until %s\n",
                words_value(decision, FIELD_emergency_until, a));
    list_asked(decision, a);
    fprintf(out, "result    offered to %s", a[0] ? a : "nobody");
    if (message_has(decision, FIELD_status_reason))
        fprintf(out, ": %s", words_meaning(LIST_status_reason, message_number(decision, FIELD_status_reason)));
    fputc('\n', out);
    if (!comparison)
        return;
    fputs("because   ", out);
    if (message_has(decision, FIELD_hub_ids)) /* it is about the first alone */
        fprintf(out, "%s came first by ", words_value(decision, FIELD_hub_id, b));
    fprintf(out, "%s: %s\n", words_value(decision, FIELD_comparison, a), words_meaning(LIST_comparison, comparison));
}

void words_consider(struct words_count *count, const struct message *considered)
{
    count->looked_at++;
    count->needs |= UINT64_C(1) << (message_number(considered, FIELD_need) & 63);
    count->failed[message_number(considered, FIELD_rule) & 63]++;
}

void words_counted(const struct words_count *count, FILE *out)
{
    bool has_several = (count->needs & (count->needs - 1)) != 0;
    const char *separator = "; not:";

    if (count->looked_at == 0)
        return;
    fprintf(out, "looked at %" PRId64 " %s, %" PRId64 " %s", count->looked_at,
            has_several ? "pairs of a hub and a need" : "hubs", count->failed[RULE_NONE_FAILED],
            has_several ? "of them possible" : "could take it");
    for (size_t i = 0; i < lists[LIST_rule].count; i++) {
        const struct code_spec *rule = &lists[LIST_rule].codes[i];

        if (rule->number == RULE_NONE_FAILED || count->failed[rule->number] == 0)
            continue;
        fprintf(out, "%s %s %" PRId64, separator, rule->text, count->failed[rule->number]);
        separator = ",";
    }
    fputc('\n', out);
}
