/* SPDX-License-Identifier: MIT
 * submit: refers the person of standard input: submit < person.txt. Keys and address: ~/.config/referral/client.conf */
#include <referral.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    char id[REFERRAL_ID_MAX], name[4096];
    referral_client *client = NULL;
    referral_record *record = referral_record_new();
    int rc = referral_open(&client, NULL);

    while (rc == REFERRAL_OK && fgets(name, sizeof name, stdin) && strchr(name, '=')) {
        char *value = strtok(strchr(name, '='), "=\n");
        rc = referral_record_set(record, strtok(name, "="), value);
    }
    if (rc == REFERRAL_OK)
        rc = referral_submit(client, record, id); /* returns once it is stored on disk */
    puts(rc == REFERRAL_OK ? id : referral_errmsg(client));
    referral_record_free(record);
    referral_close(client);
    return rc;
}
