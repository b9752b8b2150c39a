# docs/tools.md, docs/long-way.md and the README's token, line by line as they stand there. As somebody who is
# not root: for root some of these programs behave otherwise.
user=$(id -u)
[ "$user" -ne 0 ] || user=65534
public_module
mkdir -m 0755 as-user
[ "$(id -u)" -ne 0 ] || chown "$user:$user" as-user
cd as-user
port=$(free_port)

# blocks FILE HEADING: the lines that can be pasted below a heading, with the paths and the port of this run.
blocks() {
    awk -v heading="## $2" '/^## /{inside = ($0 == heading)} inside && /^    /{print substr($0, 5)}' "$CONFORMANCE_ROOT/$1" |
        sed "s|\$PWD/target/release/libstrongroom.so|$module|; s|target/release/libstrongroom.so|$module|
             s|\$PWD/target/release|$bin|; s|8443|$port|; s|8300|$port|"
}

# pastes FILE HEADING: into one shell after another, each with the variables of the one before.
pastes() {
    blocks "$1" "$2" >"$case_dir/block"
    [ -s "$case_dir/block" ] || fail "$1 has nothing to paste below '$2'"
    cat "$case_dir/block"
    as_user "$user" env HOME="$PWD" bash -c 'set -o allexport -o errexit -o pipefail
        [ ! -e state ] || . ./state
        . "$1"
        declare -p module STRONGROOM_HOME GNUTLS_PIN 2>/dev/null >state || true' pasted "$case_dir/block" </dev/null
}

it "README.md, only a token"
pastes README.md "Only a token"
rm -f state

headings=$(sed -n 's/^## //p' "$CONFORMANCE_ROOT/docs/tools.md")
while IFS= read -r heading; do
    [ -n "$(blocks docs/tools.md "$heading")" ] || continue
    [ "$heading" != "OpenSSL 3 and its provider" ] || [ -e "$(openssl version -m | cut -d'"' -f2)/pkcs11.so" ] || continue
    # The Python that has the packages may lie where nobody else can read it.
    [ "$heading" != Python ] || user=$(id -u)
    it "docs/tools.md, $heading"
    pastes docs/tools.md "$heading"
done <<<"$headings"

it "docs/long-way.md"
grep '^    ' "$CONFORMANCE_ROOT/docs/long-way.md" | sed 's/^    //; /strongroom interactive/d; /^aws-cloudhsm >/d' |
    sed "s|\$PWD/target/release:|$bin:|; s|target/release/libstrongroom.so|$module|; s|8300|$port|" >"$case_dir/block"
mkdir "$case_dir/long-way"
cd "$case_dir/long-way"
HOME=$PWD bash -o errexit -o pipefail -c 'trap "kill %1; wait" EXIT; . "$1"' pasted "$case_dir/block" >said
grep -q '^"CONNECTED"' said
grep -q '^hello' said
grep -q 'label: *arn:aws:kms:' said
