/* web/mhd.c: see mhd.h. */
#include "web/mhd.h"

#include <dlfcn.h>
#include <string.h>

#include "base/err.h"

struct mhd mhd;

void mhd_load(void)
{
    void *library = dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        die("%s: the page needs Debian's libmicrohttpd12", dlerror());
#define X(name)                                                      \
    {                                                                \
        void *found = dlsym(library, #name);                         \
        if (found == NULL)                                           \
            die("libmicrohttpd has no " #name);                      \
        memcpy(&mhd.name, &found, sizeof found); /* POSIX: it may */ \
    }
    MHD_FUNCTION_MAP(X)
#undef X
}
