//! The operations of the KMS API, one row each: docs/adding-a-kms-operation.md.

mod aliases;
mod cluster;
mod common;
mod connect_custom_key_store;
mod create_custom_key_store;
mod create_key;
mod decrypt;
mod deletion;
mod describe_custom_key_stores;
mod describe_key;
mod enabling;
mod encrypt;
mod generate_data_key;
mod generate_random;
mod list_keys;
mod metadata;
mod page;
mod re_encrypt;
mod tags;
mod update_custom_key_store;

use aws::{Operation, Service, typed};
use crypto::Zeroizing;

use crate::Kms;

/// The service, as a server mounts it.
pub static SERVICE: Service<Kms> = Service {
    target: "TrentService",
    signing_name: "kms",
    event_source: "kms.amazonaws.com",
    resource_type: "AWS::KMS::Key",
    message_member: "message",
    operations: OPERATIONS,
};

/// Something that changes records.
const CHANGE: Operation<Kms> = Operation {
    name: "",
    run: |_, _, _| Ok(Zeroizing::default()),
    read_only: false,
    swift: false,
    logged: &[],
};
/// Something that reads them.
const READ: Operation<Kms> = Operation {
    read_only: true,
    ..CHANGE
};
/// A use of a key.
const USE: Operation<Kms> = Operation {
    swift: true,
    ..READ
};

/// The operation table.
#[rustfmt::skip]
const OPERATIONS: &[Operation<Kms>] = &[
    Operation { name: "CreateCustomKeyStore",            run: typed!(create_custom_key_store::create_custom_key_store),         logged: &["CustomKeyStoreName"], ..CHANGE },
    Operation { name: "ConnectCustomKeyStore",           run: typed!(connect_custom_key_store::connect_custom_key_store),       logged: &["CustomKeyStoreId"], ..CHANGE },
    Operation { name: "DisconnectCustomKeyStore",        run: typed!(connect_custom_key_store::disconnect_custom_key_store),    logged: &["CustomKeyStoreId"], ..CHANGE },
    Operation { name: "DeleteCustomKeyStore",            run: typed!(connect_custom_key_store::delete_custom_key_store),        logged: &["CustomKeyStoreId"], ..CHANGE },
    Operation { name: "UpdateCustomKeyStore",            run: typed!(update_custom_key_store::update_custom_key_store),         logged: &["CustomKeyStoreId", "NewCustomKeyStoreName"], ..CHANGE },
    Operation { name: "DescribeCustomKeyStores",         run: typed!(describe_custom_key_stores::describe_custom_key_stores),   logged: &["CustomKeyStoreId", "CustomKeyStoreName", "Limit", "Marker"], ..READ },
    Operation { name: "CreateKey",                       run: typed!(create_key::create_key),                                   logged: &["Description", "KeyUsage", "KeySpec", "CustomerMasterKeySpec", "Origin", "CustomKeyStoreId", "Tags"], ..CHANGE },
    Operation { name: "DescribeKey",                     run: typed!(describe_key::describe_key),                               logged: &["KeyId"], ..READ },
    Operation { name: "ListKeys",                        run: typed!(list_keys::list_keys),                                     logged: &["Limit", "Marker"], ..READ },
    Operation { name: "Encrypt",                         run: typed!(encrypt::encrypt),                                         logged: &["KeyId", "EncryptionContext", "EncryptionAlgorithm", "DryRun"], ..USE },
    Operation { name: "Decrypt",                         run: typed!(decrypt::decrypt),                                         logged: &["KeyId", "EncryptionContext", "EncryptionAlgorithm", "DryRun"], ..USE },
    Operation { name: "ReEncrypt",                       run: typed!(re_encrypt::re_encrypt),                                   logged: &["SourceKeyId", "SourceEncryptionContext", "SourceEncryptionAlgorithm", "DestinationKeyId", "DestinationEncryptionContext", "DestinationEncryptionAlgorithm", "DryRun"], ..USE },
    Operation { name: "GenerateDataKey",                 run: typed!(generate_data_key::generate_data_key),                     logged: &["KeyId", "EncryptionContext", "KeySpec", "NumberOfBytes", "DryRun"], ..USE },
    Operation { name: "GenerateDataKeyWithoutPlaintext", run: typed!(generate_data_key::generate_data_key_without_plaintext),   logged: &["KeyId", "EncryptionContext", "KeySpec", "NumberOfBytes", "DryRun"], ..USE },
    Operation { name: "GenerateRandom",                  run: typed!(generate_random::generate_random),                         logged: &["NumberOfBytes", "CustomKeyStoreId"], ..USE },
    Operation { name: "EnableKey",                       run: typed!(enabling::enable_key),                                     logged: &["KeyId"], ..CHANGE },
    Operation { name: "DisableKey",                      run: typed!(enabling::disable_key),                                    logged: &["KeyId"], ..CHANGE },
    Operation { name: "UpdateKeyDescription",            run: typed!(enabling::update_key_description),                         logged: &["KeyId", "Description"], ..CHANGE },
    Operation { name: "ScheduleKeyDeletion",             run: typed!(deletion::schedule_key_deletion),                          logged: &["KeyId", "PendingWindowInDays"], ..CHANGE },
    Operation { name: "CancelKeyDeletion",               run: typed!(deletion::cancel_key_deletion),                            logged: &["KeyId"], ..CHANGE },
    Operation { name: "CreateAlias",                     run: typed!(aliases::create_alias),                                    logged: &["AliasName", "TargetKeyId"], ..CHANGE },
    Operation { name: "UpdateAlias",                     run: typed!(aliases::update_alias),                                    logged: &["AliasName", "TargetKeyId"], ..CHANGE },
    Operation { name: "DeleteAlias",                     run: typed!(aliases::delete_alias),                                    logged: &["AliasName"], ..CHANGE },
    Operation { name: "ListAliases",                     run: typed!(aliases::list_aliases),                                    logged: &["KeyId", "Limit", "Marker"], ..READ },
    Operation { name: "TagResource",                     run: typed!(tags::tag_resource),                                       logged: &["KeyId", "Tags"], ..CHANGE },
    Operation { name: "UntagResource",                   run: typed!(tags::untag_resource),                                     logged: &["KeyId", "TagKeys"], ..CHANGE },
    Operation { name: "ListResourceTags",                run: typed!(tags::list_resource_tags),                                 logged: &["KeyId", "Limit", "Marker"], ..READ },
];
