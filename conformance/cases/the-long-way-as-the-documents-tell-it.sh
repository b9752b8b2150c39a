# CloudHSM's ceremony and a custom key store's whole life, with aws, openssl and our command line.
export STRONGROOM_HOME=$case_dir/home
port=$(free_port)

it "kmsd serves, and access keys are made for it"
mkdir -m 0700 "$STRONGROOM_HOME"
start kmsd "$bin/kmsd" serve --home "$STRONGROOM_HOME" --listen "127.0.0.1:$port"
eventually grep -q "ready at http://127.0.0.1:$port" kmsd.log
"$bin/kmsd" credentials create --home "$STRONGROOM_HOME" >access-key.env
set -a
. ./access-key.env
export AWS_ENDPOINT_URL=http://127.0.0.1:$port
set +a
says '"Keys": []' aws kms list-keys

it "create-cluster, create-hsm twice, and describe-clusters has the CSR"
cluster=$(aws cloudhsmv2 create-cluster --hsm-type hsm1.medium --subnet-ids subnet-11111111 subnet-22222222 --query Cluster.ClusterId --output text)
says UNINITIALIZED aws cloudhsmv2 describe-clusters --filters "clusterIds=$cluster"
aws cloudhsmv2 create-hsm --cluster-id "$cluster" --availability-zone us-east-1a
aws cloudhsmv2 describe-clusters --filters "clusterIds=$cluster" --query 'Clusters[0].Certificates.ClusterCsr' --output text >ClusterCsr.csr
request_is_right ClusterCsr.csr

it "a certificate that another CA signed, or for another key, is refused"
ca() { openssl req -new -x509 -newkey rsa:2048 -nodes -days 3652 -subj "/CN=$1" -keyout "$1.key" -out "$1.crt"; }
ca customerCA
ca strangerCA
openssl x509 -req -days 3652 -in ClusterCsr.csr -CA customerCA.crt -CAkey customerCA.key -CAcreateserial -out signed.crt
refused CloudHsmInvalidRequestException aws cloudhsmv2 initialize-cluster --cluster-id "$cluster" \
    --signed-cert file://signed.crt --trust-anchor file://strangerCA.crt
openssl req -new -newkey rsa:2048 -nodes -subj /CN=other -keyout other.key -out other.csr
openssl x509 -req -days 3652 -in other.csr -CA customerCA.crt -CAkey customerCA.key -CAcreateserial -out other.crt
refused CloudHsmInvalidRequestException aws cloudhsmv2 initialize-cluster --cluster-id "$cluster" \
    --signed-cert file://other.crt --trust-anchor file://customerCA.crt
refused CloudHsmInvalidRequestException aws cloudhsmv2 initialize-cluster --cluster-id "$cluster" \
    --signed-cert file://ClusterCsr.csr --trust-anchor file://customerCA.crt

it "initialize-cluster with the right ones"
aws cloudhsmv2 initialize-cluster --cluster-id "$cluster" --signed-cert file://signed.crt --trust-anchor file://customerCA.crt
says '"INITIALIZED"' aws cloudhsmv2 describe-clusters --filters "clusterIds=$cluster" --query 'Clusters[0].State'

it "a key store needs an active cluster"
create_store() {
    aws kms create-custom-key-store --custom-key-store-name "$1" --cloud-hsm-cluster-id "$2" \
        --key-store-password "$3" --trust-anchor-certificate "file://$4" --query CustomKeyStoreId --output text
}
refused CloudHsmClusterNotActiveException create_store ExampleKeyStore "$cluster" kmsPswd customerCA.crt

it "cluster activate sets the admin's password, once"
says "Cluster activation successful" strongroom cluster activate --password adminPswd1
says '"ACTIVE"' aws cloudhsmv2 describe-clusters --filters "clusterIds=$cluster" --query 'Clusters[0].State'
refused error_code strongroom cluster activate --password adminPswd2

it "user create makes a crypto user; createUser in the shell makes kmsuser"
export CLOUDHSM_ROLE=admin CLOUDHSM_PIN=admin:adminPswd1
strongroom user create --username example --role crypto-user --password examplePswd
printf 'loginHSM CO admin adminPswd1\ncreateUser CU kmsuser kmsPswd\nlistUsers\nquit\n' | strongroom interactive | tee shell
grep -q 'loginHSM success on server 0' shell
grep -q 'Creating User kmsuser(CU) on 1 nodes' shell
says '"kmsuser"' strongroom user list

it "a key store needs two HSMs in two zones"
refused CloudHsmClusterInvalidConfigurationException create_store ExampleKeyStore "$cluster" kmsPswd customerCA.crt
aws cloudhsmv2 create-hsm --cluster-id "$cluster" --availability-zone us-east-1b

it "a key store needs the right cluster and trust anchor"
refused CloudHsmClusterNotFoundException create_store ExampleKeyStore cluster-abcdefghijk kmsPswd customerCA.crt
refused IncorrectTrustAnchorException create_store ExampleKeyStore "$cluster" kmsPswd strangerCA.crt

it "create-custom-key-store, and neither its name nor its cluster twice"
store=$(create_store ExampleKeyStore "$cluster" kmsPswd customerCA.crt)
equal "$(create_store ExampleKeyStore "$cluster" kmsPswd customerCA.crt)" "$store"
refused CustomKeyStoreNameInUseException create_store ExampleKeyStore "$cluster" otherPswd customerCA.crt
refused CloudHsmClusterInUseException create_store OtherKeyStore "$cluster" kmsPswd customerCA.crt

it "connect-custom-key-store, and describe until CONNECTED"
state() { aws kms describe-custom-key-stores --custom-key-store-id "$store" --query 'CustomKeyStores[0].ConnectionState' --output text; }
is() { [ "$(state)" = "$1" ]; }
equal "$(state)" DISCONNECTED
aws kms connect-custom-key-store --custom-key-store-id "$store"
eventually is CONNECTED

it "connecting has changed kmsuser's password"
refused CKR_PIN_INCORRECT p11 --login --pin kmsuser:kmsPswd --list-objects

it "create-key in the store; describe-key has its three members"
create_key() { aws kms create-key --origin AWS_CLOUDHSM --custom-key-store-id "$store" --query KeyMetadata.Arn --output text; }
key=$(create_key)
aws kms describe-key --key-id "$key" | tee description
grep -q "\"CustomKeyStoreId\": \"$store\"" description
grep -q "\"CloudHsmClusterId\": \"$cluster\"" description
grep -q '"Origin": "AWS_CLOUDHSM"' description

it "encrypt and decrypt with an encryption context, and not with another"
printf hello >hello
aws kms encrypt --key-id "$key" --plaintext fileb://hello --encryption-context page=one --query CiphertextBlob --output text | base64 -d >sealed
opened() { aws kms decrypt --ciphertext-blob fileb://sealed --encryption-context "$1" --query Plaintext --output text; }
equal "$(opened page=one | base64 -d)" hello
refused InvalidCiphertextException opened page=two
refused InvalidCiphertextException aws kms decrypt --ciphertext-blob fileb://sealed
head -c 40 sealed >cut
refused InvalidCiphertextException aws kms decrypt --ciphertext-blob fileb://cut --encryption-context page=one

it "generate-data-key, with and without plaintext"
aws kms generate-data-key --key-id "$key" --key-spec AES_256 --query '[Plaintext,CiphertextBlob]' --output text >data-key
read -r plain blob <data-key
base64 -d <<<"$blob" >blob
equal "$(aws kms decrypt --ciphertext-blob fileb://blob --query Plaintext --output text)" "$plain"
equal "$(base64 -d <<<"$plain" | wc -c)" 32
aws kms generate-data-key-without-plaintext --key-id "$key" --number-of-bytes 64 --query CiphertextBlob --output text | base64 -d >blob
equal "$(aws kms decrypt --ciphertext-blob fileb://blob --query Plaintext --output text | base64 -d | wc -c)" 64

it "re-encrypt under a second key"
second=$(create_key)
aws kms re-encrypt --ciphertext-blob fileb://sealed --source-encryption-context page=one --destination-key-id "$second" \
    --destination-encryption-context page=three --query CiphertextBlob --output text | base64 -d >sealed-again
equal "$(aws kms decrypt --ciphertext-blob fileb://sealed-again --encryption-context page=three --query '[Plaintext,KeyId]' --output text)" \
    "$(printf 'aGVsbG8=\t%s' "$second")"

it "generate-random"
equal "$(aws kms generate-random --number-of-bytes 100 --query Plaintext --output text | base64 -d | wc -c)" 100

it "aliases"
aws kms create-alias --alias-name alias/example --target-key-id "$key"
equal "$(aws kms describe-key --key-id alias/example --query KeyMetadata.Arn --output text)" "$key"
aws kms update-alias --alias-name alias/example --target-key-id "$second"
says "alias/example" aws kms list-aliases --key-id "$second"
refused AlreadyExistsException aws kms create-alias --alias-name alias/example --target-key-id "$key"
aws kms delete-alias --alias-name alias/example
refused NotFoundException aws kms describe-key --key-id alias/example

it "tags"
aws kms tag-resource --key-id "$key" --tags TagKey=colour,TagValue=green
says green aws kms list-resource-tags --key-id "$key"
aws kms untag-resource --key-id "$key" --tag-keys colour
says '"Tags": []' aws kms list-resource-tags --key-id "$key"

it "disable-key and enable-key"
aws kms disable-key --key-id "$key"
refused DisabledException aws kms encrypt --key-id "$key" --plaintext aGVsbG8=
aws kms enable-key --key-id "$key"
aws kms encrypt --key-id "$key" --plaintext aGVsbG8=

it "disconnect: keys are unavailable; connect: the old ciphertext decrypts"
refused CustomKeyStoreInvalidStateException aws kms delete-custom-key-store --custom-key-store-id "$store"
aws kms disconnect-custom-key-store --custom-key-store-id "$store"
eventually is DISCONNECTED
says '"Unavailable"' aws kms describe-key --key-id "$key" --query KeyMetadata.KeyState
refused KMSInvalidStateException aws kms encrypt --key-id "$key" --plaintext aGVsbG8=
refused CustomKeyStoreInvalidStateException create_key
aws kms connect-custom-key-store --custom-key-store-id "$store"
eventually is CONNECTED
equal "$(opened page=one | base64 -d)" hello

it "schedule-key-deletion and cancel-key-deletion"
aws kms schedule-key-deletion --key-id "$second" --pending-window-in-days 7
refused KMSInvalidStateException aws kms encrypt --key-id "$second" --plaintext aGVsbG8=
aws kms cancel-key-deletion --key-id "$second"
says '"Disabled"' aws kms describe-key --key-id "$second" --query KeyMetadata.KeyState

it "update-custom-key-store renames it; a password only while disconnected"
aws kms update-custom-key-store --custom-key-store-id "$store" --new-custom-key-store-name Renamed
says '"Renamed"' aws kms describe-custom-key-stores --custom-key-store-id "$store" --query 'CustomKeyStores[0].CustomKeyStoreName'
refused CustomKeyStoreInvalidStateException aws kms update-custom-key-store --custom-key-store-id "$store" --key-store-password newPswd1

it "a wrong kmsuser password makes connecting fail, and says why"
aws kms disconnect-custom-key-store --custom-key-store-id "$store"
eventually is DISCONNECTED
strongroom user change-password --username kmsuser --role crypto-user --password newPswd1
aws kms connect-custom-key-store --custom-key-store-id "$store"
eventually is FAILED
says INVALID_CREDENTIALS aws kms describe-custom-key-stores --custom-key-store-id "$store"
aws kms disconnect-custom-key-store --custom-key-store-id "$store"
eventually is DISCONNECTED
aws kms update-custom-key-store --custom-key-store-id "$store" --key-store-password newPswd1
aws kms connect-custom-key-store --custom-key-store-id "$store"
eventually is CONNECTED
equal "$(opened page=one | base64 -d)" hello

it "a store with keys is not deleted, an empty one is"
aws kms disconnect-custom-key-store --custom-key-store-id "$store"
eventually is DISCONNECTED
refused CustomKeyStoreHasCMKsException aws kms delete-custom-key-store --custom-key-store-id "$store"
refused CustomKeyStoreNotFoundException aws kms delete-custom-key-store --custom-key-store-id cks-1234567890abcdef0

it "a cluster that a key store uses is not deleted while it has HSMs"
refused CloudHsmInvalidRequestException aws cloudhsmv2 delete-cluster --cluster-id "$cluster"

it "the chain of the cluster's audit log holds"
says '"intact"' strongroom audit verify

it "an empty key store is deleted"
other=$(aws cloudhsmv2 create-cluster --hsm-type hsm1.medium --subnet-ids subnet-33333333 subnet-44444444 --query Cluster.ClusterId --output text)
refused "--cluster-id" strongroom user list
for zone in a b; do aws cloudhsmv2 create-hsm --cluster-id "$other" --availability-zone us-east-1$zone; done
aws cloudhsmv2 describe-clusters --filters "clusterIds=$other" --query 'Clusters[0].Certificates.ClusterCsr' --output text >second.csr
openssl x509 -req -days 3652 -in second.csr -CA customerCA.crt -CAkey customerCA.key -CAcreateserial -out second.crt
aws cloudhsmv2 initialize-cluster --cluster-id "$other" --signed-cert file://second.crt --trust-anchor file://customerCA.crt
strongroom cluster activate --cluster-id "$other" --password adminPswd1
strongroom --cluster-id "$other" user create --username kmsuser --role crypto-user --password kmsPswd
spare=$(create_store Spare "$other" kmsPswd customerCA.crt)
aws kms delete-custom-key-store --custom-key-store-id "$spare"
refused CustomKeyStoreNotFoundException aws kms describe-custom-key-stores --custom-key-store-id "$spare"
