/* SPDX-License-Identifier: MIT
 * Which connection is whose, and who has to go when there are too many. */
#include <criterion/criterion.h>

#include "daemon/io/connections.h"

static const struct principal hub = {.key = "key", .party = "four-greens", .role = ROLE_HUB};

static struct connection *add(struct connections *connections, enum entrance entrance, uint32_t id)
{
    return connections_add(connections, entrance, &id, sizeof id, &hub);
}

static struct connection *find(struct connections *connections, enum entrance entrance, uint32_t id)
{
    return connections_find(connections, entrance, &id, sizeof id);
}

Test(connections, one_is_found_by_its_routing_id_and_by_its_handle)
{
    struct connections *connections = connections_open(10, 10, 10);
    struct connection *added = add(connections, ENTRANCE_PARTIES, 7);

    cr_assert(added);
    cr_expect_eq(find(connections, ENTRANCE_PARTIES, 7), added);
    cr_expect_eq(connections_find_handle(connections, added->handle), added);
    cr_expect_null(find(connections, ENTRANCE_OPERATORS, 7), "each entrance has ids of its own");
    cr_expect_null(find(connections, ENTRANCE_PARTIES, 8));
    connections_close(&connections);
}

Test(connections, a_handle_is_never_given_again)
{
    struct connections *connections = connections_open(10, 10, 10);
    connection_t first = add(connections, ENTRANCE_PARTIES, 7)->handle;

    connections_drop(connections, find(connections, ENTRANCE_PARTIES, 7));
    cr_expect_neq(add(connections, ENTRANCE_PARTIES, 7)->handle, first);
    cr_expect_null(connections_find_handle(connections, first));
    connections_close(&connections);
}

Test(connections, when_full_the_least_recently_used_makes_room_for_the_next_try)
{
    struct connections *connections = connections_open(3, 100, 3);

    for (uint32_t id = 1; id <= 3; id++)
        add(connections, ENTRANCE_PARTIES, id);
    cr_expect(find(connections, ENTRANCE_PARTIES, 1));
    cr_expect_null(add(connections, ENTRANCE_PARTIES, 4));
    cr_expect_null(find(connections, ENTRANCE_PARTIES, 2));
    cr_expect(add(connections, ENTRANCE_PARTIES, 4));
    cr_expect(find(connections, ENTRANCE_PARTIES, 1));
    connections_close(&connections);
}

Test(connections, those_that_the_turn_knew_are_told_in_order_and_count_until_then)
{
    struct connections *connections = connections_open(2, 100, 2);
    connection_t handles[2];

    for (uint32_t id = 0; id < 2; id++) {
        struct connection *added = add(connections, ENTRANCE_PARTIES, id);

        added->known_to_turn = true;
        handles[id] = added->handle;
    }
    cr_expect_eq(connections_next_gone(connections), 0);
    for (uint32_t id = 0; id < 2; id++)
        connections_drop(connections, find(connections, ENTRANCE_PARTIES, id));
    cr_expect_null(add(connections, ENTRANCE_PARTIES, 9));
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(connections_next_gone(connections), handles[i]);
        connections_forget_gone(connections);
    }
    cr_expect_eq(connections_next_gone(connections), 0);
    cr_expect(add(connections, ENTRANCE_PARTIES, 9));
    connections_close(&connections);
}

Test(connections, many_come_and_go)
{
    struct connections *connections = connections_open(5000, 5000, 2);

    for (uint32_t id = 0; id < 5000; id++)
        cr_assert(add(connections, ENTRANCE_PARTIES, id));
    for (uint32_t id = 0; id < 5000; id += 2)
        connections_drop(connections, find(connections, ENTRANCE_PARTIES, id));
    for (uint32_t id = 0; id < 5000; id++)
        cr_assert_eq(find(connections, ENTRANCE_PARTIES, id) != NULL, id % 2 == 1);
    connections_close(&connections);
}

Test(connections, a_party_that_opens_too_many_loses_its_own_oldest_and_nobody_elses)
{
    static const struct principal other = {.key = "other", .party = "rees", .role = ROLE_HUB};
    struct connections *connections = connections_open(100, 3, 10);
    uint32_t honest = 1000;

    cr_assert(connections_add(connections, ENTRANCE_PARTIES, &honest, sizeof honest, &other));
    for (uint32_t id = 1; id <= 3; id++)
        cr_assert(add(connections, ENTRANCE_PARTIES, id));
    cr_expect(find(connections, ENTRANCE_PARTIES, 1));
    for (uint32_t id = 4; id <= 50; id++)
        cr_assert(add(connections, ENTRANCE_PARTIES, id));
    cr_expect_eq(find(connections, ENTRANCE_PARTIES, 50)->party->connections, 3);
    cr_expect_null(find(connections, ENTRANCE_PARTIES, 1));
    cr_expect(find(connections, ENTRANCE_PARTIES, 48));
    cr_expect_eq(find(connections, ENTRANCE_PARTIES, honest)->party->connections, 1);
    connections_close(&connections);
}

static bool keep_even(void *argument, const struct principal *principal)
{
    ++*(int *)argument;
    return (principal->key[0] - '0') % 2 == 0;
}

Test(connections, after_a_review_only_those_are_left_that_may_stay)
{
    struct connections *connections = connections_open(100, 100, 10);
    connection_t gone;
    int seen = 0;

    for (uint32_t id = 0; id < 10; id++) {
        struct principal principal = {.key = {(char)('0' + id)}, .party = "four-greens", .role = ROLE_HUB};

        connections_add(connections, ENTRANCE_PARTIES, &id, sizeof id, &principal);
    }
    find(connections, ENTRANCE_PARTIES, 3)->known_to_turn = true;
    gone = find(connections, ENTRANCE_PARTIES, 3)->handle;
    connections_review(connections, keep_even, &seen);
    cr_expect_eq(seen, 10);
    for (uint32_t id = 0; id < 10; id++)
        cr_expect_eq(find(connections, ENTRANCE_PARTIES, id) != NULL, id % 2 == 0);
    cr_expect_eq(connections_next_gone(connections), gone, "the turn is told");
    connections_close(&connections);
}
