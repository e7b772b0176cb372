//! What a file of keys may look like, who may read it, and how it is made.

use super::*;

const A: [u8; 32] = [0xa1; 32];
const B: [u8; 32] = [0xb2; 32];

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn file(folder: &tempfile::TempDir, content: &[u8], mode: u32) -> PathBuf {
    let path = folder.path().join("keys");
    fs::write(&path, content).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
    path
}

fn ids(keys: &[Arc<Key>]) -> Vec<&str> {
    keys.iter().map(|key| key.id()).collect()
}

#[test]
fn keys_are_read_in_every_form_the_newest_first() {
    let (a, b) = (Key::new(A, 0).id, Key::new(B, 0).id);
    let ours = String::from_utf8(print(&[Arc::new(Key::new(A, 7)), Arc::new(Key::new(B, 3))]).to_vec());
    let cases: Vec<(&str, Vec<u8>, Vec<&String>)> = vec![
        ("raw", A.to_vec(), vec![&a]),
        ("hex", hex::encode(A).into_bytes(), vec![&a]),
        ("base64", format!("{}\n", STANDARD.encode(A)).into_bytes(), vec![&a]),
        ("url base64", format!("{}\r\n", URL_SAFE_NO_PAD.encode(B)).into_bytes(), vec![&b]),
        (
            "two, with a remark",
            format!("# new\n{}\n\n{}\n", hex::encode(B), STANDARD.encode(A)).into(),
            vec![&b, &a],
        ),
        ("one twice", format!("{0}\n{0}\n", hex::encode(B)).into(), vec![&b]),
        ("ours", ours.expect("text").into_bytes(), vec![&a, &b]),
    ];
    for (what, content, expected) in cases {
        let folder = folder();
        let path = file(&folder, &content, 0o600);
        let keys = KeyFile::new(KeySource::MasterKeyFile(path), folder.path()).load();
        assert_eq!(ids(&keys.expect(what).expect(what)), expected, "{what}");
    }
}

#[test]
fn what_is_no_key_is_refused_with_its_line() {
    let mangled = format!(r#"{{"id":"{}","key":"{}"}}"#, Key::new(A, 0).id, STANDARD.encode(B));
    let cases = [
        (String::new(), 0),
        ("# nothing\n".to_owned(), 0),
        ("short".to_owned(), 1),
        (format!("{}\n{}", hex::encode(A), &hex::encode(B)[2..]), 2),
        (mangled, 1),
    ];
    for (content, expected) in cases {
        let folder = folder();
        let path = file(&folder, content.as_bytes(), 0o600);
        match KeyFile::new(KeySource::Keyring(path), folder.path()).load() {
            Err(VaultError::KeyringLine { line, .. }) => assert_eq!(line, expected, "{content}"),
            other => panic!("{content}: {:?}", other.map(|_| ())),
        }
    }
}

#[test]
fn a_keyring_that_others_may_read_is_refused_and_the_text_says_what_to_do() {
    for mode in [0o640, 0o604, 0o644, 0o660] {
        let folder = folder();
        let path = file(&folder, hex::encode(A).as_bytes(), mode);
        let error = KeyFile::new(KeySource::Keyring(path.clone()), folder.path()).load().map(|_| ());
        let text = error.expect_err("refused").to_string();
        assert!(text.contains(&format!("chmod 600 {}", path.display())), "{text}");
        assert!(KeyFile::new(KeySource::MasterKeyFile(path), folder.path()).load().is_ok());
    }
}

#[test]
fn a_new_keyring_is_private_and_an_existing_one_wins() {
    let folder = folder();
    let keyring = KeyFile::new(KeySource::BesideTheData, folder.path());
    let random = SystemRandom::new();
    let first = keyring.create(&random, 5).expect("made");
    let mode = fs::metadata(keyring.path()).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let second = keyring.create(&random, 6).expect("read");
    assert_eq!(ids(&first), ids(&second));
    let both = keyring.add(&random, 7).expect("added");
    assert_eq!(both.len(), 2);
    assert_eq!(both[1].id(), first[0].id());
    assert_eq!(ids(&keyring.load().expect("read").expect("there")), ids(&both));
    assert_eq!(both[0].created_at_ms(), 7);
    let files = fs::read_dir(folder.path()).expect("readable").count();
    assert_eq!(files, 1, "no draft is left");
}

#[test]
fn the_source_is_chosen_in_order() {
    let folder = folder();
    let (ring, master) = (PathBuf::from("/ring"), PathBuf::from("/master"));
    let credentials = folder.path().to_owned();
    let choose = |ring: Option<&PathBuf>, master: Option<&PathBuf>| {
        KeySource::choose(ring.cloned(), master.cloned(), Some(credentials.clone()))
    };
    assert_eq!(choose(None, None), KeySource::BesideTheData);
    let systemd = credentials.join("tidegate-keyring");
    fs::write(&systemd, hex::encode(A)).expect("a file");
    assert_eq!(choose(None, None), KeySource::ReadOnly(systemd));
    assert_eq!(choose(None, Some(&master)), KeySource::MasterKeyFile(master.clone()));
    assert_eq!(choose(Some(&ring), Some(&master)), KeySource::Keyring(ring.clone()));
}
