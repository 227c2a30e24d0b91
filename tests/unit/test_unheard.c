/* SPDX-License-Identifier: MIT
 * Real connections on the loopback; the time is the test's own. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/io/unheard.h"

#define LATER INT64_C(1000000)

enum { MOST = 16 };

static struct unheard *unheard;
static int peers[MOST], ours[MOST], count;
static int64_t now;

static void open_connection(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 1) == 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    peers[count] = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(peers[count], (struct sockaddr *)&address, size), 0);
    ours[count] = accept(listener, NULL, NULL);
    cr_assert_geq(ours[count], 0);
    close(listener);
    if (!unheard)
        unheard = unheard_open();
    cr_assert(unheard);
    unheard_come(unheard, ours[count++]);
}

static void close_all(void)
{
    unheard_close(&unheard);
    while (count > 0) {
        close(peers[--count]);
        close(ours[count]);
    }
}

/* What is read of it, as libzmq does, does not matter: the kernel counts what has come. */
static void say_at(int connection, size_t bytes)
{
    static char piece[1 << 16];

    for (size_t said = 0; said < bytes; said += sizeof piece) {
        cr_assert_eq(send(peers[connection], piece, sizeof piece, 0), sizeof piece);
        cr_assert_eq(recv(ours[connection], piece, sizeof piece, MSG_WAITALL), sizeof piece);
    }
}

static void say(size_t bytes)
{
    say_at(0, bytes);
}

static uint32_t look(void)
{
    now += LATER;
    return unheard_look(unheard, now);
}

static bool is_ended(int connection)
{
    char byte;

    return recv(peers[connection], &byte, 1, MSG_DONTWAIT) == 0;
}

Test(unheard, of_which_much_has_come_and_nothing_whole_is_ended)
{
    open_connection();
    say(UNHEARD_BYTES_MAX);
    cr_expect_eq(look(), 0);
    say(1);
    cr_expect_eq(look(), 1);
    cr_expect(is_ended(0));
    close_all();
}

Test(unheard, who_waits_for_room_to_send_more_hears_of_the_end_at_once)
{
    static char piece[1 << 16];

    open_connection();
    say(UNHEARD_BYTES_MAX + 1);
    while (send(peers[0], piece, sizeof piece, MSG_DONTWAIT) > 0)
        continue;
    cr_assert_eq(errno, EAGAIN);
    cr_expect_eq(look(), 1);
    while (recv(ours[0], piece, sizeof piece, MSG_DONTWAIT) > 0)
        continue; /* with something unread, the kernel resets by itself */
    close(ours[0]);
    cr_expect_lt(send(peers[0], piece, 1, MSG_DONTWAIT | MSG_NOSIGNAL), 0);
    cr_expect(errno == EPIPE || errno == ECONNRESET);
    close(peers[0]);
    count = 0;
    close_all();
}

Test(unheard, who_is_heard_may_say_as_much_as_it_likes)
{
    open_connection();
    for (int i = 0; i < 5; i++) {
        say(UNHEARD_BYTES_MAX);
        unheard_heard(unheard, ours[0]);
        cr_expect_eq(look(), 0);
    }
    cr_expect_not(is_ended(0));
    close_all();
}

Test(unheard, what_comes_after_the_last_whole_message_counts_from_there)
{
    open_connection();
    say(UNHEARD_BYTES_MAX);
    unheard_heard(unheard, ours[0]);
    cr_expect_eq(look(), 0);
    say(UNHEARD_BYTES_MAX);
    cr_expect_eq(look(), 0);
    say(1);
    cr_expect_eq(look(), 1);
    close_all();
}

Test(unheard, when_many_have_less_each_but_much_together_all_of_them_are_ended)
{
    for (int i = 0; i < 9; i++) {
        open_connection();
        say_at(i, UNHEARD_BYTES_MAX - (1 << 16));
        cr_expect_eq(look(), 0);
    }
    cr_expect_eq(look(), 9);
    open_connection();
    say_at(9, 1 << 17);
    for (int i = 0; i < 9; i++) {
        cr_expect(is_ended(i));
        unheard_gone(unheard, ours[i]);
    }
    cr_expect_eq(look(), 0);
    cr_expect_not(is_ended(9));
    close_all();
}

Test(unheard, who_is_silent_or_gone_is_left_alone)
{
    open_connection();
    for (int i = 0; i < 5; i++)
        cr_expect_eq(look(), 0);
    say(2 * UNHEARD_BYTES_MAX);
    unheard_gone(unheard, ours[0]);
    cr_expect_eq(look(), 0);
    cr_expect_eq(unheard_next_look(unheard), INT64_MAX);
    cr_expect_not(is_ended(0));
    close_all();
}

Test(unheard, a_new_connection_with_the_number_of_an_old_one_begins_anew)
{
    open_connection();
    unheard_heard(unheard, ours[0]);
    unheard_gone(unheard, ours[0]);
    unheard_come(unheard, ours[0]);
    say(UNHEARD_BYTES_MAX + 1);
    cr_expect_eq(look(), 1);
    close_all();
}

Test(unheard, a_look_comes_no_sooner_than_it_was_told_and_later_when_there_are_many)
{
    open_connection();
    look();
    int64_t one = unheard_next_look(unheard) - now;
    cr_expect_gt(one, 0);
    say(UNHEARD_BYTES_MAX + 1);
    cr_expect_eq(unheard_look(unheard, now + one - 1), 0);
    for (int i = 0; i < 10000; i++)
        unheard_come(unheard, 1000 + i);
    unheard_come(unheard, -1);
    cr_expect_eq(look(), 1);
    cr_expect_gt(unheard_next_look(unheard) - now, one);
    close_all();
}
