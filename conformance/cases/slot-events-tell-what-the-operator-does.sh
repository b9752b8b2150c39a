# An application waits in C_WaitForSlotEvent while HSMs come and go.
quickstart "$case_dir/home"
cluster=$(aws cloudhsmv2 describe-clusters --query 'Clusters[0].ClusterId' --output text)
cat >wait.py <<'P'
"""Says each event: the slot's description and whether a token is in it, or that the slot has gone."""
import ctypes
import sys

library = ctypes.CDLL(sys.argv[1])
assert library.C_Initialize(None) == 0
slot, information = ctypes.c_ulong(), ctypes.create_string_buffer(256)
while library.C_WaitForSlotEvent(1, ctypes.byref(slot), None) == 0:
    pass
print("waits", flush=True)
while library.C_WaitForSlotEvent(0, ctypes.byref(slot), None) == 0:
    found = library.C_GetSlotInfo(slot, information)
    # CK_SLOT_INFO: 64 bytes say what the slot is, 32 who made it; CKF_TOKEN_PRESENT is the first of its flags.
    description, flags = information.raw[:64].decode().strip(), int.from_bytes(information.raw[96:104], sys.byteorder)
    token = "a token" if flags & 1 else "no token"
    print(slot.value, f"{description} with {token}" if found == 0 else f"gone ({found})", flush=True)
P
start events python wait.py "$module"
eventually grep -q waits events.log

it "an HSM that is added is told, with its slot"
hsm=$(aws cloudhsmv2 create-hsm --cluster-id "$cluster" --availability-zone us-east-1a --query Hsm.HsmId --output text)
eventually grep -q " $hsm with a token\$" events.log
slot=$(sed -n "s/^\([0-9]*\) .* $hsm with a token\$/\1/p" events.log)

it "an HSM that is removed is told: its slot, which is no slot any more"
aws cloudhsmv2 delete-hsm --cluster-id "$cluster" --hsm-id "$hsm"
eventually grep -qx "$slot gone (3)" events.log

it "so is one that is added after hsmd was killed"
stop_hsmd "$STRONGROOM_HOME" KILL
hsm=$(aws cloudhsmv2 create-hsm --cluster-id "$cluster" --availability-zone us-east-1b --query Hsm.HsmId --output text)
eventually grep -q " $hsm with a token\$" events.log

it "the last one takes the cluster's token with it"
for hsm in $(aws cloudhsmv2 describe-clusters --query 'Clusters[0].Hsms[].HsmId' --output text); do
    aws cloudhsmv2 delete-hsm --cluster-id "$cluster" --hsm-id "$hsm"
done
eventually grep -Eq "^[0-9]+ Strongroom $cluster with no token\$" events.log
