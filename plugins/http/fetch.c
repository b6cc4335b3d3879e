/* http/fetch.c: one probe, from start to done.
 *
 * Owns the fetch (in the probe's scope), its target and lists; borrows an easy
 * handle from the pool. Called by the host, and by lane.c when a transfer is
 * over.
 *
 * Happy path: http_start() parses the URL; fetch_hop() sees to the trusted
 * certificates, if TLS is to be spoken, and has way.c resolve what is to be
 * dialled; fetch_transfer() hands all of it to libcurl; fetch_transferred()
 * observes and ends, or follows a redirect with the next fetch_hop(). With
 * all_addresses it begins anew, for each of them, as long as all is well.
 * Redirects are followed here and not by libcurl, because the next host must be
 * resolved outside of the loop, too.
 *
 * Ways it can fail: whatever libcurl reports (fault.c); a redirect that may
 * not be followed; the deadline, in any stage (on_deadline); the host ends the
 * probe at any time: release() is deferred and undoes all of it. */
#include "http/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void begin(struct fetch *);

static void release(void *arg)
{
    struct fetch *fetch = arg;
    lane_stop(fetch);
    if (fetch->handle)
        handle_give(fetch->handle);
    request_release(fetch);
    cookies_drop(fetch);
    target_fini(&fetch->target);
    content_end(fetch);
    kit_peer_forget(&fetch->peer);
    kit_peer_forget(&fetch->first);
    kit_peer_forget(&fetch->proxy_peer);
}

bool fetch_is_renamed(const struct fetch *fetch)
{
    return fetch->conf->net.server_name && fetch->target.https &&
           fetch_at_origin(fetch);
}

bool fetch_at_origin(const struct fetch *fetch)
{
    const struct target *target = &fetch->target;
    if (fetch->asks_token)
        return false;
    return fetch->redirects == 0 ||
           (target->port == fetch->origin_port &&
            target->https == fetch->origin_https &&
            !strcasecmp(target->host, fetch->origin_host));
}

char *fetch_text(struct fetch *fetch, const char *text)
{
    size_t len = strlen(text) + 1;
    return memcpy(http_host->alloc(http_host->probe_scope(fetch->probe), len),
                  text, len);
}

void fetch_fail(struct fetch *fetch, enum rlv_fault fault, const char *code,
                const char *text)
{
    http_host->fault(fetch->probe, fault, code, 0, "%s", text);
    http_host->done(fetch->probe);
}

static void on_deadline(void *arg, int events)
{
    (void)events;
    struct fetch *fetch = arg;
    fault_deadline(fetch);
    if (fetch->asks_token) {
        http_host->phase(fetch->probe, RLV_PH_AUTH,
                         http_host->now() - fetch->started_ns);
    } else if (fetch->stage == STAGE_RESOLVE) {
        http_host->phase(fetch->probe, RLV_PH_DNS,
                         http_host->now() - fetch->stage_ns);
    } else if (fetch->stage == STAGE_TRANSFER) {
        answer_phases(fetch);
        answer_observe_broken(fetch);
    }
    http_host->done(fetch->probe);
}

/* -------------------------------------------------------------- transfer - */

void fetch_transfer(struct fetch *fetch)
{
    char why[200] = "out of memory";
    fetch->stage = STAGE_TRANSFER;
    if (!fetch->handle)
        fetch->handle = handle_take(fetch);
    if (!handle_renew(fetch->handle)) {
        fetch_fail(fetch, RLV_F_RESOURCE, "ENOMEM", why);
        return;
    }
    answer_reset(fetch);
    if (!request_prepare(fetch, why, sizeof why)) {
        fetch_fail(fetch, RLV_F_CONFIG, "request", why);
        return;
    }
    const struct http_conf *conf = fetch->conf;
    struct lane *lane = lane_for(
        conf->keep_alive && way_uses_tls(fetch) ? conf->net.ca_file : "");
    fetch->stage_ns = http_host->now();
    if (!lane || !lane_start(lane, fetch))
        fetch_fail(fetch, RLV_F_RESOURCE, "libcurl",
                   "libcurl refuses a transfer");
    /* The fetch may be over and gone. */
}

/* ------------------------------------------------------------------- hop - */

/* Called again, on the next turn of the loop, until the trusted certificates
 * are loaded; nearly always they are. The clock of a probe begins after. */
static void on_trust(void *arg, int events)
{
    struct fetch *fetch = arg;
    char why[300];
    switch (kit_certs_load(fetch->conf->net.ca_file, why, sizeof why)) {
    case KIT_TRUST_FAILED:
        fetch_fail(fetch, RLV_F_CONFIG, "tls.ca_file", why);
        return;
    case KIT_TRUST_LOADING:
        fetch->stage = STAGE_TRUST;
        http_host->timer(http_host->probe_scope(fetch->probe), 0, on_trust,
                         fetch);
        return;
    case KIT_TRUST_READY: break;
    }
    if (events && !fetch->redirects)
        fetch->started_ns = http_host->now();
    way_begin(fetch);
}

void fetch_hop(struct fetch *fetch)
{
    request_release(fetch);
    fetch->attempt.address.ss_family = AF_UNSPEC;
    fetch->handshake_ns = 0;
    kit_peer_forget(&fetch->proxy_peer);
    if (fetch->first.seen || !fetch->peer.seen) {
        kit_peer_forget(&fetch->peer);
    } else {
        fetch->first = fetch->peer;
        fetch->peer = (struct kit_peer){0};
    }
    if (!way_choose(fetch))
        fetch_fail(fetch, RLV_F_CONFIG, "proxy",
                   "the proxy's URL is not valid");
    else if (way_uses_tls(fetch) && fetch->conf->net.verify)
        on_trust(fetch, 0);
    else
        way_begin(fetch);
}

/* -------------------------------------------------------------- redirect - */

static bool is_redirect(long status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 ||
           status == 308;
}

/* 301 and 302 turn a POST into a GET, as browsers do and RFC 9110 section
 * 15.4.2 allows; 303 turns everything but HEAD into one; 307 and 308 keep the
 * method and the body. */
static void change_method(struct fetch *fetch, long status)
{
    bool to_get = status == 303 ? fetch->method != HTTP_HEAD
                                : (status == 301 || status == 302) &&
                                      fetch->method == HTTP_POST;
    if (to_get) {
        fetch->method = HTTP_GET;
        fetch->send_body = false;
    }
}

/* The probe ends here: what the server said is observed all the same, but the
 * fault stands. */
static void refuse_redirect(struct fetch *fetch, const char *code,
                            const char *text)
{
    http_host->fault(fetch->probe, RLV_F_PROTOCOL, code, 0, "%s", text);
    answer_observe(fetch);
    http_host->done(fetch->probe);
}

/* Sets *next to where the answer points. False: the probe has ended. */
static bool next_target(struct fetch *fetch, const char *value, size_t len,
                        struct target *next)
{
    char why[200], text[400], location[2048];
    if (fetch->redirects >= fetch->conf->max_redirects) {
        snprintf(text, sizeof text,
                 "more than %lld redirects, the last to %.*s",
                 (long long)fetch->conf->max_redirects,
                 (int)(len < 200 ? len : 200), value);
        refuse_redirect(fetch, "redirects", text);
        return false;
    }
    if (len >= sizeof location) {
        refuse_redirect(fetch, "location", "redirect to a URL of over 2 KiB");
        return false;
    }
    memcpy(location, value, len);
    location[len] = '\0';
    if (!target_follow(&fetch->target, location, next, why, sizeof why)) {
        if (next->no_memory) {
            fetch_fail(fetch, RLV_F_RESOURCE, "ENOMEM", why);
            return false;
        }
        snprintf(text, sizeof text, "redirect to \"%.200s\": %s", location,
                 why);
        refuse_redirect(fetch, "location", text);
        return false;
    }
    if (fetch->target.https && !next->https && !fetch->conf->allow_downgrade) {
        snprintf(text, sizeof text, "redirect from https to http: %.200s",
                 location);
        refuse_redirect(fetch, "downgrade", text);
        return false;
    }
    return true;
}

static void follow(struct fetch *fetch, long status, const char *value,
                   size_t len)
{
    struct target next = {0};
    if (!next_target(fetch, value, len, &next)) {
        target_fini(&next);
        return;
    }
    hops_redirect(fetch, status);
    cookies_take(fetch);
    target_fini(&fetch->target);
    fetch->target = next;
    fetch->redirects++;
    change_method(fetch, status);
    fetch_hop(fetch);
}

static void on_room(void *arg, int events)
{
    (void)events;
    fetch_transfer(arg);
}

/* Of a unix socket whose queue is full; see kit/easy.h. */
static bool waits_for_room(struct fetch *fetch, CURLcode rc)
{
    long sys_errno = 0;
    curl_easy_getinfo(fetch->handle->transfer.easy, CURLINFO_OS_ERRNO,
                      &sys_errno);
    fetch->way.full =
        fetch->way.unix_path && kit_unix_queue_full(rc, (int)sys_errno);
    if (fetch->way.full)
        http_host->timer(http_host->probe_scope(fetch->probe), KIT_ROOM_NS,
                         on_room, fetch);
    return fetch->way.full;
}

void fetch_transferred(struct fetch *fetch, CURLcode rc)
{
    long status = 0;
    if (waits_for_room(fetch, rc))
        return;
    if (fetch->asks_token) {
        if (oauth_answered(fetch, rc))
            begin(fetch);
        else
            http_host->done(fetch->probe);
        return;
    }
    answer_phases(fetch);
    hops_certificate(fetch);
    oauth_hide(fetch);
    if (rc == CURLE_WRITE_ERROR && fetch->cut)
        rc = CURLE_OK;
    if (rc != CURLE_OK) {
        fault_transfer(fetch, rc);
        answer_observe_broken(fetch);
        http_host->done(fetch->probe);
        return;
    }
    curl_easy_getinfo(fetch->handle->transfer.easy, CURLINFO_RESPONSE_CODE,
                      &status);
    if (status == 401 && fetch->token)
        oauth_forget(fetch);
    if (fault_proxy_auth(fetch, status)) {
        answer_observe_broken(fetch);
        http_host->done(fetch->probe);
        return;
    }
    if (is_redirect(status) && fetch->conf->follow_redirects) {
        size_t len;
        const char *location = answer_header(fetch, "location", &len);
        if (location) {
            follow(fetch, status, location, len);
            return;
        }
    }
    answer_observe(fetch);
    if (fetch->address + 1 >= fetch->address_count ||
        !http_host->another(fetch->probe)) {
        http_host->done(fetch->probe);
        return;
    }
    fetch->address++;
    begin(fetch);
}

/* ----------------------------------------------------------------- start - */

static void choose_method(struct fetch *fetch)
{
    const struct http_conf *conf = fetch->conf;
    fetch->method = (enum http_method)conf->method;
    bool carries = conf->method == HTTP_POST || conf->method == HTTP_PUT ||
                   conf->method == HTTP_PATCH;
    fetch->send_body =
        carries || (body_is_given(conf) && conf->method != HTTP_HEAD);
    if (carries || conf->method == HTTP_DELETE)
        http_host->effects(fetch->probe);
}

/* The way from the url on; with all_addresses several times. */
static void begin(struct fetch *fetch)
{
    char why[200];
    if (fetch->conf->token_url && !fetch->token && oauth_begin(fetch))
        return;
    cookies_drop(fetch);
    target_fini(&fetch->target);
    fetch->redirects = 0;
    kit_peer_forget(&fetch->peer);
    kit_peer_forget(&fetch->first);
    if (!target_parse(&fetch->target, fetch->conf->url, why, sizeof why)) {
        bool ours = fetch->target.no_memory;
        fetch_fail(fetch, ours ? RLV_F_RESOURCE : RLV_F_CONFIG,
                   ours ? "ENOMEM" : "url", why);
        return;
    }
    fetch->started_ns = http_host->now();
    auth_take(fetch);
    fetch->origin_host = fetch_text(fetch, fetch->target.host);
    fetch->origin_port = fetch->target.port;
    fetch->origin_https = fetch->target.https;
    choose_method(fetch);
    fetch_hop(fetch);
}

void http_start(struct rlv_probe *probe, const void *conf)
{
    struct rlv_scope *scope = http_host->probe_scope(probe);
    struct fetch *fetch = http_host->alloc(scope, sizeof *fetch);
    fetch->probe = probe;
    fetch->conf = conf;
    fetch->stage_ns = http_host->now();
    http_host->defer(scope, release, fetch);
    http_host->timer(scope, http_host->deadline(probe) - fetch->stage_ns,
                     on_deadline, fetch);
    begin(fetch);
}
