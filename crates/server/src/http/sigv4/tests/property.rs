//! Whatever AWS's own signer signs is accepted; changed in one place, refused.

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use proptest::prelude::*;
use proptest::sample::Index;

use super::cases::{Case, KEY_ID, Payload, REGION, SECRET, case};
use super::{Address, SERVICE, SignRequest, SignatureError, sign};

/// Replaces one character by a letter that differs from it.
fn change_character(text: &str, at: Index) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let at = at.index(characters.len());
    characters[at] = if characters[at] == 'q' { 'r' } else { 'q' };
    characters.into_iter().collect()
}

fn edit_authorization(headers: &mut HeaderMap, edit: impl FnOnce(&str) -> String) {
    let text = headers["authorization"].to_str().expect("visible ASCII");
    let text = edit(text).parse().expect("a header value");
    headers.insert("authorization", text);
}

proptest! {
    #[test]
    fn what_aws_signs_is_accepted(case in case()) {
        prop_assert_eq!(case.verify(&case.signed_by_aws(), SECRET), Ok(()));
    }

    #[test]
    fn our_signer_writes_what_aws_writes(case in case()) {
        let case = Case { payload: Payload::Implicit, ..case };
        let theirs = case.signed_by_aws();
        let uri: Uri = case.uri().parse().expect("an address");
        let mut ours = case.own_headers();
        let added = sign(&SignRequest {
            method: case.method,
            uri: &uri,
            headers: &ours,
            body: &case.body,
            access_key_id: KEY_ID,
            secret: SECRET,
            session_token: case.token.as_deref(),
            region: REGION,
            time: case.time().try_into().expect("a time of this century"),
        })
        .expect("everything can be signed");
        for (name, value) in &added {
            prop_assert_eq!(Some(value), theirs.get(name));
            let secret = ["authorization", "x-amz-security-token"].contains(&name.as_str());
            prop_assert_eq!(value.is_sensitive(), secret);
            ours.insert(name, value.clone());
        }
        prop_assert_eq!(case.verify(&ours, SECRET), Ok(()));
    }

    /// A changed path or query is refused, unless AWS's signer too finds it the
    /// same request (`/a/../b` and `/q/../b`).
    #[test]
    fn another_address_is_refused(case in case(), in_path: bool, at: Index) {
        let headers = case.signed_by_aws();
        let mut other = case.clone();
        if in_path {
            other.path = format!("/{}", change_character(&format!("{}a", &case.path[1..]), at));
        } else {
            other.query = change_character(&format!("{}a", case.query), at);
        }
        prop_assume!(other.uri().parse::<Uri>().is_ok());
        let same = other.signed_by_aws()["authorization"] == headers["authorization"];
        prop_assert_eq!(other.verify(&headers, SECRET).is_ok(), same);
    }

    /// A proxy took `/prefix` off and wrote its own host: the address that the client knew, and only
    /// that one, makes the signature fit again. Nothing else may differ all the same.
    #[test]
    fn another_name_of_the_server_is_accepted_if_it_is_the_one_that_was_signed(case in case(), kind in 0..8u8) {
        let signed = Case { path: format!("/some/prefix{}", case.path), ..case.clone() };
        let mut headers = signed.signed_by_aws();
        headers.insert("host", HeaderValue::from_static("127.0.0.1:9"));
        let right = Address { authority: "tidegate.test:8080", raw_path: &signed.path };
        let elsewhere = Address { authority: "127.0.0.1:9", raw_path: &case.path };
        prop_assert_eq!(case.verify(&headers, SECRET), Err(SignatureError::Mismatch));
        prop_assert_eq!(case.verify_as(&headers, SECRET, &[right]), Ok(()));
        prop_assert_eq!(case.verify_as(&headers, SECRET, &[elsewhere, right]), Ok(()));

        let other_path = format!("/other/prefix{}", case.path);
        let mut other = case.clone();
        let (address, secret) = match kind {
            0 => (Address { authority: "tidegate.test", ..right }, SECRET),
            1 => (Address { authority: "other.test:8080", ..right }, SECRET),
            2 => (elsewhere, SECRET),
            3 => (Address { raw_path: &other_path, ..right }, SECRET),
            4 => (right, "another"),
            5 => {
                other.method = "PATCH";
                (right, SECRET)
            }
            6 if case.payload != Payload::Unsigned => {
                other.body.push(0);
                (right, SECRET)
            }
            _ => {
                other.query = format!("{}&q=q", case.query);
                (right, SECRET)
            }
        };
        // Dot segments at its begin can take a prefix off again, and then it is the same path.
        prop_assume!(!case.path.contains(".."));
        prop_assert_eq!(other.verify_as(&headers, secret, &[address]), Err(SignatureError::Mismatch));
    }

    #[test]
    fn any_other_change_is_refused(case in case(), kind in 0..13u8, at: Index, bit in 0..8u8) {
        let mut headers = case.signed_by_aws();
        let mut other = case.clone();
        let mut secret = SECRET;
        let authorization = headers["authorization"].to_str().expect("visible ASCII").to_owned();
        let is_signed = |name: &&HeaderName| {
            **name == "authorization" || authorization.split([';', '=', ',']).any(|part| part == name.as_str())
        };
        let signed: Vec<HeaderName> = headers.keys().filter(is_signed).cloned().collect();
        let name = &signed[at.index(signed.len())];
        match kind {
            0 => other.method = "PATCH",
            1 => {
                let changed = [headers[name].as_bytes(), b"x"].concat();
                headers.insert(name, HeaderValue::from_bytes(&changed).expect("a header value"));
            }
            2 => drop(headers.remove(name)),
            3 => drop(headers.append(name, HeaderValue::from_static("x"))),
            4 if case.payload != Payload::Unsigned => other.body.push(0),
            4 => return Ok(()),
            5 => other.token = match &case.token {
                Some(token) => Some(change_character(token, at)),
                None => Some("none was sent".into()),
            },
            6 => secret = "another",
            7 => edit_authorization(&mut headers, |text| text.replace(KEY_ID, "AKIDANOTHER")),
            8 => edit_authorization(&mut headers, |text| text.replace(REGION, "us-east-1")),
            9 => edit_authorization(&mut headers, |text| text.replace(SERVICE, "s3")),
            10 => edit_authorization(&mut headers, |text| text.replace(";x-amz-date", "")),
            11 => drop(headers.insert("x-amz-zz-added", HeaderValue::from_static("x"))),
            _ => {
                let mut text = headers["authorization"].as_bytes().to_vec();
                let at = text.len() - 1 - at.index(64);
                text[at] ^= 1 << bit;
                // Some flips make a character that no header can hold.
                let Ok(text) = HeaderValue::from_bytes(&text) else { return Ok(()) };
                headers.insert("authorization", text);
            }
        }
        let error = other.verify(&headers, secret).expect_err("the request was changed");
        prop_assert_eq!(error.status(), 403);
    }

    #[test]
    fn a_clock_that_is_off_is_refused(case in case(), by in 301i64..400_000, behind: bool) {
        let case = Case { ahead: if behind { -by } else { by }, ..case };
        let error = case.verify(&case.signed_by_aws(), SECRET).expect_err("too far off");
        prop_assert_eq!(matches!(error, SignatureError::Expired { .. }), behind);
        prop_assert_eq!(matches!(error, SignatureError::NotYetCurrent { .. }), !behind);
    }
}
