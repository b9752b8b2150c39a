# The three ways by which other programs load a module on Debian.
# p11-kit gives root no modules of its own: root looks at them as nobody.
user=$(id -u)
[ "$user" -ne 0 ] || user=65534
public_module
mkdir -p nobody/config/pkcs11/modules
export STRONGROOM_HOME=$case_dir/nobody/home XDG_CONFIG_HOME=$case_dir/nobody/config HOME=$case_dir/nobody
unset XDG_RUNTIME_DIR
[ "$(id -u)" -ne 0 ] || chown -R "$user:$user" nobody
p11() { as_user "$user" pkcs11-tool --module "$module" "$@"; }
p11tool() { as_user "$user" p11tool "$@"; }
p11 --init-token --slot-index 0 --label mine --so-pin 12345678
p11 --init-pin --login --login-type so --so-pin 12345678 --pin 123456

it "p11-kit lists the module"
echo "module: $module" >nobody/config/pkcs11/modules/strongroom.module
as_user "$user" p11-kit list-modules | tee modules
grep -q '^strongroom:' modules
grep -q 'token: mine$' modules
equal "$(grep -c 'token: mine/hsm-' modules)" 2

it "the packaged module file shows one slot a cluster, and starts no hsmd"
sed "s|^module:.*|module: $module|" "$CONFORMANCE_ROOT/packaging/p11-kit/strongroom.module" >nobody/config/pkcs11/modules/strongroom.module
as_user "$user" p11-kit list-modules | tee modules
equal "$(grep -c 'token: mine' modules)" 1
stop_hsmd "$STRONGROOM_HOME"
as_user "$user" p11-kit list-modules | tee modules
equal "$(grep -c 'token: mine' modules || true)" 0
echo "module: $module" >nobody/config/pkcs11/modules/strongroom.module

it "p11tool lists the tokens"
p11tool --provider "$module" --list-tokens | tee tokens
grep -q 'Label: mine' tokens
p11tool --list-tokens | tee tokens
grep -q 'pkcs11:.*token=mine' tokens

it "p11tool logs in and lists objects"
p11 --login --pin 123456 --keygen --key-type AES:32 --label one --id 01
GNUTLS_PIN=123456 p11tool --provider "$module" --login --list-all 'pkcs11:token=mine' </dev/null | tee objects
grep -q 'object=one' objects

it "p11tool generates random bytes"
p11tool --provider "$module" --generate-random=32 'pkcs11:token=mine'

it "the OpenSSL engine loads the module"
as_user "$user" openssl engine -t -pre "MODULE_PATH:$module" pkcs11 | tee engine
grep -q '\[ available \]' engine

it "OpenSSL draws random bytes through the engine"
PKCS11_MODULE_PATH=$module as_user "$user" openssl rand -engine pkcs11 -hex 16 | tee random
grep -Eq '^[0-9a-f]{32}$' random
