/* SPDX-License-Identifier: MIT
 * hub: accepts every offer. Keys and address: ~/.config/referral/client.conf. */
#include <referral.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    referral_client *client = NULL;
    referral_record *update = NULL;
    int rc = referral_open(&client, NULL);

    while (rc == REFERRAL_OK && (rc = referral_next(client, &update, -1)) == REFERRAL_OK) {
        printf("%s %s\n", referral_record_get(update, "type"), referral_record_get(update, "referral_id"));
        rc = referral_confirm(client, update); /* a real hub stores the update before it confirms it */
        if (rc == REFERRAL_OK && strcmp(referral_record_get(update, "type"), "offer") == 0)
            rc = referral_reply(client, update, "accepted", NULL, NULL);
        referral_record_free(update);
    }
    puts(referral_errmsg(client));
    referral_close(client);
    return rc;
}
