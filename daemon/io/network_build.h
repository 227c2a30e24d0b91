/* SPDX-License-Identifier: MIT
 * network_build: what network_file, network_hubs and network_times share while they build a network from its text. For
 * them alone. */
#ifndef IO_NETWORK_BUILD_H
#define IO_NETWORK_BUILD_H

#include "daemon/core/network.h"
#include "daemon/io/config.h"

#define PLACES_MAX 10000000 /* as on the wire */
#define HOURS_MAX 21        /* lines of opening hours of one hub or service, or of the office */
#define EASTING_MAX 700000
#define NORTHING_MAX 1300000

/* One id that the file gives, to find those that stand twice. */
struct name {
    const char *text;
    const char *what;
    int line;
};

struct names {
    struct name *all;
    size_t count;
};

/* What an entry says of another one, which may stand further down: the hub that it is a satellite of, the service
 * whose places it shares. NULL: none. Borrowed from the tree. */
struct pointer {
    const char *to;
    int line;
};

struct building {
    const struct config_tree *tree;
    const char *name;
    struct config_faults *faults;
    struct network *network;
    struct names parties, places, practices;
    struct names mailboxes;  /* practices of senders, with the sender that each is of */
    struct pointer *parents; /* of each hub */
    struct pointer *shares;  /* of each service */
    const struct config_node *plus_groups;
};

#define FAULT(building, line, ...) config_fault((building)->faults, (building)->name, line, __VA_ARGS__)
#define TAKE(building, node, what, rows, into)                                                                         \
    config_take((building)->tree, node, what, rows, sizeof rows / sizeof rows[0], into)
#define PLAIN(in, member, name, kind, least, most, standard)                                                           \
    CONFIG_ROW(in, member, name, kind, least, most, LIST_none, standard)

void building_note(struct names *, const char *text, const char *what, int line);
/* The line of a setting of the group; of the group itself when it has none of that name. */
int building_line(const struct config_node *group, const char *name);
/* A list of codes as a set of bits; what and in name them in the faults ("need", "this service"). */
uint64_t building_codes(const struct building *, enum code_list, const char *what, const char *in,
                        const struct config_node *texts);
/* The bits of ids of the network's own plus groups. */
uint64_t building_plus_groups(const struct building *, const struct config_node *texts);
/* Index of the neighbourhood with this code or name; -1, with a fault, when there is none. */
int building_area(const struct building *, const char *text, int line);
/* The array with room for `more` elements after its `count` ones, which it holds in place of the old one; NULL, with a
 * fault, when there is no memory, and then the old one stays. */
void *building_room(const struct building *, void *array, size_t count, size_t more, size_t size);

/* Reads opening hours into the network; network_times.c, as what follows. */
struct hours building_read_hours(const struct building *, const struct config_node *texts);
void building_read_holidays(const struct building *, const struct config_node *texts);
/* How long the network waits. node: NULL when the file does not say. */
void building_read_deadlines(const struct building *, const struct config_node *node);
/* Of a hub whose hours are read, after the office's. line: of the hub. */
void building_read_closures(const struct building *, struct hub *, const struct config_node *groups);
void building_read_stages(const struct building *, struct hub *, const struct config_node *node, int line);

/* Reads the hubs with their services into the network; network_hubs.c. */
void building_read_hubs(struct building *, const struct config_node *hubs);
/* Finds the hubs and services that others point to. */
void building_follow_pointers(const struct building *);
/* The needs for which some hub takes cases, now or from a day on. */
uint64_t building_offered(const struct network *, bool in_emergency);

#endif
