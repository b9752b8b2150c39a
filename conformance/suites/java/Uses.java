import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.AlgorithmParameters;
import java.security.Key;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.SecureRandom;
import java.security.Security;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.security.spec.AlgorithmParameterSpec;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.util.Arrays;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import javax.crypto.Cipher;
import javax.crypto.KeyAgreement;
import javax.crypto.KeyGenerator;
import javax.crypto.Mac;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/** What Java programs do with a token through SunPKCS11, each checked by Java's own providers. */
class Uses {
    interface Use { void run() throws Exception; }

    static final byte[] TEXT = "Sing, o goddess, the anger of Achilles".getBytes(StandardCharsets.UTF_8);
    static Provider token;
    static KeyStore keys;
    static char[] pin;
    static Path results;

    public static void main(String[] arguments) throws Exception {
        pin = arguments[1].toCharArray();
        results = Path.of(arguments[2]);
        token = Security.getProvider("SunPKCS11").configure(arguments[0]);
        Security.addProvider(token);
        keys = KeyStore.getInstance("PKCS11", token);
        keys.load(null, pin);

        for (String hash : new String[] {"SHA1", "SHA224", "SHA256", "SHA384", "SHA512", "SHA3-256", "SHA3-512"}) {
            check("Signature " + hash + "withRSA", () -> sign(hash + "withRSA", "rsa", null));
            check("Signature " + hash + "withECDSA", () -> sign(hash + "withECDSA", "ec", null));
        }
        check("Signature NONEwithECDSA", () -> signDigest("NONEwithECDSA", "ec"));
        check("Signature RSASSA-PSS", () -> sign("RSASSA-PSS", "rsa",
            new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1)));
        check("Signature of a megabyte in parts", Uses::signLong);
        check("Cipher RSA/ECB/PKCS1Padding", () -> decryptRsa());
        for (String mode : new String[] {"AES/CBC/PKCS5Padding", "AES/CBC/NoPadding", "AES/CTR/NoPadding",
                                         "AES/ECB/NoPadding", "AES/GCM/NoPadding"}) {
            check("Cipher " + mode, () -> encrypt(mode));
        }
        check("Cipher with the token's AES key", Uses::encryptWithTokenKey);
        for (String wrap : new String[] {"AES/KW/NoPadding", "AES/KW/PKCS5Padding", "AES/KWP/NoPadding"}) {
            String name = "Cipher " + wrap + " wraps a key";
            if (token.getService("Cipher", wrap) == null) report("skip", name, "SunPKCS11 has it from Java 18 on");
            else check(name, () -> wrap(wrap));
        }
        check("Cipher RSA/ECB/PKCS1Padding wraps a key", Uses::wrapWithRsa);
        check("KeyStore keeps a secret key", Uses::keepSecretKey);
        for (String hash : new String[] {"SHA1", "SHA224", "SHA256", "SHA384", "SHA512", "SHA3-256", "SHA3-512"}) {
            check("Mac Hmac" + hash, () -> authenticate("Hmac" + hash));
        }
        for (String hash : new String[] {"SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512", "SHA3-256", "SHA3-512"}) {
            check("MessageDigest " + hash, () -> digest(hash));
        }
        for (String curve : new String[] {"secp256r1", "secp384r1", "secp521r1"}) {
            check("KeyAgreement ECDH " + curve, () -> agree(curve));
        }
        check("KeyPairGenerator RSA, a session key", Uses::generateRsa);
        check("KeyGenerator AES, a session key", () -> {
            KeyGenerator generator = KeyGenerator.getInstance("AES", token);
            generator.init(256);
            roundTrip("AES/CBC/PKCS5Padding", generator.generateKey(), new IvParameterSpec(new byte[16]));
        });
        check("SecureRandom", () -> {
            byte[] one = new byte[64], two = new byte[64];
            SecureRandom random = SecureRandom.getInstance("PKCS11", token);
            random.nextBytes(one);
            random.nextBytes(two);
            require(!Arrays.equals(one, two), "random bytes repeat");
        });
        check("eight threads sign", Uses::signInThreads);
    }

    static void check(String name, Use use) throws Exception {
        String verdict = "ok", why = "";
        try {
            use.run();
        } catch (java.security.NoSuchAlgorithmException missing) {
            verdict = "not-ok";
            why = missing.toString();
        } catch (Exception | LinkageError failure) {
            failure.printStackTrace();
            verdict = "not-ok";
            why = failure + (failure.getCause() == null ? "" : " because of " + failure.getCause());
        }
        report(verdict, name, why);
    }

    static void report(String verdict, String name, String why) throws Exception {
        String line = verdict + "\t" + name + "\t" + why.replaceAll("\\s+", " ") + "\n";
        Files.writeString(results, line, StandardOpenOption.APPEND, StandardOpenOption.CREATE);
    }

    static void require(boolean holds, String what) {
        if (!holds) throw new IllegalStateException(what);
    }

    static PrivateKey key(String alias) throws Exception {
        return (PrivateKey) keys.getKey(alias, null);
    }

    static void sign(String algorithm, String alias, AlgorithmParameterSpec parameters) throws Exception {
        Signature signer = Signature.getInstance(algorithm, token);
        if (parameters != null) signer.setParameter(parameters);
        signer.initSign(key(alias));
        signer.update(TEXT, 0, 10);
        signer.update(TEXT, 10, TEXT.length - 10);
        byte[] signature = signer.sign();
        for (String provider : new String[] {alias.equals("rsa") ? "SunRsaSign" : "SunEC", token.getName()}) {
            Signature verifier = Signature.getInstance(algorithm, provider);
            if (parameters != null) verifier.setParameter(parameters);
            X509Certificate certificate = (X509Certificate) keys.getCertificate(alias);
            verifier.initVerify(certificate.getPublicKey());
            verifier.update(TEXT);
            require(verifier.verify(signature), provider + " does not verify it");
            verifier.update(TEXT);
            verifier.update((byte) 0);
            require(!verifier.verify(signature), provider + " verifies another text");
        }
    }

    static void signDigest(String algorithm, String alias) throws Exception {
        byte[] digest = MessageDigest.getInstance("SHA-256", "SUN").digest(TEXT);
        Signature signer = Signature.getInstance(algorithm, token);
        signer.initSign(key(alias));
        signer.update(digest);
        byte[] signature = signer.sign();
        Signature verifier = Signature.getInstance(algorithm, "SunEC");
        verifier.initVerify(keys.getCertificate(alias));
        verifier.update(digest);
        require(verifier.verify(signature), "SunEC does not verify it");
    }

    static void signLong() throws Exception {
        byte[] part = new byte[16384];
        Signature signer = Signature.getInstance("SHA256withRSA", token);
        signer.initSign(key("rsa"));
        for (int i = 0; i < 64; i++) signer.update(part);
        byte[] signature = signer.sign();
        Signature verifier = Signature.getInstance("SHA256withRSA", "SunRsaSign");
        verifier.initVerify(keys.getCertificate("rsa"));
        for (int i = 0; i < 64; i++) verifier.update(part);
        require(verifier.verify(signature), "SunRsaSign does not verify it");
    }

    static void decryptRsa() throws Exception {
        Cipher plain = Cipher.getInstance("RSA/ECB/PKCS1Padding", "SunJCE");
        plain.init(Cipher.ENCRYPT_MODE, keys.getCertificate("rsa").getPublicKey());
        byte[] sealed = plain.doFinal(TEXT);
        Cipher cipher = Cipher.getInstance("RSA/ECB/PKCS1Padding", token);
        cipher.init(Cipher.DECRYPT_MODE, key("rsa"));
        require(Arrays.equals(cipher.doFinal(sealed), TEXT), "another text");
    }

    static void encrypt(String transformation) throws Exception {
        byte[] bytes = new byte[32];
        new SecureRandom().nextBytes(bytes);
        SecretKey key = new SecretKeySpec(bytes, "AES");
        byte[] text = Arrays.copyOf(TEXT, 48);
        AlgorithmParameterSpec parameters = null;
        if (transformation.contains("GCM")) parameters = new GCMParameterSpec(128, new byte[12]);
        else if (!transformation.contains("ECB")) parameters = new IvParameterSpec(new byte[16]);
        Cipher cipher = Cipher.getInstance(transformation, token);
        cipher.init(Cipher.ENCRYPT_MODE, key, parameters);
        if (transformation.contains("GCM")) cipher.updateAAD(TEXT);
        byte[] sealed = cipher.doFinal(text);
        Cipher other = Cipher.getInstance(transformation, "SunJCE");
        other.init(Cipher.DECRYPT_MODE, key, parameters);
        if (transformation.contains("GCM")) other.updateAAD(TEXT);
        require(Arrays.equals(other.doFinal(sealed), text), "SunJCE opens it to another text");
        cipher.init(Cipher.DECRYPT_MODE, key, parameters);
        if (transformation.contains("GCM")) cipher.updateAAD(TEXT);
        require(Arrays.equals(cipher.doFinal(sealed), text), "the token opens it to another text");
    }

    static void roundTrip(String transformation, Key key, AlgorithmParameterSpec parameters) throws Exception {
        Cipher cipher = Cipher.getInstance(transformation, token);
        cipher.init(Cipher.ENCRYPT_MODE, key, parameters);
        byte[] sealed = cipher.doFinal(TEXT);
        cipher.init(Cipher.DECRYPT_MODE, key, parameters);
        require(Arrays.equals(cipher.doFinal(sealed), TEXT), "another text");
    }

    static void encryptWithTokenKey() throws Exception {
        roundTrip("AES/CBC/PKCS5Padding", keys.getKey("aes", null), new IvParameterSpec(new byte[16]));
    }

    static void wrap(String transformation) throws Exception {
        byte[] bytes = new byte[32];
        new SecureRandom().nextBytes(bytes);
        SecretKey wrapping = new SecretKeySpec(bytes, "AES"), wrapped = new SecretKeySpec(bytes, 0, 16, "AES");
        Cipher cipher = Cipher.getInstance(transformation, token), other = Cipher.getInstance(transformation, "SunJCE");
        cipher.init(Cipher.WRAP_MODE, wrapping);
        byte[] sealed = cipher.wrap(wrapped);
        other.init(Cipher.UNWRAP_MODE, wrapping);
        require(other.unwrap(sealed, "AES", Cipher.SECRET_KEY).equals(wrapped), "SunJCE unwraps it to another key");
        cipher.init(Cipher.UNWRAP_MODE, wrapping);
        roundTrip("AES/CBC/PKCS5Padding", cipher.unwrap(sealed, "AES", Cipher.SECRET_KEY), new IvParameterSpec(new byte[16]));
    }

    static void wrapWithRsa() throws Exception {
        Cipher cipher = Cipher.getInstance("RSA/ECB/PKCS1Padding", token);
        cipher.init(Cipher.WRAP_MODE, keys.getCertificate("rsa").getPublicKey());
        byte[] sealed = cipher.wrap(new SecretKeySpec(new byte[16], "AES"));
        cipher.init(Cipher.UNWRAP_MODE, keys.getKey("rsa", null));
        roundTrip("AES/CBC/PKCS5Padding", cipher.unwrap(sealed, "AES", Cipher.SECRET_KEY), new IvParameterSpec(new byte[16]));
    }

    static void keepSecretKey() throws Exception {
        keys.setEntry("kept", new KeyStore.SecretKeyEntry(new SecretKeySpec(new byte[16], "AES")), null);
        roundTrip("AES/CBC/PKCS5Padding", keys.getKey("kept", null), new IvParameterSpec(new byte[16]));
        keys.deleteEntry("kept");
        require(!keys.containsAlias("kept"), "it is still there");
    }

    static void authenticate(String algorithm) throws Exception {
        byte[] bytes = new byte[64];
        new SecureRandom().nextBytes(bytes);
        SecretKey key = new SecretKeySpec(bytes, algorithm);
        Mac mac = Mac.getInstance(algorithm, token), other = Mac.getInstance(algorithm, "SunJCE");
        mac.init(key);
        other.init(key);
        require(Arrays.equals(mac.doFinal(TEXT), other.doFinal(TEXT)), "another MAC than SunJCE's");
    }

    static void digest(String algorithm) throws Exception {
        MessageDigest digest = MessageDigest.getInstance(algorithm, token);
        digest.update(TEXT, 0, 5);
        digest.update(TEXT, 5, TEXT.length - 5);
        require(Arrays.equals(digest.digest(), MessageDigest.getInstance(algorithm, "SUN").digest(TEXT)), "another digest");
    }

    static void agree(String curve) throws Exception {
        KeyPairGenerator inside = KeyPairGenerator.getInstance("EC", token);
        KeyPairGenerator outside = KeyPairGenerator.getInstance("EC", "SunEC");
        inside.initialize(new ECGenParameterSpec(curve));
        outside.initialize(new ECGenParameterSpec(curve));
        KeyPair ours = inside.generateKeyPair(), theirs = outside.generateKeyPair();
        KeyAgreement one = KeyAgreement.getInstance("ECDH", token), two = KeyAgreement.getInstance("ECDH", "SunEC");
        one.init(ours.getPrivate());
        one.doPhase(theirs.getPublic(), true);
        two.init(theirs.getPrivate());
        two.doPhase(ours.getPublic(), true);
        require(Arrays.equals(one.generateSecret(), two.generateSecret()), "they do not agree");
    }

    static void generateRsa() throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA", token);
        generator.initialize(2048);
        KeyPair pair = generator.generateKeyPair();
        Signature signer = Signature.getInstance("SHA256withRSA", token);
        signer.initSign(pair.getPrivate());
        signer.update(TEXT);
        byte[] signature = signer.sign();
        Signature verifier = Signature.getInstance("SHA256withRSA", token);
        verifier.initVerify(pair.getPublic());
        verifier.update(TEXT);
        require(verifier.verify(signature), "the token does not verify it");
    }

    static void signInThreads() throws Exception {
        var pool = Executors.newFixedThreadPool(8);
        Callable<Void> work = () -> {
            for (int i = 0; i < 20; i++) sign("SHA256withECDSA", "ec", null);
            return null;
        };
        for (Future<Void> done : pool.invokeAll(IntStream.range(0, 8).mapToObj(i -> work).toList())) done.get();
        pool.shutdown();
    }
}
