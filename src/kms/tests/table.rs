//! The operation table itself.

use std::collections::BTreeSet;

#[test]
fn every_operation_stands_in_the_table_once() {
    let names: Vec<&str> = crate::SERVICE
        .operations
        .iter()
        .map(|row| row.name)
        .collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    assert_eq!(names.len(), 27);
}

#[test]
fn no_row_logs_a_secret() {
    for row in crate::SERVICE.operations {
        for member in ["Plaintext", "CiphertextBlob", "KeyStorePassword"] {
            assert!(!row.logged.contains(&member), "{} logs {member}", row.name);
        }
    }
}
