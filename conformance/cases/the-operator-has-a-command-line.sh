# The strongroom command, single and as a shell.
export STRONGROOM_HOME=$case_dir/home
p11 --init-token --slot-index 0 --label mine --so-pin adminPswd1
export CLOUDHSM_ROLE=admin CLOUDHSM_PIN=admin:adminPswd1

it "answers stand in CloudHSM CLI's envelope"
strongroom user create --username Alice --role crypto-user --password alicePswd | tee answer
python3 -c 'import json; a = json.load(open("answer")); assert a == {"error_code": 0, "data": {"username": "alice", "role": "crypto-user"}}, a'

it "users are listed as CloudHSM CLI lists them"
strongroom user list | tee answer
python3 - <<'P'
import json
users = json.load(open("answer"))["data"]["users"]
alice = next(user for user in users if user["username"] == "alice")
assert alice == {"username": "alice", "role": "crypto-user", "locked": "false", "mfa": [], "cluster-coverage": "full"}, alice
P

it "an error has its code, its words and its exit status"
if strongroom user create --username alice --role crypto-user --password alicePswd >answer; then fail "a second alice"; fi
python3 -c 'import json; a = json.load(open("answer")); assert a["error_code"] == 1 and "exists" in a["data"], a'

it "passwords have 7 to 32 characters"
refused "7 to 32" strongroom user create --username bob --role crypto-user --password short
refused "7 to 32" strongroom user create --username bob --role crypto-user --password "$(printf 'x%.0s' {1..33})"

it "without a login the environment's names are told"
refused CLOUDHSM_PIN env -u CLOUDHSM_PIN strongroom user list
refused "password is wrong" env CLOUDHSM_PIN=admin:wrongPswd strongroom user list

it "a crypto user manages no users, but its own password"
refused error_code env CLOUDHSM_ROLE=crypto-user CLOUDHSM_PIN=alice:alicePswd strongroom user create --username eve --role admin --password evePswd1
CLOUDHSM_ROLE=crypto-user CLOUDHSM_PIN=alice:alicePswd strongroom user change-password --username alice --role crypto-user --password alicePswd2
p11 --login --pin alice:alicePswd2 --list-objects

it "five wrong passwords lock a user; an admin's change-password lets it in again"
for _ in 1 2 3 4 5; do refused CKR_PIN p11 --login --pin alice:wrongPswd --list-objects; done
says '"locked": "true"' strongroom user list
refused CKR_PIN_LOCKED p11 --login --pin alice:alicePswd2 --list-objects
strongroom user change-password --username alice --role crypto-user --password alicePswd3
p11 --login --pin alice:alicePswd3 --list-objects
equal "$(strongroom user list | grep -c '"locked": "true"' || true)" 0

it "a sole admin that strangers have locked is unlocked by the operator, with its old password"
for _ in 1 2 3 4 5; do refused error_code env CLOUDHSM_PIN=admin:wrongPswd strongroom user list; done
refused error_code strongroom user list
strongroom user unlock --username admin --role admin
says '"username": "admin"' strongroom user list

it "the shell takes a script with both grammars, and fails if a command fails"
strongroom interactive >answer <<'S'
login --username admin --role admin --password adminPswd1
user create --username carol --role crypto-user --password 'carol Pswd'
logout
loginHSM CO admin adminPswd1
info
createUser CU dave davePswd1
changePswd CU dave davePswd2
listUsers
deleteUser CU dave
logoutHSM
quit
S
cat answer
grep -q "Logged in as 'admin(CO)'" answer
grep -q 'Changing password for dave(CU) on 2 nodes' answer
grep -Eq '^ +[0-9]+ +CU +dave +NO +0 +NO' answer
p11 --login --pin 'carol:carol Pswd' --list-objects
if printf 'listUsers\n' | strongroom interactive; then fail "a failed command went unnoticed"; fi

it "passwords can come as lines of their own"
printf 'login --username admin --role admin\nadminPswd1\nuser create --username erin --role crypto-user\nerinPswd1\n' | strongroom interactive
p11 --login --pin erin:erinPswd1 --list-objects

it "a user that owns keys is not deleted"
p11 --login --pin erin:erinPswd1 --keygen --key-type AES:32 --label kept --id 01
refused error_code strongroom user delete --username erin --role crypto-user
p11 --login --pin erin:erinPswd1 --delete-object --type secrkey --id 01
strongroom user delete --username erin --role crypto-user

it "clusters and HSMs are described"
says '"ACTIVE"' strongroom cluster list
says '"serial-number"' strongroom cluster hsm-info
says '"label": "mine"' strongroom cluster describe

it "the audit chain is walked, and its end is told"
strongroom audit verify | tee answer
python3 -c 'import json; a = json.load(open("answer"))["data"]; assert a["chain"] == "intact" and a["records"] > 10 and len(a["head"]) == 64, a'

it "the audit chain is read, as rows and as lines of JSON"
strongroom audit list | tee answer
grep -Eq 'Z  erin +[0-9]+ +object-generated +reference=[0-9]+ mechanism=CKM_AES_KEY_GEN$' answer
grep -Eq '^[0-9]+ of [0-9]+ records; the chain is intact, and its head is [0-9a-f]{64}$' answer
strongroom audit list --json --user Alice --event login-refused --since 1d >answer
python3 - <<'P'
import json
records = [json.loads(line) for line in open("answer")]
assert len(records) == 6, records
for record in records:
    assert record["event"] == "login-refused" and record["details"]["name"] == "alice", record
assert records[-1]["details"]["locked"], records
P
equal "$(strongroom audit list --json --until 2000-01-01)" ""
refused "is no time" strongroom audit list --since yesterday

it "doctor says how things are"
says '"hsmd": "reachable"' strongroom doctor

it "doctor says that an hsmd is in the way of an embedded process, and whether anybody has the home"
refused "process $(holder home) is an hsmd" env STRONGROOM_MODE=embedded strongroom doctor
stop_hsmd "$STRONGROOM_HOME" KILL
eventually says '"lock": null' env STRONGROOM_MODE=embedded strongroom doctor

it "doctor does not take a process for an hsmd that has only its number"
sed -i "s/^served [0-9]*/served $$/" home/lock
says '"lock": null' env STRONGROOM_MODE=embedded strongroom doctor

it "a home that is not there is told, by a failure, and not made"
refused "there is no home $case_dir/mistyped" strongroom --home "$case_dir/mistyped" doctor
refused "there is no home $case_dir/mistyped" strongroom --home "$case_dir/mistyped" cluster list
[ ! -e "$case_dir/mistyped" ]

it "a folder of other things is no home either, and is left as it was"
mkdir -m 0755 site
echo "a page" >site/index.html
refused "there is no home $case_dir/site" strongroom --home "$case_dir/site" doctor
refused CKR_ env STRONGROOM_HOME="$case_dir/site" pkcs11-tool --module "$module" --list-slots
refused "no home" kmsd serve --home "$case_dir/site" --listen 127.0.0.1:0
refused "no home" kmsd credentials create --home "$case_dir/site"
refused '"home-exists": false' strongroom --home "$case_dir/site" doctor
equal "$(stat -c %a site) $(ls -A site)" "755 index.html"

it "a mode that is none is named"
refused "STRONGROOM_MODE" env STRONGROOM_MODE=inside strongroom doctor

it "an unknown cluster or command is an error"
refused "cluster-abcdefghijk" strongroom --cluster-id cluster-abcdefghijk cluster describe
refused "cluster id" strongroom --cluster-id nonsense cluster describe
refused "unrecognized" strongroom user promote
