//! Slows down who guesses passwords.
//!
//! Failures are counted for a name from one address, and for a name from
//! anywhere. After a few, every further one locks for twice as long as the one
//! before. An attempt is counted before the password is looked at, so that many
//! at once are counted like many one after the other; one that succeeds clears
//! the count.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use ring::digest;

/// Counts that are kept at once. Beyond, a tenth goes: those with the fewest failures.
const COUNTS: usize = 10_000;

/// How long after its last failure, or the end of its lock, a count is forgotten.
const MEMORY: Duration = Duration::from_secs(3600);

/// The length of the first lock.
const FIRST_LOCK: Duration = Duration::from_secs(5);

/// When to lock, and for how long at most.
#[derive(Clone, Copy)]
struct Rule {
    free: u32,
    longest: Duration,
}

/// A name from one address: nobody mistypes that often.
const FROM_ONE: Rule = Rule { free: 5, longest: Duration::from_secs(900) };

/// A name from anywhere. The lock is short, because it also keeps out the one
/// whose name it is.
const FROM_ANYWHERE: Rule = Rule { free: 25, longest: Duration::from_secs(60) };

/// What a count is kept under: a digest, so that a long name takes no more room.
type Key = [u8; 16];

struct Count {
    failures: u32,
    last: Instant,
    locked_until: Option<Instant>,
}

impl Count {
    fn forgotten(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.locked_until.unwrap_or(self.last).max(self.last)) >= MEMORY
    }
}

/// The counts of failures.
#[derive(Default)]
pub struct Limiter(Mutex<HashMap<Key, Count>>);

impl Limiter {
    /// Admits an attempt and counts it as failed until it has succeeded.
    ///
    /// # Errors
    /// How long to wait, when there were too many; the attempt does not count.
    pub fn attempt(&self, name: &str, peer: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut counts = self.0.lock();
        let keys = keys(name, peer);
        let locked = keys.iter().filter_map(|key| counts.get(key)?.locked_until).max();
        if let Some(wait) = locked.map(|until| until.saturating_duration_since(now))
            && !wait.is_zero()
        {
            return Err(wait);
        }
        for (key, rule) in keys.into_iter().zip([FROM_ONE, FROM_ANYWHERE]) {
            if counts.get(&key).is_some_and(|count| count.forgotten(now)) {
                counts.remove(&key);
            }
            if !counts.contains_key(&key) {
                make_room(&mut counts, now);
            }
            let count = counts.entry(key).or_insert(Count { failures: 0, last: now, locked_until: None });
            count.failures = count.failures.saturating_add(1);
            count.last = now;
            count.locked_until = count.failures.checked_sub(rule.free).map(|beyond| {
                let lock = FIRST_LOCK.saturating_mul(2u32.saturating_pow(beyond));
                now + lock.min(rule.longest)
            });
        }
        Ok(())
    }

    /// The attempt has succeeded: the one who may has come.
    pub fn succeeded(&self, name: &str, peer: IpAddr) {
        let mut counts = self.0.lock();
        for key in keys(name, peer) {
            counts.remove(&key);
        }
    }
}

fn keys(name: &str, peer: IpAddr) -> [Key; 2] {
    let of = |text: String| {
        let digest = digest::digest(&digest::SHA256, text.as_bytes());
        let mut key = Key::default();
        key.copy_from_slice(&digest.as_ref()[..16]);
        key
    };
    // One machine has a whole /64 of IPv6 addresses to come from.
    let from = match peer.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{:?}", &address.segments()[..4]),
    };
    [of(format!("{from}\n{name}")), of(format!("\n{name}"))]
}

fn make_room(counts: &mut HashMap<Key, Count>, now: Instant) {
    if counts.len() < COUNTS {
        return;
    }
    counts.retain(|_, count| !count.forgotten(now));
    if counts.len() < COUNTS {
        return;
    }
    // Guessing under ever new names pushes out its own counts before others'.
    let mut order: Vec<_> = counts.iter().map(|(key, count)| (count.failures, count.last, *key)).collect();
    order.sort_unstable();
    for (_, _, key) in order.into_iter().take(COUNTS / 10) {
        counts.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn peer(last: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, last).into()
    }

    #[test]
    fn locks_grow_and_end_and_a_success_clears() {
        let (limiter, start) = (Limiter::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        for _ in 0..5 {
            limiter.attempt("ada", peer(1), start).expect("free");
        }
        assert_eq!(limiter.attempt("ada", peer(1), at(1)), Err(Duration::from_secs(4)));
        assert_eq!(
            limiter.attempt("ada", peer(1), at(4)),
            Err(Duration::from_secs(1)),
            "a refusal adds nothing"
        );
        limiter.attempt("ada", peer(2), at(1)).expect("another address");
        limiter.attempt("bob", peer(1), at(1)).expect("another name");
        limiter.attempt("ada", peer(1), at(5)).expect("the lock is over");
        assert_eq!(limiter.attempt("ada", peer(1), at(5)), Err(Duration::from_secs(10)));
        limiter.attempt("ada", peer(1), at(15)).expect("the lock is over");
        assert_eq!(limiter.attempt("ada", peer(1), at(15)), Err(Duration::from_secs(20)));
        limiter.attempt("ada", peer(1), at(35)).expect("the lock is over");
        limiter.succeeded("ada", peer(1));
        for _ in 0..5 {
            limiter.attempt("ada", peer(1), at(36)).expect("free again");
        }
        assert!(limiter.attempt("ada", peer(1), at(36)).is_err());
    }

    #[test]
    fn a_lock_has_a_longest_length_and_a_count_is_forgotten() {
        let (limiter, mut now) = (Limiter::default(), Instant::now());
        let mut longest = Duration::ZERO;
        for _ in 0..40 {
            while let Err(wait) = limiter.attempt("ada", peer(1), now) {
                longest = longest.max(wait);
                now += wait;
            }
        }
        assert_eq!(longest, Duration::from_secs(900));
        now += Duration::from_secs(900) + MEMORY;
        for _ in 0..5 {
            limiter.attempt("ada", peer(1), now).expect("forgotten");
        }
    }

    #[test]
    fn many_addresses_share_the_count_of_a_name() {
        let (limiter, now) = (Limiter::default(), Instant::now());
        let admitted = (0..200).filter(|n| limiter.attempt("ada", peer(*n), now).is_ok()).count();
        assert_eq!(admitted, 25);
        let v6 = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]);
        let admitted = (0..200).filter(|n| limiter.attempt("bob", v6(*n), now).is_ok()).count();
        assert_eq!(admitted, 5, "one network of IPv6 is one address");
    }

    #[test]
    fn ever_new_names_take_bounded_room_and_push_out_no_guessed_one() {
        let (limiter, now) = (Limiter::default(), Instant::now());
        for _ in 0..5 {
            limiter.attempt("ada", peer(1), now).expect("free");
        }
        for number in 0..COUNTS {
            limiter.attempt(&format!("name {number}"), peer(1), now).expect("free");
        }
        assert!(limiter.0.lock().len() <= COUNTS);
        assert!(limiter.attempt("ada", peer(1), now).is_err(), "still locked");
    }
}
