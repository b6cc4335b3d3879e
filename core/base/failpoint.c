/* base/failpoint.c: see failpoint.h. Empty unless RELEVO_FAILPOINTS. */
#include "base/failpoint.h"

#if defined(RELEVO_FAILPOINTS)

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 32 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    char name[48];
    long hits;
} places[MOST];
static size_t place_count;

/* How often this place has been reached, this time included. */
static long count_hit(const char *name)
{
    long hits = 0;
    pthread_mutex_lock(&lock);
    size_t i = 0;
    while (i < place_count && strcmp(places[i].name, name) != 0)
        i++;
    if (i == place_count && place_count < MOST)
        strncpy(places[place_count++].name, name, sizeof places[0].name - 1);
    if (i < MOST)
        hits = ++places[i].hits;
    pthread_mutex_unlock(&lock);
    return hits;
}

static bool perform(const char *action)
{
    if (strncmp(action, "kill", 4) == 0) {
        kill(getpid(), SIGKILL);
        pause();
    }
    if (strncmp(action, "sleep:", 6) == 0) {
        long ms = strtol(action + 6, NULL, 10);
        struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
        nanosleep(&t, NULL);
        return false;
    }
    return strncmp(action, "error", 5) == 0;
}

static bool is_armed(void)
{
    const char *file = getenv("RELEVO_FAILPOINT_ARM");
    return file == NULL || unlink(file) == 0;
}

/* What follows "NAME=" in an item that means this place in this process. */
static const char *action_of(const char *item, size_t length, const char *name)
{
    char process[16] = "";
    const char *slash = memchr(item, '/', length);
    prctl(PR_GET_NAME, process, 0, 0, 0);
    if (slash != NULL) {
        size_t n = (size_t)(slash - item);
        if (n != strlen(process) || memcmp(item, process, n) != 0)
            return NULL;
        item = slash + 1;
        length -= n + 1;
    }
    size_t n = strlen(name);
    bool meant = length > n && strncmp(item, name, n) == 0 && item[n] == '=';
    return meant ? item + n + 1 : NULL;
}

bool failpoint_hit(const char *name)
{
    const char *at = getenv("RELEVO_FAILPOINT");
    while (at != NULL && *at != '\0') {
        size_t length = strcspn(at, ",");
        const char *action = action_of(at, length, name);
        if (action != NULL) {
            const char *nth = memchr(at, '@', length);
            long hits = count_hit(name);
            return (nth == NULL || strtol(nth + 1, NULL, 10) == hits) &&
                   is_armed() && perform(action);
        }
        at += length + (at[length] == ',');
    }
    return false;
}

#endif
