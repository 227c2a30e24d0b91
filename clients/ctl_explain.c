/* SPDX-License-Identifier: MIT
 * ctl_explain: decisions, with every hub and every rule. */
#include "clients/ctl.h"

#include <sysexits.h>

#include "clients/look.h"
#include "clients/words.h"

static const enum field considered_columns[] = {
    FIELD_hub_id,     FIELD_hub_name,    FIELD_need,  FIELD_rule, FIELD_needed, FIELD_service_id, FIELD_ring,
    FIELD_distance_m, FIELD_places_free, FIELD_stale, FIELD_rank, FIELD_chosen, FIELD_COUNT};

static const struct option_field profile_fields[] = {
    {"need", FIELD_needs},
    {"age", FIELD_age},
    {"postcode", FIELD_postcode},
    {"neighbourhood", FIELD_neighbourhood_code},
    {"no-fixed-abode", FIELD_no_fixed_abode},
    {"contact-hub", FIELD_contact_hub_id},
    {"gp-practice", FIELD_gp_practice_ods},
    {"priority", FIELD_priority},
    {"tier", FIELD_tier_needed},
    {"gender", FIELD_gender},
    {"carer", FIELD_is_carer},
    {"source", FIELD_referral_source},
    {"plus-group", FIELD_plus_groups},
    {"risk", FIELD_risk_flags},
    {"adjustment", FIELD_reasonable_adjustments},
    {"interpreter", FIELD_interpreter_needed},
    {"travel-minutes", FIELD_travel_limit_minutes},
    {"transport", FIELD_transport_mode},
    {"prefer", FIELD_preferred_hub_id},
    {"exclude", FIELD_excluded_hub_ids},
    {0},
};

/* clang-format off */
const struct option_spec ctl_profile_options[] = {
    {0, "need",           "LIST",   NULL, NULL, "needs (mandatory): befriending,housing; the first is the primary one"},
    {0, "age",            "YEARS",  NULL, NULL, "full years (mandatory)"},
    {0, "postcode",       "TEXT",   NULL, NULL, "where the person lives, for example PL1 1AE"},
    {0, "neighbourhood",  "CODE",   NULL, NULL, "without a postcode: the neighbourhood, for example E02003130"},
    {0, "no-fixed-abode", NULL,     NULL, NULL, "the person has none"},
    {0, "contact-hub",    "ID",     NULL, NULL, "the hub where a person without fixed abode is in contact"},
    {0, "gp-practice",    "ODS",    NULL, NULL, "the practice, which stands in for a postcode"},
    {0, "priority",       "CODE",   NULL, NULL, "routine (when absent), urgent, asap or stat"},
    {0, "tier",           "CODE",   NULL, NULL, "universal, targeted (when absent) or specialist"},
    {0, "gender",         "CODE",   NULL, NULL, "1 male, 2 female, 9 indeterminate, X not stated"},
    {0, "carer",          NULL,     NULL, NULL, "the person is a carer"},
    {0, "source",         "CODE",   NULL, NULL, "kind of sender, for example gp_link_worker"},
    {0, "plus-group",     "LIST",   NULL, NULL, "groups of the network's own list"},
    {0, "risk",           "LIST",   NULL, NULL, "risks, for example no-food"},
    {0, "adjustment",     "LIST",   NULL, NULL, "reasonable adjustments, for example wheelchairaccess"},
    {0, "interpreter",    NULL,     NULL, NULL, "needs an interpreter"},
    {0, "travel-minutes", "N",      NULL, NULL, "how long the person can travel"},
    {0, "transport",      "CODE",   NULL, NULL, "walk, bus, car or none"},
    {0, "prefer",         "HUB",    NULL, NULL, "the hub that the person prefers"},
    {0, "exclude",        "LIST",   NULL, NULL, "hubs that must not be asked"},
    {0}};
/* clang-format on */

/* The decision in words, above the table of hubs. */
static void print_decision(const struct message *decision)
{
    char id[WORDS_BYTES], priority[WORDS_BYTES], needs[WORDS_BYTES], event[WORDS_BYTES];

    printf("%s  %s: %s\n",
           message_has(decision, FIELD_referral_id) ? words_value(decision, FIELD_referral_id, id) : "profile",
           words_value(decision, FIELD_priority, priority), words_needs(decision, needs));
    words_decision(decision, stdout);
    if (message_has(decision, FIELD_deprivation_decile))
        printf("deprived  decile %s, 1 is the most deprived tenth\n",
               words_value(decision, FIELD_deprivation_decile, id));
    if (message_has(decision, FIELD_event))
        printf("occasion  %s: %s\n", words_value(decision, FIELD_event, event),
               words_meaning(LIST_event, message_number(decision, FIELD_event)));
    printf("replayed  %s\n\n", message_number(decision, FIELD_replayed)
                                   ? "yes: deciding again from what was recorded gives the same"
                                   : "NO: deciding again from what was recorded gives another result");
}

static void take_decision(void *context, const struct message *answer)
{
    const struct view *view = context;

    if (answer->type == MESSAGE_decision && view->invocation->format == PRINT_TABLE)
        print_decision(answer);
    else
        view_take_row(context, answer);
}

static int ask_why(const struct invocation *invocation, struct message *request, const char *schema)
{
    struct view view = {.invocation = invocation, .row = MESSAGE_considered};

    return view_ask_rows(&view, schema, considered_columns, request, take_decision);
}

int ctl_explain(const struct invocation *invocation)
{
    struct message request;
    uint64_t referral;

    if (!options_referral_id(invocation, invocation->operands[0], &referral))
        return EX_USAGE;
    message_init(&request, MESSAGE_explain);
    message_set_number(&request, FIELD_referral_id, (int64_t)referral);
    return ask_why(invocation, &request, "referral.explain/1");
}

int ctl_explain_profile(const struct invocation *invocation)
{
    struct record_texts texts = {{0}};
    struct message request;
    int code = EX_USAGE;

    message_init(&request, MESSAGE_profile);
    if (!options_given(invocation, "need") || !options_given(invocation, "age"))
        code = options_complain(invocation, EX_USAGE,
                                "referralctl explain-profile --need befriending --age 70 --postcode \"PL1 1AE\"",
                                "--need and --age are missing");
    else if (options_set_fields(invocation, profile_fields, &texts, &request))
        code = ask_why(invocation, &request, "referral.explain-profile/1");
    record_texts_clear(&texts);
    return code;
}
