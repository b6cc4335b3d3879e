/* kit/attempt.c: opens the sockets of libcurl's connections, and keeps what is
 * known of the last one. See attempt.h; called by libcurl for dial.c and http.
 */
#include "kit/attempt.h"

#include <errno.h>
#include <string.h>

static curl_socket_t on_open_socket(void *arg, curlsocktype purpose,
                                    struct curl_sockaddr *address)
{
    (void)purpose;
    struct kit_attempt *attempt = arg;
    if (address->addrlen <= sizeof attempt->address)
        memcpy(&attempt->address, &address->addr, address->addrlen);
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
                    address->protocol);
    attempt->no_socket = fd < 0 ? errno : 0;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

void kit_attempt_note(CURL *easy, struct kit_attempt *attempt)
{
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, attempt);
}
