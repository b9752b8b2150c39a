//! Everything that comes from outside has a limit, and the limit stands here.

/// Bytes that are free on a disk on which new things are made.
pub const FREE_BYTES: u64 = 16 * 1024 * 1024;
/// Attributes in one template.
pub const TEMPLATE_ATTRIBUTES: usize = 100;
/// Bytes in one attribute's value.
pub const ATTRIBUTE_BYTES: usize = 32 * 1024;
/// Bytes in one mechanism parameter, additional data included.
pub const PARAMETER_BYTES: usize = 64 * 1024;
/// Parts of the input of an SP 800-108 function.
pub const KDF_PARTS: usize = 32;
/// Further keys that one derivation makes at once.
pub const DERIVED_KEYS: usize = 32;
/// Bytes of input or output in one verb.
pub const DATA_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of random data in one verb.
pub const RANDOM_BYTES: usize = 1024 * 1024;
/// Bytes in one message on a wire: data and room for everything around it.
pub const MESSAGE_BYTES: usize = DATA_BYTES + 256 * 1024;
/// Bytes of a message that are not data.
pub const BODY_BYTES: usize = 16 * 1024 * 1024;
/// Bytes that messages of one uid may hold in hsmd at one time.
pub const MEMORY_BYTES: usize = 1024 * 1024 * 1024;
/// Bytes that session objects, searches and operations of one uid may hold between two verbs.
pub const HELD_BYTES: usize = 1024 * 1024 * 1024;
/// Sessions of one application.
pub const SESSIONS: usize = 4_096;
/// Session objects of one application.
pub const SESSION_OBJECTS: usize = 65_536;
/// Handles in the answer of one find.
pub const FIND_HANDLES: usize = 8_192;
/// Records of an audit chain that one verb walks over.
pub const AUDIT_RECORDS: usize = 1_024;
/// Bytes of them, sealed, after which it reads no further ones.
pub const AUDIT_BYTES: u64 = 1024 * 1024;
/// Connections of everybody together.
pub const CONNECTIONS_OF_ALL: usize = 8_192;
/// Connections of one uid.
pub const CONNECTIONS: usize = 1_024;
/// Connections of one uid that go through shared memory.
pub const MEMORY_SLOTS: usize = 128;
/// Applications of one uid.
pub const APPLICATIONS: usize = 512;
/// Clusters in one home.
pub const CLUSTERS: usize = 64;
/// HSMs in one cluster.
pub const HSMS: usize = 28;
/// Objects on the token of one cluster that were made without a login and belong to nobody.
pub const UNOWNED_OBJECTS: usize = 16_384;
/// Users in one cluster.
pub const USERS: usize = 1_024;
/// Bytes in a user's name.
pub const USER_NAME_BYTES: usize = 31;
/// Bytes in a PIN: at least.
pub const PIN_BYTES_MIN: usize = 4;
/// Bytes in a PIN: at most.
pub const PIN_BYTES_MAX: usize = 255;
/// Wrong passwords in a row that lock a user.
pub const LOGIN_FAILURES: u32 = 5;
/// Validations that an operator declares: each has a bit of `CK_FLAGS`, of which some platforms have 32.
pub const VALIDATIONS: usize = 32;
/// Bytes in a text of a validation.
pub const VALIDATION_TEXT_BYTES: usize = 1_024;
/// Bytes in a certificate in PEM.
pub const CERTIFICATE_BYTES: usize = 20_000;
/// Seconds in which an application may resume after hsmd has started again.
pub const RESUME_SECONDS: u64 = 300;
/// Seconds in which a connection must have said who it is.
pub const HANDSHAKE_SECONDS: u64 = 10;
/// Seconds in which a message that has begun must go on, and an answer must be taken.
pub const STALLED_SECONDS: u64 = 30;
/// Bytes in a generic secret: as many as HKDF with the longest hash can give.
pub const GENERIC_SECRET_BYTES: usize = 16_320;
