/* http/body.c: what a request carries: the text of `body`, a file, the fields
 * of a form, the parts of a multipart body.
 *
 * Owns what it makes of them, which hangs on the fetch until body_release().
 * Called by request.c for each hop that carries one. Files are read anew each
 * time, at once: they are small, and only regular ones are opened. */
#include "http/http.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (16 * 1024 * 1024)

void body_release(struct fetch *fetch)
{
    curl_mime_free(fetch->mime);
    fetch->mime = NULL;
    free(fetch->sent.at);
    fetch->sent = (struct bytes){0};
}

bool body_is_given(const struct http_conf *conf)
{
    return conf->body || conf->body_file || conf->form.count ||
           conf->multipart.count;
}

/* ----------------------------------------------------------------- files - */

static bool read_all(int fd, struct bytes *to)
{
    char piece[16 * 1024];
    ssize_t n;
    while ((n = read(fd, piece, sizeof piece)) > 0) {
        if (to->len + (size_t)n > FILE_MAX) {
            errno = EFBIG;
            return false;
        }
        bytes_append(to, piece, (size_t)n);
    }
    return n == 0;
}

/* Never waits: a pipe, or a device, is none. */
static bool read_file(const char *path, struct bytes *to, char *why,
                      size_t size)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool regular = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    bool ok = regular && read_all(fd, to);
    if (fd >= 0 && !regular)
        snprintf(why, size, "%s is not a regular file", path);
    else if (!ok && errno == EFBIG)
        snprintf(why, size, "%s has more than 16 MiB", path);
    else if (!ok)
        snprintf(why, size, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok;
}

/* ------------------------------------------------------------------ form - */

static void add_escaped(struct bytes *to, CURL *easy, const char *text)
{
    char *escaped = curl_easy_escape(easy, text, 0);
    bytes_append(to, escaped, strlen(escaped));
    curl_free(escaped);
}

void body_add_field(struct bytes *to, CURL *easy, const char *key,
                    const char *value)
{
    if (to->len)
        bytes_append(to, "&", 1);
    add_escaped(to, easy, key);
    bytes_append(to, "=", 1);
    add_escaped(to, easy, value);
}

/* ------------------------------------------------------------- multipart - */

static const char *value_of(const struct rlv_dict *part, const char *key)
{
    for (size_t i = 0; i < part->count; i++)
        if (strcmp(part->pairs[i].key, key) == 0)
            return part->pairs[i].value;
    return NULL;
}

static bool add_part(struct fetch *fetch, const struct rlv_dict *from,
                     char *why, size_t size)
{
    const char *path = value_of(from, "file");
    const char *value = value_of(from, "value");
    const char *filename = value_of(from, "filename");
    curl_mimepart *part = curl_mime_addpart(fetch->mime);
    struct bytes content = {0};
    if (path && !read_file(path, &content, why, size)) {
        free(content.at);
        return false;
    }
    if (path && !filename) {
        const char *slash = strrchr(path, '/');
        filename = slash ? slash + 1 : path;
    }
    bool ok = part && !curl_mime_name(part, value_of(from, "name")) &&
              !curl_mime_data(part, path ? content.at ? content.at : "" : value,
                              path ? content.len : CURL_ZERO_TERMINATED) &&
              !curl_mime_filename(part, filename) &&
              !curl_mime_type(part, value_of(from, "type"));
    free(content.at);
    return ok;
}

static bool set_multipart(struct fetch *fetch, CURL *easy, char *why,
                          size_t size)
{
    const struct rlv_steps *parts = &fetch->conf->multipart;
    fetch->mime = curl_mime_init(easy);
    for (size_t i = 0; i < parts->count; i++)
        if (!fetch->mime || !add_part(fetch, &parts->steps[i], why, size))
            return false;
    curl_easy_setopt(easy, CURLOPT_MIMEPOST, fetch->mime);
    return true;
}

/* ------------------------------------------------------------------- set - */

void body_send(CURL *easy, const char *at, size_t len)
{
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, at ? at : "");
}

bool body_set(struct fetch *fetch, CURL *easy, char *why, size_t size)
{
    const struct http_conf *conf = fetch->conf;
    struct bytes *sent = &fetch->sent;
    if (conf->multipart.count)
        return set_multipart(fetch, easy, why, size);
    if (conf->body_file && !read_file(conf->body_file, sent, why, size))
        return false;
    for (size_t i = 0; i < conf->form.count; i++)
        body_add_field(sent, easy, conf->form.pairs[i].key,
                       conf->form.pairs[i].value);
    if (conf->body)
        body_send(easy, conf->body, strlen(conf->body));
    else
        body_send(easy, sent->at, sent->len);
    return true;
}

/* NULL: libcurl knows. */
const char *body_type(const struct fetch *fetch)
{
    const struct http_conf *conf = fetch->conf;
    const char *at = conf->body        ? conf->body
                     : conf->body_file ? fetch->sent.at
                                       : NULL;
    bool json =
        at && (fetch->sent.len || conf->body) && (at[0] == '{' || at[0] == '[');
    return json              ? "application/json"
           : conf->body_file ? "application/octet-stream"
                             : NULL;
}

/* ------------------------------------------------------------ validation - */

static bool check_part(const struct rlv_dict *part, char *why, size_t size)
{
    static const char *const known[] = {"name", "value", "file", "filename",
                                        "type"};
    for (size_t i = 0; i < part->count; i++) {
        size_t k = 0;
        while (k < sizeof known / sizeof *known &&
               strcmp(known[k], part->pairs[i].key))
            k++;
        if (k == sizeof known / sizeof *known) {
            snprintf(why, size,
                     "a part has name, value or file, filename, type; not "
                     "\"%s\"",
                     part->pairs[i].key);
            return false;
        }
    }
    bool value = value_of(part, "value"), file = value_of(part, "file");
    if (value_of(part, "name") && value != file)
        return true;
    snprintf(why, size, "a part has a name, and either value or file");
    return false;
}

static const char *second_of(const struct http_conf *conf)
{
    const struct {
        const char *name;
        bool given;
    } all[] = {{"body", conf->body},
               {"body_file", conf->body_file},
               {"form", conf->form.count},
               {"multipart", conf->multipart.count}};
    bool seen = false;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i].given && seen)
            return all[i].name;
        seen = seen || all[i].given;
    }
    return NULL;
}

bool body_validate(const struct http_conf *conf, const char **option, char *why,
                   size_t size)
{
    bool form = conf->form.count || conf->multipart.count;
    if ((*option = second_of(conf))) {
        snprintf(why, size,
                 "only one of body, body_file, form and multipart can be sent");
        return false;
    }
    if (form && (conf->method == HTTP_GET || conf->method == HTTP_HEAD ||
                 conf->method == HTTP_OPTIONS)) {
        *option = "method";
        snprintf(why, size,
                 "a form is sent by POST, PUT or PATCH: method = \"POST\"");
        return false;
    }
    for (size_t i = 0; i < conf->multipart.count; i++) {
        if (!check_part(&conf->multipart.steps[i], why, size)) {
            *option = "multipart";
            return false;
        }
    }
    return true;
}
