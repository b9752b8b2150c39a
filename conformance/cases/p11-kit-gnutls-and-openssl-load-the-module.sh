# The three ways by which other programs load a module on Debian.
export STRONGROOM_HOME=$case_dir/home
p11 --init-token --slot-index 0 --label mine --so-pin 12345678
p11 --init-pin --login --login-type so --so-pin 12345678 --pin 123456

it "p11-kit lists the module"
mkdir -p config/pkcs11/modules
export XDG_CONFIG_HOME=$case_dir/config HOME=$case_dir
echo "module: $module" >config/pkcs11/modules/strongroom.module
echo "user-config: only" >config/pkcs11/pkcs11.conf
p11-kit list-modules | tee modules
grep -q strongroom modules
grep -q 'token: mine' modules

it "the packaged module file shows one slot a cluster"
sed "s|^module:.*|module: $module|" "$CONFORMANCE_ROOT"/packaging/p11-kit/strongroom.module >config/pkcs11/modules/strongroom.module
stop_hsmd "$STRONGROOM_HOME"
p11 --list-slots
p11-kit list-modules | tee modules
equal "$(grep -c 'token: mine' modules)" 1
echo "module: $module" >config/pkcs11/modules/strongroom.module

it "p11tool lists the tokens"
p11tool --provider "$module" --list-tokens | tee tokens
grep -q 'Label: mine' tokens
p11tool --list-tokens | tee tokens
grep -q 'pkcs11:.*token=mine' tokens

it "p11tool logs in and lists objects"
p11 --login --pin 123456 --keygen --key-type AES:32 --label one --id 01
GNUTLS_PIN=123456 p11tool --provider "$module" --login --list-all 'pkcs11:token=mine' | tee objects
grep -q 'object=one' objects

it "p11tool generates random bytes"
p11tool --provider "$module" --generate-random=32 'pkcs11:token=mine'

it "the OpenSSL engine loads the module"
openssl engine pkcs11 -t -pre "MODULE_PATH:$module" -post INIT_ARGS: | tee engine || openssl engine pkcs11 -t -pre "MODULE_PATH:$module" | tee engine
grep -q 'available' engine

it "OpenSSL draws random bytes through the engine"
PKCS11_MODULE_PATH=$module openssl rand -engine pkcs11 -hex 16 | tee random
grep -Eq '^[0-9a-f]{32}$' random
