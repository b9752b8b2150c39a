# One command line, and then what it says.
home=$case_dir/home
it "quickstart serves and writes its environment, readable to its owner alone"
quickstart "$home"
equal "$(stat -c %a "$home/quickstart.env")" 600
for name in AWS_ENDPOINT_URL AWS_REGION AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY STRONGROOM_HOME STRONGROOM_KEY_ARN \
    STRONGROOM_MODULE STRONGROOM_USER_PIN STRONGROOM_ADMIN_PIN; do
    grep -q "^$name=" "$home/quickstart.env"
done
case $STRONGROOM_USER_PIN in example:*) ;; *) fail "the user's PIN is $STRONGROOM_USER_PIN" ;; esac
equal "$STRONGROOM_HOME" "$home"

it "every line for aws and pkcs11-tool that it prints can be pasted"
sed -n '/In another terminal:/,/^The cluster/p' kmsd-home.log | sed -n 's/^  //p' | grep -v '^set -a' >pasted
cat pasted
[ "$(grep -cE '^ *(aws|pkcs11-tool) ' pasted)" -ge 6 ] || fail "too few lines to paste"
env -i PATH="$PATH" HOME="$case_dir" AWS_PAGER= AWS_EC2_METADATA_DISABLED=true \
    bash -o errexit -o pipefail -c "set -a; . '$home/quickstart.env'; set +a; $(cat pasted)"

it "the README's five minutes can be pasted"
sed -n '/^## Five minutes/,/^## /p' "$CONFORMANCE_ROOT/README.md" | sed -n 's/^    //p' |
    sed "s|~/.local/share/strongroom|$home|; s|target/release/|$bin/|" >readme
cat readme
bash -o errexit -o pipefail readme | tee readme.said
grep -q '^hello' readme.said

it "the key store is connected and the key is in it"
says '"CONNECTED"' aws kms describe-custom-key-stores --query 'CustomKeyStores[0].ConnectionState'
says AWS_CLOUDHSM aws kms describe-key --key-id "$STRONGROOM_KEY_ARN"

it "a second kmsd on the same home is refused, and told by whom"
refused "$kmsd_pid" "$bin/kmsd" quickstart --home "$home" --listen 127.0.0.1:0

it "Ctrl-C ends it"
printf hello >hello
aws kms encrypt --key-id "$STRONGROOM_KEY_ARN" --plaintext fileb://hello --query CiphertextBlob --output text | base64 -d >sealed
kill -INT "$kmsd_pid"
wait "$kmsd_pid"

it "a second run finds its state, says so and serves it"
key=$STRONGROOM_KEY_ARN
quickstart "$home"
equal "$STRONGROOM_KEY_ARN" "$key"
grep -q found kmsd-home.log
equal "$(aws kms decrypt --ciphertext-blob fileb://sealed --query Plaintext --output text)" aGVsbG8=

it "so does a run after kill -9 of everything"
kill -KILL "$kmsd_pid"
stop_hsmd "$home" KILL
wait "$kmsd_pid" || true
quickstart "$home"
equal "$STRONGROOM_KEY_ARN" "$key"
equal "$(aws kms decrypt --ciphertext-blob fileb://sealed --query Plaintext --output text)" aGVsbG8=
