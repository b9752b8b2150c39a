# Whether OpenSSL, as everybody has it, finds the signature of a certificate or of a request right. Its commands do not
# say that by their status: `verify` trusts what it is told to trust unread, and `req -verify` ends with 0 before 3.3.

# self_signed FILE: a certificate that its own key has signed.
self_signed() { OPENSSL_CONF=/dev/null openssl verify -check_ss_sig -CAfile "$1" "$1"; }

# request_is_right FILE: a request that its own key has signed.
request_is_right() { OPENSSL_CONF=/dev/null openssl req -in "$1" -verify -noout 2>&1 | grep 'verify OK'; }
