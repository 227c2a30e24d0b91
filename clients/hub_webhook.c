/* SPDX-License-Identifier: MIT
 * hub_webhook: one connection of libcurl, which stays open between requests. */
#include "clients/hub_webhook.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/check.h"

#define SECRETS_MAX 4
#define SECRET_BYTES_LEAST 24
#define SECRET_BYTES_MAX 64
#define SECRET_PREFIX "whsec_"
#define SIGNATURE_BYTES 64 /* "v1," and 44 characters of base64, a blank, a NUL */
#define CONNECT_MS 10000L
#define WAIT_MS_MAX 3600000

struct secret {
    unsigned char bytes[SECRET_BYTES_MAX];
    size_t length;
};

struct webhook {
    CURL *curl;
    struct secret secrets[SECRETS_MAX];
    size_t secrets_count;
    const volatile sig_atomic_t *stopping;
    bool is_plain;
    char error[CURL_ERROR_SIZE];
};

/* What a status means; every other one of its hundred is as the hundred. */
static const struct {
    int status;
    enum verdict verdict;
} statuses[] = {
    {410, VERDICT_GONE},                        /* the receiver wants no more */
    {408, VERDICT_LATER}, {425, VERDICT_LATER}, /* of the moment */
    {429, VERDICT_LATER}, {502, VERDICT_LATER}, {503, VERDICT_LATER}, {504, VERDICT_LATER},
};

/* ---- opening ---- */

static bool add_secret(struct webhook *webhook, char *line)
{
    struct secret *secret = &webhook->secrets[webhook->secrets_count];
    size_t prefix = sizeof SECRET_PREFIX - 1;

    line[strcspn(line, "\r\n")] = '\0';
    if (line[0] == '\0')
        return true;
    if (webhook->secrets_count == SECRETS_MAX || strncmp(line, SECRET_PREFIX, prefix) != 0 ||
        sodium_base642bin(secret->bytes, sizeof secret->bytes, line + prefix, strlen(line + prefix), NULL,
                          &secret->length, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
        return false;
    webhook->secrets_count++;
    return secret->length >= SECRET_BYTES_LEAST;
}

static bool read_secrets(struct webhook *webhook, const char *path, char *why, size_t why_size)
{
    FILE *in = fopen(path, "re");
    struct stat status;
    char line[256];
    bool is_good;

    if (!in || fstat(fileno(in), &status)) {
        snprintf(why, why_size, "cannot open %s: %s", path, strerror(errno));
        if (in)
            fclose(in);
        return false;
    }
    is_good = (status.st_mode & 077) == 0;
    snprintf(why, why_size, "%s must be readable by its owner alone (chmod 600)", path);
    if (is_good) {
        while (is_good && fgets(line, sizeof line, in))
            is_good = add_secret(webhook, line);
        is_good = is_good && webhook->secrets_count > 0;
        snprintf(why, why_size, "%s must hold one to %d lines " SECRET_PREFIX "BASE64, of %d to %d bytes each", path,
                 SECRETS_MAX, SECRET_BYTES_LEAST, SECRET_BYTES_MAX);
    }
    sodium_memzero(line, sizeof line);
    fclose(in);
    return is_good;
}

static bool is_loopback(const char *host)
{
    struct in_addr address;

    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127);
}

/* Who the person is goes over the network encrypted, or not at all. */
static bool check_url(struct webhook *webhook, const char *text, char *why, size_t why_size)
{
    CURLU *url = curl_url();
    char *scheme = NULL;
    char *host = NULL;
    char *user = NULL;
    bool is_good = url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
                   curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                   curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK;

    snprintf(why, why_size, "--webhook takes https://HOST/PATH, or http:// to this machine itself (localhost)");
    if (is_good) {
        webhook->is_plain = strcmp(scheme, "http") == 0;
        is_good = strcmp(scheme, "https") == 0 || (webhook->is_plain && is_loopback(host));
    }
    if (is_good && curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_OK) {
        snprintf(why, why_size,
                 "--webhook: a name and password do not belong on a command line; the signature tells who sends");
        is_good = false;
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_url_cleanup(url);
    return is_good;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct webhook_result *result = context;
    size_t room = sizeof result->body - 1 - result->body_length;
    size_t taken = size * count < room ? size * count : room;

    memcpy(result->body + result->body_length, bytes, taken);
    result->body_length += taken;
    result->body[result->body_length] = '\0';
    result->is_cut = result->is_cut || taken < size * count;
    return size * count;
}

static int look_for_stop(void *context, curl_off_t down, curl_off_t down_now, curl_off_t up, curl_off_t up_now)
{
    const struct webhook *webhook = context;

    (void)down, (void)down_now, (void)up, (void)up_now;
    return webhook->stopping && *webhook->stopping;
}

static bool set_up(struct webhook *webhook, const struct webhook_options *options)
{
    CURL *curl = webhook->curl = curl_easy_init();
    bool is_set = curl != NULL;

    is_set = is_set && !curl_easy_setopt(curl, CURLOPT_URL, options->url);
    is_set = is_set && !curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, webhook->is_plain ? "http" : "https");
    is_set = is_set && !curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    is_set = is_set && !curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    is_set = is_set && !curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    is_set = is_set && !curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    is_set = is_set && !curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    is_set = is_set && !curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    is_set = is_set && !curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)options->limit_ms);
    is_set = is_set && !curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, webhook->error);
    is_set = is_set && !curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    is_set = is_set && !curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    is_set = is_set && !curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_for_stop);
    is_set = is_set && !curl_easy_setopt(curl, CURLOPT_XFERINFODATA, webhook);
    if (options->ca_file)
        is_set = is_set && !curl_easy_setopt(curl, CURLOPT_CAINFO, options->ca_file);
    if (webhook->is_plain) /* a proxy would be another machine */
        is_set = is_set && !curl_easy_setopt(curl, CURLOPT_PROXY, "");
    return is_set;
}

bool webhook_open(struct webhook **out, const struct webhook_options *options, char *why, size_t why_size)
{
    struct webhook *webhook = calloc(1, sizeof *webhook);
    bool is_open = webhook && sodium_init() >= 0 && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;

    snprintf(why, why_size, "out of memory");
    if (is_open) {
        webhook->stopping = options->stopping;
        is_open = check_url(webhook, options->url, why, why_size) &&
                  read_secrets(webhook, options->secret_file, why, why_size);
    }
    if (is_open && !set_up(webhook, options)) {
        snprintf(why, why_size, "libcurl cannot do what is needed");
        is_open = false;
    }
    if (!is_open)
        webhook_close(&webhook);
    *out = webhook;
    return is_open;
}

void webhook_close(struct webhook **webhook)
{
    if (!*webhook)
        return;
    curl_easy_cleanup((*webhook)->curl);
    sodium_memzero(*webhook, sizeof **webhook);
    free(*webhook);
    *webhook = NULL;
    curl_global_cleanup();
}

bool webhook_is_plain(const struct webhook *webhook)
{
    return webhook->is_plain;
}

/* ---- posting ---- */

/* A point separates id, time and body in what is signed, so it does not stand in the id. */
void webhook_id(char id[WEBHOOK_ID_BYTES], const char *party, const struct message *push)
{
    char subject[REFERRAL_ID_BYTES_MAX];

    referral_id_format(push_subject(push), subject);
    snprintf(id, WEBHOOK_ID_BYTES, "msg_%s_%" PRId64 "_%s_%s", party, message_number(push, FIELD_mailbox_number),
             subject, message_spec(push->type)->name);
    for (char *at = id; *at; at++)
        if (*at == '.')
            *at = '~';
}

/* "v1,BASE64" for each secret, separated by blanks. */
static void sign(const struct webhook *webhook, const char *id, const char *timestamp, const char *json, size_t length,
                 char *signatures, size_t size)
{
    signatures[0] = '\0';
    for (size_t i = 0; i < webhook->secrets_count; i++) {
        crypto_auth_hmacsha256_state state;
        unsigned char mac[crypto_auth_hmacsha256_BYTES];
        char text[sodium_base64_ENCODED_LEN(sizeof mac, sodium_base64_VARIANT_ORIGINAL)];
        size_t written = strlen(signatures);

        crypto_auth_hmacsha256_init(&state, webhook->secrets[i].bytes, webhook->secrets[i].length);
        crypto_auth_hmacsha256_update(&state, (const unsigned char *)id, strlen(id));
        crypto_auth_hmacsha256_update(&state, (const unsigned char *)".", 1);
        crypto_auth_hmacsha256_update(&state, (const unsigned char *)timestamp, strlen(timestamp));
        crypto_auth_hmacsha256_update(&state, (const unsigned char *)".", 1);
        crypto_auth_hmacsha256_update(&state, (const unsigned char *)json, length);
        crypto_auth_hmacsha256_final(&state, mac);
        sodium_bin2base64(text, sizeof text, mac, sizeof mac, sodium_base64_VARIANT_ORIGINAL);
        snprintf(signatures + written, size - written, "%sv1,%s", i ? " " : "", text);
    }
}

static struct curl_slist *make_headers(const struct webhook *webhook, const char *id, const char *json, size_t length)
{
    char timestamp[24];
    char signatures[SECRETS_MAX * SIGNATURE_BYTES];
    char line[sizeof signatures + 64];
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");

    snprintf(timestamp, sizeof timestamp, "%lld", (long long)time(NULL));
    sign(webhook, id, timestamp, json, length, signatures, sizeof signatures);
    headers = curl_slist_append(headers, "Expect:");
    headers = curl_slist_append(headers, "User-Agent: referral-hub/" REFERRALD_VERSION);
    snprintf(line, sizeof line, "webhook-id: %s", id);
    headers = curl_slist_append(headers, line);
    snprintf(line, sizeof line, "webhook-timestamp: %s", timestamp);
    headers = curl_slist_append(headers, line);
    snprintf(line, sizeof line, "webhook-signature: %s", signatures);
    return curl_slist_append(headers, line);
}

static void take_words(struct webhook_result *result, const char *words)
{
    snprintf(result->words, sizeof result->words, "%.*s", (int)sizeof result->words - 1, words);
    for (char *at = result->words; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = ' ';
}

void webhook_post(struct webhook *webhook, const char *id, const char *json, size_t length,
                  struct webhook_result *result)
{
    struct curl_slist *headers = make_headers(webhook, id, json, length);
    curl_off_t wait_seconds = 0;
    long status = 0;
    CURLcode code;

    memset(result, 0, sizeof *result);
    webhook->error[0] = '\0';
    curl_easy_setopt(webhook->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
    curl_easy_setopt(webhook->curl, CURLOPT_POSTFIELDS, json);
    curl_easy_setopt(webhook->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(webhook->curl, CURLOPT_WRITEDATA, result);
    code = curl_easy_perform(webhook->curl);
    if (code == CURLE_OK) {
        curl_easy_getinfo(webhook->curl, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(webhook->curl, CURLINFO_RETRY_AFTER, &wait_seconds);
    } else {
        take_words(result, webhook->error[0] ? webhook->error : curl_easy_strerror(code));
    }
    result->status = (int)status;
    result->wait_ms = wait_seconds > WAIT_MS_MAX / 1000 ? WAIT_MS_MAX : (int64_t)wait_seconds * 1000;
    curl_slist_free_all(headers);
}

/* ---- judging ---- */

/* Receivers say many things with a 2xx; only what names itself an answer is one. */
static bool names_itself_an_answer(const struct webhook_result *result)
{
    json_t *object = json_loadb(result->body, result->body_length, 0, NULL);
    bool names = json_object_get(object, "type") || json_object_get(object, "state");

    json_decref(object);
    return names;
}

static enum verdict judge_stored(const struct message *push, struct webhook_result *result, struct answer *answer)
{
    char why[ANSWER_WHY_BYTES];

    if (result->is_cut || !names_itself_an_answer(result))
        return VERDICT_STORED;
    if (answer_parse_about(result->body, result->body_length, push, answer, why))
        return VERDICT_ANSWER;
    snprintf(result->words, sizeof result->words, "the answer in its body: %s", why);
    return VERDICT_UNKNOWN;
}

enum verdict webhook_judge(const struct message *push, struct webhook_result *result, struct answer *answer)
{
    answer_clear(answer);
    if (result->status == 0)
        return VERDICT_LATER;
    if (result->status >= 200 && result->status < 300)
        return judge_stored(push, result, answer);
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].status == result->status)
            return statuses[i].verdict;
    return VERDICT_UNKNOWN;
}
