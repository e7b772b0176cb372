//! Users of the console, their sessions, and the keys of those.

use tidegate_core::Secret;
use tidegate_store::{
    KeyKind, Kind, NewAccessKey, NewSession, Revoked, Session, SignedInAs, Store, StoreError,
};

use crate::support::account;

const FAR: i64 = i64::MAX / 2;

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

async fn begin(store: &Store, name: &str, version: u32, token: u8) -> Result<Session, StoreError> {
    let who = SignedInAs::Password { name: name.to_owned(), version };
    let new = NewSession { token_hash: [token; 32], who, idle_ends_at_ms: FAR, ends_at_ms: FAR };
    store.sessions(&account()).create(new).await
}

async fn lend(store: &Store, session: &Session, id: &str, expires_at_ms: i64) -> Result<(), StoreError> {
    let key = NewAccessKey {
        id: id.to_owned(),
        secret: secret("s"),
        kind: KeyKind::Session,
        session_token: Some(secret("t")),
        expires_at_ms: Some(expires_at_ms),
    };
    store.sessions(&account()).lend(&session.id, key, 2).await.map(drop)
}

async fn has_key(store: &Store, id: &str) -> bool {
    store.access_keys().get(id).await.expect("asked").is_some()
}

async fn live(store: &Store, token: u8) -> bool {
    let found = store.sessions(&account()).find(&[token; 32]).await.expect("asked");
    found.is_some_and(|session| session.is_live(0))
}

pub async fn a_password_ends_the_sessions_of_the_one_before(store: &Store) {
    let users = store.users(&account());
    assert!(!users.any().await.expect("asked"));
    users.create("ada", secret("hash one")).await.expect("created");
    let again = users.create("ada", secret("x")).await;
    assert!(matches!(again, Err(StoreError::Conflict { kind: Kind::User, .. })));
    users.create("bob", secret("hash of bob")).await.expect("created");
    assert!(users.any().await.expect("asked"));
    let ada = users.find("ada").await.expect("asked").expect("there");
    assert_eq!((ada.hash.expose().as_str(), ada.version, ada.user.last_signed_in_ms), ("hash one", 1, None));

    let (one, bob) = (begin(store, "ada", 1, 1).await, begin(store, "bob", 1, 2).await);
    let (one, bob) = (one.expect("begun"), bob.expect("begun"));
    assert!(one.by_password);
    lend(store, &one, "ASIA1", FAR).await.expect("lent");
    lend(store, &bob, "ASIA2", FAR).await.expect("lent");
    let key = store.access_keys().get("ASIA1").await.expect("asked").expect("there").key;
    assert_eq!((key.kind, key.session_id.as_deref()), (KeyKind::Session, Some(one.id.as_str())));
    assert_eq!(store.access_keys().list(&account()).await.expect("listed"), [], "lent keys are not listed");

    let gone = users.set_password("ada", secret("hash two"), Some(1)).await.expect("set");
    assert_eq!((gone.sessions, gone.keys), (vec![one.id.clone()], vec!["ASIA1".to_owned()]));
    assert!(!live(store, 1).await && !has_key(store, "ASIA1").await);
    assert!(live(store, 2).await && has_key(store, "ASIA2").await, "others are left alone");
    // Whoever checked the old password a moment ago comes too late.
    let late = begin(store, "ada", 1, 3).await;
    assert!(matches!(late, Err(StoreError::Conflict { .. })), "{late:?}");
    let late = users.set_password("ada", secret("hash three"), Some(1)).await;
    assert!(matches!(late, Err(StoreError::Conflict { .. })), "{late:?}");
    assert!(lend(store, &one, "ASIA3", FAR).await.is_err(), "an ended session gets no key");
    let ada = users.find("ada").await.expect("asked").expect("there");
    assert_eq!((ada.hash.expose().as_str(), ada.version), ("hash two", 2));
    assert!(ada.user.last_signed_in_ms.is_some());
}

pub async fn a_disabled_user_is_out_until_an_operator_sets_a_password(store: &Store) {
    let users = store.users(&account());
    users.create("ada", secret("one")).await.expect("created");
    let session = begin(store, "ada", 1, 1).await.expect("begun");
    lend(store, &session, "ASIA1", FAR).await.expect("lent");
    let gone = users.disable("ada").await.expect("disabled");
    assert_eq!((gone.sessions, gone.keys), (vec![session.id], vec!["ASIA1".to_owned()]));
    assert!(!live(store, 1).await && !has_key(store, "ASIA1").await);
    assert!(begin(store, "ada", 1, 2).await.is_err());
    let own = users.set_password("ada", secret("two"), Some(1)).await;
    assert!(matches!(own, Err(StoreError::Conflict { .. })), "not by the user: {own:?}");
    users.set_password("ada", secret("two"), None).await.expect("set");
    begin(store, "ada", 2, 2).await.expect("admitted again");
    assert!(matches!(users.disable("eve").await, Err(StoreError::NotFound { kind: Kind::User, .. })));
    assert!(matches!(
        users.set_password("eve", secret("x"), None).await,
        Err(StoreError::NotFound { kind: Kind::User, .. })
    ));
    let listed: Vec<_> = users.list().await.expect("listed").into_iter().map(|user| user.name).collect();
    assert_eq!(listed, ["ada"]);
}

pub async fn a_session_ends_when_it_is_revoked_or_idle_or_old(store: &Store) {
    let sessions = store.sessions(&account());
    let subject = |token: u8, idle, end| NewSession {
        token_hash: [token; 32],
        who: SignedInAs::Subject {
            name: "ada".to_owned(),
            subject: "issuer#1".to_owned(),
            terms: format!("terms {}", token / 4),
        },
        idle_ends_at_ms: idle,
        ends_at_ms: end,
    };
    let idle = sessions.create(subject(1, 100, FAR)).await.expect("begun");
    let old = sessions.create(subject(2, FAR, 200)).await.expect("begun");
    let ended = sessions.create(subject(3, FAR, FAR)).await.expect("begun");
    let stays = sessions.create(subject(4, FAR, FAR)).await.expect("begun");
    assert!(!idle.by_password && idle.is_live(99) && !idle.is_live(100));
    assert!(old.is_live(199) && !old.is_live(200));
    sessions.touch(&idle.id, 99, 150).await.expect("in time");
    assert!(sessions.touch(&idle.id, 150, 500).await.is_err(), "too late");
    for (session, key) in [(&ended, "ASIA3"), (&stays, "ASIA4")] {
        lend(store, session, key, FAR).await.expect("lent");
    }
    assert_eq!(sessions.revoke(&ended.id).await.expect("revoked").keys, ["ASIA3"]);
    assert!(!has_key(store, "ASIA3").await && sessions.touch(&ended.id, 1, FAR).await.is_err());

    assert_eq!(sessions.sweep(149).await.expect("swept").sessions, Vec::<String>::new());
    assert_eq!(sessions.sweep(150).await.expect("swept").sessions, [idle.id]);
    assert_eq!(sessions.sweep(200).await.expect("swept").sessions, [old.id]);
    assert!(sessions.find(&[1; 32]).await.expect("asked").expect("kept for a day").revoked);
    sessions.sweep(FAR / 2).await.expect("swept");
    assert!(sessions.find(&[1; 32]).await.expect("asked").is_none(), "and then forgotten");
    assert!(live(store, 4).await && has_key(store, "ASIA4").await);
    let other = sessions.create(subject(5, FAR, FAR)).await.expect("begun");
    assert_eq!(sessions.revoke_subjects(Some("terms 1")).await.expect("revoked"), Revoked::default());
    assert!(live(store, 4).await, "the terms are the same");
    assert_eq!(sessions.revoke_subjects(Some("terms 2")).await.expect("revoked").keys, ["ASIA4"]);
    assert!(!live(store, 4).await && !live(store, 5).await);
    let last = sessions.create(subject(6, FAR, FAR)).await.expect("begun");
    assert_eq!(
        sessions.revoke_subjects(None).await.expect("revoked").sessions,
        [last.id],
        "{other:?} is over"
    );
}

pub async fn a_session_has_few_keys_and_they_run_out(store: &Store) {
    let sessions = store.sessions(&account());
    store.users(&account()).create("ada", secret("one")).await.expect("created");
    let session = begin(store, "ada", 1, 1).await.expect("begun");
    let hour = 3_600_000;
    for (number, id) in ["ASIA1", "ASIA2", "ASIA3"].into_iter().enumerate() {
        lend(store, &session, id, hour * (3 - i64::try_from(number).expect("small"))).await.expect("lent");
        // The oldest is told by its time.
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    assert!(!has_key(store, "ASIA1").await, "the oldest has gone");
    assert!(has_key(store, "ASIA2").await && has_key(store, "ASIA3").await);
    assert_eq!(sessions.sweep(hour + 1).await.expect("swept").keys, Vec::<String>::new());
    assert_eq!(sessions.sweep(hour + 900_000).await.expect("swept").keys, ["ASIA3"]);
    assert!(has_key(store, "ASIA2").await && live(store, 1).await);
}
