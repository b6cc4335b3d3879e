/* kit/net.c: the options of kit_net: what tables cannot say about them.
 *
 * Owns nothing; called by plugins' validate(), and by dial.c for the parts of a
 * proxy's URL. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/dial.h"

/* The proxy resolves the name: so socks5:// and socks4://, where we would, are
 * not among them. */
static bool scheme_known(const char *url, char *why, size_t size)
{
    static const char *const known[] = {"http://", "https://", "socks4a://",
                                        "socks5h://"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strncmp(url, known[i], strlen(known[i])) == 0)
            return true;
    bool nearly = strncmp(url, "socks5:", 7) == 0;
    bool older = strncmp(url, "socks4:", 7) == 0;
    snprintf(why, size,
             "a proxy's URL begins with http://, https://, socks4a:// or "
             "socks5h://%s",
             nearly  ? " (socks5h: the proxy resolves the name)"
             : older ? " (socks4a: the proxy resolves the name)"
                     : "");
    return false;
}

bool kit_proxy_parse(struct kit_proxy *proxy, const char *url, char *why,
                     size_t size)
{
    char *host = NULL, *port = NULL;
    if (!scheme_known(url, why, size))
        return false;
    CURLU *parts = curl_url();
    bool ok = parts && !curl_url_set(parts, CURLUPART_URL, url,
                                     CURLU_NON_SUPPORT_SCHEME);
    if (!ok)
        snprintf(why, size, "not a valid URL of a proxy");
    if (ok && curl_url_get(parts, CURLUPART_PORT, &port, 0)) {
        snprintf(why, size, "a proxy's URL names its port: http://proxy:3128");
        ok = false;
    }
    if (ok && (curl_url_get(parts, CURLUPART_HOST, &host, 0) ||
               strlen(host) >= sizeof proxy->host)) {
        snprintf(why, size, "the host of the proxy's URL is not valid");
        ok = false;
    }
    if (ok) {
        snprintf(proxy->host, sizeof proxy->host, "%s", host);
        proxy->port = (uint16_t)strtoul(port, NULL, 10);
        proxy->socks = url[0] == 's';
        proxy->tls = strncmp(url, "https", 5) == 0;
    }
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
    return ok;
}

/* A value with a {{name}} in it is complete only at run time. */
bool kit_net_validate(const struct kit_net *net, const char **option, char *why,
                      size_t size)
{
    struct kit_proxy proxy;
    if (net->key_file && !net->cert_file) {
        *option = "tls.key_file";
        snprintf(why, size, "tls.key_file without tls.cert_file");
        return false;
    }
    if (net->key_passphrase && !net->cert_file) {
        *option = "tls.key_passphrase";
        snprintf(why, size, "tls.key_passphrase without tls.cert_file");
        return false;
    }
    if (net->proxy && net->all_addresses) {
        *option = "all_addresses";
        snprintf(why, size,
                 "all_addresses and proxy exclude each other: behind a proxy, "
                 "the proxy chooses the address");
        return false;
    }
    if (net->proxy && !strstr(net->proxy, "{{") &&
        !kit_proxy_parse(&proxy, net->proxy, why, size)) {
        *option = "proxy";
        return false;
    }
    return true;
}
