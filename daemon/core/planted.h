/* SPDX-License-Identifier: MIT
 * planted: bugs that are built in on purpose, so that the simulator can show that it finds them (tests/sim/sim.c lists
 * them). Only its build sim_planted defines PLANT; in every other build PLANTED(n) is 0 and nothing of them is left. */
#ifndef CORE_PLANTED_H
#define CORE_PLANTED_H

#ifdef PLANT
extern int planted_bug; /* PLANT may be this, to choose at run time, or a number */
#define PLANTED(n) (PLANT == (n))
#else
#define PLANTED(n) 0
#endif

#endif
