#!/usr/bin/env bash
# A layer includes only lower ones, plugins only the public header and the kit,
# and the model reaches no clock, file, loop or database: neither by an include
# nor by a symbol. `layers.sh --self-test` tries itself on a bad tree first, as
# every run does.
set -euo pipefail
source=${RELEVO_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${RELEVO_BUILD:-$source/build/debug}

# layer: what it may include, besides itself and base
declare -A may=(
    [base]=''
    [expect]=''
    [model]='expect'
    [conf]='model expect'
    [wire]='model expect'
    [store]='model expect'
    [plug]='model expect'
    [crew]='model expect wire plug'
    [vet]='model expect conf wire store plug crew'
    [worker]='model expect conf wire store plug crew'
    [runner]='model expect conf wire store plug crew'
    [web]='model expect conf wire store plug crew report'
    [report]='model expect conf wire store plug crew'
    [daemon]='model expect conf wire store plug crew report'
    [cli]='model expect conf wire store plug crew vet worker runner web report daemon'
)

# Lines "file:line: text" for each include that the order forbids.
check_includes() { # ROOT
    local root=$1 layer file line header upper
    while IFS=: read -r file line header; do
        layer=${file#core/}
        layer=${layer%%/*}
        header=${header#*\"}
        header=${header%%\"*}
        upper=${header%%/*}
        if [[ $layer == main.c ]]; then
            layer=cli
        fi
        if [[ ! -v may[$layer] ]]; then
            echo "$file:$line: core/$layer is no layer of the design"
        elif [[ $header != */* ]]; then
            echo "$file:$line: \"$header\" has no layer in its path"
        elif [[ $upper != relevo && $upper != "$layer" && $upper != base &&
            " ${may[$layer]} " != *" $upper "* ]]; then
            echo "$file:$line: $layer may not include \"$header\""
        elif [[ $layer == base && $upper == relevo ]]; then
            echo "$file:$line: base knows nothing of Relevo: \"$header\""
        fi
    done < <(cd "$root" && grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' \
        --include='*.c' --include='*.h' core 2>/dev/null || true)
    check_foreign "$root"
    check_plugins "$root"
}

# Libraries of others that a pure layer must not know.
check_foreign() { # ROOT
    (cd "$1" && grep -rnE '#[[:space:]]*include[[:space:]]*<(uv|sqlite3|libconfig|dlfcn|curl/|time|sys/time|fcntl|sys/socket|unistd|stdio|pthread)[./>h]' \
        --include='*.c' --include='*.h' core/model 2>/dev/null || true) |
        grep -vE '<(stdio)\.h>' | # snprintf is pure; the symbols are looked at below
        sed 's/$/  (model is pure)/'
}

check_plugins() { # ROOT
    local file line header own
    while IFS=: read -r file line header; do
        header=${header#*\"}
        header=${header%%\"*}
        own=${file#plugins/}
        own=${own%%/*}
        case $header in
        relevo/plugin.h | kit/* | "$own"/*) ;;
        */*) echo "$file:$line: a plugin sees relevo/plugin.h, the kit and its own files, not \"$header\"" ;;
        *) [[ -e $1/$(dirname "$file")/$header ]] ||
            echo "$file:$line: \"$header\" is none of the plugin's own files" ;;
        esac
    done < <(cd "$1" && grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' \
        --include='*.c' --include='*.h' plugins 2>/dev/null || true)
}

# The model's archive may not ask for what reaches outside.
check_symbols() { # ARCHIVE
    nm -u "$1" 2>/dev/null |
        awk '$1 == "U" { sub("@.*", "", $2); print $2 }' | sort -u |
        grep -xE '(uv|sqlite3|pthread|config)_.*|clock_gettime|clock_mono|clock_wall|gettimeofday|time|open|openat|open64|read|write|pread|pwrite|fopen|fopen64|fdopen|socket|connect|fork|execve|getenv|sleep|nanosleep|usleep|localtime(_r)?|mktime' |
        sed "s|^|${1##*/} needs the symbol |" || true
}

self_test() {
    local bad
    bad=$(mktemp -d)
    trap 'rm -rf "$bad"' RETURN
    mkdir -p "$bad"/core/{base,model,worker,expect} "$bad/plugins/http"
    echo '#include "daemon/loop.h"' >"$bad/core/model/a.c"
    echo '#include "model/a.h"' >"$bad/core/base/b.c"
    echo '#include "runner/run.h"' >"$bad/core/worker/c.c"
    echo '#include "model/a.h"' >"$bad/core/expect/d.c"
    echo '#include <uv.h>' >"$bad/core/model/e.h"
    echo '#include "base/buf.h"' >"$bad/plugins/http/f.c"
    local got
    got=$(check_includes "$bad" | wc -l)
    if [[ $got != 6 ]]; then
        echo "layers.sh does not see what it should: $got of 6 bad includes"
        check_includes "$bad"
        exit 1
    fi
    if command -v cc >/dev/null; then
        echo '#include <time.h>
        long f(void); long f(void) { return time(0); }' >"$bad/g.c"
        cc -c -o "$bad/g.o" "$bad/g.c" && ar rc "$bad/g.a" "$bad/g.o"
        if [[ -z $(check_symbols "$bad/g.a") ]]; then
            echo "layers.sh does not see the symbol time"
            exit 1
        fi
    fi
}

self_test
found=$(check_includes "$source")
archive=$build/libcore_model.a
if [[ -f $archive ]]; then
    found+=$(check_symbols "$archive")
else
    echo "note: no $archive: symbols not looked at"
fi
if [[ -n $found ]]; then
    printf '%s\n' "$found"
    exit 1
fi
echo "layers: in order"
