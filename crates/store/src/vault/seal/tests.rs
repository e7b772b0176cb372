//! What is sealed for one place opens there, unchanged, and nowhere else.

use super::super::keyring::{Key, KeyFile, KeySource};
use super::*;

fn key(hex: &str) -> std::sync::Arc<Key> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys");
    std::fs::write(&path, hex.repeat(32)).expect("a file");
    let file = KeyFile::new(KeySource::MasterKeyFile(path), folder.path());
    file.load().expect("readable").expect("there").remove(0)
}

fn account(name: &str) -> AccountId {
    AccountId::new(name)
}

fn context<'a>(account: &'a AccountId, owner: &'a str, owner_id: &'a str) -> SealContext<'a> {
    SealContext {
        purpose: Purpose::Connection,
        account,
        owner,
        owner_id,
        version: 1,
        destination: Destination::of("https://sap.example:443"),
    }
}

fn refused(result: Result<Secret<Vec<u8>>, VaultError>) -> bool {
    matches!(result, Err(VaultError::NotAuthentic))
}

#[test]
fn what_is_sealed_opens_in_its_place_and_no_seal_repeats() {
    let (key, account, random) = (key("a1"), account("1"), SystemRandom::new());
    let here = context(&account, "c", "id");
    for secret in ["", "x", &"long ".repeat(4000)] {
        let sealed = seal(&random, &key, &here, secret.as_bytes()).expect("sealed");
        assert_eq!(open(&key, &here, &sealed).expect("opened").expose(), secret.as_bytes());
        assert_eq!(key_id_of(&sealed.wrapped_key).expect("named"), key.id());
        let again = seal(&random, &key, &here, secret.as_bytes()).expect("sealed");
        assert_ne!(again.body, sealed.body);
        assert_ne!(again.wrapped_key, sealed.wrapped_key);
    }
}

#[test]
fn every_flipped_bit_and_every_missing_byte_is_refused() {
    let (key, account, random) = (key("a1"), account("1"), SystemRandom::new());
    let here = context(&account, "c", "id");
    let sealed = seal(&random, &key, &here, b"the secret").expect("sealed");
    for part in [true, false] {
        let bytes = if part { &sealed.wrapped_key } else { &sealed.body };
        let changed = |bytes: Vec<u8>| {
            let mut changed = sealed.clone();
            *(if part { &mut changed.wrapped_key } else { &mut changed.body }) = bytes;
            changed
        };
        for index in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[index] ^= 1 << bit;
                assert!(refused(open(&key, &here, &changed(flipped))), "byte {index}, bit {bit}");
            }
            let cut = bytes[..index].to_vec();
            assert!(refused(open(&key, &here, &changed(cut))), "cut at {index}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(refused(open(&key, &here, &changed(longer))));
    }
}

#[test]
fn no_other_place_opens_it() {
    let (key, random) = (key("a1"), SystemRandom::new());
    let (one, two) = (account("1"), account("2"));
    let here = context(&one, "c", "id");
    let sealed = seal(&random, &key, &here, b"the secret").expect("sealed");
    let elsewhere = [
        ("purpose", SealContext { purpose: Purpose::AccessKey, ..here }),
        ("account", SealContext { account: &two, ..here }),
        ("owner", SealContext { owner: "d", ..here }),
        ("row", SealContext { owner_id: "other", ..here }),
        ("version", SealContext { version: 2, ..here }),
        ("destination", SealContext { destination: Destination::of("https://sap.example:444"), ..here }),
        // The same bytes, divided elsewhere: only the lengths tell them apart.
        ("division", SealContext { owner: "ci", owner_id: "d", ..here }),
    ];
    for (what, place) in elsewhere {
        assert!(refused(open(&key, &place, &sealed)), "{what}");
        let rewrapped = rewrap(&random, &key, &key, &place, &sealed.wrapped_key);
        assert!(matches!(rewrapped, Err(VaultError::NotAuthentic)), "{what}");
    }
}

#[test]
fn halves_of_two_seals_do_not_go_together() {
    let (key, account, random) = (key("a1"), account("1"), SystemRandom::new());
    let here = context(&account, "c", "id");
    let first = seal(&random, &key, &here, b"one").expect("sealed");
    let second = seal(&random, &key, &here, b"two").expect("sealed");
    let mixed = Sealed { wrapped_key: first.wrapped_key, body: second.body };
    assert!(refused(open(&key, &here, &mixed)));
}

#[test]
fn another_key_wraps_it_anew_and_the_body_stays() {
    let (old, new, account, random) = (key("a1"), key("b2"), account("1"), SystemRandom::new());
    let here = context(&account, "c", "id");
    let mut sealed = seal(&random, &old, &here, b"the secret").expect("sealed");
    sealed.wrapped_key = rewrap(&random, &old, &new, &here, &sealed.wrapped_key).expect("wrapped");
    assert_eq!(key_id_of(&sealed.wrapped_key).expect("named"), new.id());
    assert_eq!(open(&new, &here, &sealed).expect("opened").expose(), b"the secret");
    assert!(refused(open(&old, &here, &sealed)));
}
