//! Pages: opaque tokens that stay right while rows come and go.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::ApiError;

/// The page size where a request names none.
const DEFAULT_SIZE: i32 = 20;

/// A request's page: how many, and after which row.
pub struct Page {
    /// Rows at most.
    pub size: usize,
    /// The position behind which the page begins, as [`token`] was given it.
    pub after: Option<String>,
}

impl Page {
    /// Reads `maxResults` and `nextToken`. `kind` names the list, so that a
    /// token of another list is refused.
    ///
    /// # Errors
    /// `ValidationException` for a token that this list never gave.
    pub fn read(kind: &str, max_results: Option<i32>, next_token: Option<&str>) -> Result<Self, ApiError> {
        let size = usize::try_from(max_results.unwrap_or(DEFAULT_SIZE)).unwrap_or(1).max(1);
        let after = match next_token.filter(|token| !token.is_empty()) {
            None => None,
            Some(token) => Some(open(kind, token).ok_or_else(|| {
                ApiError::validation(
                    "The nextToken is not valid. Use the token of the previous answer of the same operation, or none to \
                     start from the beginning.",
                )
            })?),
        };
        Ok(Self { size, after })
    }

    /// The size, as the store takes it.
    pub fn limit(&self) -> u32 {
        u32::try_from(self.size).unwrap_or(u32::MAX)
    }

    /// Cuts rows from behind [`Page::after`] to the page, and makes the token of
    /// the next one from the last row that stays.
    pub fn cut<T>(&self, kind: &str, rows: &mut Vec<T>, position: impl Fn(&T) -> String) -> Option<String> {
        if rows.len() <= self.size {
            return None;
        }
        rows.truncate(self.size);
        rows.last().map(|row| token(kind, &position(row)))
    }
}

/// A token for the rows behind a position. It is the position itself, so it
/// stays right whatever is inserted or deleted; clients treat it as opaque.
pub fn token(kind: &str, position: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{kind}\n{position}"))
}

fn open(kind: &str, token: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let (named, position) = text.split_once('\n')?;
    (named == kind).then(|| position.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_on_and_only_in_its_own_list() {
        let page = Page::read("flows", Some(2), None).expect("a page");
        let mut rows = vec!["a", "b", "c"];
        let token = page.cut("flows", &mut rows, |row| (*row).to_owned()).expect("a next page");
        assert_eq!(rows, ["a", "b"]);
        let next = Page::read("flows", Some(2), Some(&token)).expect("its own list");
        assert_eq!(next.after.as_deref(), Some("b"));
        for wrong in [token.as_str(), "rubbish", "%%"] {
            assert!(Page::read("profiles", None, Some(wrong)).is_err(), "{wrong}");
        }
        let mut last = vec!["c"];
        assert_eq!(next.cut("flows", &mut last, |row| (*row).to_owned()), None);
    }
}
