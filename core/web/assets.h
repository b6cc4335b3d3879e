/* web/assets.h: the files of web/assets, compiled in (assets.cmake makes their
 * bytes): nothing is read from the disk while the role runs. */
#ifndef RELEVO_WEB_ASSETS_H
#define RELEVO_WEB_ASSETS_H

#include <stddef.h>

struct asset {
    const char *bytes;
    size_t len;
    const char *hash; /* SHA-256 of the bytes, in hexadecimal */
};

extern const struct asset page_css, favicon_svg;

/* Changes with the content: stands in the address, so that a browser may keep
 * what it got under it. */
const char *asset_tag(const struct asset *);

#endif
