# The shortest way: an empty home, and OpenSC's pkcs11-tool.
export STRONGROOM_HOME=$case_dir/home
user=(--login --pin 123456)

it "an empty home has one slot, whose token is not initialised"
says "uninitialized" p11 --list-slots

it "--init-token makes a cluster, --init-pin its user"
p11 --init-token --slot-index 0 --label mine --so-pin 12345678
p11 --init-pin --login --login-type so --so-pin 12345678 --pin 123456

it "the cluster has a slot, and so has each of its two HSMs"
p11 --list-slots | tee slots
equal "$(grep -c 'token label *: mine' slots)" 3
equal "$(grep -c 'token label *: mine/hsm-' slots)" 2

it "hsmd was started by the first of them"
equal "$(cat "/proc/$(holder "$STRONGROOM_HOME")/comm")" hsmd

it "an AES key is generated, sensitive and never extractable"
p11 "${user[@]}" --keygen --key-type AES:32 --label generated --id 01 --sensitive --private
p11 "${user[@]}" --list-objects --type secrkey | tee objects
grep -q 'label: *generated' objects
grep -q 'Access:.*sensitive.*never extractable' objects

it "a private key is not there without a login"
equal "$(p11 --list-objects --type secrkey | grep -c generated || true)" 0

it "an AES key is imported and read back"
head -c 32 /dev/urandom >key
p11 "${user[@]}" --write-object key --type secrkey --key-type AES:32 --id 02 --label imported --usage-decrypt --extractable
p11 "${user[@]}" --read-object --type secrkey --id 02 --output-file read
cmp key read

it "AES-CBC-PAD gives what OpenSSL gives, and back"
iv=000102030405060708090a0b0c0d0e0f
seq 1 100 >plain
p11 "${user[@]}" --encrypt -m AES-CBC-PAD --iv $iv --id 02 --input-file plain --output-file sealed
openssl enc -aes-256-cbc -K "$(od -An -v -tx1 key | tr -d ' \n')" -iv $iv -in plain -out expected
cmp sealed expected
p11 "${user[@]}" --decrypt -m AES-CBC-PAD --iv $iv --id 02 --input-file sealed --output-file opened
cmp plain opened

it "the generated key encrypts and decrypts"
p11 "${user[@]}" --encrypt -m AES-CBC-PAD --iv $iv --id 01 --input-file plain --output-file sealed
p11 "${user[@]}" --decrypt -m AES-CBC-PAD --iv $iv --id 01 --input-file sealed --output-file opened
cmp plain opened

it "an altered ciphertext is refused"
head -c 48 sealed >cut
refused "CKR_" p11 "${user[@]}" --decrypt -m AES-CBC-PAD --iv $iv --id 02 --input-file cut --output-file /dev/null

it "a data object is written, read and deleted"
p11 "${user[@]}" --write-object plain --type data --label note --private
p11 "${user[@]}" --read-object --type data --label note --output-file read
cmp plain read
p11 "${user[@]}" --delete-object --type data --label note
equal "$(p11 "${user[@]}" --list-objects --type data | grep -c note || true)" 0

it "SHA-2 digests are those of coreutils"
for bits in 224 256 384 512; do
    p11 --hash -m SHA$bits --input-file plain --output-file digest
    equal "$(od -An -v -tx1 digest | tr -d ' \n')" "$("sha${bits}sum" plain | cut -d' ' -f1)"
done

it "random bytes come in the number that is asked for, and differ"
p11 --generate-random 64 --output-file one
p11 --generate-random 64 --output-file two
equal "$(stat -c %s one two | tr '\n' ' ')" "64 64 "
refused "" cmp one two

it "a key is deleted"
p11 "${user[@]}" --delete-object --type secrkey --id 01
equal "$(p11 "${user[@]}" --list-objects | grep -c generated || true)" 0

it "the PIN is changed"
p11 --change-pin "${user[@]}" --new-pin 654321
refused CKR_PIN_INCORRECT p11 --login --pin 123456 --list-objects
p11 --login --pin 654321 --list-objects

it "pkcs11-tool's own test finds nothing"
p11 --login --pin 654321 --test | tee test
grep -q 'No errors' test

it "five wrong PINs lock the user, and the security officer lets it in again"
for _ in 1 2 3 4 5; do refused CKR_PIN p11 --login --pin 000000 --list-objects; done
refused CKR_PIN_LOCKED p11 --login --pin 654321 --list-objects
p11 --init-pin --login --login-type so --so-pin 12345678 --pin 123456
p11 "${user[@]}" --list-objects | tee objects
grep -q 'label: *imported' objects

it "keys are there after hsmd has left"
stop_hsmd "$STRONGROOM_HOME"
p11 "${user[@]}" --read-object --type secrkey --id 02 --output-file read
cmp key read

it "--init-token makes the same cluster anew"
p11 --init-token --slot-index 0 --label again --so-pin 12345678
p11 --init-pin --login --login-type so --so-pin 12345678 --pin 123456
equal "$(p11 "${user[@]}" --list-objects | grep -c imported || true)" 0

it "a wrong SO PIN does not"
refused CKR_PIN_INCORRECT p11 --init-token --slot-index 0 --label again --so-pin 87654321
