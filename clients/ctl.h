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

/* A note that must be given: --reason. NULL, with a complaint, when it is not. */
const char *ctl_reason(const struct invocation *);
/* --since, when it is given: a date, or days before today ("30d"). False with a complaint when it is neither. */
bool ctl_since(const struct invocation *, struct message *);

#endif
