//! RSA.

use super::Test;
use crate::{
    Result,
    hash::Hash,
    rsa::{Oaep, Parts, PrivateKey, Pss},
    vector::{
        hex,
        rsa::{CIPHERTEXTS, MODULUS, PRIME_1, PRIME_2, PRIVATE_EXPONENT},
    },
};

pub(super) const TESTS: &[Test] = &[Test {
    name: "RSA",
    passes: rsa,
}];

const N: [u8; 256] = hex(MODULUS);
const D: [u8; 256] = hex(PRIVATE_EXPONENT);
const P: [u8; 128] = hex(PRIME_1);
const Q: [u8; 128] = hex(PRIME_2);
/// Right padding, and wrong padding in its first byte.
const RIGHT: [u8; 256] = hex(CIPHERTEXTS[0].0);
const WRONG: [u8; 256] = hex(CIPHERTEXTS[5].0);

const DIGEST: [u8; 32] = [0xa5; 32];

/// Made with OpenSSL 3.0 of `DIGEST`, as a SHA-256: by PKCS #1 v1.5,
const SIGNATURE: [u8; 256] = hex(concat!(
    "2640141f6126db284437e2edf3f63f5d1c0731506b849f6e35a02a55954642f4",
    "f3282cf9d18f39d35e1ebc37c6dd6617a0973f3bbbf4880ccc840bc66359454d",
    "089d4e8c237ee4bf67dee4f2a3de4d517420cfe7b2b5b2951e93b1fe387b96ba",
    "97796071200538edb17f629b1d2ff6fcd7ff36a97e7c337a0854df354e291591",
    "c7e8f382b295a034eeb8dd3b9e6bfdd0d533735daa39d71de3366377d31ff770",
    "26dacdaac4fe491daa787bf0abacbf22abbe20c702ca3e11f2edb6315e3d536e",
    "a9b153df7dcc65870494b90d666f3e6c4659be3f57afcc848a291a29d22b0c45",
    "149e3bacc12b045c494f95c7e563ed584f172b15b2f387c25a7568879ca3d30f",
));
/// PSS, with MGF1 over SHA-256 and a salt of 32 bytes.
const PSS_SIGNATURE: [u8; 256] = hex(concat!(
    "976c342d4ec927e02643b898e3e505e01f8419cc2b8f36c65239c07af20c18fe",
    "78906d29d57410339eedb10df00f22e66972d6a566bfa7ed72734f6f60aa3d4c",
    "6008f1fc50a0bce704789aea8ec547e6438b21fc1125d5f6e9bd8e8410884d77",
    "e325ac9a1b8b3ad89ab09574e3801ec4ba2a48353fdb51927a07d588a26eaac8",
    "325b9181091578fde670e03e7f8b67d97c042573cdc8d9e6db77121f1a32f816",
    "a6e977d9dbc039fdbbe64ef8874b67af9667feec8694e1ff2502ba935de38ceb",
    "551a2624f60becde7cf6d22404ad7ec77e341091a346f80c127875c324b1dd29",
    "2b9c238fdc606733b894c00bf4874b43bd720dadf37e56c0763443daa6a255ae",
));
/// OAEP with SHA-256 and no label.
const OAEP_CIPHERTEXT: [u8; 256] = hex(concat!(
    "092999243e2421b84ebe32c1e68731b753c3fea1a74dce4154920396382e8488",
    "be2d0732614f816abdf3ae8740fee78f228e4ade9fd75470c9e4822ab0e82722",
    "1db9e85311954eaaed47065c44b85330d6c9478ecdb2a97505e7838f24a292ee",
    "df07af44c3f7bcedbbb0261ca84bee09666b30b29e9b4a4dcf1782e263266fe6",
    "d9dc0351f07f8067795dc08d056b2c86de3bf639e3c40eec227b6d1794e2c166",
    "0a4e4e8c6718e9509131474cbec181532b7efe495b18ccc15bbbf4b0129a482b",
    "9903b39a1af23609b08d5392dbd624d100bcd6a829c9b5ea764659828899ce10",
    "f5f349c8eb04905c4b6bd664f694d5f2b3631e5fc63f093a2754372b91e92f07",
));

/// What the vectors say, there and back; another digest verifies nowhere.
fn rsa() -> Result<bool> {
    let key = PrivateKey::new(&Parts {
        modulus: &N,
        public_exponent: &[1, 0, 1],
        private_exponent: &D,
        primes: Some([&P, &Q]),
        ..Parts::default()
    })?;
    let message: [u8; 26] = hex(CIPHERTEXTS[0].1);
    let stand_in: [u8; 11] = hex(CIPHERTEXTS[5].1);
    let decrypted = key.decrypt_pkcs1(&RIGHT)?.reveal() == message
        && key.decrypt_pkcs1(&WRONG)?.reveal() == stand_in;

    let public = key.public()?;
    let (hash, other, mut block) = (Hash::Sha256, [0xa6; 32], [0; 256]);
    key.sign_hash(hash, &DIGEST, &mut block)?;
    let signed = block == SIGNATURE
        && public.verify_hash(hash, &DIGEST, &SIGNATURE).is_ok()
        && public.verify_hash(hash, &other, &SIGNATURE).is_err();
    let pss = Pss {
        hash,
        mgf: hash,
        salt_len: 32,
    };
    key.sign_pss(pss, &DIGEST, &mut block)?;
    let salted = public.verify_pss(pss, &DIGEST, &block).is_ok()
        && public.verify_pss(pss, &DIGEST, &PSS_SIGNATURE).is_ok()
        && public.verify_pss(pss, &other, &PSS_SIGNATURE).is_err();
    let oaep = Oaep {
        hash,
        mgf: hash,
        label: b"",
    };
    public.encrypt_oaep(oaep, &DIGEST, &mut block)?;
    let opened = key.decrypt_oaep(oaep, &block)?.reveal() == DIGEST
        && key.decrypt_oaep(oaep, &OAEP_CIPHERTEXT)?.reveal() == DIGEST;
    Ok(decrypted && signed && salted && opened)
}
