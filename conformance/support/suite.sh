# What every suite's runner is made of. A runner sources this file, defines `prepare` (once a machine: what
# has to be fetched or built, into $suite_cache) and `suite` (one run, in the empty folder $suite_dir, with
# $module and a home of its own), and ends with `run_suite "$@"`. What it finds it says with `report`.
#
#     conformance/suites/NAME/run [prepare|served|embedded|peer]…
#
# `peer` runs the suite on the module in $SUITE_PEER, SoftHSM2 if not set, to compare with.
set -uo pipefail

suite_home=$(cd "$(dirname "$0")" && pwd)
suite_name=$(basename "$suite_home")
support=$suite_home/../../support
export CONFORMANCE_ROOT=${CONFORMANCE_ROOT:-$(cd "$suite_home/../../.." && pwd)}
export CONFORMANCE_WORK=${CONFORMANCE_WORK:-$CONFORMANCE_ROOT/conformance/.work}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CONFORMANCE_ROOT/target}
export CONFORMANCE_BIN=${CONFORMANCE_BIN:-$CARGO_TARGET_DIR/release} CONFORMANCE_VENV=$CONFORMANCE_WORK/venv
suite_cache=$CONFORMANCE_WORK/suites/$suite_name
PATH=$CONFORMANCE_VENV/bin:$CONFORMANCE_BIN:/usr/sbin:/sbin:$PATH
# Where Debian puts engines and providers of other people.
lib=/usr/lib/$(uname -m)-linux-gnu
# The module that is judged, its PINs, and whose name its tools say.
module=$CONFORMANCE_BIN/libstrongroom.so so_pin=12345678 pin=1234

# shellcheck source=/dev/null
. "$support/certificates.sh"

# report ok|not-ok|skip ID [WHY…]: one test of the suite.
report() {
    local verdict=$1 id=$2
    shift 2
    printf '%s\t%s\t%s\n' "$verdict" "$id" "$(tr '\n\t\r' '   ' <<<"$*")" >>"$SUITE_RESULTS"
}

# check ID COMMAND…: a test that passes if its command does. `set -e` holds inside a function called so.
check() {
    local id=$1 output status
    shift
    echo "--- $id"
    output=$(mktemp -p "$suite_dir")
    (
        set -o errexit
        "$@"
    ) >"$output" 2>&1
    status=$?
    cat "$output"
    if [ $status -eq 0 ]; then report ok "$id"; else report not-ok "$id" "$(grep -v '^$' "$output" | tail -n 3)"; fi
    rm -f "$output"
    return $status
}

# eventually COMMAND…: succeeds sooner or later, in a time that no loaded machine needs.
eventually() {
    local deadline=$((SECONDS + 120))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || { echo "not in time: $*"; return 1; }
        sleep 0.1
    done
}

# stop PID: a server of this shell is told to end, and has.
stop() {
    kill "$1"
    wait "$1" || true
}

free_port() { python3 "$support/port.py"; }

# need PROGRAM…: each of them is there. `command -v` by itself is content with one.
need() {
    local program
    for program in "$@"; do
        command -v "$program" || { echo "there is no $program"; return 1; }
    done
}

# lacking PACKAGE: what `prepare` says when what it needs is missing. Where this machine's Debian has no such package,
# as older and later ones have not, the suite is skipped (77, as automake has it); else it is a failure.
lacking() {
    if [ -n "$(apt-cache madison "$1")" ]; then
        echo "the package $1 is not installed"
        return 1
    fi
    echo "this machine's Debian has no package $1"
    exit 77
}

# The token that most suites want to find.
make_token() {
    local label=${1:-suite}
    pkcs11-tool --module "$module" --init-token --slot-index "${2:-0}" --label "$label" --so-pin "$so_pin" &&
        pkcs11-tool --module "$module" --token-label "$label" --init-pin --login --login-type so --so-pin "$so_pin" --pin "$pin"
}

# sdist NAME: the source of the Python package that the venv has, in sdist/.
sdist() {
    local name=$1 version archive
    version=$(sed -n "s/^$name==//p" "$CONFORMANCE_ROOT/conformance/requirements.txt")
    [ ! -e "sdist/.$version" ] || return 0
    rm -rf sdist download
    pip download -q --no-deps --no-binary "$name" -d download "$name==$version"
    archive=$(echo download/*.tar.gz)
    mkdir sdist
    tar -xzf "$archive" -C sdist --strip-components=1
    rm -rf download
    touch "sdist/.$version"
}

# apt_apart deb|deb-src RELEASE VERB…: apt-get, with a list of its own: of this machine's Debian where RELEASE is empty,
# of its "-backports" or so, or of another release. What machines lack is not added to them, and any user may do this.
apt_apart() {
    local kind=$1 release=$2 site name
    shift 2
    mkdir -p apt/lists/partial apt/cache/archives/partial
    read -r site name < <(apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(SITE) $(CODENAME)' 'Created-By: Packages' |
        sed -n 's/^Debian main //p' | grep -vE -- '-(security|updates|backports)$')
    [[ $release == [a-z]* ]] || release=$name$release
    echo "$kind [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site $release main" >apt/list
    set -- -q -o "Dir::Etc::SourceList=$PWD/apt/list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$PWD/apt/lists" \
        -o "Dir::Cache=$PWD/apt/cache" -o "APT::Sandbox::User=$(id -un)" "$@"
    apt-get "${@:1:11}" update && apt-get "$@"
}

# debian_source NAME [RELEASE]: the upstream source of a package of this machine's Debian, or of that release, in source/.
debian_source() {
    [ ! -e source ] || return 0
    apt_apart deb-src "${2-}" source --download-only --tar-only "$1"
    mkdir source.new
    tar -xf "$1"_*.orig.tar.* -C source.new --strip-components=1
    mv source.new source
    rm -rf apt "$1"_*
}

# debian_backport NAME: the files of a package that this machine's Debian has among its backports, in package/.
debian_backport() {
    [ ! -e package ] || return 0
    apt_apart deb -backports download "$1"
    dpkg-deb -x "$1"_*.deb package
    rm -rf apt "$1"_*
}

# Home and module of a mode.
enter() {
    unset "${!STRONGROOM_@}" "${!AWS_@}" "${!CLOUDHSM_@}" PKCS11_PROVIDER_MODULE PYTHONPATH SSH_AUTH_SOCK
    export HOME=$suite_dir TMPDIR=$suite_dir XDG_RUNTIME_DIR=$suite_dir/run XDG_CONFIG_HOME=$suite_dir/config
    mkdir -m 0700 "$suite_dir/run"
    case $1 in
    served | embedded)
        export STRONGROOM_HOME=$suite_dir/home STRONGROOM_LOG=file:$suite_dir/module.log
        mkdir -m 0700 "$STRONGROOM_HOME"
        printf 'mode = "%s"\n' "$1" >"$STRONGROOM_HOME/strongroom.toml"
        ;;
    peer)
        module=${SUITE_PEER:-/usr/lib/softhsm/libsofthsm2.so}
        mkdir "$suite_dir/tokens"
        export SOFTHSM2_CONF=$suite_dir/softhsm2.conf KRYOPTIC_CONF=$suite_dir/kryoptic.sql
        printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$suite_dir/tokens" >"$SOFTHSM2_CONF"
        ;;
    esac
    cd "$suite_dir" || return 1
}

# Ends what a run left: its jobs, the hsmd of its home, its folder. More than that would be a failure.
leave() {
    local pid folder
    for pid in $(jobs -p); do kill "$pid" 2>/dev/null; done
    wait
    if [ -s "$suite_dir/home/lock" ]; then
        pid=$(awk '{ print $2 }' "$suite_dir/home/lock")
        if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = hsmd ]; then
            kill "$pid"
            eventually eval "! kill -0 $pid" || report not-ok "hsmd ends when it is told to"
        fi
        # Where its socket was, and its log is.
        folder=$(head -n 1 "$suite_dir/home/runtime" 2>/dev/null)
        [[ ! $folder =~ ^/.*/strongroom[^/]*/[0-9a-f]{32}$ ]] || rm -rf "$folder"
    fi
    cd /
    rm -rf "$suite_dir"
}

# One mode: the suite's own verdicts, then the judge's, who knows what is expected.
run_mode() (
    mode=$1
    export SUITE_MODE=$mode SUITE_RESULTS=$CONFORMANCE_WORK/logs/$suite_name-$mode.results
    suite_dir=$(mktemp -d "${TMPDIR:-/tmp}/strongroom.XXXXXX")
    chmod 0755 "$suite_dir"
    : >"$SUITE_RESULTS"
    trap leave EXIT
    # Not `enter && suite || …`: bash would ignore errexit in all of it.
    local status=1
    if enter "$mode"; then
        suite
        status=$?
    fi
    [ $status -eq 0 ] || report not-ok "the suite runs to its end"
)

# The whole: modes run beside each other, each in a folder of its own.
run_suite() {
    local mode log status=0
    [ $# -gt 0 ] || set -- prepare served embedded
    mkdir -p "$suite_cache" "$CONFORMANCE_WORK/logs"
    if [ "$1" = prepare ]; then
        shift
        # Not `|| exit`: bash would ignore errexit in there.
        (
            set -o errexit
            cd "$suite_cache"
            prepare
        )
        status=$?
        [ $status -eq 0 ] || exit $status
    fi
    for mode in "$@"; do
        log=$CONFORMANCE_WORK/logs/$suite_name-$mode.log
        run_mode "$mode" >"$log" 2>&1 </dev/null &
    done
    wait
    for mode in "$@"; do
        python3 "$support/judge.py" "$suite_home/expected.toml" "$mode" \
            "$CONFORMANCE_WORK/logs/$suite_name-$mode.results" || status=1
    done
    exit $status
}
