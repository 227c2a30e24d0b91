/* SPDX-License-Identifier: MIT
 * ctl: the commands of referralctl, by subject. Each run function returns the exit code of the program. */
#ifndef CLIENTS_CTL_H
#define CLIENTS_CTL_H

#include "clients/options.h"

/* Why a referral is where it is; where a person who does not exist would be sent. */
extern const struct option_spec ctl_profile_options[];
int ctl_explain(const struct invocation *);
int ctl_explain_profile(const struct invocation *);

/* The network file: look at a draft of it, put it in force, see what was in force. */
extern const struct option_spec ctl_simulate_options[];
extern const struct option_spec ctl_apply_options[];
int ctl_routing_check(const struct invocation *);
int ctl_routing_diff(const struct invocation *);
int ctl_routing_coverage(const struct invocation *);
int ctl_routing_simulate(const struct invocation *);
int ctl_routing_apply(const struct invocation *);
int ctl_routing_versions(const struct invocation *);

/* The emergency rules, on and off. */
extern const struct option_spec ctl_emergency_on_options[];
extern const struct option_spec ctl_emergency_off_options[];
int ctl_emergency(const struct invocation *);

/* What could not be met, and for whom. */
extern const struct option_spec ctl_report_options[];
int ctl_report_unmet(const struct invocation *);
int ctl_report_equity(const struct invocation *);

/* What operators change about referrals, always with a reason. */
extern const struct option_spec ctl_change_options[];
extern const struct option_spec ctl_place_options[];
extern const struct option_spec ctl_prioritise_options[];
extern const struct option_spec ctl_cancel_options[];
extern const struct option_spec ctl_turn_away_options[];
int ctl_change(const struct invocation *); /* hold, release, annotate, prioritise, cancel, turn-away, erase */
int ctl_place(const struct invocation *);
int ctl_reoffer(const struct invocation *);

/* What must be true of the network itself, and what happens in it. */
extern const struct option_spec ctl_mailbox_options[];
extern const struct option_spec ctl_verify_options[];
extern const struct option_spec ctl_follow_options[];
int ctl_mailbox_list(const struct invocation *);
int ctl_who_saw(const struct invocation *);
int ctl_store_check(const struct invocation *);
int ctl_audit_verify(const struct invocation *);
int ctl_follow(const struct invocation *);

/* Who a person is, and what is done for a person's rights. */
extern const struct option_spec ctl_show_options[];
extern const struct option_spec ctl_find_options[];
extern const struct option_spec ctl_export_options[];
extern const struct option_spec ctl_approve_options[];
int ctl_show(const struct invocation *);
int ctl_person_find(const struct invocation *);
int ctl_person_export(const struct invocation *);
int ctl_retention_list(const struct invocation *);
int ctl_retention_approve(const struct invocation *);

/* A note that must be given: --reason. NULL, with a complaint, when it is not. */
const char *ctl_reason(const struct invocation *);

#endif
