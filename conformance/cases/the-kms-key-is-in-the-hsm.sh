# One cluster seen from both sides: KMS above, PKCS#11 below.
quickstart "$case_dir/home"
export CLOUDHSM_ROLE=admin CLOUDHSM_PIN=$STRONGROOM_ADMIN_PIN
store=$(aws kms describe-custom-key-stores --query 'CustomKeyStores[0].CustomKeyStoreId' --output text)
state() { aws kms describe-custom-key-stores --custom-key-store-id "$store" --query 'CustomKeyStores[0].ConnectionState' --output text; }
is() { [ "$(state)" = "$1" ]; }
printf hello >hello
encrypt() { aws kms encrypt --key-id "$STRONGROOM_KEY_ARN" --plaintext fileb://hello --query CiphertextBlob --output text; }
encrypt | base64 -d >sealed

it "while kmsd serves, pkcs11-tool uses the same cluster"
user=(--login --pin "$STRONGROOM_USER_PIN")
p11 "${user[@]}" --keygen --key-type AES:32 --label mine --id 01
iv=000102030405060708090a0b0c0d0e0f
p11 "${user[@]}" --encrypt -m AES-CBC-PAD --iv $iv --id 01 --input-file hello --output-file sealed.mine
p11 "${user[@]}" --decrypt -m AES-CBC-PAD --iv $iv --id 01 --input-file sealed.mine --output-file opened
cmp hello opened
p11 --list-slots | tee slots
equal "$(grep -c 'token label' slots)" 3

it "another user does not see kmsuser's key"
equal "$(p11 "${user[@]}" --list-objects | grep -c arn:aws:kms || true)" 0

it "kmsuser's password is known to nobody until the key store is disconnected"
aws kms disconnect-custom-key-store --custom-key-store-id "$store"
eventually is DISCONNECTED
strongroom user change-password --username kmsuser --role crypto-user --password newPswd1

it "logged in as kmsuser, the key is there: its label is its ARN, it is private, sensitive and never extractable"
kmsuser=(--login --pin kmsuser:newPswd1)
p11 "${kmsuser[@]}" --list-objects --type secrkey | tee objects
grep -q "Secret Key Object; AES length 32" objects
grep -q "label: *$STRONGROOM_KEY_ARN" objects
grep -q 'Access:.*sensitive.*always sensitive.*never extractable' objects
equal "$(p11 --list-objects --type secrkey | grep -c arn:aws:kms || true)" 0

it "its value is not revealed"
refused CKR_ATTRIBUTE_SENSITIVE p11 "${kmsuser[@]}" --read-object --type secrkey --label "$STRONGROOM_KEY_ARN" --output-file value

it "with the new password the key store connects again, and changes it"
aws kms update-custom-key-store --custom-key-store-id "$store" --key-store-password newPswd1
aws kms connect-custom-key-store --custom-key-store-id "$store"
eventually is CONNECTED
equal "$(aws kms decrypt --ciphertext-blob fileb://sealed --query Plaintext --output text | base64 -d)" hello
refused CKR_PIN_INCORRECT p11 "${kmsuser[@]}" --list-objects

it "with the key deleted in the HSM, KMS fails as AWS does"
aws kms disconnect-custom-key-store --custom-key-store-id "$store"
eventually is DISCONNECTED
strongroom user change-password --username kmsuser --role crypto-user --password newPswd2
p11 --login --pin kmsuser:newPswd2 --delete-object --type secrkey --label "$STRONGROOM_KEY_ARN"
aws kms update-custom-key-store --custom-key-store-id "$store" --key-store-password newPswd2
aws kms connect-custom-key-store --custom-key-store-id "$store"
eventually is CONNECTED
refused KMSInvalidStateException encrypt
refused KMSInvalidStateException aws kms decrypt --ciphertext-blob fileb://sealed

it "a new key works beside it"
key=$(aws kms create-key --origin AWS_CLOUDHSM --custom-key-store-id "$store" --query KeyMetadata.Arn --output text)
aws kms encrypt --key-id "$key" --plaintext fileb://hello

it "with one HSM left the key store goes on, and makes no new key"
cluster=$(strongroom cluster list | sed -n 's/.*"cluster-id": "\(.*\)".*/\1/p')
hsm=$(aws cloudhsmv2 describe-clusters --query 'Clusters[0].Hsms[1].HsmId' --output text)
aws cloudhsmv2 delete-hsm --cluster-id "$cluster" --hsm-id "$hsm"
aws kms encrypt --key-id "$key" --plaintext fileb://hello
refused CloudHsmClusterInvalidConfigurationException aws kms create-key --origin AWS_CLOUDHSM --custom-key-store-id "$store"

it "five wrong passwords lock kmsuser, and connecting says so"
aws kms disconnect-custom-key-store --custom-key-store-id "$store"
eventually is DISCONNECTED
for _ in 1 2 3 4 5; do refused CKR_PIN p11 --login --pin kmsuser:wrongPswd --list-objects; done
aws kms connect-custom-key-store --custom-key-store-id "$store"
eventually is FAILED
says USER_LOCKED_OUT aws kms describe-custom-key-stores --custom-key-store-id "$store"
