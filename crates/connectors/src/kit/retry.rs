//! When a request is sent again, and how long to wait before.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, StatusCode, header};

use super::civil;

/// Back-off with jitter, bounded in attempts and in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How often a request is sent at most.
    pub attempts: u32,
    /// The wait after the first failure; it doubles with each further one.
    pub first: Duration,
    /// The longest wait, whatever the vendor's `Retry-After` asks for.
    pub longest: Duration,
    /// No attempt begins later than this after the first.
    pub budget: Duration,
}

impl Retry {
    /// For a run, which has time.
    pub const RUN: Self = Self {
        attempts: 7,
        first: Duration::from_millis(500),
        longest: Duration::from_secs(60),
        budget: Duration::from_secs(300),
    };

    /// For a call that a person waits for.
    pub const CALL: Self = Self {
        attempts: 3,
        first: Duration::from_millis(200),
        longest: Duration::from_secs(5),
        budget: Duration::from_secs(10),
    };

    /// How long to wait after the given attempt (from 1) failed, or `None` when
    /// the request has been sent often and long enough.
    pub fn wait(&self, attempt: u32, spent: Duration, asked: Option<Duration>) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        let doubled = self.first.saturating_mul(1_u32 << (attempt - 1).min(16)).min(self.longest);
        // Between half and the whole of it, so that parallel requests spread out.
        let jittered = doubled.mul_f64(0.5 + random_unit() / 2.0);
        let wait = asked.map_or(jittered, |asked| asked.max(jittered).min(self.longest));
        (spent + wait <= self.budget).then_some(wait)
    }
}

/// Whether an answer means "later, perhaps".
pub(super) fn is_transient(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// How long `Retry-After` asks to wait: seconds or an HTTP date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = u64::try_from(civil::parse_http_date(text)?).ok()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(Duration::from_secs(at).saturating_sub(now))
}

/// A number from 0 to 1 for spreading waits; nothing depends on its quality.
fn random_unit() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(bits >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_within_the_bounds_and_end() {
        let retry = Retry { budget: Duration::from_secs(100), ..Retry::RUN };
        let wait = |attempt, spent| retry.wait(attempt, Duration::from_secs(spent), None);
        let first = wait(1, 0).unwrap();
        assert!((250..=500).contains(&first.as_millis()), "{first:?}");
        let fourth = wait(4, 0).unwrap();
        assert!((2000..=4000).contains(&fourth.as_millis()), "{fourth:?}");
        assert_eq!(wait(7, 0), None);
        assert_eq!(wait(1, 100), None);
        let asked = |seconds| retry.wait(1, Duration::ZERO, Some(Duration::from_secs(seconds)));
        assert_eq!(asked(3), Some(Duration::from_secs(3)));
        assert_eq!(asked(3600), Some(Duration::from_secs(60)), "capped");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert!(read("Fri, 31 Dec 2100 23:59:59 GMT").unwrap() > Duration::from_secs(1 << 30));
        assert_eq!(read("soon"), None);
    }
}
