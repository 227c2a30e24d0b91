/* SPDX-License-Identifier: MIT
 * referral-keygen(1): key pairs for parties and for the daemon. Secret keys go into files of mode 0600 and nowhere
 * else; no file is ever overwritten. */
#include "clients/keys.h"
#include "clients/options.h"
#include "proto/check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include <zmq.h>

#define FILE_BYTES_MAX 512

struct pair_files {
    char secret[PATH_MAX];
    char public[PATH_MAX];
};

/* A new file with this text, synced. False: errno is set; a file that was begun is removed. */
static bool write_file(const char *path, mode_t mode, const char *text)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    size_t length = strlen(text);
    bool is_written;

    if (file < 0)
        return false;
    is_written = write(file, text, length) == (ssize_t)length && fsync(file) == 0;
    is_written = close(file) == 0 && is_written;
    if (!is_written) {
        int error = errno;

        unlink(path);
        errno = error;
    }
    return is_written;
}

static int cannot_write(const struct invocation *invocation, const char *path)
{
    int error = errno;

    return options_complain(invocation, EX_CANTCREAT,
                            error == EEXIST ? "another --out directory; a key that exists is never overwritten" : NULL,
                            "cannot write %s: %s", path, strerror(error));
}

static int write_pair(const struct invocation *invocation, const struct pair_files *files, const struct keys *keys)
{
    char text[FILE_BYTES_MAX], public_text[FILE_BYTES_MAX];

    snprintf(text, sizeof text, "public_key = \"%s\";\nsecret_key = \"%s\";\n", keys->public_key, keys->secret_key);
    if (keys->party[0] != '\0')
        snprintf(public_text, sizeof public_text, "party = \"%s\";\nrole = \"%s\";\npublic_key = \"%s\";\n",
                 keys->party, keys->role, keys->public_key);
    else
        snprintf(public_text, sizeof public_text, "public_key = \"%s\";\n", keys->public_key);
    if (!write_file(files->public, 0644, public_text))
        return cannot_write(invocation, files->public);
    if (!write_file(files->secret, 0600, text)) {
        int code = cannot_write(invocation, files->secret);

        unlink(files->public);
        explicit_bzero(text, sizeof text);
        return code;
    }
    explicit_bzero(text, sizeof text);
    return EX_OK;
}

/* A block that can be pasted into a shell whole: the quoted word after << keeps the shell from reading the key. */
static void print_block(const struct pair_files *files, const struct keys *keys)
{
    char fingerprint[KEYS_FINGERPRINT_BYTES];

    keys_fingerprint(keys->public_key, fingerprint);
    printf("# secret key   %s (keep it; it never leaves this machine)\n", files->secret);
    printf("# public key   %s\n", files->public);
    printf("# fingerprint  %s\n", fingerprint);
    if (keys->party[0] == '\0') {
        printf("# Clients need this as their server-key file:\n");
        printf("cat > server.pub <<'END'\npublic_key = \"%s\";\nEND\n", keys->public_key);
        return;
    }
    printf("# To enrol it, an operator puts this into the daemon's directory of keys:\n");
    printf("cat > %s.pub <<'END'\nparty = \"%s\";\nrole = \"%s\";\npublic_key = \"%s\";\nEND\n", keys->party,
           keys->party, keys->role, keys->public_key);
}

/* The name of the party and of the files, and the role; false: complained. */
static bool take_names(const struct invocation *invocation, struct keys *keys, const char **name)
{
    const char *party = options_value(invocation, "party"), *role = options_value(invocation, "role");
    bool is_server = options_given(invocation, "server");

    *name = is_server ? "server" : party;
    if (is_server && party == NULL && role == NULL)
        return true;
    if (is_server || party == NULL || role == NULL) {
        options_complain(invocation, EX_USAGE, "referral-keygen new --party four-greens --role hub",
                         "give --party and --role, or --server alone");
        return false;
    }
    if (strlen(party) > ID_BYTES_MAX || !check_id((struct text){party, (uint32_t)strlen(party)}) || party[0] == '.') {
        options_complain(invocation, EX_USAGE, NULL, "a party's name has at most %d characters of A-Z a-z 0-9 . _ -",
                         ID_BYTES_MAX);
        return false;
    }
    if (code_number(LIST_role, role, strlen(role)) == 0) {
        options_complain(invocation, EX_USAGE, NULL, "a role is sender, hub, operator, auditor or privacy-officer");
        return false;
    }
    strcpy(keys->party, party);
    strcpy(keys->role, role);
    return true;
}

static int run_new(const struct invocation *invocation)
{
    const char *directory = options_value(invocation, "out"), *name;
    struct pair_files files;
    struct keys keys = {0};
    int code = EX_USAGE;

    if (!take_names(invocation, &keys, &name))
        return code;
    if (snprintf(files.secret, PATH_MAX, "%s/%s.key", directory, name) >= PATH_MAX ||
        snprintf(files.public, PATH_MAX, "%s/%s.pub", directory, name) >= PATH_MAX)
        return options_complain(invocation, EX_USAGE, NULL, "the name of the directory is too long");
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return cannot_write(invocation, directory);
    if (zmq_curve_keypair(keys.public_key, keys.secret_key) != 0)
        return options_complain(invocation, EX_SOFTWARE, NULL, "this libzmq has no CURVE encryption");
    code = write_pair(invocation, &files, &keys);
    if (code == EX_OK)
        print_block(&files, &keys);
    keys_wipe(&keys);
    return code;
}

static int run_show(const struct invocation *invocation)
{
    char why[1024], fingerprint[KEYS_FINGERPRINT_BYTES];
    struct keys keys;
    const char *is_secret;

    if (!keys_read_public(invocation->operands[0], &keys, why, sizeof why))
        return options_complain(invocation, EX_NOINPUT, NULL, "%s", why);
    keys_fingerprint(keys.public_key, fingerprint);
    is_secret = keys.secret_key[0] != '\0' ? "yes" : "no";
    if (strcmp(invocation->command->name, "fingerprint") == 0)
        puts(fingerprint);
    else
        printf("party        %s\nrole         %s\npublic_key   %s\nfingerprint  %s\nholds secret %s\n",
               keys.party[0] ? keys.party : "-", keys.role[0] ? keys.role : "-", keys.public_key, fingerprint,
               is_secret);
    keys_wipe(&keys);
    return EX_OK;
}

/* clang-format off */
static const struct option_spec new_options[] = {
    {0, "party",  "NAME", NULL, NULL, "whose key it is, as the network file calls it"},
    {0, "role",   "ROLE", NULL, NULL, "sender, hub, operator, auditor or privacy-officer"},
    {0, "server", NULL,   NULL, NULL, "the daemon's own key"},
    {0, "out",    "DIR",  NULL, ".",  "where the files go; made if it is missing"},
    {0}};
static const struct option_spec program_options[] = {{0}};

static const struct command commands[] = {
    {"new",         "",     "Makes a key pair: NAME.key (secret, mode 0600) and NAME.pub.", new_options, 0, 0, run_new},
    {"show",        "FILE", "Shows what a key file holds, without the secret.",             NULL, 1, 1, run_show},
    {"fingerprint", "FILE", "Shows the fingerprint of the public key.",                     NULL, 1, 1, run_show},
    {0}};
/* clang-format on */

int main(int argc, char **argv)
{
    static const struct program program = {"referral-keygen", "Make and show keys.", program_options, commands};

    return options_run(&program, argc, argv);
}
