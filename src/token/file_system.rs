//! Where a home must not lie: file systems on which a lock is not a lock and a flush is not a flush.

/// Those, by their magic numbers. (9P is not among them: sandboxes and virtual machines show local
/// disks as 9P.)
const NETWORK: &[(u32, &str)] = &[
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB2"),
    (0x00C3_6400, "Ceph"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "AFS"),
    (0x0BD0_0BD0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x7375_7245, "Coda"),
    (0x564C, "NCP"),
    (0x0116_1970, "GFS2"),
    (0x7461_636F, "OCFS2"),
];

/// The name of the network file system with the magic number that `statfs` gave.
pub fn network_file_system(magic: i128) -> Option<&'static str> {
    // The type of the field differs between machines; the magic numbers are 32 bits everywhere.
    let magic = u32::try_from(magic & 0xFFFF_FFFF).ok()?;
    let found = NETWORK.iter().find(|(number, _)| *number == magic);
    found.map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_file_system_has_a_name() {
        assert_eq!(network_file_system(0x6969), Some("NFS"));
        assert_eq!(
            network_file_system(i128::from(0xFF53_4D42_u32.cast_signed())),
            Some("CIFS")
        );
        assert_eq!(network_file_system(0xEF53), None);
    }
}
