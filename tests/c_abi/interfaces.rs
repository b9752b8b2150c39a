//! How a host gets at the functions: lists, interfaces, exports.

use std::ptr;

use cryptoki_sys::*;
use tests::{Module, call, ok, served};

fn find(
    module: &Module,
    name: Option<&mut [u8]>,
    version: Option<(u8, u8)>,
    flags: CK_FLAGS,
) -> Result<CK_INTERFACE, CK_RV> {
    let name = name.map_or(ptr::null_mut(), |name| name.as_mut_ptr());
    let mut version = version.map(|(major, minor)| CK_VERSION { major, minor });
    let version = version.as_mut().map_or(ptr::null_mut(), ptr::from_mut);
    let mut interface = ptr::null_mut();
    match call!(
        module,
        C_GetInterface(name, version, &raw mut interface, flags)
    ) {
        // SAFETY: the module's interface lives as long as the module.
        CKR_OK => Ok(unsafe { *interface }),
        error => Err(error),
    }
}

fn version_of(interface: CK_INTERFACE) -> (u8, u8) {
    // SAFETY: every function list begins with its version.
    let version = unsafe { *interface.pFunctionList.cast::<CK_VERSION>() };
    (version.major, version.minor)
}

#[test]
fn the_interface_of_a_name_and_version_is_that_one() {
    served(|| {
        let module = Module::load();
        assert_eq!(find(&module, None, None, 0).map(version_of), Ok((3, 2)));
        for version in [(3, 2), (3, 0), (2, 40)] {
            let mut name = *b"PKCS 11\0";
            let found = find(&module, Some(&mut name), Some(version), 0);
            assert_eq!(found.map(version_of), Ok(version));
        }
    });
}

#[test]
fn an_interface_that_there_is_not_is_refused() {
    served(|| {
        let module = Module::load();
        for mut name in [*b"PKCS 12\0", *b"PKCS\0\0\0\0", *b"\0\0\0\0\0\0\0\0"] {
            assert!(find(&module, Some(&mut name), None, 0).is_err());
        }
        assert!(find(&module, None, Some((3, 1)), 0).is_err());
        assert!(find(&module, None, None, CKF_INTERFACE_FORK_SAFE).is_err());
        let null = ptr::null_mut();
        assert_eq!(
            call!(
                module,
                C_GetInterface(null, ptr::null_mut(), ptr::null_mut(), 0)
            ),
            CKR_ARGUMENTS_BAD
        );
    });
}

#[test]
fn the_interface_list_follows_the_rules_of_lists() {
    served(|| {
        let module = Module::load();
        let mut count = 0;
        ok!(module, C_GetInterfaceList(ptr::null_mut(), &raw mut count));
        assert_eq!(count, 3);
        let mut interfaces = [CK_INTERFACE::default(); 3];
        count = 2;
        assert_eq!(
            call!(
                module,
                C_GetInterfaceList(interfaces.as_mut_ptr(), &raw mut count)
            ),
            CKR_BUFFER_TOO_SMALL
        );
        assert_eq!(count, 3);
        ok!(
            module,
            C_GetInterfaceList(interfaces.as_mut_ptr(), &raw mut count)
        );
        assert_eq!(interfaces.map(version_of), [(3, 2), (3, 0), (2, 40)]);
    });
}

#[test]
fn a_host_that_scribbles_on_an_interface_or_list_does_not_crash() {
    served(|| {
        let module = Module::load();
        let mut interface: *mut CK_INTERFACE = ptr::null_mut();
        let null = ptr::null_mut;
        ok!(
            module,
            C_GetInterface(null(), ptr::null_mut(), &raw mut interface, 0)
        );
        // SAFETY: this is what has to be survived.
        unsafe { (*interface).flags = CKF_INTERFACE_FORK_SAFE };
        let mut list: *mut CK_FUNCTION_LIST = ptr::null_mut();
        ok!(module, C_GetFunctionList(&raw mut list));
        // SAFETY: as above.
        unsafe { (*list).C_Initialize = None };
        module.initialize();
    });
}

#[test]
fn every_function_is_an_exported_symbol() {
    served(|| {
        let output = std::process::Command::new("nm")
            .arg("-D")
            .arg(tests::module())
            .output();
        let symbols = String::from_utf8(output.expect("nm runs").stdout).unwrap();
        let exported = symbols
            .lines()
            .filter(|line| line.contains(" T C_"))
            .count();
        assert_eq!(exported, Module::load().functions().len());
        let foreign = symbols
            .lines()
            .find(|line| line.contains(" T ") && !line.contains(" T C_"));
        assert_eq!(foreign, None, "nothing else is exported");
    });
}
