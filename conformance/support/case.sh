# What every case in shell can say. Started as `bash case.sh FILE` with errexit and errtrace: a command
# that fails fails the sentence it belongs to, and ends the case.

module=$CONFORMANCE_BIN/libstrongroom.so
bin=$CONFORMANCE_BIN
PATH=$CONFORMANCE_VENV/bin:$CONFORMANCE_BIN:/usr/sbin:/sbin:$PATH
case_dir=$(mktemp -d "${TMPDIR:-/tmp}/strongroom.XXXXXX")
chmod 0755 "$case_dir"
cd "$case_dir"
sentence= reason= started=()

# it SENTENCE: what was said before has passed; what follows belongs to this.
it() {
    [ -z "$sentence" ] || echo "ok $sentence" >>"$CASE_RESULTS"
    sentence=$1
    echo "--- $sentence"
}

# A failed command: where, and which. In a subshell it is told once more by the shell around it.
complain() {
    local status=$1 line=$2 command=$3
    echo "line $line: '$command' ended with $status" >&2
    if [ "$BASH_SUBSHELL" -gt 0 ] || [ -z "$sentence" ]; then return; fi
    tr '\n' ' ' <<<"not ok $sentence: $command" >>"$CASE_RESULTS"
    echo >>"$CASE_RESULTS"
    sentence=
}

# The end: every process of ours is gone, and so is the folder.
clean_up() {
    local status=$? home pid
    trap - EXIT ERR
    set +o errexit
    [ $status -ne 0 ] || it ""
    for pid in "${started[@]+"${started[@]}"}"; do kill "$pid" 2>/dev/null; done
    for pid in "${started[@]+"${started[@]}"}"; do wait "$pid" 2>/dev/null; done
    for home in "$case_dir"/*/lock "$case_dir"/*/*/lock; do [ ! -e "$home" ] || forget_home "$(dirname "$home")"; done
    if [ $status -ne 0 ]; then
        for log in "$case_dir"/*.log "$case_dir"/*/*.log; do
            [ ! -e "$log" ] || { echo "== $log"; tail -n 20 "$log"; }
        done
    fi
    cd /
    mountpoint -q "$case_dir/disk" && umount "$case_dir/disk"
    rm -rf "$case_dir"
    exit $status
}
trap 'complain $? $LINENO "${reason:-$BASH_COMMAND}"' ERR
trap clean_up EXIT

# fail WORDS…: the sentence does not hold.
fail() { reason=$*; echo "$*" >&2; return 1; }

# refused TEXT COMMAND…: the command fails, and says TEXT.
refused() {
    local text=$1 output
    shift
    if output=$("$@" 2>&1); then fail "was not refused: $* -> $output"; fi
    printf '%s\n' "$output"
    grep -qF -- "$text" <<<"$output" || fail "refused without '$text': $*"
}

# says TEXT COMMAND…: the command succeeds, and says TEXT.
says() {
    local text=$1 output
    shift
    output=$("$@" 2>&1) || { printf '%s\n' "$output"; fail "failed: $*"; }
    printf '%s\n' "$output"
    grep -qF -- "$text" <<<"$output" || fail "'$text' is not in the answer of $*"
}

# equal A B
equal() { [ "$1" = "$2" ] || fail "'$1' is not '$2'"; }

# eventually COMMAND…: succeeds sooner or later, in a time that no loaded machine needs.
eventually() {
    local deadline=$((SECONDS + 120))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || { fail "not in time: $*"; return 1; }
        sleep 0.2
    done
}

# start NAME COMMAND…: in the background, with its output in NAME.log; its process is $last_started.
start() {
    local name=$1
    shift
    "$@" >"$case_dir/$name.log" 2>&1 &
    last_started=$!
    started+=("$last_started")
}

# The process that holds a home.
holder() { awk '{ print $2 }' "$1/lock"; }

# stop_hsmd HOME [SIGNAL]: ends the hsmd of a home and waits until it is gone.
stop_hsmd() {
    local pid
    pid=$(holder "$1") || return 0
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = hsmd ] || return 0
    kill "-${2:-TERM}" "$pid" 2>/dev/null || return 0
    while kill -0 "$pid" 2>/dev/null && [ "$(awk '{ print $3 }' "/proc/$pid/stat" 2>/dev/null)" != Z ]; do sleep 0.05; done
}

# forget_home HOME: ends its hsmd and takes the folder of its socket away, where the log is.
forget_home() {
    local folder
    folder=$(head -n 1 "$1/runtime" 2>/dev/null)
    stop_hsmd "$1"
    [[ ! $folder =~ ^/.*/strongroom[^/]*/[0-9a-f]{32}$ ]] || rm -rf "$folder"
}

# A free port.
free_port() { python3 "$CONFORMANCE_ROOT/conformance/support/port.py"; }

# quickstart HOME: a served home with everything in it, and its environment.
quickstart() {
    local home=$1 port
    port=$(free_port)
    start "kmsd-$(basename "$home")" "$bin/kmsd" quickstart --home "$home" --listen "127.0.0.1:$port"
    kmsd_pid=$last_started
    eventually grep -q "^Serving http://127.0.0.1:$port" "kmsd-$(basename "$home").log"
    set -a
    # shellcheck source=/dev/null
    . "$home/quickstart.env"
    set +a
}

# as_user UID COMMAND…: as somebody else, which only root can.
as_user() {
    local uid=$1
    shift
    # The program: a function of its name may be who calls this.
    if [ "$(id -u)" -eq "$uid" ]; then command "$@"; return; fi
    [ "$(id -u)" -eq 0 ] || fail "only root can run something as user $uid"
    setpriv --reuid="$uid" --regid="$uid" --clear-groups --no-new-privs -- "$@"
}

# A copy of the module and of hsmd where every user can read them.
public_module() {
    install -D -m 0755 -t "$case_dir/public" "$module" "$bin/hsmd" "$bin/strongroom"
    module=$case_dir/public/libstrongroom.so
}

p11() { pkcs11-tool --module "$module" "$@"; }

# shellcheck source=/dev/null
. "$CONFORMANCE_ROOT/conformance/support/certificates.sh"

# shellcheck source=/dev/null
. "$CONFORMANCE_ROOT/$1"
