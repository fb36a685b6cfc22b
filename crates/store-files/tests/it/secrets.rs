//! Secrets open where they were sealed, with a key the file holds, and nowhere else.
//! The key file is its owner's alone.

use std::os::unix::fs::PermissionsExt as _;

use ports::{ErrorKind, Vault as _};
use store_files::FileVault;
use testkit::TempFolder;

#[test]
fn a_secret_opens_after_reopening_and_only_in_its_place() {
    let folder = TempFolder::new("vault");
    let path = folder.path().join("key");
    let sealed = FileVault::open(&path).unwrap().seal("here", "hush");
    assert!(!sealed.contains("hush"));
    let vault = FileVault::open(&path).unwrap();
    assert_eq!(vault.open("here", &sealed).unwrap(), "hush");
    assert_eq!(vault.open("there", &sealed).unwrap_err().kind, ErrorKind::Corrupt);
    assert_ne!(vault.seal("here", "hush"), sealed, "a nonce serves once");
}

#[test]
fn the_key_file_is_for_its_owner_alone() {
    let folder = TempFolder::new("vault");
    let path = folder.path().join("key");
    FileVault::open(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(FileVault::open(&path).unwrap_err().kind, ErrorKind::Invalid);
}

#[test]
fn a_new_key_on_top_seals_and_the_old_one_still_opens() {
    let (old, new) = ("11".repeat(32), "22".repeat(32));
    let sealed = FileVault::from_keys(&old).unwrap().seal("here", "hush");
    let both = FileVault::from_keys(&format!("{new}\n{old}\n")).unwrap();
    assert_eq!(both.open("here", &sealed).unwrap(), "hush");
    let again = both.seal("here", "hush");
    assert_eq!(FileVault::from_keys(&new).unwrap().open("here", &again).unwrap(), "hush");
    let error = FileVault::from_keys(&new).unwrap().open("here", &sealed).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
}

#[test]
fn what_is_no_key_file_or_no_secret_is_refused() {
    for text in ["", "\n", "short", &"zz".repeat(32)] {
        assert!(FileVault::from_keys(text).is_none());
    }
    let vault = FileVault::from_keys(&"11".repeat(32)).unwrap();
    for sealed in
        ["", "plain", "v1.", "v1.02d449a3.", "v1.02d449a3.AAAA", "v1.02d449a3.!", "v2.02d449a3.AAAA"]
    {
        assert!(vault.open("here", sealed).is_err());
    }
}
