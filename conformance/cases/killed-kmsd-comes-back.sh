# kill -9 of kmsd, also between storing and changing kmsuser's password, and of the hsmd under it.
home=$case_dir/home
quickstart "$home"
store=$(aws kms describe-custom-key-stores --query 'CustomKeyStores[0].CustomKeyStoreId' --output text)
state() { aws kms describe-custom-key-stores --custom-key-store-id "$store" --query 'CustomKeyStores[0].ConnectionState' --output text; }
is() { [ "$(state)" = "$1" ]; }
printf hello >hello
aws kms encrypt --key-id "$STRONGROOM_KEY_ARN" --plaintext fileb://hello --query CiphertextBlob --output text | base64 -d >sealed
opens() { [ "$(aws kms decrypt --ciphertext-blob fileb://sealed --query Plaintext --output text | base64 -d)" = hello ]; }
# serve [FAULT]: kmsd again, with the chosen place to die.
serve() {
    local port=${AWS_ENDPOINT_URL##*:}
    start kmsd env STRONGROOM_FAULT="${1:-}" "${1:+$CONFORMANCE_WORK/bin/}kmsd${1:+-faults}" serve --home "$home" --listen "127.0.0.1:$port"
    kmsd_pid=$last_started
    eventually grep -q '^kmsd: ready' kmsd.log
}
kill_kmsd() {
    kill "-${1:-KILL}" "$kmsd_pid"
    wait "$kmsd_pid" || true
}

it "killed with -9 and started again, the key store connects by itself and ciphertexts decrypt"
kill_kmsd
serve
eventually is CONNECTED
opens

it "what kmsd acknowledged before it was killed is there"
key=$(aws kms create-key --origin AWS_CLOUDHSM --custom-key-store-id "$store" --query KeyMetadata.Arn --output text)
kill_kmsd
serve
eventually is CONNECTED
aws kms encrypt --key-id "$key" --plaintext fileb://hello

it "hsmd killed with -9 under kmsd: the next request is answered"
stop_hsmd "$home" KILL
opens
stop_hsmd "$home" KILL
aws kms create-key --origin AWS_CLOUDHSM --custom-key-store-id "$store"

for place in stored changed; do
    it "killed after the new password of kmsuser was $place, it connects by itself"
    kill_kmsd TERM
    serve "kms.rotation.$place"
    aws kms disconnect-custom-key-store --custom-key-store-id "$store" || true
    aws kms connect-custom-key-store --custom-key-store-id "$store" || true
    gone() { ! kill -0 "$kmsd_pid"; }
    eventually gone
    wait "$kmsd_pid" || true
    serve
    eventually is CONNECTED
    opens
done

it "killed between a key's material and its record, the orphan is found and reported"
kill_kmsd TERM
serve kms.key.generated
eventually is CONNECTED
before=$(aws kms list-keys --query 'length(Keys)')
aws kms create-key --origin AWS_CLOUDHSM --custom-key-store-id "$store" --cli-read-timeout 5 || true
wait "$kmsd_pid" || true
serve
eventually is CONNECTED
equal "$(aws kms list-keys --query 'length(Keys)')" "$before"
eventually grep -q "key material without a KMS key" kmsd.log
