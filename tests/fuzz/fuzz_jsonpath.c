/* tests/fuzz/fuzz_jsonpath.c: any path over any document: the first line of
 * the input is the path, the rest the JSON. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/jsonpath.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = memchr(data, '\n', size);
    size_t n = newline == NULL ? size : (size_t)(newline - data);
    char *text = xstrndup((const char *)data, n);
    struct err err = {0};
    size_t offset = 0;
    struct jsonpath *path = jsonpath_parse(text, &offset, &err);
    must((path == NULL) == (err.text[0] != '\0'));
    must(offset <= strlen(text));
    if (path != NULL && newline != NULL) {
        json_t *root = json_loadb((const char *)newline + 1, size - n - 1,
                                  JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        const json_t *at = root == NULL ? NULL : jsonpath_get(path, root);
        must(at == NULL || at->refcount > 0);
        json_decref(root);
    }
    jsonpath_free(path);
    free(text);
    return 0;
}
