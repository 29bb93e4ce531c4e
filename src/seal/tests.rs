//! Round trips, tampering, wrong places, wrong keys, the key file's care.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

fn sealer() -> Sealer {
    Sealer::new(&MasterKey::generate().unwrap()).unwrap()
}

fn subject(sealer: &Sealer) -> SubjectKey {
    sealer.open_subject(&sealer.new_subject_key().unwrap()).unwrap()
}

#[test]
fn a_sealed_value_opens_at_its_place_and_nowhere_else() {
    let sealer = sealer();
    let key = subject(&sealer);
    let sealed = sealer.seal(&key, &place("folder", "1"), b"corpo").unwrap();
    assert_eq!(sealer.open(&key, &place("folder", "1"), &sealed).ok().unwrap().expose(), b"corpo");
    for elsewhere in [place("folder", "2"), place("fragment", "1"), place("folder1", "")] {
        assert_eq!(sealer.open(&key, &elsewhere, &sealed).err(), Some(SealError::Authentication));
    }
}

#[test]
fn every_altered_byte_is_noticed() {
    let sealer = sealer();
    let key = subject(&sealer);
    let sealed = sealer.seal(&key, b"place", b"corpo").unwrap();
    for index in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[index] ^= 1;
        assert!(sealer.open(&key, b"place", &altered).is_err(), "byte {index}");
    }
    for length in 0..sealed.len() {
        assert!(sealer.open(&key, b"place", &sealed[..length]).is_err(), "length {length}");
    }
}

#[test]
fn the_same_value_never_seals_to_the_same_bytes() {
    let sealer = sealer();
    let key = subject(&sealer);
    assert_ne!(sealer.seal(&key, b"", b"x").unwrap(), sealer.seal(&key, b"", b"x").unwrap());
}

#[test]
fn one_subject_cannot_open_another_ones_value() {
    let sealer = sealer();
    let sealed = sealer.seal(&subject(&sealer), b"place", b"corpo").unwrap();
    assert_eq!(sealer.open(&subject(&sealer), b"place", &sealed).err(), Some(SealError::Authentication));
}

#[test]
fn a_key_of_another_key_file_says_which_file_it_needs() {
    let (here, there) = (sealer(), sealer());
    let wrapped = there.new_subject_key().unwrap();
    let expected = SealError::OtherKeyFile { wrapped_with: there.key_id(), in_use: here.key_id() };
    assert_eq!(here.open_subject(&wrapped).err(), Some(expected));
    let mut forged = here.key_id.to_vec();
    forged.extend_from_slice(&wrapped.as_bytes()[keyfile::KEY_ID_BYTES..]);
    assert_eq!(here.open_subject(&WrappedKey::from_bytes(forged)).err(), Some(SealError::Authentication));
    assert_eq!(here.open_subject(&WrappedKey::from_bytes(vec![1])).err(), Some(SealError::Format));
}

#[test]
fn keyed_hashes_are_stable_and_kept_apart_by_purpose_and_key() {
    let (sealer, other) = (sealer(), sealer());
    assert_eq!(sealer.keyed_hash("folder-id", b"42"), sealer.keyed_hash("folder-id", b"42"));
    assert_ne!(sealer.keyed_hash("folder-id", b"42"), sealer.keyed_hash("content", b"42"));
    assert_ne!(sealer.keyed_hash("ab", b"c"), sealer.keyed_hash("a", b"bc"));
    assert_ne!(sealer.keyed_hash("folder-id", b"42"), other.keyed_hash("folder-id", b"42"));
}

#[test]
fn the_key_file_is_made_once_private_and_loads_to_the_same_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("raccordo.key");
    assert!(matches!(MasterKey::load(&path), Err(KeyFileError::Missing { .. })));
    let first = MasterKey::load_or_create(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let again = MasterKey::load_or_create(&path).unwrap();
    assert_eq!(first.key_id(), again.key_id());
    let (one, two) = (Sealer::new(&first).unwrap(), Sealer::new(&again).unwrap());
    assert_eq!(one.keyed_hash("p", b"x"), two.keyed_hash("p", b"x"));
    assert!(two.open_subject(&one.new_subject_key().unwrap()).is_ok());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn a_key_file_that_others_may_read_is_refused_with_the_mend() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("raccordo.key");
    MasterKey::load_or_create(&path).unwrap();
    for mode in [0o640, 0o604, 0o660] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = MasterKey::load_or_create(&path).err().unwrap().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }
}

#[test]
fn a_damaged_key_file_is_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("raccordo.key");
    MasterKey::load_or_create(&path).unwrap();
    for text in ["", "{}", r#"{"version":1,"key_id":"00","secret":""}"#] {
        fs::write(&path, text).unwrap();
        assert!(matches!(MasterKey::load_or_create(&path), Err(KeyFileError::Damaged { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}
