# A full disk, a read-only home, somebody else's home, a home that is owned already, a damaged one.
log_of() { cat "$(head -n 1 "$1/runtime")/hsmd.log"; }
stranger=65534
make_home() {
    export STRONGROOM_HOME=$1
    p11 --init-token --slot-index 0 --label mine --so-pin 12345678
    p11 --init-pin --login --login-type so --so-pin 12345678 --pin 123456
}
keygen() { p11 --login --pin 123456 --keygen --key-type AES:32 --label "$1" --id 01; }

it "on a full disk reads and logins go on, and a new key is refused"
[ "$(id -u)" -eq 0 ] || fail "only root can mount a small disk"
mkdir disk
mount -t tmpfs -o size=160m,mode=0755 tmpfs disk
make_home "$case_dir/disk/home"
keygen first
dd if=/dev/zero of=disk/filler bs=1M 2>/dev/null || true
refused CKR_DEVICE_MEMORY keygen second
says first p11 --login --pin 123456 --list-objects

it "the command line tells the remedy"
refused "free some space" env CLOUDHSM_ROLE=admin CLOUDHSM_PIN=admin:12345678 strongroom user create --username new --role crypto-user --password newPswd1

it "doctor tells that there is too little space"
refused 'MiB free: free some space' strongroom doctor

it "a home on a full disk opens again"
stop_hsmd "$STRONGROOM_HOME"
says first p11 --login --pin 123456 --list-objects
refused CKR_DEVICE_MEMORY keygen second

it "when there is space again, it writes again"
rm disk/filler
keygen second
stop_hsmd "$STRONGROOM_HOME"
says second p11 --login --pin 123456 --list-objects
stop_hsmd "$STRONGROOM_HOME"

it "a home on a read-only disk is refused with a reason, and left as it was"
eventually mount -o remount,ro disk
refused "cannot be" strongroom cluster list
refused CKR_ p11 --list-slots
mount -o remount,rw disk
says first p11 --login --pin 123456 --list-objects
stop_hsmd "$STRONGROOM_HOME"
umount disk

it "somebody else's home is refused, and the setting that would admit them is named"
public_module
make_home "$case_dir/home"
stop_hsmd "$STRONGROOM_HOME"
refused "socket_access" as_user $stranger env HOME=/nonexistent STRONGROOM_HOME="$case_dir/home" "$case_dir/public/strongroom" cluster list

it "a stranger is not let in by a running hsmd either"
p11 --list-slots
refused "socket_access" as_user $stranger env HOME=/nonexistent STRONGROOM_HOME="$case_dir/home" "$case_dir/public/strongroom" cluster list

it "socket_access = all lets a stranger in, up to the PIN, and makes nobody an operator"
stop_hsmd "$STRONGROOM_HOME"
echo 'socket_access = "all"' >home/strongroom.toml
p11 --list-slots
as_user $stranger env HOME=/nonexistent pkcs11-tool --module "$module" --login --pin 123456 --keygen --key-type AES:32 --label strangers --id 09
says strangers p11 --login --pin 123456 --list-objects
refused "not permitted" as_user $stranger env HOME=/nonexistent "$case_dir/public/strongroom" cluster activate --password adminPswd1

it "a home that is owned embedded is refused, and its owner named"
stop_hsmd "$STRONGROOM_HOME"
rm home/strongroom.toml
cat >hold.py <<'P'
import sys, time
import PyKCS11
library = PyKCS11.PyKCS11Lib()
library.load(sys.argv[1])
print(len(library.getSlotList()), flush=True)
time.sleep(600)
P
start holder env STRONGROOM_MODE=embedded python hold.py "$module"
eventually grep -q 3 holder.log
refused "process $last_started owns" strongroom cluster list
refused CKR_ env STRONGROOM_MODE=embedded pkcs11-tool --module "$module" --list-slots
refused CKR_ p11 --list-slots

it "served and embedded take turns on a home, and nothing is lost"
kill "$last_started"
wait "$last_started" || true
STRONGROOM_MODE=embedded keygen in-process
says in-process p11 --login --pin 123456 --list-objects
stop_hsmd "$STRONGROOM_HOME"
STRONGROOM_MODE=embedded says strangers p11 --login --pin 123456 --list-objects

it "a served home refuses an embedded owner, and names hsmd"
p11 --list-slots
refused CKR_ env STRONGROOM_MODE=embedded pkcs11-tool --module "$module" --list-slots

it "a damaged database is an error, not a crash, and other clusters go on"
stop_hsmd "$STRONGROOM_HOME"
database=$(find home/clusters -name db | head -n 1)
size=$(stat -c %s "$database")
dd if=/dev/urandom of="$database" bs=1 seek=$((size / 3)) count=4096 conv=notrunc 2>/dev/null
strongroom cluster list || true
pid=$(holder "$STRONGROOM_HOME")
[ ! -e "/proc/$pid" ] || equal "$(cat "/proc/$pid/comm")" hsmd

it "a copy of a home that is in use has an hsmd of its own, and what is done to it is done to it alone"
make_home "$case_dir/original"
keygen original
cp -a original copy
STRONGROOM_HOME=$case_dir/copy
keygen copy
says "copy" p11 --login --pin 123456 --list-objects
[ "$(holder copy)" != "$(holder original)" ]
STRONGROOM_HOME=$case_dir/original
says "original" p11 --login --pin 123456 --list-objects
equal "$(p11 --login --pin 123456 --list-objects 2>/dev/null | grep -c "Secret Key Object")" 1

it "a runtime directory whose path leaves no room for a socket is passed over"
export STRONGROOM_HOME=$case_dir/theirs/home
long=$case_dir/theirs/$(printf 'x%.0s' {1..100})
mkdir -m 0700 -p "$long"
chown -R "$stranger" theirs
as_user $stranger env HOME=/nonexistent XDG_RUNTIME_DIR="$long" pkcs11-tool --module "$module" --list-slots
forget_home "$STRONGROOM_HOME"

it "a home that others can enter is refused"
STRONGROOM_HOME=$case_dir/home

stop_hsmd "$STRONGROOM_HOME"
chmod 0755 home
refused "chmod 700" strongroom cluster list
chmod 0700 home

it "a home that is a file is refused"
touch file
refused "not a folder" strongroom --home "$case_dir/file" cluster list

it "a misspelt setting is named"
mkdir -m 0700 other
echo 'sokcet_access = "all"' >other/strongroom.toml
refused sokcet_access strongroom --home "$case_dir/other" cluster list
